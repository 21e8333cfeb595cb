#!/usr/bin/env python3
"""At which temperature heads look at the cosines of their tokens, for tests/golden/model/temperatures.json.

usage: make_temperatures.py [TREE]        (default: the tree of this file)

Starts from what transformers computed with the tiny checkpoints (tests/golden/model/NAME/golden.npz: states, attention)
and their weights. Per head the slope and R^2 of ln attention on the cosine, by numpy's least squares with one constant
a row: of the states, and of the states as the norm that the block applies first puts them out. Keys: not the token
itself, not token 0; rows with three of them at least. Needs numpy.

One JSON file: per model the ids, and for each block and head [slope, R^2] of both; null: the block has no such norm.
"""

import json
import os
import sys

import numpy as np

from make_attribution import layer_norm, rms_norm, tensors


def fit(attention, x, causal):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines, n = u @ u.T, len(x)
    rows = [[j for j in range(1, i + 1 if causal else n) if j != i] for i in range(n)]
    points = [(r, cosines[r, j], np.log(attention[r, j])) for r in range(n) if len(rows[r]) >= 3 for j in rows[r]]
    used = sorted({r for r, _, _ in points})
    design = np.zeros((len(points), 1 + len(used)))
    y = np.array([p[2] for p in points])
    for k, (r, c, _) in enumerate(points):
        design[k, 0], design[k, 1 + used.index(r)] = c, 1
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    constants = np.linalg.lstsq(design[:, 1:], y, rcond=None)[0]
    left, all_of_it = y - design @ best, y - design[:, 1:] @ constants
    return [float(best[0]), float(1 - (left @ left) / (all_of_it @ all_of_it))]


def gpt2(w, c, b, x):
    p = f"transformer.h.{b}.ln_1."
    return layer_norm(x, w[p + "weight"], w[p + "bias"], c["layer_norm_epsilon"])


def neox(w, c, b, x):
    p = f"gpt_neox.layers.{b}.input_layernorm."
    return layer_norm(x, w[p + "weight"], w[p + "bias"], c["layer_norm_eps"])


def llama(w, c, b, x):
    return rms_norm(x, w[f"model.layers.{b}.input_layernorm.weight"], c["rms_norm_eps"])


MODELS = {"gpt2-tiny": gpt2, "gpt_neox-tiny": neox, "llama-tiny": llama, "bert-tiny": None}


def model(folder, norm):
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    w, z = tensors(os.path.join(folder, "model.safetensors")), np.load(os.path.join(folder, "golden.npz"))
    blocks = []
    for b, heads in enumerate(z["short.attn"]):
        x = z["short.hidden"][b]
        normed = None if norm is None else norm(w, config, b, x)
        causal = norm is not None
        blocks.append([{"plain": fit(a, x, causal), "ln": normed if normed is None else fit(a, normed, causal)}
                       for a in heads])
    return {"ids": z["short.ids"].tolist(), "blocks": blocks}


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    folder = os.path.join(tree, "tests", "golden", "model")
    found = {name: model(os.path.join(folder, name), norm) for name, norm in MODELS.items()}
    with open(os.path.join(folder, "temperatures.json"), "w") as f:
        json.dump(found, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
