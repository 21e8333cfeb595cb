#!/usr/bin/env python3
"""Phase diagrams and the staircase: dwell against numpy, in one run.

usage: figures.py BENCH_FIGURES [THREADS] [SECONDS]

Diagram: 32 uniform tokens up to t = 30, per start and temperature, mean over BETAS. The rivals, written here:
  published script  what the published PyTorch script does: 300 steps of .1 (velocity, normalise; share of pairs above
                    .999 on 200 of them) of 2048 starts at once, in torch; PART of its steps are timed and scaled up
  published map     the same in numpy, as many starts at once as are fastest here (RIVAL_STARTS)
  Runge-Kutta 4     the classical method of the same step, in numpy, as many starts
on as many threads. The map's times are 5 to 10 % late whatever the machine; Runge-Kutta's are right. dwell computes the
moment at which each pair gets there, to 1e-4 of it, and stops a start whose pairs all are (docs/figures.md); a thread
makes a row of its own, as in the figure. All keep their memory.
Staircase: the published script's loop (arc-length Euler steps of 1e-5, a million for each of six temperatures) in plain
Python; LOOPS of its steps are timed and scaled up. dwell computes all six up to the last merger, states included.
Ratios are rival over dwell: medians and best by the wall clock, best by processor time."""
import math
import os
import subprocess
import sys

import times

THREADS = sys.argv[2] if len(sys.argv) > 2 else "1"
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.3
OURS = dict(os.environ)
times.free_openblas(os.environ)
times.keep_memory()
os.environ["OPENBLAS_NUM_THREADS"] = THREADS
import numpy as np  # noqa: E402  (after the environment is set)

BETAS = (1.0, 3.0, 5.0, 7.0, 9.0)
STARTS, STEP, UNTIL, LOOPS = 1024, 0.1, 30, 4000
RIVAL_STARTS = {8: 64, 128: 16}  # by dimension
SCRIPT_STARTS, PART = 2048, {8: 30, 128: 3}  # its own batch; its steps that are timed, a multiple of 3


def velocity(x, beta, g=None):
    g = x @ x.transpose(0, 2, 1) if g is None else g
    w = np.exp(beta * (g - 1))
    a = (w @ x) / w.sum(axis=2, keepdims=True)
    return a - (a * x).sum(axis=2, keepdims=True) * x


def normalise(x):
    return x / np.linalg.norm(x, axis=2, keepdims=True)


def script(x, beta):
    shares = []
    for step in range(round(UNTIL / STEP)):
        g = x @ x.transpose(0, 2, 1)
        if step % 3:
            shares.append((g > 0.999).mean())
        x = normalise(x + STEP * velocity(x, beta, g))
    return shares


def torch_script(torch, x, beta, steps):
    shares = []
    for step in range(steps):
        g = x @ x.transpose(1, 2)
        if step % 3:
            shares.append((g > 0.999).double().mean())
        a = torch.softmax(beta * g, dim=2) @ x
        x = x + STEP * (a - (a * x).sum(dim=2, keepdim=True) * x)
        x = x / torch.linalg.norm(x, dim=2, keepdim=True)
    return shares


def runge_kutta(x, beta):
    shares = []
    for step in range(round(UNTIL / STEP)):
        g = x @ x.transpose(0, 2, 1)
        if step % 3:
            shares.append((g > 0.999).mean())
        a = velocity(x, beta, g)
        b = velocity(normalise(x + STEP / 2 * a), beta)
        c = velocity(normalise(x + STEP / 2 * b), beta)
        d = velocity(normalise(x + STEP * c), beta)
        x = normalise(x + STEP / 6 * (a + 2 * b + 2 * c + d))
    return shares


def read(arguments, kept):
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, env=OURS)
    for line in done.stdout.split("\n"):
        if line:
            kept.add(*map(float, line.split()))


def one(method, x, beta):
    kept = times.Times()
    kept.run(lambda: method(x, beta))
    return kept.pairs[0]


def add_sweep(sweeps, kept):
    """One pass over the temperatures: mean seconds per start."""
    kept.add(*(sum(pair[k] for pair in sweeps) / len(sweeps) for k in (0, 1)))


def script_as_published(d):
    """Mean seconds per start of the script's own batch; None without torch."""
    try:
        import torch
    except ImportError:
        print("published script: torch is not there")
        return None
    torch.set_num_threads(int(THREADS))
    x = torch.from_numpy(normalise(np.random.default_rng(1).standard_normal((SCRIPT_STARTS, 32, d))))
    torch_script(torch, x, 1.0, 1)
    kept, part = times.Times(), PART[d]
    for _ in range(2):
        pairs = [one(lambda x, beta: torch_script(torch, x, beta, part), x, beta) for beta in BETAS]
        whole = UNTIL / STEP / part / SCRIPT_STARTS
        add_sweep([(a * whole, b * whole) for a, b in pairs], kept)
    return kept


def diagram(program, d):
    mine, maps, rk4 = times.Times(), times.Times(), times.Times()
    starts = RIVAL_STARTS[d]
    x = normalise(np.random.default_rng(1).standard_normal((starts, 32, d)))
    for _ in range(2):
        found = []
        for beta in BETAS:
            kept = times.Times()
            read([program, "diagram", str(d), str(beta), str(STARTS), THREADS, str(SECONDS)], kept)
            found.append((kept.median(0), kept.median(1)))
        add_sweep(found, mine)
        for method, kept in ((script, maps), (runge_kutta, rk4)):
            pairs = [one(method, x, beta) for beta in BETAS]
            add_sweep([(a / starts, b / starts) for a, b in pairs], kept)
    for name, theirs in (("published script", script_as_published(d)), ("published map", maps), ("Runge-Kutta 4", rk4)):
        if theirs is not None:
            show(f"diagram d={d}", name, mine, theirs)


def show(what, name, mine, theirs):
    median, best, processor = times.ratios(theirs, mine)
    print(f"{what:15} {name:16} {mine.median(0) * 1e3:10.4f} {theirs.median(0) * 1e3:12.3f} {median:14.1f} {best:8.1f} "
          f"{processor:10.1f}", flush=True)


def staircase_loops(theta, beta, loops):
    n = len(theta)
    for _ in range(loops):
        pull = [0.0] * n
        for i in range(n):
            for j in range(n):
                pull[i] += math.exp(beta * (math.cos(theta[i] - theta[j]) - 1)) * math.sin(theta[j] - theta[i])
        length = math.sqrt(sum(p * p for p in pull))
        theta = [t + 1e-5 * p / length for t, p in zip(theta, pull)]
    return theta


def staircase(program):
    mine, theirs = times.Times(), times.Times()
    unit = math.log(2000) / math.sqrt(2000) / 2
    read([program, "staircase", str(3 * SECONDS)], mine)
    loop = times.Times()
    for _ in range(3):
        loop.run(lambda: staircase_loops([p * unit for p in (0, 0.5, 2, 4, 7)], 2000.0, LOOPS))
    for wall, used in loop.pairs:
        theirs.add(wall * 6e6 / LOOPS, used * 6e6 / LOOPS)
    show("staircase", "published loop", mine, theirs)


def main():
    print(f"figures, f64, {THREADS} thread(s), numpy {np.__version__}; {times.load()}")
    print("what            rival             ms: dwell        rival   ratio: median     best  processor")
    for d in RIVAL_STARTS:
        diagram(sys.argv[1], d)
    if THREADS == "1":
        staircase(sys.argv[1])


if __name__ == "__main__":
    main()
