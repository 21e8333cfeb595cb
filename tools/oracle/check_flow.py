#!/usr/bin/env python3
"""Integrate flows again with scipy and numpy from dwell's own first state, and compare every saved state.

usage: check_flow.py DWELL        (the program, for example build/src/cli/dwell)

Prints one line per case with the largest difference of a coordinate; exit status 1 if one is above its tolerance.
  rk45            scipy's DOP853 at rtol 1e-12 on the equations as printed in the manual, many n, d, beta, masks, masses
  rk4 euler layer the same steps in numpy, one by one
  times           spacing of frames, time and log_time columns
  starts          equiangular and orthogonal exactly; uniform and caps by their statistics
  replicas        replica 0 is the run without --replicas; the others differ; every replica is a solution of its own
Needs numpy, scipy.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from scipy import stats
from scipy.integrate import solve_ivp

FAILED = []


def simulate(dwell, folder, name, *options):
    run = os.path.join(folder, name)
    command = [dwell, "simulate", *map(str, options), "--save", "states", "--instruments", "norm", "-q", "-o", run]
    subprocess.run(command, check=True)
    with open(os.path.join(run, "layers.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    with open(os.path.join(run, "run.json")) as f:
        manifest = json.load(f)
    return np.load(os.path.join(run, "arrays.npz"))["states"].astype(float), rows, manifest


def report(what, difference, tolerance):
    good = difference <= tolerance
    if not good:
        FAILED.append(what)
    print(f"{what:66} {difference:9.1e}  (tolerance {tolerance:.0e}){'' if good else '  FAILED'}")


def attention(x, flow, beta, mass, causal):
    """The sum before projection: sa: softmax average; usa: sum_j m_j exp(beta <x_i, x_j>) x_j."""
    g = x @ x.T
    score = beta * g
    if causal:
        score = np.where(np.tril(np.ones_like(g, bool)), score, -np.inf)
    if flow == "usa":
        return (mass * np.exp(score)) @ x
    w = mass * np.exp(score - score.max(1, keepdims=True))
    return (w / w.sum(1, keepdims=True)) @ x


def velocity(x, *system):
    a = attention(x, *system)
    return a - (a * x).sum(1, keepdims=True) * x


def normalised(x):
    return x / np.sqrt((x * x).sum(1, keepdims=True))


def integrated(x0, times, system):
    n, d = x0.shape

    def f(_, y):
        x = normalised(y.reshape(n, d))
        return velocity(x, *system).ravel()

    out = solve_ivp(f, (times[0], times[-1]), x0.ravel(), "DOP853", times, rtol=1e-12, atol=1e-14)
    return normalised_all(out.y.T.reshape(len(times), n, d))


def normalised_all(x):
    return x / np.sqrt((x * x).sum(2, keepdims=True))


def times_of(rows, replica=0):
    return np.array([float(r["time"]) for r in rows if int(r["replica"]) == replica])


def check_rk45(dwell, folder):
    rng = np.random.default_rng(7)
    cases = []
    for flow in ("sa", "usa"):
        for n, d, beta, until in (
            (2, 2, 1, 6),
            (16, 2, 3, 10),
            (24, 3, 9, 40),
            (12, 20, 2, 8),
            (48, 48, 6, 12),
            (20, 3, -2, 10),
            (10, 5, 0, 5),
            (130, 4, 4, 4),
        ):
            if flow == "usa" and beta > 4:
                until = until * np.exp(-beta) * 3
            for mask in ("none", "causal"):
                cases.append((flow, n, d, beta, until, mask, rng.random() < 0.5))
    for number, (flow, n, d, beta, until, mask, heavy) in enumerate(cases):
        options = [
            "--flow",
            flow,
            "--n",
            n,
            "--d",
            d,
            "--beta",
            beta,
            "--until",
            until,
            "--mask",
            mask,
            "--frames",
            7,
            "--seed",
            number,
            "--nulls",
            0,
        ]
        mass = np.full(n, 1 / n)
        if heavy:
            mass = rng.gamma(1, 1, n)
            path = os.path.join(folder, f"masses{number}.npy")
            np.save(path, mass)
            mass = mass / mass.sum()
            options += ["--masses", path]
        x, rows, manifest = simulate(dwell, folder, f"rk{number}", *options)
        own = integrated(x[0], times_of(rows), (flow, beta, mass, mask == "causal"))
        what = f"rk45 {flow} n={n} d={d} beta={beta} T={until:.3g} mask={mask}{' masses' if heavy else ''}"
        # 1e-10 per step, times what the flow amplifies before tokens have chosen their cluster
        report(what, np.abs(own - x).max(), 2e-9)
        energy = manifest["source"].get("certificate", {}).get("energy_residual")
        if energy is not None and energy > 1e-8:
            report(what + " energy_residual", energy, 1e-8)
    x, rows, _ = simulate(
        dwell,
        folder,
        "tight",
        "--n",
        24,
        "--d",
        3,
        "--beta",
        9,
        "--until",
        40,
        "--frames",
        7,
        "--rtol",
        "1e-13",
        "--nulls",
        0,
    )
    own = integrated(x[0], times_of(rows), ("sa", 9, 1 / 24, False))
    report("rk45 sa n=24 d=3 beta=9 T=40 --rtol 1e-13", np.abs(own - x).max(), 1e-10)


def step_of(method, x, h, system):
    if method == "layer":
        return normalised(x + h * attention(x, *system))
    if method == "euler":
        return normalised(x + h * velocity(x, *system))
    # stages are put back on the sphere before the field is taken
    k1 = velocity(x, *system)
    k2 = velocity(normalised(x + h / 2 * k1), *system)
    k3 = velocity(normalised(x + h / 2 * k2), *system)
    k4 = velocity(normalised(x + h * k3), *system)
    return normalised(x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def check_fixed(dwell, folder):
    for method in ("rk4", "euler", "layer"):
        for flow, n, d, beta, h, steps, mask in (
            ("sa", 16, 3, 4, 0.1, 20, "none"),
            ("sa", 16, 3, 4, 0.125, 16, "causal"),
            ("usa", 10, 12, 1, 0.05, 20, "none"),
            ("sa", 30, 8, 9, 0.5, 9, "none"),
        ):
            until = h * steps - (h / 3 if method != "layer" else 0)  # the last step is shortened
            x, rows, _ = simulate(
                dwell,
                folder,
                f"{method}{flow}{n}{mask}",
                "--flow",
                flow,
                "--n",
                n,
                "--d",
                d,
                "--beta",
                beta,
                "--mask",
                mask,
                "--integrator",
                f"{method}:{h}",
                "--until",
                until,
                "--nulls",
                0,
                "--times",
                ",".join(repr(float(t)) for t in ([h * k for k in range(0, steps, 4)] + [until])),
            )
            system = (flow, beta, np.full(n, 1 / n), mask == "causal")
            times = times_of(rows)
            y, worst, frame, k = x[0], 0.0, 1, 0
            while frame < len(times):
                goal = h * k + h
                if goal > times[-1] + 1e-9 * h:
                    y = step_of(method, y, times[-1] - h * k, system)
                    goal = times[-1]
                else:
                    y = step_of(method, y, h, system)
                k += 1
                if abs(goal - times[frame]) < 1e-9 * h:
                    worst = max(worst, np.abs(y - x[frame]).max())
                    frame += 1
            report(f"{method} {flow} n={n} d={d} beta={beta} h={h} mask={mask}, step by step", worst, 1e-12)


def check_times(dwell, folder):
    x, rows, _ = simulate(dwell, folder, "linear", "--until", 7, "--frames", 15, "--nulls", 0)
    t = times_of(rows)
    report("times: equal spacing", np.abs(t - np.linspace(0, 7, 15)).max(), 1e-14)
    report("times: both ends to the bit", abs(t[0]) + abs(t[-1] - 7), 0)
    logs = [r["log_time"] for r in rows]
    report("times: log_time = ln time", max(abs(float(l) - np.log(v)) for l, v in zip(logs[1:], t[1:])), 1e-15)
    report("times: log_time empty at t = 0", float(logs[0] != ""), 0)
    for until in (1e4, 100, 20):
        x, rows, _ = simulate(
            dwell, folder, f"log{until}", "--until", until, "--frames", 21, "--log-times", "--nulls", 0
        )
        t = times_of(rows)
        gaps = np.diff(np.log(t[1:]))
        report(f"log-times T={until}: spread of the gaps in ln t", np.ptp(gaps), 1e-13)
        report(f"log-times T={until}: first 0, last T", abs(t[0]) + abs(t[-1] - until), 0)
        print(f"    first positive time {t[1]:.6g} = T / {until / t[1]:.6g}")
    asked = [0, 0.1, 0.7, 1 / 3 + 1, 12.345678901234567]
    x, rows, _ = simulate(dwell, folder, "asked", "--times", ",".join(map(repr, asked)), "--nulls", 0)
    report("times: --times kept to the bit", np.abs(times_of(rows) - asked).max(), 0)


def check_starts(dwell, folder):
    for n, d, rho in ((5, 5, 0.3), (9, 20, -0.1), (2, 2, -0.5), (64, 64, 0.0)):
        x, _, _ = simulate(
            dwell,
            folder,
            f"eq{n}",
            "--init",
            f"equiangular:{rho}",
            "--n",
            n,
            "--d",
            d,
            "--until",
            1e-9,
            "--frames",
            2,
            "--nulls",
            0,
        )
        g = x[0] @ x[0].T
        want = np.full((n, n), rho) + (1 - rho) * np.eye(n)
        report(f"start equiangular:{rho} n={n} d={d}", np.abs(g - want).max(), 1e-14)
    x, _, _ = simulate(
        dwell, folder, "orth", "--init", "orthogonal", "--n", 30, "--d", 40, "--until", 1, "--frames", 2, "--nulls", 0
    )
    report("start orthogonal n=30 d=40", np.abs(x[0] @ x[0].T - np.eye(30)).max(), 1e-14)
    path = os.path.join(folder, "given.npy")
    given = np.random.default_rng(3).normal(size=(7, 4))
    np.save(path, given)
    x, _, _ = simulate(dwell, folder, "given", "--init", path, "--until", 1, "--frames", 2, "--nulls", 0)
    report("start from a file", np.abs(x[0] - normalised(given)).max(), 1e-15)
    for d in (2, 3, 10):
        x, _, _ = simulate(
            dwell, folder, f"uni{d}", "--n", 4000, "--d", d, "--until", 1e-9, "--frames", 2, "--nulls", 0
        )
        # one coordinate u of a uniform point: (u + 1) / 2 is Beta((d-1)/2, (d-1)/2)
        law = stats.beta((d - 1) / 2, (d - 1) / 2)
        p = [stats.kstest((x[0][:, k] + 1) / 2, law.cdf).pvalue for k in range(d)]
        report(f"start uniform d={d}: Kolmogorov-Smirnov over {d} coordinates, 1/p", 1 / (min(p) * d), 1e3)
        mean = np.abs(x[0].mean(0)) * np.sqrt(4000 * d)
        cov = np.abs(np.cov(x[0].T) * d - np.eye(d)).max() * np.sqrt(4000)
        report(f"start uniform d={d}: mean in standard errors", mean.max(), 4.5)
        report(f"start uniform d={d}: covariance - I/d, in about standard errors", cov, 9)
    for d, eps in ((2, 0.1), (3, 0.05), (6, 0.05), (40, 0.3)):
        x, _, _ = simulate(
            dwell,
            folder,
            f"caps{d}",
            "--init",
            f"caps:5,{eps}",
            "--n",
            5000,
            "--d",
            d,
            "--until",
            1e-9,
            "--frames",
            2,
            "--nulls",
            0,
        )
        # token i belongs to centre i mod 5; narrow caps of the same seed show the centres
        narrow, _, _ = simulate(
            dwell,
            folder,
            f"narrow{d}",
            "--init",
            "caps:5,1e-15",
            "--n",
            5000,
            "--d",
            d,
            "--until",
            1e-9,
            "--frames",
            2,
            "--nulls",
            0,
        )
        depths = np.concatenate([1 - x[0][c::5] @ narrow[0][c] for c in range(5)])
        grid = np.linspace(0, eps, 200001)[1:] - eps / 400000
        density = (grid * (2 - grid)) ** ((d - 3) / 2)
        share = np.cumsum(density) / density.sum()
        p = stats.kstest(depths, lambda v, g=grid, s=share: np.interp(v, g, s)).pvalue
        report(f"start caps:5,{eps} d={d}: depth below the cap's top, Kolmogorov-Smirnov, 1/p", 1 / p, 1e4)


def check_replicas(dwell, folder):
    options = ["--n", 12, "--d", 4, "--beta", 3, "--until", 6, "--frames", 5, "--nulls", 0]
    one, _, _ = simulate(dwell, folder, "one", *options)
    many, rows, _ = simulate(dwell, folder, "many", *options, "--replicas", 40)
    report("replicas: the first is the run without --replicas", np.abs(many[0] - one).max(), 0)
    starts = many[:, 0].reshape(40, -1)
    overlap = np.corrcoef(starts)[np.triu_indices(40, 1)]
    report("replicas: correlation of starts, in standard errors", np.abs(overlap).max() * np.sqrt(48), 5)
    mean = starts.mean(0) * np.sqrt(40 * 4)
    report("replicas: mean start, in standard errors", np.abs(mean).max(), 4.5)
    worst = 0.0
    for r in (1, 17, 39):
        own = integrated(many[r, 0], times_of(rows, r), ("sa", 3, np.full(12, 1 / 12), False))
        worst = max(worst, np.abs(own - many[r]).max())
    report("replicas: three of 40 against DOP853", worst, 2e-9)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    dwell = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_rk45, check_fixed, check_times, check_starts, check_replicas):
            check(dwell, folder)
    print(f"{len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
