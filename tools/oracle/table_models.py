#!/usr/bin/env python3
"""Compare checkpoints with the golden vectors that lie beside them, and print the table of docs/TRUST.md.

usage: table_models.py DWELL FOLDER...

Each FOLDER holds a checkpoint with golden.npz and golden.txt (transformers in float64; see golden.txt for its keys); a
GGUF file in it is measured as well. For f32 and f64: the largest difference of a state from the golden one, relative to
that state's largest entry (short text: every entry; long text: first and last token, and every token's norm), and the
largest difference of an attention weight. Beside it, transformers' own float32 against its float64, as golden.txt says.
Exit status 1 above 5e-5 and 2e-5 (f32) or 1e-7 (f64: goldens are stored as float32).

Needs numpy.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

LIMITS = {"f32": (5e-5, 2e-5), "f64": (1e-7, 1e-7)}


def run(dwell, model, ids, dtype, save, iterations=None):
    with tempfile.TemporaryDirectory() as place:
        out = os.path.join(place, "run")
        command = [dwell, "measure", model, "--ids", ",".join(map(str, ids)), "--dtype", dtype, "--save", save]
        command += ["--instruments", "norm", "--nulls", "0", "--special", "keep", "-q", "-o", out]
        subprocess.run(command + (["--iterations", str(iterations)] if iterations else []), check=True)
        with open(os.path.join(out, "run.json")) as f:
            manifest = json.load(f)
        with np.load(os.path.join(out, "arrays.npz")) as arrays:
            return {k: arrays[k] for k in arrays.files if k in ("states", "attention", "final_norm")}, manifest


def off(got, want):
    return float(np.abs(got.astype(float) - want).max() / np.abs(want).max())


def short_text(dwell, model, golden, dtype):
    arrays, _ = run(dwell, model, golden["short.ids"], dtype, "states,attention")
    hidden, raw = golden["short.hidden"], golden.get("short.final_raw")
    want = list(hidden) if raw is None else [*hidden[:-1], raw]
    state = max(off(a, b) for a, b in zip(arrays["states"], want))
    if raw is not None:
        state = max(state, off(arrays["final_norm"], hidden[-1]))
    return state, float(np.abs(arrays["attention"].astype(float) - golden["short.attn"]).max())


def long_text(dwell, model, golden, dtype):
    arrays, manifest = run(dwell, model, golden["long.ids"], dtype, "states")
    x, ends, norms = arrays["states"].astype(float), golden["long.hidden_first_last"], golden["long.hidden_norm"]
    last = len(x) - 1 if "long.final_raw_norm" in golden else len(x)
    worst = max(np.abs(x[l][[0, -1]] - ends[l]).max() / np.abs(x[l]).max() for l in range(last))
    worst = max(worst, max(off(np.linalg.norm(x[l], axis=1), norms[l]) for l in range(last)))
    if last < len(x):
        worst = max(worst, off(np.linalg.norm(x[-1], axis=1), golden["long.final_raw_norm"]))
    return float(worst), manifest


def iterated(dwell, model, golden, dtype):
    if "short.hidden48" not in golden:
        return None
    arrays, _ = run(dwell, model, golden["short.ids"], dtype, "states", 48)
    return max(off(a, b) for a, b in zip(arrays["states"], golden["short.hidden48"]))


def noise(folder):
    """transformers' float32 against its float64: states relative to the largest entry of all, attention weights."""
    with open(os.path.join(folder, "golden.txt"), encoding="utf-8") as f:
        text = f.read()
    states = re.search(r"noise floor: .* = (\S+) \(largest \|x\| = ([0-9.e+]+)\)", text)
    attention = re.search(r"attention probabilities: .* = (\S+)", text)
    return float(states[1]) / float(states[2]), float(attention[1])


def rows_of(dwell, folder):
    """(model, its name in the table) of a folder."""
    name = os.path.basename(folder.rstrip("/"))
    yield folder, name
    for path in sorted(glob.glob(os.path.join(folder, "*.gguf"))):
        yield path, os.path.basename(path)


def main():
    dwell, folders = sys.argv[1], sys.argv[2:]
    failed = False
    print("| checkpoint | f32: states, attention | f64: states, attention | transformers' float32: states, attention |")
    print("|---|---|---|---|")
    for folder in folders:
        with np.load(os.path.join(folder, "golden.npz")) as f:
            golden = {k: f[k] for k in f.files}
        for model, name in rows_of(dwell, folder):
            cells = []
            for dtype, (most_state, most_attention) in LIMITS.items():
                state, attention = short_text(dwell, model, golden, dtype)
                state = max(state, long_text(dwell, model, golden, dtype)[0])
                deep = iterated(dwell, model, golden, dtype)
                cells.append(f"{state:.1e}, {attention:.1e}" + (f"; 48 iterations {deep:.1e}" if deep else ""))
                failed |= state > most_state or attention > most_attention or (deep or 0) > most_state
            own = "{:.1e}, {:.1e}".format(*noise(folder))
            print(f"| {name} | {cells[0]} | {cells[1]} | {own} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
