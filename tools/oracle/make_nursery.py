#!/usr/bin/env python3
"""Make tests/golden/nursery: what transformers computes in float64 with the models that come with dwell.

usage: make_nursery.py [MODELS [OUT]]     defaults: data/models and tests/golden/nursery of this source tree

To be run again whenever data/models changes; the tests say so when the weights are others.

states.npz, for every model NAME (and checkpoint NAME@step-N):
  NAME.ids     [n] ids of the first text below, special tokens added
  NAME.rows    [8] the tokens kept here, from the first to the last
  NAME.states  the states kept: first, middle and last (of checkpoints the last), before any final norm
  NAME.x       [states, 8, d] float64
  NAME.final   [8, d] after the final norm, of models that have one
tokens.json: {"texts", "ids": {NAME: one list a text}, "sha256": {NAME or NAME@step-N: of model.safetensors}}; the ids
are AutoTokenizer's, which must be those of tokenizer.json.

Needs numpy, torch, transformers.
"""

import hashlib
import json
import os
import sys

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer

from check_model import load, model_folders, reference, tokenizer_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROWS = 8
TEXTS = [
    "It was the 3rd of May, 1847; the harbour lay still, and nobody aboard the \"Swallow\" had yet noticed that the "
    "tide would not wait for them. 'Shall we go?' asked Mr. O'Brien, who'd lost $12.50 (or was it 1,250?) at cards...",
    "for (size_t i = 0; i < n; i++) {\n\tsum += x[i] * x[i];  /* squares, e.g. 1e-3 */\n}\n\n\nSELECT name, COUNT(*) "
    "FROM t WHERE a<>b AND c>='x_y' "
    "GROUP BY 1;\r\n  % \\frac{\\beta}{2} \\sum_{i,j} e^{\\beta \\langle x_i, x_j \\rangle}",
    "Caf\u00e9, cafe\u0301, na\u00efve fa\u00e7ade \u2014 \u201cEn un lugar de la Mancha\u201d\u2026 \u00bfQui\u00e9n? "
    "\u00dcber \ufb01sh \u00bd \u2460 \u00a0x\u2003y\u200bz \u041c\u043e\u0441\u043a\u0432\u0430 "
    "\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2 \u6771\u4eac \U0001f600\U0001f44d\U0001f3fd [MASK] <s> [CLS]  ",
]


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def ids_of(folder):
    """Ids of the texts; exits where the two ways to open a tokenizer differ."""
    auto, plain = AutoTokenizer.from_pretrained(folder), tokenizer_of(folder)
    ids = [auto(text)["input_ids"] for text in TEXTS]
    if ids != [plain(text)["input_ids"] for text in TEXTS]:
        sys.exit(f"{folder}: AutoTokenizer gives other ids than tokenizer.json")
    return ids


def arrays_of(folder, ids):
    states, final, _ = reference(load(folder, head=True), ids)
    rows = np.linspace(0, len(ids) - 1, ROWS).round().astype(np.int64)
    blocks = len(states) - 1
    kept = np.array([blocks] if "@" in os.path.basename(folder) else [0, blocks // 2, blocks])
    arrays = {"ids": np.array(ids), "rows": rows, "states": kept, "x": states[kept][:, rows]}
    if final is not None:
        arrays["final"] = final[rows]
    return arrays


def main():
    models = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "data", "models")
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "tests", "golden", "nursery")
    torch.set_num_threads(2)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    arrays, ids, hashes = {}, {}, {}
    for folder in model_folders(models):
        name = os.path.basename(folder)
        found = ids_of(folder)
        if "@" not in name:
            ids[name] = found
        hashes[name] = sha256_of(os.path.join(folder, "model.safetensors"))
        arrays.update({f"{name}.{key}": value for key, value in arrays_of(folder, found[0]).items()})
        print(f"{name}: {len(found[0])} tokens")
    os.makedirs(out, exist_ok=True)
    np.savez(os.path.join(out, "states.npz"), **arrays)
    with open(os.path.join(out, "tokens.json"), "w", encoding="utf-8") as f:
        json.dump({"texts": TEXTS, "ids": ids, "sha256": hashes}, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
