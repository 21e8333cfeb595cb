#!/usr/bin/env python3
"""Tiny LLaMAs as GGUF files with quantised tensors, and what transformers computes with the dequantised numbers.

usage: make_gguf_model.py [FOLDER]        (default: tests/golden/model below the source tree)

model.gguf is written by the gguf package: rows of queries and keys in the order of its converters, types mixed. The
numbers that its own dequantisation gives, put back in the order of the Hugging Face checkpoint, go into transformers'
model; golden.npz holds what make_models.py saves for the other tiny models.

  llama-tiny-gguf   six number types
  llama3-tiny-gguf  rotary positions scaled as Llama 3's, by a tensor of divisors (in float64, so that nothing is lost:
                    files have float32) where transformers has a formula; and a tokenizer. split-00001-of-00003.gguf
                    and so on: the same, divided over three files
"""

import os
import sys

import gguf
import numpy as np
import torch
import transformers as t
from gguf import GGMLQuantizationType as Q
from tokenizers import pre_tokenizers

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
OUT = os.path.join(ROOT, "tests", "golden", "model")
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 100,
}


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


def divisors(rope, size):
    """What converters write as rope_freqs.weight, from the parameters of config.json."""
    trained = rope["original_max_position_embeddings"]
    out = []
    for i in range(0, size, 2):
        length = 2 * np.pi * rope["rope_theta"] ** (i / size)
        if length < trained / rope["high_freq_factor"]:
            out.append(1.0)
        elif length > trained / rope["low_freq_factor"]:
            out.append(rope["factor"])
        else:
            low, high = rope["low_freq_factor"], rope["high_freq_factor"]
            smooth = (trained / length - low) / (high - low)
            out.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    assert len(set(out)) > 3, out  # all three cases
    return np.array(out, np.float64)


def add_tokenizer(writer):
    """Bytes and a few merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "a")]
    tokens = alphabet + ["".join(m) for m in merges] + ["<|begin|>", "<|end|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 2) + [gguf.TokenType.CONTROL] * 2)
    writer.add_token_merges([" ".join(m) for m in merges])
    writer.add_bos_token_id(len(tokens) - 2)
    writer.add_eos_token_id(len(tokens) - 1)
    return len(tokens)


def make(folder, seed, width, heads, key_heads, rope, tokenizer, file="model.gguf", most_tensors=0):
    os.makedirs(folder, exist_ok=True)
    writer = gguf.GGUFWriter(os.path.join(folder, file), "llama", split_max_tensors=most_tensors)
    config = t.LlamaConfig(
        hidden_size=width,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        vocab_size=add_tokenizer(writer) if tokenizer else 17,
        max_position_embeddings=150,
        rms_norm_eps=2.0**-17,
        rope_parameters=rope,
        attn_implementation="eager",
    )
    model = t.LlamaModel(config).eval()
    randomise(model, seed)
    writer.add_context_length(150)
    writer.add_embedding_length(width)
    writer.add_block_count(2)
    writer.add_feed_forward_length(96)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(500.0)
    writer.add_layer_norm_rms_eps(2.0**-17)
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", divisors(rope, width // heads))
    for name, p in model.named_parameters():
        short, kind = name_and_type(name)
        turns = {"q": heads, "k": key_heads}
        among = turns.get(short.split(".")[2].removeprefix("attn_")) if short.startswith("blk") else None
        x = p.detach().numpy()
        raw = gguf.quantize(turned(x, among) if among else x, kind)
        writer.add_tensor(short, raw, raw_dtype=kind)
        back = gguf.dequantize(raw, kind).reshape(x.shape)
        p.data = torch.from_numpy(np.ascontiguousarray(turned_back(back, among) if among else back))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    np.savez(os.path.join(folder, "golden.npz"), **golden_of(patch(model), seed))


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else OUT
    plain = {"rope_type": "default", "rope_theta": 500.0}
    make(os.path.join(out, "llama-tiny-gguf"), 101, 64, 4, 2, plain, False)
    for how in ({}, {"file": "split.gguf", "most_tensors": 8}):
        make(os.path.join(out, "llama3-tiny-gguf"), 102, 32, 2, 1, LLAMA3, True, **how)


if __name__ == "__main__":
    main()
