#!/usr/bin/env python3
"""The velocity of the flow `sa`: dwell against numpy with an n x n matrix, in one run, on the same tokens.

usage: flow.py BENCH_FLOW [THREADS] [SECONDS]

Both sides work in double precision; numpy's BLAS gets the same number of threads. For each size the two alternate
ROUNDS times, SECONDS each; velocities are compared too. Ratios are numpy over dwell: of the medians and of the best
times by the wall clock, and of the best processor times, which hardly depend on what else the machine does."""
import os
import subprocess
import sys
import tempfile

import times

THREADS = sys.argv[2] if len(sys.argv) > 2 else "1"
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.3
ROUNDS = 3
OURS = dict(os.environ)
times.free_openblas(os.environ)
os.environ["OPENBLAS_NUM_THREADS"] = THREADS
import numpy as np  # noqa: E402  (after the environment is set)

SIZES = [(32, 3), (256, 3), (1024, 3), (4096, 3), (1024, 16), (4096, 16), (1024, 64), (4096, 64), (32, 128),
         (128, 256), (1024, 768)]
BETA = 4.0


def velocity(x):
    w = np.exp(BETA * (x @ x.T - 1))
    a = (w @ x) / w.sum(axis=1, keepdims=True)
    return a - (a * x).sum(axis=1, keepdims=True) * x


def rival(x, kept):
    v = velocity(x)
    end = len(kept.pairs) + 3
    begin = times.time.perf_counter()
    while len(kept.pairs) < end or times.time.perf_counter() - begin < SECONDS:
        v = kept.run(lambda: velocity(x))
    return v


def ours(program, folder, x, kept):
    tokens, velocities = os.path.join(folder, "tokens"), os.path.join(folder, "velocities")
    x.tofile(tokens)
    command = [program, tokens, velocities, str(x.shape[0]), str(x.shape[1]), str(BETA), THREADS, str(SECONDS)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, env=OURS).stdout.split("\n")
    for line in lines:
        if line:
            kept.add(*map(float, line.split()))
    return np.fromfile(velocities).reshape(x.shape)


def main():
    print(f"sa velocity, f64, {THREADS} thread(s), numpy {np.__version__}; {times.load()}")
    print("     n     d   median ms: dwell    numpy   ratio: median   best  processor  ns/pair  difference")
    with tempfile.TemporaryDirectory() as folder:
        for n, d in SIZES:
            x = np.random.default_rng(1).standard_normal((n, d))
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            mine, theirs = times.Times(), times.Times()
            for _ in range(ROUNDS):
                v, w = ours(sys.argv[1], folder, x, mine), rival(x, theirs)
            median, best, processor = times.ratios(theirs, mine)
            print(f"{n:6} {d:5} {mine.median(0) * 1e3:18.4f} {theirs.median(0) * 1e3:8.4f} {median:14.2f} {best:6.2f} "
                  f"{processor:10.2f} {mine.best(0) / n / n * 1e9:8.3f} {np.abs(v - w).max():11.1e}")


if __name__ == "__main__":
    main()
