#!/usr/bin/env python3
"""Measures of given states and attention, 13 x 512 x 768 and 12 x 12 heads: dwell against the same kind of study in
Python (study.py), which has the reference study's list of measures and no nulls.

dwell's seconds are of `dwell measure --states`, by its own clock: reading the file with the heads' measures, the
instruments, the nulls; hashing the file and writing the run are named apart. The study's are of its measures alone. A
ratio is the study's over dwell's. `shared` are the groups that dwell measures too, if not by the same estimator;
dwell's own measures beyond them count against dwell."""
import os
import subprocess
import sys
import tempfile

import numpy as np

import sides

SHARED = ("Gram", "inner products", "effective rank", "energies", "neighbours", "hdbscan", "similarity", "tracking",
          "entropy")


def save_states(case, folder):
    """The states and the attention of a pass, as a file that both sides read."""
    run = os.path.join(folder, "run")
    sides.measure(case.build, case.folder, case.ids, case.threads, run, "--nulls=0", "--instruments=norm",
                  "--save=states,attention")
    path = os.path.join(folder, "states.npz")
    with np.load(os.path.join(run, "arrays.npz")) as arrays:
        np.savez(path, states=arrays["states"], attention=arrays["attention"],
                 causal=int(case.config["model_type"] == "gpt2"), token_ids=np.array(case.ids, dtype=np.int64))
    return path


def dwell(case, path, folder, *options):
    """Seconds by stage of the run of median total."""
    out = os.path.join(folder, "out")
    runs = [sides.measure_states(case.build, path, case.threads, out, *options)["seconds"] for _ in range(3)]
    return sorted(runs, key=lambda seconds: seconds["total"])[1]


def study(case, path):
    """Seconds by group. OPENBLAS_CORETYPE is for the system's OpenBLAS; numpy brings its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(case.threads)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "study.py")
    lines = subprocess.run([sys.executable, script, path], check=True, stdout=subprocess.PIPE, text=True,
                           env=environment).stdout.splitlines()
    return {name: float(seconds) for name, seconds in (line.split("\t") for line in lines)}


def show_dwell(label, seconds):
    """Prints the stages; the sum of those that measure."""
    stages = ("load", "import", "instruments", "nulls")
    measuring = sum(seconds.get(name, 0) for name in stages)
    rest = seconds["total"] - measuring - seconds.get("write", 0)
    print("  dwell, %-20s %8.2f s: " % (label, measuring) +
          ", ".join("%s %.2f" % (name, seconds[name]) for name in stages if name in seconds) +
          "; apart: write %.2f, hashing and the rest %.2f" % (seconds.get("write", 0), rest))
    return measuring


def compare(case):
    with tempfile.TemporaryDirectory() as folder:
        path = save_states(case, folder)
        groups = study(case, path)
        plain = show_dwell("no nulls", dwell(case, path, folder, "--nulls=0"))
        nulls = show_dwell("39 draws of nulls", dwell(case, path, folder))
    shared, total = sum(groups[name] for name in SHARED), sum(groups.values())
    print("  study: " + ", ".join("%s%s %.2f" % (name, "" if name in SHARED else " (not shared)", seconds)
                                  for name, seconds in groups.items()))
    for label, seconds in (("shared groups", shared), ("all groups", total)):
        print("  study, %-20s %8.2f s: ratio %.1f to dwell without nulls, %.1f with nulls"
              % (label, seconds, seconds / plain, seconds / nulls))


def main():
    _, cases = sides.cases(__doc__)
    for case in cases:
        print(sides.title(case))
        compare(case)


if __name__ == "__main__":
    sys.exit(main())
