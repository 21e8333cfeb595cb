#!/usr/bin/env python3
"""A tiny LLaMA as a GGUF file with quantised tensors, and what transformers computes with the dequantised numbers.

usage: make_gguf_model.py [FOLDER]        (default: tests/golden/model/llama-tiny-gguf below the source tree)

model.gguf is written by the gguf package: rows of queries and keys in the order of its converters, types mixed. The
numbers that its own dequantisation gives, put back in the order of the Hugging Face checkpoint, go into transformers'
model; golden.npz holds what make_models.py saves for the other tiny models.
"""

import os
import sys

import gguf
import numpy as np
import torch
import transformers as t
from gguf import GGMLQuantizationType as Q

from make_models import golden_of, randomise
from true_float64 import patch

NAMES = {
    "self_attn.q_proj": ("attn_q", Q.Q4_0),
    "self_attn.k_proj": ("attn_k", Q.Q4_1),
    "self_attn.v_proj": ("attn_v", Q.F16),
    "self_attn.o_proj": ("attn_output", Q.BF16),
    "mlp.gate_proj": ("ffn_gate", Q.Q8_0),
    "mlp.up_proj": ("ffn_up", Q.Q4_1),
    "mlp.down_proj": ("ffn_down", Q.Q4_0),
    "input_layernorm": ("attn_norm", Q.F32),
    "post_attention_layernorm": ("ffn_norm", Q.F32),
}
OUTER = {"embed_tokens.weight": ("token_embd.weight", Q.Q8_0), "norm.weight": ("output_norm.weight", Q.F32)}


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "model", "llama-tiny-gguf")


def name_and_type(name):
    if name in OUTER:
        return OUTER[name]
    _layers, block, rest = name.split(".", 2)
    short, kind = NAMES[rest.removesuffix(".weight")]
    return f"blk.{block}.{short}.weight", kind


def turned(x, heads):
    """Rows of a head: two halves become neighbours in turn."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(x.shape)


def turned_back(x, heads):
    return x.reshape(heads, x.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(x.shape)


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else OUT
    os.makedirs(out, exist_ok=True)
    config = t.LlamaConfig(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=17,
        max_position_embeddings=150,
        rms_norm_eps=2.0**-17,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        attn_implementation="eager",
    )
    model = t.LlamaModel(config).eval()
    randomise(model, 101)
    writer = gguf.GGUFWriter(os.path.join(out, "model.gguf"), "llama")
    writer.add_context_length(150)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(500.0)
    writer.add_layer_norm_rms_eps(2.0**-17)
    for name, p in model.named_parameters():
        short, kind = name_and_type(name)
        heads = {"q": 4, "k": 2}.get(short.split(".")[2].removeprefix("attn_")) if short.startswith("blk") else None
        x = p.detach().numpy()
        raw = gguf.quantize(turned(x, heads) if heads else x, kind)
        writer.add_tensor(short, raw, raw_dtype=kind)
        back = gguf.dequantize(raw, kind).reshape(x.shape)
        p.data = torch.from_numpy(np.ascontiguousarray(turned_back(back, heads) if heads else back))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    np.savez(os.path.join(out, "golden.npz"), **golden_of(patch(model), 101))


if __name__ == "__main__":
    main()
