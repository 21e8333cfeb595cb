#!/usr/bin/env python3
"""What transformers computes with the tiny checkpoints of tests/golden/model once their weights are edited, and what
their output layers say, for tests/model and tests/measure.

usage: make_interventions.py [FOLDER [NAME...]]      (default: all, into tests/golden/model below the source tree)

Runs after make_models.py, whose models it builds again; writes interventions.npz beside golden.npz, and two models with
output layers of their own. All in float64, over golden.npz's short.ids:
  EDIT.last [9, d], the state after the last block, for EDIT of
    scale_wo  every W_O and its bias times 0.5
    scale_wq  every W_Q and its bias times 1.7
    rotate    W_O -> Q_b W_O and its bias, Q_b from seed 5 by random_streams.py and the recipe of src/linalg/haar.h
    drop      heads 0.1, 1.0 and 1.2 (of a shared block: 0.1) write nothing
    dropped   no head writes anything
    patch     state 1 is `patch` [9, d]
    all       scale_wo, scale_wq, rotate, drop and patch at once
  of models with an output layer: nll [8], of each next token; lens [L+1, 8], the same from every state as the final
  norm and the output layer read it; all.nll [8]; all.kl [9], sum over the vocabulary of p ln(p / q), p untouched, q
  edited.
"""

import copy
import os
import sys

import numpy as np
import torch
import transformers as t
from mpmath import mp

import make_models
from make_models import MODELS, randomise, round_to, run, save
from random_streams import quantile, uniform
from true_float64 import patch as to_float64

mp.dps = 30
ROTATION = 40  # src/base/random.h
SEED, WO, WQ = 5, 0.5, 1.7

