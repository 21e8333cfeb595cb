#!/usr/bin/env python3
"""Makes runs with the program, writes their reports and checks each in the browser (web_check.py).

The environment names the program (DWELL) and the browser (CHROMIUM). Screenshots are kept in DWELL_SHOTS if it is set.
DWELL_WEB_ONLY names some of the runs. Prints "ok NAME", "not ok NAME: why" or "skip NAME: why", one line per check.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import web_check

# name, arguments of `dwell` without -o: each shows another kind of page.
RUNS = [
    ("sphere", ["simulate", "--n", "32", "--d", "3", "--beta", "9", "--until", "1e3", "--frames", "80", "--log-times"]),
    ("circle", ["simulate", "--n", "24", "--d", "2", "--beta", "9", "--until", "20", "--frames", "41"]),
    ("mergers", ["simulate", "--n", "24", "--d", "6", "--beta", "12", "--until-merged", "1", "--frames", "40"]),
    ("replicas", ["simulate", "--n", "16", "--d", "8", "--replicas", "20", "--until", "10", "--frames", "21"]),
]
# A model that comes with dwell, with its attention, and what of each block makes the energy fall.
PARTS = ("parts", ["measure", "nursery:gpt2-nursery", "--prompt", "narrative_harbour", "--save", "attention-map",
                   "--instruments", "norm,ip,energy,energy_change,motion,cluster,attention,attribution,"
                   "head_attribution"])
# Another with all else that may be asked for: a push, losses, what clusters stand for.
PUSHED = ("pushed", ["measure", "nursery:gpt2-nursery-6", "--prompt", "news_bridge", "--max-tokens", "96", "--nll",
                     "--lens", "--push", "centroid", "--at", "4"])
# A small real model, read where it lies; the text tries to end the page's script.
MODEL = "models/bert-minilm-l6"
TEXT = "The committee decided </script><img src=x onerror=alert(1)> that the river crossing should be built of stone."


def dwell(*arguments):
    result = subprocess.run([os.environ["DWELL"], *map(str, arguments)], capture_output=True, text=True)
    return result.returncode == 0, result.stderr.strip().replace("\n", " ")


def check_run(name, arguments, folder, shots):
    run, report = folder / name, folder / f"{name}.html"
    for step in ([*arguments, "-o", run], ["report", run, "-o", report]):
        good, words = dwell(*step)
        if not good:
            web_check.check(f"{name}, dwell {step[0]}", False, words)
            return False
    return not web_check.check_report(run, report, shots / name, os.environ["CHROMIUM"], name)


def model_runs():
    shared = pathlib.Path(os.environ.get("DWELL_SHARED") or pathlib.Path(os.environ["DWELL_SOURCE"]) / "../shared")
    if (shared / MODEL).is_dir():
        return [("model", ["measure", shared / MODEL, "-p", TEXT])]
    print(f"skip model: {MODEL} is not in the folder of real checkpoints (DWELL_SHARED)", flush=True)
    return []


def main():
    only = os.environ.get("DWELL_WEB_ONLY", "").split()
    with tempfile.TemporaryDirectory(prefix="dwell-web-") as temporary:
        folder = pathlib.Path(temporary)
        shots = pathlib.Path(os.environ.get("DWELL_SHOTS") or folder / "shots")
        runs = [*RUNS, PARTS, PUSHED, *model_runs()]
        results = [check_run(name, arguments, folder, shots) for name, arguments in runs if not only or name in only]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
