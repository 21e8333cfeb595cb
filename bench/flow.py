#!/usr/bin/env python3
"""The velocity of the flow `sa`: dwell against numpy with an n x n matrix, in one run, on the same tokens.

usage: flow.py BENCH_FLOW [THREADS] [SECONDS]

Both sides work in double precision; numpy's BLAS gets the same number of threads. For each size the two alternate three
times; best times are compared, and the velocities too. numpy should be a build with its own BLAS, in an environment
without OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE (they are removed here for both sides)."""
import os
import subprocess
import sys
import tempfile
import time

THREADS = sys.argv[2] if len(sys.argv) > 2 else "1"
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.5
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
os.environ["OPENBLAS_NUM_THREADS"] = THREADS
import numpy as np  # noqa: E402  (after the environment is set)

SIZES = [(32, 3), (256, 3), (1024, 3), (4096, 3), (1024, 16), (4096, 16), (1024, 64), (4096, 64), (32, 128),
         (1024, 768)]
BETA = 4.0


def velocity(x):
    w = np.exp(BETA * (x @ x.T - 1))
    a = (w @ x) / w.sum(axis=1, keepdims=True)
    return a - (a * x).sum(axis=1, keepdims=True) * x


def rival(x):
    best, begin, runs = np.inf, time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - begin < SECONDS:
        t = time.perf_counter()
        v = velocity(x)
        best, runs = min(best, time.perf_counter() - t), runs + 1
    return best, v


def ours(program, folder, x):
    tokens, velocities = os.path.join(folder, "tokens"), os.path.join(folder, "velocities")
    x.tofile(tokens)
    command = [program, tokens, velocities, str(x.shape[0]), str(x.shape[1]), str(BETA), THREADS, str(SECONDS)]
    best = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0])
    return best, np.fromfile(velocities).reshape(x.shape)


def main():
    print(f"sa velocity, f64, {THREADS} thread(s), numpy {np.__version__}")
    print("     n     d   dwell ms   numpy ms   ratio  ns/pair    GF/s  difference")
    with tempfile.TemporaryDirectory() as folder:
        for n, d in SIZES:
            x = np.random.default_rng(1).standard_normal((n, d))
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            best = [np.inf, np.inf]
            for _ in range(3):
                (a, va), (b, vb) = ours(sys.argv[1], folder, x), rival(x)
                best = [min(best[0], a), min(best[1], b)]
            difference = np.abs(va - vb).max()
            rate = 4 * n * n * d / best[0] * 1e-9
            print(f"{n:6} {d:5} {best[0] * 1e3:10.4f} {best[1] * 1e3:10.4f} {best[1] / best[0]:7.2f} "
                  f"{best[0] / n / n * 1e9:8.3f} {rate:7.1f} {difference:11.1e}")


if __name__ == "__main__":
    main()
