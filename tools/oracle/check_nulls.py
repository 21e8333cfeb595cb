#!/usr/bin/env python3
"""The Gaussian twin draw by draw: give dwell phases, and compare null_mean, null_sd and p with our own draws.

usage: check_nulls.py DWELL RUN... [--draws N]

RUN is a run made with --save states. Its states go back into `dwell measure --states` together with our keep mask, ids
and phases, so the draws are the same on both sides. Below 128 tokens dwell draws in double and the null has to agree
to 1e-9 but for pairs within 1e-9 of the threshold; from there on it draws in single precision, where pairs within 1e-5
may fall on either side. Also checked: no null below 16 tokens or with fewer than two directions. Needs numpy.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from check_run import State
from twin import centred_cosines, twin_fit, twin_gram


def measure(dwell, states, phases, out):
    path = out + ".npz"
    np.savez(path, states=states, keep=np.ones(states.shape[1], np.int8), phases=phases)
    subprocess.run(
        [
            dwell,
            "measure",
            "--states",
            path,
            "--instruments",
            "mass90_centred",
            "--nulls",
            str(len(phases)),
            "-q",
            "-o",
            out,
        ],
        check=True,
    )
    with open(os.path.join(out, "layers.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    with open(os.path.join(out, "run.json")) as f:
        return rows, json.load(f)


def check(dwell, name, states, draws, folder):
    n = states.shape[1]
    rng = np.random.default_rng(n)
    phases = rng.uniform(0, 2 * np.pi, (draws, n // 2 + 1))
    rows, manifest = measure(dwell, states, phases, os.path.join(folder, name))
    upper = np.triu_indices(n, 1)
    within = 1e-9 if n < 128 else 1e-5
    worst, near_pairs, nulls, complaints = [0.0, 0.0, 0.0], 0, 0, []
    for row, x in zip(rows, states):
        s = State(x)
        fit = None if n < 16 or s.collapsed else twin_fit(s.g, s.kc)
        cells = [row["mass90_centred" + end] for end in ("_null_mean", "_null_sd", "_p")]
        if fit is None:
            if any(cells):
                complaints.append(f"state {row['state']}: a null where there should be none")
            continue
        if not all(cells):
            complaints.append(f"state {row['state']}: no null")
            continue
        shares, near = [], 0
        for phase in phases:
            c = centred_cosines(twin_gram(fit, phase, n))[upper]
            shares.append((c > 0.9).mean())
            near += int((np.abs(c - 0.9) < within).sum())
        shares = np.array(shares)
        observed = float(row["mass90_centred"])
        own = (shares.mean(), shares.std(), (1 + (shares >= observed - 1e-12).sum()) / (draws + 1))
        slack = near / len(upper[0]) / draws
        for k, (got, want) in enumerate(zip(map(float, cells), own)):
            difference = abs(got - want)
            worst[k] = max(worst[k], difference)
            allowed = 1e-9 + (slack, np.sqrt(draws) * slack, near / (draws + 1))[k]
            if difference > allowed:
                complaints.append(f"state {row['state']}: {('mean', 'sd', 'p')[k]} {got} against {want}")
        near_pairs += near
        nulls += 1
    print(
        f"{name}: {nulls} nulls of {draws} draws, n={n}, largest difference of mean {worst[0]:.1e}, sd {worst[1]:.1e}, "
        f"p {worst[2]:.1e}; {near_pairs} pairs at the threshold; "
        f"notes {sorted({x['note'] for x in manifest['null_notes']})}"
    )
    for text in complaints[:5]:
        print("  !!", text)
    return bool(complaints)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dwell")
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--draws", type=int, default=99)
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for run in given.runs:
            arrays = np.load(os.path.join(run, "arrays.npz"))
            states = arrays["states"]
            if states.ndim == 4:
                states = states[0]
            keep = arrays["keep"].astype(bool).reshape(-1, states.shape[1])[0]
            failed |= check(
                given.dwell, os.path.basename(run.rstrip("/")), states[:, keep], given.draws, folder
            )
        rng = np.random.default_rng(0)
        failed |= check(given.dwell, "fifteen", rng.normal(size=(2, 15, 6)), given.draws, folder)
        failed |= check(given.dwell, "sixteen", rng.normal(size=(2, 16, 6)), given.draws, folder)
        line = np.outer(np.where(np.arange(20) % 3, 1.0, -1.0), rng.normal(size=6))
        failed |= check(given.dwell, "one-direction", np.stack([line, line]), given.draws, folder)
        twins = 1 + 1e-5 * rng.normal(size=(2, 20, 6))
        failed |= check(given.dwell, "collapsed", twins, given.draws, folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
