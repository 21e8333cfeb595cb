#!/usr/bin/env python3
"""Seconds of what the theory asks for: dwell alone, whole processes by the wall clock.

usage: theory.py DWELL [THREADS] [REPEATS]

The last merger of 60 random tokens at beta = 400 by the log clock, for REPEATS starts: seconds and ln t. Then
`dwell verify --quick` and the whole of `dwell verify`."""
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

import times

THREADS = sys.argv[2] if len(sys.argv) > 2 else "1"
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 5


def seconds(*words):
    begin = time.perf_counter()
    done = subprocess.run([sys.argv[1], *words], capture_output=True, text=True)
    spent = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit("%s: exit status %d\n%s" % (" ".join(words), done.returncode, done.stderr))
    return spent, done.stdout


def last_merger(folder, d, seed):
    run = os.path.join(folder, "run-%d-%d" % (d, seed))
    spent, _ = seconds("simulate", "--n", "60", "--d", str(d), "--beta", "400", "--until-merged", "1",
                       "--seed", str(seed), "-t", THREADS, "-q", "-o", run)
    with open(os.path.join(run, "events.csv")) as f:
        mergers = [row for row in csv.DictReader(f) if row["kind"] == "merger"]
    return spent, float(mergers[-1]["value"])


def main():
    print("%s thread(s); %s" % (THREADS, times.load()))
    with tempfile.TemporaryDirectory() as folder:
        for d in (2, 3):
            found = [last_merger(folder, d, seed) for seed in range(1, REPEATS + 1)]
            print("last merger, beta = 400, n = 60, d = %d: %.3f s, median of %d starts, at most %.3f; ln t %s" % (
                d, statistics.median(s for s, _ in found), REPEATS, max(s for s, _ in found),
                " ".join("%.0f" % t for _, t in found)), flush=True)
    for words in (("verify", "--quick"), ("verify",)):
        spent, text = seconds(*words, "-t", THREADS)
        last = text.strip().split("\n")[-1]
        print("dwell %-16s %7.1f s; %s" % (" ".join(words), spent, last), flush=True)


if __name__ == "__main__":
    main()
