#!/usr/bin/env python3
"""Sharing the energy's change among the parts of a block: dwell against numpy.

usage: attribution.py [--build FOLDER] [--n N] [--d D] [--heads H] [--threads T]     (defaults: 512 768 12 1)

numpy does what the definition says, in float64 with its own BLAS: at each node of the leg unit rows, cosines, weights
and the gradient of every temperature, summed over the nodes; then one inner product per head. Both use as many panels
as dwell needed, and must agree. Needs numpy."""
import argparse
import os
import subprocess
import sys
import tempfile
import time

BETAS = (0.1, 1.0, 2.0, 5.0, 6.6)


def numpy_block(np, x, parts, mlp, panels):
    n = len(x)
    whole = sum(parts)
    at, weight = np.polynomial.legendre.leggauss(8)
    total = [np.zeros_like(x) for _ in BETAS]
    for panel in range(panels):
        for t, w in zip((panel + (at + 1) / 2) / panels, weight / 2 / panels):
            y = x + t * whole
            r = np.sqrt((y * y).sum(1, keepdims=True))
            u = y / r
            g = u @ u.T
            for k, beta in enumerate(BETAS):
                e = np.exp(beta * (g - 1)) * (2 * beta / n**2)
                np.fill_diagonal(e, 0)
                s = e @ u
                total[k] += w * (s - (s * u).sum(1, keepdims=True) * u) / r
    shares = [[float((t * p).sum()) for t in total] for p in parts]
    for state in (x, x + whole, x + whole + mlp):  # the changes of both legs
        u = state / np.sqrt((state * state).sum(1, keepdims=True))
        g = u @ u.T
        for beta in BETAS:
            np.exp(beta * (g - 1)).mean()
    return shares


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--n", type=int, default=512)
    parser.add_argument("--d", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(a.threads)
    import numpy as np
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "parts")
        program = os.path.join(a.build, "bench", "bench_attribution")
        words = [str(w) for w in (program, a.n, a.d, a.heads, a.threads, file)]
        out = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
        clouds = np.fromfile(file, dtype="<f4").reshape(-1, a.n, a.d).astype(float)
    best, panels = float(out[0].split()[1]), int(out[0].split()[3])
    took = []
    for _ in range(3):
        started = time.monotonic()
        shares = numpy_block(np, clouds[0], list(clouds[1:-1]), clouds[-1], panels)
        took.append(time.monotonic() - started)
    own = [float(line.split()[1]) for line in out[1:] if line]
    off = max(abs(s[1] - o) for s, o in zip(shares, own))
    print(f"n {a.n}, d {a.d}, {a.heads} heads, {len(BETAS)} temperatures, {panels} panels, {a.threads} threads")
    print(f"  dwell {1e3 * best:.0f} ms, numpy {np.__version__} {1e3 * min(took):.0f} ms: {min(took) / best:.1f} times;"
          f" shares differ by at most {off:.1e}")
    return off > 1e-8


if __name__ == "__main__":
    sys.exit(main())
