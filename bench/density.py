#!/usr/bin/env python3
"""HDBSCAN on a matrix of cosine distances: dwell against the package hdbscan, one thread each, in one run.

usage: density.py BENCH_HDBSCAN [SECONDS]

Both get the same n x n distances in double precision. For each size and setting the two alternate ROUNDS times, SECONDS
each. Ratios are the package over dwell. Numbers of clusters are printed: where distances tie the package's result
depends on the order of its sort, so a few points may differ."""
import importlib.metadata
import os
import subprocess
import sys
import tempfile

import times

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file has the package's name
import hdbscan  # noqa: E402
import numpy  # noqa: E402

ROUNDS = 3
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
SIZES = (512, 2048)
SETTINGS = ((2, 2), (25, 5), (25, 15))  # least size, samples


def distances(n):
    """Three wide groups in 64 dimensions."""
    rng = numpy.random.default_rng(1)
    x = rng.standard_normal((n, 64)) + 1.5 * rng.standard_normal((3, 64))[rng.integers(0, 3, n)]
    x /= numpy.linalg.norm(x, axis=1, keepdims=True)
    d = numpy.maximum(0, 1 - x @ x.T)
    numpy.fill_diagonal(d, 0)
    return (d + d.T) / 2


def ours(program, folder, d, size, samples, kept):
    labels = os.path.join(folder, "labels")
    command = [program, os.path.join(folder, "distances"), labels, str(len(d)), str(size), str(samples), str(SECONDS)]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n"):
        if line:
            kept.add(*map(float, line.split()))
    return numpy.fromfile(labels, "int32")


def rival(d, size, samples, kept):
    def run():
        return hdbscan.HDBSCAN(metric="precomputed", min_cluster_size=size, min_samples=samples).fit(d).labels_

    labels = run()
    end, begin = len(kept.pairs) + 3, times.time.perf_counter()
    while len(kept.pairs) < end or times.time.perf_counter() - begin < SECONDS:
        labels = kept.run(run)
    return labels


def same(a, b):
    """Share of points with the same label, clusters matched by their points."""
    best = numpy.full(len(a), -1)
    for label in set(a[a >= 0]):
        inside = b[(a == label) & (b >= 0)]
        best[a == label] = numpy.bincount(inside).argmax() if len(inside) else -2
    return (best == b).mean()


def main():
    print(f"HDBSCAN, f64, one thread, hdbscan {importlib.metadata.version('hdbscan')}; {times.load()}")
    print("     n  size  samples   median ms: dwell   hdbscan   ratio: median   best  processor  clusters "
          " equal labels")
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            d = distances(n)
            d.tofile(os.path.join(folder, "distances"))
            for size, samples in SETTINGS:
                mine, theirs = times.Times(), times.Times()
                for _ in range(ROUNDS):
                    a = ours(sys.argv[1], folder, d, size, samples, mine)
                    b = rival(d, size, samples, theirs)
                median, best, processor = times.ratios(theirs, mine)
                print(f"{n:6} {size:5} {samples:8} {mine.median(0) * 1e3:18.3f} {theirs.median(0) * 1e3:9.2f} "
                      f"{median:15.1f} {best:6.1f} {processor:10.1f} {a.max() + 1:5}/{b.max() + 1:<4} "
                      f"{same(a, b):11.4f}")


if __name__ == "__main__":
    main()
