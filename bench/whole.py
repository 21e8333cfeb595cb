#!/usr/bin/env python3
"""A checkpoint and twelve texts, the whole command: `dwell measure` with and without nulls against the reference
study's list in Python (study.py, with transformers for the passes), which measures no nulls.

usage: whole.py BUILD MODEL [--threads N] [--repeats N]
       whole.py --rival MODEL TEXT.txt...      the rival itself; prints seconds of its start and of its work

Seconds by the clock from the start of a process to its end, medians of turns; everything is in the page cache. The
rival runs a process per text, as the reference study does, and one process for all texts. The study's own code was not
run here: 19 to 24 s a text is what it took elsewhere, plots left out."""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

TEXTS = ("encyclopedia_salt_marsh", "encyclopedia_abacus", "narrative_ishmael", "narrative_harbour",
         "exposition_temperature", "exposition_energy", "news_library", "news_storm", "dialogue_blackboard",
         "dialogue_bakery", "table_soup", "german_frog_king")
OWN = (19, 24)  # seconds a text
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def rival(folder, paths):
    started = time.monotonic()
    import numpy as np
    import torch
    import transformers
    import study
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ready = time.monotonic()
    for path in paths:
        with open(path, encoding="utf-8") as f:
            ids = tokenizer(f.read(), return_tensors="pt", truncation=False)
        with torch.no_grad():
            out = network(**ids, output_hidden_states=True, output_attentions=True)
        states = np.stack([state[0].numpy() for state in out.hidden_states])
        study.study_run(states, np.stack([a[0].numpy() for a in out.attentions]))
    print("%.3f %.3f" % (ready - started, time.monotonic() - ready))


def clock(command, environment=None):
    start = time.monotonic()
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           env=environment).stdout
    return time.monotonic() - start, words


def dwell(a, folder, nulls):
    command = [os.path.join(a.build, "src/cli/dwell"), "measure", a.model, "--nulls", str(nulls), "-t", str(a.threads),
               "-q", "--force", "-o", os.path.join(folder, "runs-%d" % nulls)]
    for name in TEXTS:
        command += ["--prompt", name]
    return clock(command)[0]


def study(a, texts):
    """OPENBLAS_CORETYPE is for the system's OpenBLAS; numpy brings its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(a.threads)
    paths = [os.path.join(ROOT, "data", "prompts", name + ".txt") for name in texts]
    seconds, words = clock([sys.executable, os.path.abspath(__file__), "--rival", a.model] + paths, environment)
    return seconds, [float(word) for word in words.split()[-2:]]


def main():
    if "--rival" in sys.argv[1:2]:
        return rival(sys.argv[2], sys.argv[3:])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("model")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=3)
    a = p.parse_args()
    found = {"plain": [], "nulls": [], "each": [], "one": [], "start": []}
    with tempfile.TemporaryDirectory() as folder:
        dwell(a, folder, 0)  # reads the files once
        for _ in range(a.repeats):
            found["plain"].append(dwell(a, folder, 0))
            found["nulls"].append(dwell(a, folder, 39))
            each = [study(a, [name]) for name in TEXTS]
            found["each"].append(sum(seconds for seconds, _ in each))
            found["start"].append(sum(parts[0] for _, parts in each))
            found["one"].append(study(a, TEXTS)[0])
    m = {name: statistics.median(seconds) for name, seconds in found.items()}
    print("%s, %d texts, %d thread(s), medians of %d; load %.1f"
          % (os.path.basename(os.path.normpath(a.model)), len(TEXTS), a.threads, a.repeats, os.getloadavg()[0]))
    print("  dwell measure, no nulls     %8.2f s" % m["plain"])
    print("  dwell measure, 39 draws     %8.2f s: the nulls take %.1f times the rest"
          % (m["nulls"], m["nulls"] / m["plain"] - 1))
    for label, seconds in (("a process per text", m["each"]), ("one process", m["one"])):
        print("  the list in Python, %-19s %8.2f s: ratio %.1f without nulls, %.1f with nulls"
              % (label, seconds, seconds / m["plain"], seconds / m["nulls"]))
    print("    of the first %.2f s are imports and reading the model" % m["start"])
    print("  the study's own code, %d to %d s a text elsewhere: ratio %.0f to %.0f without nulls"
          % (*OWN, OWN[0] * len(TEXTS) / m["plain"], OWN[1] * len(TEXTS) / m["plain"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
