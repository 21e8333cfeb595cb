#!/usr/bin/env python3
"""Tiny random checkpoints and what transformers computes with them, for tests/model.

usage: make_models.py [FOLDER [NAME...]]        (default: all, into tests/golden/model below the source tree)

Each folder gets config.json, model.safetensors and golden.npz. The weights are random numbers, larger than an
initialiser would draw, so that attention is far from uniform and every bias and gain matters; some are stored as half
precision, and the oracle then starts from the rounded numbers. The forward pass is transformers', eager attention, in
float64, saved as float64:
  short.ids [9], short.hidden [L+1, 9, d] (0 = the input of block 0; L = after the last block, BEFORE any final norm),
  short.attn [L, H, 9, 9], short.attn_out, short.mlp_out [L, 9, d] (what each half of a block adds to the stream, or
  for post-norm models what it puts out before its norm), final_norm [9, d] (models that have one); long.ids [n],
  long.last [n, d].
"""

import json
import os
import sys

import numpy as np
import torch
import transformers as t
from safetensors.torch import save_file

from true_float64 import patch

GPT2 = dict(n_embd=24, n_head=3, n_layer=2, n_positions=150, vocab_size=17, bos_token_id=0, eos_token_id=[3, 16])
ENCODER = dict(hidden_size=24, num_attention_heads=3, num_hidden_layers=2, max_position_embeddings=80, vocab_size=17)
DECODER = dict(hidden_size=24, num_hidden_layers=2, max_position_embeddings=150, vocab_size=17)
LLAMA = dict(**DECODER, num_attention_heads=4, num_key_value_heads=2, intermediate_size=37)
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0)
LLAMA3["original_max_position_embeddings"] = 100  # one fast, one blended and one slow frequency
NEOX = dict(**DECODER, num_attention_heads=3, intermediate_size=41)
OPT = dict(**DECODER, num_attention_heads=3, ffn_dim=33, dropout=0.0)
POSITIONS = dict(ENCODER, max_position_embeddings=152)  # 150 tokens behind the padding token's row

# name: (config, model class, prefix, dtype of the file, names of old checkpoints for norms or rotary fields)
MODELS = {
    "gpt2-tiny": (t.GPT2Config(**GPT2, activation_function="gelu_new"), "transformer.", torch.float32, False),
    "gpt2-tiny-f16": (
        t.GPT2Config(
            **GPT2,
            n_inner=41,
            activation_function="relu",
            scale_attn_by_inverse_layer_idx=True,
            layer_norm_epsilon=1e-3
        ),
        "",
        torch.float16,
        False,
    ),
    "bert-tiny": (t.BertConfig(**ENCODER, intermediate_size=37, hidden_act="gelu"), "bert.", torch.float32, True),
    "bert-tiny-bf16": (
        t.BertConfig(**ENCODER, intermediate_size=40, hidden_act="silu", layer_norm_eps=1e-5),
        "",
        torch.bfloat16,
        False,
    ),
    "albert-tiny": (
        t.AlbertConfig(**ENCODER, embedding_size=10, intermediate_size=33, hidden_act="gelu_new"),
        "albert.",
        torch.float32,
        False,
    ),
    # heads whose sizes do not add up to the width, and keys that serve two heads each
    "llama-tiny": (
        t.LlamaConfig(**LLAMA, head_dim=10, rope_parameters={"rope_type": "default", "rope_theta": 300.0}),
        "model.",
        torch.float32,
        False,
    ),
    "llama-tiny-scaled": (
        t.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True, rope_parameters=LLAMA3, hidden_act="gelu"),
        "",
        torch.float16,
        True,
    ),
    "mistral-tiny": (
        t.MistralConfig(
            **LLAMA,
            head_dim=6,
            sliding_window=140,
            rms_norm_eps=1e-3,
            rope_parameters={"rope_type": "linear", "rope_theta": 300.0, "factor": 3.0}
        ),
        "model.",
        torch.bfloat16,
        False,
    ),
    "qwen2-tiny": (t.Qwen2Config(**LLAMA, sliding_window=20), "model.", torch.float32, False),
    "gpt_neox-tiny": (t.GPTNeoXConfig(**NEOX), "gpt_neox.", torch.float32, False),
    "gpt_neox-tiny-serial": (
        t.GPTNeoXConfig(
            **NEOX,
            use_parallel_residual=False,
            attention_bias=False,
            rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5}
        ),
        "",
        torch.float16,
        True,
    ),
    "opt-tiny": (t.OPTConfig(**OPT), "model.", torch.float32, False),
    "opt-tiny-post": (
        t.OPTConfig(**OPT, word_embed_proj_dim=10, do_layer_norm_before=False),
        "",
        torch.float16,
        False,
    ),
    "roberta-tiny": (
        t.RobertaConfig(**POSITIONS, intermediate_size=37, type_vocab_size=1),
        "roberta.",
        torch.float32,
        False,
    ),
    "distilbert-tiny": (
        t.DistilBertConfig(dim=24, n_heads=3, n_layers=2, hidden_dim=37, max_position_embeddings=80, vocab_size=17),
        "distilbert.",
        torch.float32,
        False,
    ),
    "electra-tiny": (
        t.ElectraConfig(**ENCODER, embedding_size=10, intermediate_size=37),
        "electra.",
        torch.float32,
        False,
    ),
    "mpnet-tiny": (t.MPNetConfig(**POSITIONS, intermediate_size=37), "mpnet.", torch.float32, False),
}

