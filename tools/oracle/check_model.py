#!/usr/bin/env python3
"""Compare a checkpoint's states, attention and token ids with transformers in float64, on new texts.

usage: check_model.py DWELL MODEL TEXT.txt... [--dtype f64|f32] [--iterations N] [--loss]
       check_model.py DWELL MODEL --random-ids COUNT... [--dtype f64|f32] [--iterations N] [--loss]
       check_model.py DWELL --all MODELS TEXT.txt... [--dtype f64|f32]

Runs dwell measure on each text (or on COUNT random ids) and transformers' own model, eager attention, float64, on the
ids of the tokenizers library. Prints the largest difference of a state relative to that state's largest entry, the
largest absolute difference of an attention weight, and whether the ids agree. Exit status 1 above 1e-10 (f64) or 5e-5
(f32; attention 1e-10, 1e-4).

--loss: the model is loaded with its output layer, no weight of which may be missing, and transformers' loss on the text
(causal models: of each next token; masked ones: of every seventh token, masked) is compared with that of the same
output layer on dwell's last states: relative difference at most 1e-10 or 1e-5.

--all: the folders in MODELS that hold a config.json, each with --loss; texts are cut to the model's context, and
AutoTokenizer must give the same ids as tokenizer.json. `--all data/models` checks the nursery.

Needs numpy, torch, transformers.
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
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
from transformers import PreTrainedTokenizerFast

from make_models import CAUSAL, PARTS, has_final_norm
from true_float64 import patch

LIMITS = {"f64": (1e-10, 1e-10), "f32": (5e-5, 1e-4)}
LOSS_LIMITS = {"f64": 1e-10, "f32": 1e-5}
MASKED_EVERY = 7


def load(folder, iterations=None, head=False):
    """transformers' own model in float64; with its output layer, of which no weight may be missing, if `head`."""
    config = AutoConfig.from_pretrained(folder)
    if iterations:
        config.num_hidden_layers = iterations
    kind = AutoModel if not head else AutoModelForCausalLM if config.model_type in CAUSAL else AutoModelForMaskedLM
    model, found = kind.from_pretrained(
        folder, config=config, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
    )
    if head and (found["missing_keys"] or found["unexpected_keys"]):
        sys.exit(f"{folder}: missing {found['missing_keys']}, not used {found['unexpected_keys']}")
    return patch(model.eval())


def tokenizer_of(folder):
    """What tokenizer.json says; AutoTokenizer would rebuild some of its parts from the architecture's defaults."""
    path = os.path.join(folder, "tokenizer.json")
    return PreTrainedTokenizerFast(tokenizer_file=path) if os.path.exists(path) else None


def model_folders(models):
    """The folders of MODELS that hold a checkpoint, in order of their names."""
    names = sorted(n for n in os.listdir(models) if os.path.exists(os.path.join(models, n, "config.json")))
    return [os.path.join(models, name) for name in names]


def reference(model, ids):
    """states [L+1, n, d] of the residual stream, final norm or None, attention [L, H, n, n]."""
    model, grabbed, hook = model.base_model, [], None
    if model.config.model_type in CAUSAL:
        hook = model.get_submodule(PARTS[model.config.model_type][0])[-1].register_forward_hook(
            lambda _m, _i, out: grabbed.append(out[0] if isinstance(out, tuple) else out)
        )
    with torch.no_grad():
        out = model(input_ids=torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    states = [h[0].numpy() for h in out.hidden_states]
    final = None
    if hook is not None:
        hook.remove()
        final = states[-1] if has_final_norm(model.config) else None
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


def logits_of(model, last):
    """The output layer on the last states [n, d]; causal models: after the final norm."""
    last = torch.from_numpy(np.asarray(last, dtype=np.float64))[None]
    heads = ("lm_head", "cls", "predictions")
    head = next(getattr(model, name) for name in heads if hasattr(model, name))
    with torch.no_grad():
        return head(last)[0]


def cross_entropy(model, logits, labels):
    """Mean over the labels that are not -100, in float64: transformers' own loss rounds the logits to float32."""
    if model.config.model_type in CAUSAL:
        logits, labels = logits[:-1], labels[1:]
    return torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100).item()