# where attention's maps are, below a block
MAPS = {
    "gpt2": ("attn.c_proj", "attn.c_attn"),
    "llama": ("self_attn.o_proj", "self_attn.q_proj"),
    "mistral": ("self_attn.o_proj", "self_attn.q_proj"),
    "qwen2": ("self_attn.o_proj", "self_attn.q_proj"),
    "gpt_neox": ("attention.dense", "attention.query_key_value"),
    "opt": ("self_attn.out_proj", "self_attn.q_proj"),
    "bert": ("attention.output.dense", "attention.self.query"),
    "roberta": ("attention.output.dense", "attention.self.query"),
    "electra": ("attention.output.dense", "attention.self.query"),
    "distilbert": ("attention.out_lin", "attention.q_lin"),
    "mpnet": ("attention.attn.o", "attention.attn.q"),
    "albert": ("albert_layers.0.attention.dense", "albert_layers.0.attention.query"),
}
FINAL_NORM = {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm", "opt": "decoder.final_layer_norm"}
WITH_OUTPUT = ("gpt2-tiny", "gpt2-tiny-f16", "opt-tiny", "opt-tiny-post")


def haar(block, d):
    """Stewart 1980: reflections of the last k axes, k = 1..d, from the inside out."""
    q = np.eye(d)
    for k in range(1, d + 1):
        x = np.array([float(quantile(uniform(SEED, ROTATION, 0, block, k * (k - 1) // 2 + e))) for e in range(k)])
        sign = -1.0 if x[0] < 0 else 1.0
        v = x.copy()
        v[0] += sign * np.linalg.norm(x)
        if k == 1:
            q[-1, -1] = -sign
            continue
        q[d - k, d - k] = -sign
        q[d - k :, d - k :] -= np.outer(v, 2 / (v @ v) * (v @ q[d - k :, d - k :]))
    assert np.abs(q @ q.T - np.eye(d)).max() < 1e-13
    return torch.tensor(q)


def blocks_of(model):
    return list(model.get_submodule(make_models.PARTS[model.config.model_type][0]))


def sizes(model):
    c = model.config
    heads = getattr(c, "num_attention_heads", None) or c.n_head
    width = getattr(c, "hidden_size", None) or c.n_embd
    return heads, getattr(c, "head_dim", None) or width // heads


class Edited:
    """The model with its weights edited, inside a with statement."""

    def __init__(self, model, what):
        self.model, self.what, self.kind = model, what, model.config.model_type
        self.kept = copy.deepcopy(model.state_dict())

    def out(self, block):
        return block.get_submodule(MAPS[self.kind][0])

    def rows(self, weight):
        """The map as [out, in], whichever way it is stored."""
        return weight.T if self.kind == "gpt2" else weight

    def queries(self, block, heads, size):
        part = block.get_submodule(MAPS[self.kind][1])
        weight = self.rows(part.weight)
        rows = range(heads * size)
        if self.kind == "gpt_neox":
            rows = [h * 3 * size + i for h in range(heads) for i in range(size)]
        weight[list(rows)] *= WQ
        if part.bias is not None:
            part.bias[list(rows)] *= WQ

    def dropped(self, b, heads):
        if "dropped" in self.what:
            return range(heads)
        return {0: [1], 1: [0, 2]}.get(b, []) if "drop" in self.what else []

    def __enter__(self):
        heads, size = sizes(self.model)
        with torch.no_grad():
            for b, block in enumerate(blocks_of(self.model)):
                out = self.out(block)
                weight = self.rows(out.weight)
                if "scale_wq" in self.what:
                    self.queries(block, heads, size)
                if "scale_wo" in self.what:
                    weight *= WO
                    if out.bias is not None:
                        out.bias *= WO
                if "rotate" in self.what:
                    q = haar(b, weight.shape[0])
                    weight.copy_(q @ weight)
                    if out.bias is not None:
                        out.bias.copy_(q @ out.bias)
                for h in self.dropped(b, heads):
                    weight[:, h * size : (h + 1) * size] = 0

    def __exit__(self, *_):
        self.model.load_state_dict(self.kept)


def patched(model, x):
    """A hook that puts x in the place of state 1."""
    blocks, calls = blocks_of(model), []

    def hook(_module, args, kwargs):
        calls.append(1)
        if len(blocks) == 1 and len(calls) != 2:  # a shared block, at its second application
            return None
        if args:
            return (x[None],) + args[1:], kwargs
        return args, dict(kwargs, hidden_states=x[None])

    return blocks[1 if len(blocks) > 1 else 0].register_forward_pre_hook(hook, with_kwargs=True)


def last_state(model, ids, what, x):
    with Edited(model, what):
        hook = patched(model, x) if "patch" in what else None
        last = run(model, ids)[0][-1]
        if hook:
            hook.remove()
    return last


# ---- output layers ----


def log_softmax(lm, ids):
    with torch.no_grad():
        return torch.log_softmax(lm(torch.tensor([ids])).logits[0], -1)


def nll_of(logs, ids):
    return -logs[range(len(ids) - 1), ids[1:]]


def lens(lm, model, ids):
    """Every state through the final norm and the output layer."""
    kind, out = model.config.model_type, []
    with torch.no_grad():
        for x in run(model, ids)[0]:
            if kind != "opt" or model.config.do_layer_norm_before:
                x = model.get_submodule(FINAL_NORM[kind])(x)
            if kind == "opt" and model.decoder.project_out is not None:
                x = model.decoder.project_out(x)
            out.append(nll_of(torch.log_softmax(lm.get_output_embeddings()(x), -1), ids))
    return torch.stack(out)


def output_goldens(lm, model, ids, x, out):
    plain = log_softmax(lm, ids)
    out["nll"], out["lens"] = nll_of(plain, ids), lens(lm, model, ids)
    with Edited(model, "scale_wo scale_wq rotate drop"):
        hook = patched(model, x)
        edited = log_softmax(lm, ids)
        hook.remove()
    out["all.nll"], out["all.kl"] = nll_of(edited, ids), (plain.exp() * (plain - edited)).sum(-1)


def with_output(model):
    lm = t.AutoModelForCausalLM.from_config(model.config)
    setattr(lm, lm.base_model_prefix, model)
    lm.tie_weights()
    assert lm.get_output_embeddings().weight is model.get_input_embeddings().weight
    return lm.double().eval()


# name: (config, seed); a whole model with an output layer that is not tied
HEADED = {
    "llama-tiny-output": (t.LlamaConfig(**make_models.LLAMA, tie_word_embeddings=False), 101),
    "gpt_neox-tiny-output": (t.GPTNeoXConfig(**make_models.NEOX, tie_word_embeddings=False), 102),
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "tests", "golden", "model")
    only = sys.argv[2:]
    torch.set_grad_enabled(False)
    for seed, (name, (config, _prefix, dtype, _old)) in enumerate(MODELS.items()):
        if only and name not in only:
            continue
        config._attn_implementation = "eager"
        model = t.AutoModel.from_config(config)
        model.pooler = None
        model.eval()
        randomise(model, seed + 1)
        to_float64(round_to(model, dtype))
        stored = np.load(os.path.join(root, name, "golden.npz"))
        ids = stored["short.ids"].tolist()
        hidden = run(model, ids)[0]
        assert np.abs(hidden.numpy() - stored["short.hidden"]).max() < 1e-12, name
        x = torch.tensor(np.random.default_rng(seed + 50).standard_normal(tuple(hidden[1].shape)))
        out = {"patch": x}
        for what in ("scale_wo", "scale_wq", "rotate", "drop", "dropped", "patch"):
            out[what + ".last"] = last_state(model, ids, what.split(), x)
        out["all.last"] = last_state(model, ids, "scale_wo scale_wq rotate drop patch".split(), x)
        assert np.abs(run(model, ids)[0] - hidden).max() == 0, name
        if name in WITH_OUTPUT:
            output_goldens(with_output(model), model, ids, x, out)
        np.savez(os.path.join(root, name, "interventions.npz"), **{k: np.asarray(v) for k, v in out.items()})
        print(name, {k: float(np.abs(v - hidden[-1]).max()) for k, v in out.items() if k.endswith(".last")})
    for name, (config, seed) in HEADED.items():
        if only and name not in only:
            continue
        config._attn_implementation = "eager"
        lm = t.AutoModelForCausalLM.from_config(config).eval()
        randomise(lm, seed)
        model = getattr(lm, lm.base_model_prefix)
        to_float64(lm)
        folder = os.path.join(root, name)
        make_models.FIELDS.append("tie_word_embeddings")
        save(folder, lm, "", torch.float32, False)
        rng = np.random.default_rng(seed)
        ids = rng.integers(0, 17, 9).tolist()
        x = torch.tensor(rng.standard_normal((9, 24)))
        every = "scale_wo scale_wq rotate drop patch".split()
        out = {"patch": x, "ids": np.array(ids), "all.last": last_state(model, ids, every, x)}
        output_goldens(lm, model, ids, x, out)
        np.savez(os.path.join(folder, "interventions.npz"), **{k: np.asarray(v) for k, v in out.items()})
        print(name, "nll", out["nll"].mean().item())


if __name__ == "__main__":
    main()
