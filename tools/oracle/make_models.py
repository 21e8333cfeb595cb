#!/usr/bin/env python3
"""Tiny random checkpoints and what transformers computes with them, for tests/model.

usage: make_models.py [FOLDER]        (default: tests/golden/model below the source tree)

Each folder gets config.json, model.safetensors and golden.npz. The weights are random numbers, larger than an
initialiser would draw, so that attention is far from uniform and every bias and gain matters; some are stored as half
precision, and the oracle then starts from the rounded numbers. The forward pass is transformers', eager attention, in
float64, saved as float64:
  short.ids [9], short.hidden [L+1, 9, d] (0 = the input of block 0; L = after the last block, BEFORE any final norm),
  short.attn [L, H, 9, 9], short.attn_out, short.mlp_out [L, 9, d] (what each half of a block adds to the stream, or
  for post-norm models what it puts out before its norm), final_norm [9, d] (gpt2); long.ids [n], long.last [n, d].
"""

import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel, GPT2Config, GPT2Model

GPT2 = dict(n_embd=24, n_head=3, n_layer=2, n_positions=150, vocab_size=17, bos_token_id=0, eos_token_id=[3, 16])
ENCODER = dict(hidden_size=24, num_attention_heads=3, num_hidden_layers=2, max_position_embeddings=80, vocab_size=17)

# name: (config, model class, prefix, dtype of the file, gamma and beta for norms)
MODELS = {
    "gpt2-tiny": (GPT2Config(**GPT2, activation_function="gelu_new"), GPT2Model, "transformer.", torch.float32, False),
    "gpt2-tiny-f16": (
        GPT2Config(
            **GPT2,
            n_inner=41,
            activation_function="relu",
            scale_attn_by_inverse_layer_idx=True,
            layer_norm_epsilon=1e-3
        ),
        GPT2Model,
        "",
        torch.float16,
        False,
    ),
    "bert-tiny": (
        BertConfig(**ENCODER, intermediate_size=37, hidden_act="gelu"),
        BertModel,
        "bert.",
        torch.float32,
        True,
    ),
    "bert-tiny-bf16": (
        BertConfig(**ENCODER, intermediate_size=40, hidden_act="silu", layer_norm_eps=1e-5),
        BertModel,
        "",
        torch.bfloat16,
        False,
    ),
    "albert-tiny": (
        AlbertConfig(**ENCODER, embedding_size=10, intermediate_size=33, hidden_act="gelu_new"),
        AlbertModel,
        "albert.",
        torch.float32,
        False,
    ),
}


FIELDS = """model_type n_embd n_head n_layer n_positions n_inner vocab_size activation_function layer_norm_epsilon
scale_attn_by_inverse_layer_idx hidden_size num_attention_heads num_hidden_layers max_position_embeddings
intermediate_size hidden_act layer_norm_eps embedding_size type_vocab_size num_hidden_groups inner_group_num
pad_token_id bos_token_id eos_token_id""".split()


def randomise(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            norm = "norm" in name.lower() or "ln_" in name
            if norm and name.endswith("weight"):
                p.copy_(1 + 0.3 * noise)
            elif p.dim() == 1:
                p.copy_(0.2 * noise)
            else:
                p.copy_(noise * (0.7 if "embed" in name or "wte" in name or "wpe" in name else 0.3))


def old_name(name):
    if "LayerNorm" in name:
        return name.replace(".weight", ".gamma").replace(".bias", ".beta")
    return name


def save(folder, model, prefix, dtype, old):
    tensors = {}
    for name, t in model.state_dict().items():
        key = prefix + (old_name(name) if old else name)
        tensors[key] = t.to(dtype).contiguous() if t.is_floating_point() else t.contiguous()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.safetensors")
    save_file(tensors, path)
    os.chmod(path, 0o644)
    config = model.config.to_dict()
    keep = {k: v for k, v in sorted(config.items()) if k in FIELDS}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(keep, f, indent=1)
        f.write("\n")


def parts_of(model):
    """(attention module, mlp module) of each block, as often as it runs."""
    kind = model.config.model_type
    if kind == "gpt2":
        return [(b.attn, b.mlp) for b in model.h]
    if kind == "bert":
        return [(b.attention.output.dense, b.output.dense) for b in model.encoder.layer]
    layer = model.encoder.albert_layer_groups[0].albert_layers[0]
    return [(layer.attention.dense, layer.ffn_output)]


def run(model, ids):
    kept = {"attn": [], "mlp": [], "raw": []}
    hooks = []

    def keep(key):
        def hook(_module, _input, output):
            kept[key].append((output[0] if isinstance(output, tuple) else output).detach().reshape(len(ids), -1))

        return hook

    for attn, mlp in parts_of(model):
        hooks.append(attn.register_forward_hook(keep("attn")))
        hooks.append(mlp.register_forward_hook(keep("mlp")))
    if model.config.model_type == "gpt2":
        hooks.append(model.h[-1].register_forward_hook(keep("raw")))
    with torch.no_grad():
        o = model(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    for h in hooks:
        h.remove()
    hidden = [h[0] for h in o.hidden_states]
    if kept["raw"]:
        hidden[-1] = kept["raw"][0]
    attentions = torch.stack([a[0] for a in o.attentions])
    return torch.stack(hidden), attentions, torch.stack(kept["attn"]), torch.stack(kept["mlp"]), o.last_hidden_state[0]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "tests", "golden", "model")
    for seed, (name, (config, kind, prefix, dtype, old)) in enumerate(MODELS.items()):
        config._attn_implementation = "eager"
        model = kind(config, add_pooling_layer=False) if kind is not GPT2Model else kind(config)
        model.eval()
        randomise(model, seed + 1)
        model.to(dtype).double()  # what the file holds
        folder = os.path.join(root, name)
        save(folder, model, prefix, dtype, old)
        n = 130 if config.model_type == "gpt2" else 70  # more than two tiles, more than one
        rng = np.random.default_rng(seed)
        short, long = rng.integers(0, 17, 9), rng.integers(0, 17, n)
        hidden, attn, attn_out, mlp_out, last = run(model, short.tolist())
        out = {
            "short.ids": short,
            "short.hidden": hidden,
            "short.attn": attn,
            "short.attn_out": attn_out,
            "short.mlp_out": mlp_out,
            "long.ids": long,
            "long.last": run(model, long.tolist())[0][-1],
        }
        if config.model_type == "gpt2":
            out["final_norm"] = last
        np.savez(os.path.join(folder, "golden.npz"), **{k: np.asarray(v) for k, v in out.items()})
        print(name, "largest", float(hidden.abs().max()), "largest attention", float(attn.max()))


if __name__ == "__main__":
    main()
