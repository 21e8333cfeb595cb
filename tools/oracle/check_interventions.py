#!/usr/bin/env python3
"""Interventions on a real checkpoint: dwell's last state against transformers in float64 with the same edits made.

usage: check_interventions.py DWELL MODEL...        (folders; 33 random ids each)

Prints, for each model and edit, the largest difference over the largest entry, in f64 and f32.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers as t
from scipy.special import ndtri

import make_interventions
from make_interventions import SEED, WO, WQ, last_state, run
from random_streams import bits64
from true_float64 import patch as to_float64

OPTIONS = {
    "": "",
    "scale_wo": f"--scale-wo {WO}",
    "scale_wq": f"--scale-wq {WQ}",
    "rotate": f"--rotate-wo {SEED}",
    "drop": "--drop-heads {drop}",
    "patch": "--patch {patch} --at 1",
    "scale_wo scale_wq rotate drop patch": "",
}
OPTIONS["scale_wo scale_wq rotate drop patch"] = " ".join(OPTIONS.values())


def measured(dwell, folder, ids, options, dtype):
    with tempfile.TemporaryDirectory() as out:
        command = [dwell, "measure", folder, "--ids", ",".join(map(str, ids)), "--nulls", "0", "--instruments", "norm"]
        command += ["--save", "states", "--dtype", dtype, "-q", "-o", os.path.join(out, "run")] + options.split()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return np.load(os.path.join(out, "run", "arrays.npz"))["states"][-1].astype(float)


def main():
    torch.set_grad_enabled(False)
    # full precision takes minutes at these widths: scipy's quantile is good to 1e-15
    make_interventions.uniform = lambda *where: ((bits64(*where) >> 12) + 0.5) / 2**52
    make_interventions.quantile = ndtri
    kept = {}
    haar = make_interventions.haar
    make_interventions.haar = lambda b, d: kept.setdefault((b, d), haar(b, d)) if (b, d) not in kept else kept[b, d]
    dwell, folders = sys.argv[1], sys.argv[2:]
    for folder in folders:
        model = t.AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        to_float64(model)
        rng = np.random.default_rng(1)
        ids = rng.integers(0, model.config.vocab_size, 33).tolist()
        x = torch.tensor(run(model, ids)[0][1].numpy() * rng.uniform(0.5, 1.5, (33, 1)))
        shared = model.config.model_type == "albert"
        with tempfile.TemporaryDirectory() as tmp:
            file = os.path.join(tmp, "patch.npz")
            np.savez(file, states=x.numpy())
            for what, options in OPTIONS.items():
                expected = last_state(model, ids, what.split(), x).numpy()
                options = options.format(drop="0.1" if shared else "0.1,1.0,1.2", patch=file)
                off = [np.abs(measured(dwell, folder, ids, options, d) - expected).max() for d in ("f64", "f32")]
                off = [f"{o / np.abs(expected).max():.2g}" for o in off]
                print(os.path.basename(folder), what or "plain", "f64", off[0], "f32", off[1], flush=True)


if __name__ == "__main__":
    main()
