#!/usr/bin/env python3
"""The velocity of the flow `sa`: dwell against numpy and torch in one run, on the same tokens, and how its cost grows.

usage: flow.py BENCH_FLOW [THREADS] [SECONDS]

Rivals, all with the same number of threads:
    naive      numpy with an n x n matrix, double precision
    blocks     numpy in blocks of rows that stay in the cache, shared out to threads, double precision
    fused f64  torch's scaled_dot_product_attention, which forms no n x n matrix, and the projection
    fused f32  the same in single precision
dwell in double precision is compared with the first three, in single precision (--precision f32, which at d <= 4 makes
no difference) with all of them. For each size the sides take turns, ROUNDS times for SECONDS each; velocities are
compared too. Ratios are rival over dwell: of the medians and of the best times by the wall clock; `best rival` is the
least of them. dwell's time is one evaluation of the velocity together with energy and rate. A rival that is not
installed is left out."""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

import times

THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.2
ROUNDS = 3
OURS = dict(os.environ)
OURS.setdefault("GOMP_SPINCOUNT", "2000")  # what the program sets for itself
times.free_openblas(os.environ)
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = str(THREADS)
import numpy as np  # noqa: E402  (after the environment is set)

try:
    import torch
    torch.set_num_threads(THREADS)
except ImportError:
    torch = None

SIZES = [(32, 3), (256, 3), (1024, 3), (4096, 3), (1024, 16), (4096, 16), (4096, 64), (128, 256), (1024, 768)]
BETA = 4.0
GROWTH = [("n", [(n, 3, BETA) for n in (256, 512, 1024, 2048, 4096, 8192, 16384)]),
          ("d", [(2048, d, BETA) for d in (2, 3, 4, 8, 16, 32, 64, 128, 256, 512)]),
          ("beta", [(4096, 3, beta) for beta in (0.0, 1.0, 4.0, 9.0, 40.0, 400.0, 1e6)])]


def tangent(a, x):
    a -= (a * x).sum(1)[:, None] * x
    return a


def naive(x, beta):
    w = np.exp(beta * (x @ x.T - 1))
    return tangent((w @ x) / w.sum(1)[:, None], x)


def rows(x, beta, begin, end, w, out):
    np.matmul(x[begin:end], x.T, out=w)
    w -= 1
    w *= beta
    np.exp(w, out=w)
    out[begin:end] = (w @ x) / w.sum(1)[:, None]


def blocks(x, beta, pool):
    """Blocks of 128 kB, at least 16 rows."""
    n, out = len(x), np.empty_like(x)
    size = max(16, 16384 // n)

    def share(worker):
        scratch = np.empty((size, n))
        for begin in range(worker * size, n, THREADS * size):
            end = min(n, begin + size)
            rows(x, beta, begin, end, scratch[:end - begin], out)
    list(pool.map(share, range(THREADS)))
    return tangent(out, x)


def fused(x, beta):
    q = x[None, None]
    return tangent(torch.nn.functional.scaled_dot_product_attention(q, q, q, scale=beta)[0, 0], x)


def rivals(x, beta, pool):
    """Names and what to call."""
    ways = {"naive": lambda: naive(x, beta), "blocks": lambda: blocks(x, beta, pool)}
    if torch is not None:
        double = torch.from_numpy(x)
        single = double.float()
        ways["fused f64"] = lambda: fused(double, beta).numpy()
        ways["fused f32"] = lambda: fused(single, beta).numpy()
    return ways


def run(call, kept):
    v = call()
    end = len(kept.pairs) + 3
    begin = times.time.perf_counter()
    while len(kept.pairs) < end or times.time.perf_counter() - begin < SECONDS:
        v = kept.run(call)
    return v


def ours(program, folder, x, beta, kept, precision="f64"):
    tokens, velocities = os.path.join(folder, "tokens"), os.path.join(folder, "velocities")
    x.tofile(tokens)
    command = [program, tokens, velocities, str(x.shape[0]), str(x.shape[1]), str(beta), str(THREADS), str(SECONDS)]
    command += ["f32"] * (precision == "f32")
    lines = subprocess.run(command, check=True, capture_output=True, text=True, env=OURS).stdout.split("\n")
    for line in lines:
        if line:
            kept.add(*map(float, line.split()))
    return np.fromfile(velocities).reshape(x.shape)


def random_tokens(n, d):
    x = np.random.default_rng(1).standard_normal((n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def against(precision, mine, theirs, worst):
    """dwell in one precision beside its rivals; in double precision single is no rival."""
    print(f"    dwell {precision}      {mine.median(0) * 1e3:9.4f} ms, best {mine.best(0) * 1e3:9.4f}")
    shown = {name: kept for name, kept in theirs.items() if precision == "f32" or name != "fused f32"}
    ratios = {name: times.ratios(kept, mine) for name, kept in shown.items()}
    for name, kept in shown.items():
        print(f"      {name:12} {kept.median(0) * 1e3:9.4f} ms, best {kept.best(0) * 1e3:9.4f}   ratio "
              f"{ratios[name][0]:7.2f}, best {ratios[name][1]:7.2f}   difference {worst[precision, name]:.1e}")
    median, best = (min(r[kind] for r in ratios.values()) for kind in (0, 1))
    print(f"      best rival: ratio {median:.2f}, best {best:.2f}", flush=True)


def compare(program, folder, n, d, pool):
    x = random_tokens(n, d)
    ways = rivals(x, BETA, pool)
    mine = {precision: times.Times() for precision in ("f64", "f32")}
    theirs, worst = {name: times.Times() for name in ways}, {}
    for _ in range(ROUNDS):
        v = {precision: ours(program, folder, x, BETA, kept, precision) for precision, kept in mine.items()}
        for name, call in ways.items():
            made = run(call, theirs[name])
            for precision in mine:
                worst[precision, name] = np.abs(made - v[precision]).max()
    print(f"n = {n}, d = {d}; f32 and f64 of dwell differ by {np.abs(v['f32'] - v['f64']).max():.1e}")
    for precision, kept in mine.items():
        against(precision, kept, theirs, worst)


def grow(program, folder, label, cases):
    print(f"\ndwell alone, by {label}")
    for n, d, beta in cases:
        kept = times.Times()
        for _ in range(ROUNDS):
            ours(program, folder, random_tokens(n, d), beta, kept)
        print(f"    n = {n:6}, d = {d:4}, beta = {beta:9g}: {kept.median(0) * 1e3:10.4f} ms, best "
              f"{kept.best(0) * 1e3:10.4f}, {kept.best(0) / n / n * 1e9:8.3f} ns a pair (i, j)", flush=True)


def main():
    versions = f"numpy {np.__version__}, {'no torch' if torch is None else 'torch ' + torch.__version__}"
    print(f"sa velocity, beta = {BETA:g}, {THREADS} thread(s), {versions}; {times.load()}")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for n, d in SIZES:
            compare(sys.argv[1], folder, n, d, pool)
        for label, cases in GROWTH:
            grow(sys.argv[1], folder, label, cases)


if __name__ == "__main__":
    main()
