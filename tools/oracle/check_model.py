#!/usr/bin/env python3
"""Compare a checkpoint's states, attention and token ids with transformers in float64, on new texts.

usage: check_model.py DWELL MODEL TEXT.txt... [--dtype f64|f32] [--iterations N]
       check_model.py DWELL MODEL --random-ids COUNT... [--dtype f64|f32] [--iterations N]

Runs dwell measure on each text (or on COUNT random ids) and transformers' own model, eager attention, float64, on
the ids
of the tokenizers library. Prints the largest difference of a state relative to that state's largest entry, the
largest absolute difference of an attention weight, and whether the ids agree. Exit status 1 above 1e-10 (f64) or 5e-5
(f32; attention 1e-10, 1e-4). Needs numpy, torch, transformers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

LIMITS = {"f64": (1e-10, 1e-10), "f32": (5e-5, 1e-4)}


def load(folder, iterations):
    config = AutoConfig.from_pretrained(folder)
    if iterations:
        config.num_hidden_layers = iterations
    model = AutoModel.from_pretrained(folder, config=config, attn_implementation="eager", dtype=torch.float64)
    return model.eval()


def tokenizer_of(folder):
    """What tokenizer.json says; AutoTokenizer would rebuild some of its parts from the architecture's defaults."""
    path = os.path.join(folder, "tokenizer.json")
    return PreTrainedTokenizerFast(tokenizer_file=path) if os.path.exists(path) else None


def reference(model, ids):
    """states [L+1, n, d] of the residual stream, final norm or None, attention [L, H, n, n]."""
    grabbed = []
    blocks = getattr(model, "h", None)
    hook = (
        blocks[-1].register_forward_hook(lambda _m, _i, out: grabbed.append(out[0] if isinstance(out, tuple) else out))
        if blocks is not None
        else None
    )
    with torch.no_grad():
        out = model(input_ids=torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    states = [h[0].numpy() for h in out.hidden_states]
    final = None
    if hook is not None:
        hook.remove()
        final = states[-1]
        last = grabbed[0]
        states[-1] = (last[0] if last.dim() == 3 else last).numpy()
    return np.stack(states), final, np.stack([a[0].numpy() for a in out.attentions])


def run(dwell, folder, source, dtype, iterations, out):
    command = [
        dwell,
        "measure",
        folder,
        *source,
        "--dtype",
        dtype,
        "--save",
        "states,attention",
        "--instruments",
        "norm",
        "--special",
        "keep",
        "-q",
        "-o",
        out,
    ]
    if iterations:
        command += ["--iterations", str(iterations)]
    subprocess.run(command, check=True)
    with open(os.path.join(out, "run.json")) as f:
        return np.load(os.path.join(out, "arrays.npz")), json.load(f)


def relative(got, want):
    return max(np.abs(g - w).max() / np.abs(w).max() for g, w in zip(got.astype(float), want))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dwell")
    parser.add_argument("model")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--dtype", default="f64", choices=LIMITS)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--random-ids", type=int, nargs="*", default=[])
    given = parser.parse_intermixed_args()
    torch.set_num_threads(2)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    model, tokenizer = load(given.model, given.iterations), tokenizer_of(given.model)
    rng = np.random.default_rng(11)
    cases = [(os.path.basename(t), ["-f", t], None) for t in given.texts]
    for count in given.random_ids:
        ids = rng.integers(0, model.config.vocab_size, count).tolist()
        cases.append((f"{count} ids", ["--ids", ",".join(map(str, ids))], ids))
    failed = False
    for name, source, ids in cases:
        if ids is None:
            with open(source[1], encoding="utf-8", newline="") as f:
                ids = tokenizer(f.read())["input_ids"]
        with tempfile.TemporaryDirectory() as folder:
            arrays, manifest = run(
                given.dwell, given.model, source, given.dtype, given.iterations, os.path.join(folder, "run")
            )
            own = [t["id"] for t in manifest["tokens"]]
            if own != ids:
                at = next((i for i, (a, b) in enumerate(zip(own, ids)) if a != b), min(len(own), len(ids)))
                print(f"{name}: token ids differ from token {at}: {own[at:at+5]} {ids[at:at+5]}")
                failed = True
                continue
            states, final, attention = reference(model, ids)
            a = relative(arrays["states"], states)
            b = np.abs(arrays["attention"].astype(float) - attention).max()
            line = f"{os.path.basename(given.model.rstrip('/'))} {given.dtype} {name}: {len(ids)} tokens, "
            line += f"{len(states)} states, states {a:.1e}, attention {b:.1e}"
            if final is not None:
                c = relative(arrays["final_norm"][None], final[None])
                line += f", final norm {c:.1e}"
                a = max(a, c)
            bad = a > LIMITS[given.dtype][0] or b > LIMITS[given.dtype][1]
            failed |= bad
            print(line + ("  FAILED" if bad else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
