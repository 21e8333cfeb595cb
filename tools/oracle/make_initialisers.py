#!/usr/bin/env python3
"""How transformers draws random weights: tests/golden/model/initialisers.txt, for the configs of make_models.py.

usage: make_initialisers.py [FILE]

One line a tensor: model, tensor (without the model's prefix), root mean square over SEEDS initialisations and all
entries, mean, and the row that is zero in all of them (-1: none).
"""

import os
import sys

import numpy as np
import torch
import transformers as t

from make_models import MODELS

SEEDS = 40
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "model", "initialisers.txt")


def configs():
    for name, (config, *_rest) in MODELS.items():
        yield name, config


def moments(config):
    sums = {}
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        model = t.AutoModel.from_config(config)
        for name, p in model.named_parameters():
            x = p.detach().double().numpy()
            square, total, zero = sums.get(name, (0.0, 0.0, True))
            rows = np.all(x == 0, axis=1) if x.ndim == 2 else np.zeros(1, bool)
            sums[name] = (square + (x**2).mean(), total + x.mean(), zero & rows)
    return sums


def main():
    with open(sys.argv[1] if len(sys.argv) > 1 else OUT, "w") as f:
        for name, config in configs():
            for tensor, (square, total, zero) in sorted(moments(config).items()):
                if tensor.startswith("pooler"):
                    continue
                rows = np.flatnonzero(zero)
                row = int(rows[0]) if len(rows) == 1 else -1
                assert len(rows) <= 1, (name, tensor, rows)
                tensor = tensor.removeprefix("decoder.")
                print(name, tensor, f"{np.sqrt(square / SEEDS):.8g} {total / SEEDS:.8g} {row}", file=f)


if __name__ == "__main__":
    main()
