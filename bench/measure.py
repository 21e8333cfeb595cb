#!/usr/bin/env python3
"""A whole measurement of a random model of GPT-2 small's shape: seconds by stage, and memory against its bound.

usage: measure.py DWELL [THREADS] [TOKENS] [REPEATS]

There is no rival that computes all this. The run of median total time is shown. Needs only Python."""
import json
import os
import random
import subprocess
import sys
import tempfile

import times
from model import VOCABULARY, write_model


def measure(program, folder, ids, threads):
    out = os.path.join(folder, "run")
    subprocess.run([program, "measure", folder, "--ids=" + ",".join(map(str, ids)), "-o", out, "-t", threads, "-q",
                    "--force"], check=True)
    with open(os.path.join(out, "run.json")) as f:
        return json.load(f)


def find(tree, key):
    """The value of `key`, at whatever depth."""
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    found = [find(branch, key) for branch in tree] if isinstance(tree, list) else []
    return next((value for value in found if value is not None), None)


def main():
    program, given = sys.argv[1], sys.argv[2:] + ["1", "512", "3"][len(sys.argv) - 2:]
    threads, tokens, repeats = given[0], int(given[1]), int(given[2])
    draw = random.Random(2)
    ids = [draw.randrange(VOCABULARY) for _ in range(tokens)]
    with tempfile.TemporaryDirectory() as folder:
        write_model(folder, 12, 768)
        runs = sorted((measure(program, folder, ids, threads) for _ in range(repeats)),
                      key=lambda run: run["seconds"]["total"])
    run = runs[len(runs) // 2]
    print("12 x 768, %d tokens, %s thread(s), all instruments and nulls; %s" % (tokens, threads, times.load()))
    seconds = dict(run["seconds"])
    total = seconds.pop("total")
    seconds["hashing and the rest"] = total - sum(seconds.values())
    print("  seconds: total %.2f; " % total + ", ".join("%s %.2f" % item for item in seconds.items()))
    peak, bound = find(run, "peak_bytes"), find(run, "bound_bytes")
    print("  memory: peak %.0f MB, bound %.0f MB: %s"
          % (peak / 1e6, bound / 1e6, "kept" if peak <= bound else "BROKEN"))
    return peak > bound


if __name__ == "__main__":
    sys.exit(main())