def masked(model, tokenizer, ids):
    """(ids to run, labels): causal models get the ids themselves, others a mask at every seventh token."""
    labels = torch.tensor(ids)
    if model.config.model_type in CAUSAL:
        return ids, labels
    hidden = [i for i in range(1, len(ids) - 1) if i % MASKED_EVERY == 0]
    run_ids = [tokenizer.convert_tokens_to_ids("[MASK]") if i in hidden else t for i, t in enumerate(ids)]
    keep = torch.zeros(len(ids), dtype=torch.bool)
    keep[hidden] = True
    return run_ids, torch.where(keep, labels, -100)


def check_loss(given, folder, model, tokenizer, ids):
    """(words, whether it failed)"""
    run_ids, labels = masked(model, tokenizer, ids)
    with tempfile.TemporaryDirectory() as place:
        source = ["--ids", ",".join(map(str, run_ids))]
        arrays, _ = run(given.dwell, folder, source, given.dtype, given.iterations, os.path.join(place, "run"))
    last = arrays["final_norm"] if "final_norm" in arrays else arrays["states"][-1]
    own = cross_entropy(model, logits_of(model, last), labels)
    with torch.no_grad():
        theirs = cross_entropy(model, model(input_ids=torch.tensor([run_ids])).logits[0], labels)
    bad = not abs(own - theirs) <= LOSS_LIMITS[given.dtype] * theirs
    return f", loss {theirs:.4f} nats ({abs(own - theirs) / theirs:.1e})", bad


def check(given, folder, model, name, source, ids):
    """Runs dwell on one text; prints a line; whether it failed."""
    with tempfile.TemporaryDirectory() as place:
        arrays, manifest = run(given.dwell, folder, source, given.dtype, given.iterations, os.path.join(place, "run"))
        own = [t["id"] for t in manifest["tokens"]]
        if own != ids:
            at = next((i for i, (a, b) in enumerate(zip(own, ids)) if a != b), min(len(own), len(ids)))
            print(f"{name}: token ids differ from token {at}: {own[at:at+5]} {ids[at:at+5]}")
            return True
        states, final, attention = reference(model, ids)
        a = relative(arrays["states"], states)
        b = np.abs(arrays["attention"].astype(float) - attention).max()
        line = f"{os.path.basename(folder.rstrip('/'))} {given.dtype} {name}: {len(ids)} tokens, "
        line += f"{len(states)} states, states {a:.1e}, attention {b:.1e}"
        if final is not None:
            c = relative(arrays["final_norm"][None], final[None])
            line += f", final norm {c:.1e}"
            a = max(a, c)
    bad = a > LIMITS[given.dtype][0] or b > LIMITS[given.dtype][1]
    if given.loss:
        words, worse = check_loss(given, folder, model, tokenizer_of(folder), ids)
        line, bad = line + words, bad or worse
    print(line + ("  FAILED" if bad else ""), flush=True)
    return bad


def read_text(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def cases_of(given, model, tokenizer):
    """(name, options of dwell, ids) of each text and of each number of random ids."""
    rng = np.random.default_rng(11)
    for path in given.texts:
        most = model.config.max_position_embeddings
        ids = tokenizer(read_text(path), truncation=given.all, max_length=most if given.all else None)["input_ids"]
        yield os.path.basename(path), ["-f", path] + (["--max-tokens", str(most)] if given.all else []), ids
    for count in given.random_ids:
        ids = rng.integers(0, model.config.vocab_size, count).tolist()
        yield f"{count} ids", ["--ids", ",".join(map(str, ids))], ids


def same_tokenizer(folder, texts):
    """Whether AutoTokenizer, which rebuilds some parts, agrees with tokenizer.json."""
    auto, plain = AutoTokenizer.from_pretrained(folder), tokenizer_of(folder)
    agree = all(auto(text)["input_ids"] == plain(text)["input_ids"] for text in texts)
    if not agree:
        print(f"{folder}: AutoTokenizer gives other ids than tokenizer.json  FAILED")
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dwell")
    parser.add_argument("model")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--loss", action="store_true")
    parser.add_argument("--dtype", default="f64", choices=LIMITS)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--random-ids", type=int, nargs="*", default=[])
    given = parser.parse_intermixed_args()
    given.loss |= given.all
    torch.set_num_threads(2)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    failed = False
    for folder in model_folders(given.model) if given.all else [given.model]:
        model, tokenizer = load(folder, given.iterations, given.loss), tokenizer_of(folder)
        if given.all:
            failed |= not same_tokenizer(folder, [read_text(path) for path in given.texts])
        for name, source, ids in cases_of(given, model, tokenizer):
            failed |= check(given, folder, model, name, source, ids)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