LONG = {"mpnet": 150, "roberta": 70, "bert": 70, "albert": 70, "distilbert": 70, "electra": 70}  # others: 130

FIELDS = """model_type n_embd n_head n_layer n_positions n_inner vocab_size activation_function layer_norm_epsilon
scale_attn_by_inverse_layer_idx hidden_size num_attention_heads num_hidden_layers max_position_embeddings
intermediate_size hidden_act layer_norm_eps embedding_size type_vocab_size num_hidden_groups inner_group_num
pad_token_id bos_token_id eos_token_id num_key_value_heads head_dim rms_norm_eps rope_parameters attention_bias mlp_bias
sliding_window use_sliding_window use_parallel_residual ffn_dim word_embed_proj_dim do_layer_norm_before dim n_layers
n_heads hidden_dim activation relative_attention_num_buckets""".split()


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


def round_to(model, dtype):
    """What the file will hold."""
    for p in model.parameters():
        p.data = p.data.to(dtype).float()
    return model


def old_rotary(fields):
    """The rotary fields as transformers 4 wrote them."""
    rope = fields.pop("rope_parameters")
    if fields["model_type"] == "gpt_neox":
        fields["rotary_emb_base"], fields["rotary_pct"] = rope["rope_theta"], rope["partial_rotary_factor"]
    else:
        fields["rope_theta"] = rope.pop("rope_theta")
        fields["rope_scaling"] = rope
    FIELDS.extend(("rotary_emb_base", "rotary_pct", "rope_theta", "rope_scaling"))


def old_name(name):
    if "LayerNorm" in name:
        return name.replace(".weight", ".gamma").replace(".bias", ".beta")
    return name


def save(folder, model, prefix, dtype, old):
    tensors = {}
    for name, x in model.state_dict().items():
        key = prefix + (old_name(name) if old else name)
        tensors[key] = x.to(dtype).contiguous() if x.is_floating_point() else x.contiguous()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.safetensors")
    save_file(tensors, path)
    os.chmod(path, 0o644)
    fields = model.config.to_dict()
    if old and "rope_parameters" in fields:
        old_rotary(fields)
    keep = {k: v for k, v in sorted(fields.items()) if k in FIELDS}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(keep, f, indent=1)
        f.write("\n")


PARTS = {  # where the blocks are, and the modules whose outputs are the two parts of a move
    "gpt2": ("h", "attn", "mlp"),
    "llama": ("layers", "self_attn", "mlp"),
    "mistral": ("layers", "self_attn", "mlp"),
    "qwen2": ("layers", "self_attn", "mlp"),
    "gpt_neox": ("layers", "attention", "mlp"),
    "opt": ("decoder.layers", "self_attn", "fc2"),
    "bert": ("encoder.layer", "attention.output.dense", "output.dense"),
    "roberta": ("encoder.layer", "attention.output.dense", "output.dense"),
    "electra": ("encoder.layer", "attention.output.dense", "output.dense"),
    "distilbert": ("transformer.layer", "attention.out_lin", "ffn.lin2"),
    "mpnet": ("encoder.layer", "attention.attn.o", "output.dense"),
    "albert": ("encoder.albert_layer_groups", "albert_layers.0.attention.dense", "albert_layers.0.ffn_output"),
}
CAUSAL = ("gpt2", "llama", "mistral", "qwen2", "gpt_neox", "opt")


def run(model, ids):
    kept = {"attn": [], "mlp": [], "raw": []}
    hooks = []

    def keep(key):
        def hook(_module, _input, output):
            kept[key].append((output[0] if isinstance(output, tuple) else output).detach().reshape(len(ids), -1))

        return hook

    kind = model.config.model_type
    blocks, attn, mlp = PARTS[kind]
    blocks = model.get_submodule(blocks)
    for block in blocks:
        hooks.append(block.get_submodule(attn).register_forward_hook(keep("attn")))
        hooks.append(block.get_submodule(mlp).register_forward_hook(keep("mlp")))
    if kind in CAUSAL:
        hooks.append(blocks[-1].register_forward_hook(keep("raw")))
    with torch.no_grad():
        o = model(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    for h in hooks:
        h.remove()
    hidden = [h[0] for h in o.hidden_states]
    if kept["raw"]:
        hidden[-1] = kept["raw"][0]
    attentions = torch.stack([a[0] for a in o.attentions])
    return torch.stack(hidden), attentions, torch.stack(kept["attn"]), torch.stack(kept["mlp"]), o.last_hidden_state[0]


def has_final_norm(config):
    return config.model_type in CAUSAL and getattr(config, "do_layer_norm_before", True)


def golden_of(model, seed):
    """The arrays of golden.npz."""
    n = LONG.get(model.config.model_type, 130)  # more than one tile, more than two, more than a farthest bucket
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
    if has_final_norm(model.config):
        out["final_norm"] = last
    return {k: np.asarray(v) for k, v in out.items()}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "tests", "golden", "model")
    for seed, (name, (config, prefix, dtype, old)) in enumerate(MODELS.items()):
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        config._attn_implementation = "eager"
        model = t.AutoModel.from_config(config)
        model.pooler = None
        model.eval()
        randomise(model, seed + 1)
        patch(round_to(model, dtype))
        folder = os.path.join(root, name)
        save(folder, model, prefix, dtype, old)
        out = golden_of(model, seed)
        np.savez(os.path.join(folder, "golden.npz"), **out)
        print(name, "largest", np.abs(out["short.hidden"]).max(), "largest attention", out["short.attn"].max())


if __name__ == "__main__":
    main()
