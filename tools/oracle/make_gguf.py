#!/usr/bin/env python3
"""GGUF files as the format's own Python package writes them, and the numbers that it reads out of them, for
tests/file/test_gguf.c.

usage: make_gguf.py [FOLDER]        (default: tests/golden/gguf below the source tree)

  types.gguf     one tensor [4, 512] of every number type that dwell reads, named after it; metadata of every type.
                 Row 0 is what the package quantises where it can; everything else is random block bytes whose scales
                 are finite halves of all kinds (zero, subnormal, negative, large).
  types.npz      its tensors as float32, dequantised by the package
  rotary.gguf    attn_q and attn_k of two heads, rows permuted as the format's documentation says (aligned to 64 bytes)
  rotary.npz     the same in the order of the Hugging Face checkpoint
"""

import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "tests" / "golden" / "gguf")
ROWS, COLUMNS = 4, 512
# Where the halves of a block stand that scale it.
SCALES = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
    Type.IQ4_NL: [0],
    Type.IQ4_XS: [0],
}
rng = np.random.default_rng(19)


def halves(count):
    """Finite halves: mostly of a weight's size, some zero, subnormal or large."""
    values = (rng.standard_normal(count) * 0.02).astype(np.float16)
    odd = np.array([0, -0.0, 6e-8, -3e-5, 65504, -1000], np.float16)
    where = rng.random(count) < 0.2
    values[where] = rng.choice(odd, where.sum())
    return values


def random_blocks(kind, rows):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * COLUMNS // block, size), np.uint8)
    for at in SCALES[kind]:
        blocks[:, at : at + 2] = halves(len(blocks)).reshape(-1, 1).view(np.uint8)
    return blocks.reshape(rows, -1)


def quantised(kind):
    data = random_blocks(kind, ROWS)
    try:
        data[0] = gguf.quants.quantize(rng.standard_normal((1, COLUMNS)).astype(np.float32), kind)[0]
    except NotImplementedError:
        pass
    return data


def bfloats():
    bits = rng.integers(0, 1 << 16, (ROWS, COLUMNS), np.uint16)
    bits[(bits & 0x7F80) == 0x7F80] = 0x8001
    return bits.view(np.uint8).reshape(ROWS, -1)


def add_metadata(w):
    w.add_string("text", "caf\u00e9 \U0001f600")
    w.add_uint8("number.uint8", 200)
    w.add_int8("number.int8", -100)
    w.add_uint16("number.uint16", 60000)
    w.add_int16("number.int16", -30000)
    w.add_uint32("number.uint32", 4000000000)
    w.add_int32("number.int32", -2000000000)
    w.add_uint64("number.uint64", (1 << 64) - 3)
    w.add_int64("number.int64", -(1 << 62))
    w.add_float32("number.float32", 1e-5)
    w.add_float64("number.float64", -1e300)
    w.add_bool("number.true", True)
    w.add_bool("number.false", False)
    w.add_array("list.text", ["<unk>", "", "\u2581the", "\u00e9"] * 8)
    w.add_array("list.int", [1, -2, 3])
    w.add_array("list.float", [0.5, -1.25, 3e-3])
    w.add_array("list.bool", [True, False, True])


def write(name, tensors, alignment=None, metadata=None):
    w = gguf.GGUFWriter(OUT / name, "llama")
    if alignment is not None:
        w.add_custom_alignment(alignment)
    if metadata is not None:
        metadata(w)
    for tensor, (data, kind) in tensors.items():
        w.add_tensor(tensor, data, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def permute(weights, heads):  # docs/gguf.md of ggml, under llama.tensor_data_layout
    return (
        weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )


def make_types():
    plain = rng.standard_normal((ROWS, COLUMNS)) * 2.0 ** rng.integers(-140, 100, (ROWS, COLUMNS))
    wide = rng.standard_normal((ROWS, COLUMNS)) * 2.0 ** rng.integers(-160, 100, (ROWS, COLUMNS))
    tensors = {
        "F32": (plain.astype(np.float32), None),
        "F16": (halves(ROWS * COLUMNS).reshape(ROWS, COLUMNS), None),
        "F64": (wide, None),
        "BF16": (bfloats(), Type.BF16),
    }
    values = {"F64_wide": wide}
    for kind in SCALES:
        tensors[kind.name] = (quantised(kind), kind)
    for name, (data, kind) in tensors.items():
        values[name] = data.astype(np.float32) if kind is None else gguf.quants.dequantize(data, kind)
        assert values[name].shape == (ROWS, COLUMNS) and np.isfinite(values[name]).all(), name
    write("types.gguf", tensors, metadata=add_metadata)
    np.savez_compressed(OUT / "types.npz", **values)


def make_rotary():
    heads, key_heads, size, columns = 4, 2, 12, 32
    q = rng.standard_normal((heads * size, columns)).astype(np.float32)
    k = rng.standard_normal((key_heads * size, columns)).astype(np.float32)
    k8 = gguf.quants.quantize(permute(k, key_heads), Type.Q8_0)
    bias = rng.standard_normal(heads * size).astype(np.float32)
    write(
        "rotary.gguf",
        {
            "blk.0.attn_q.weight": (permute(q, heads), None),
            "blk.0.attn_q.bias": (permute(bias, heads), None),
            "blk.0.attn_k.weight": (k8, Type.Q8_0),
        },
        alignment=64,
        metadata=lambda w: (w.add_head_count(heads), w.add_head_count_kv(key_heads)),
    )
    # K as it was before the rows were permuted: quantising goes row by row, so the order does not matter.
    k_back = gguf.quants.dequantize(gguf.quants.quantize(k, Type.Q8_0), Type.Q8_0)
    np.savez_compressed(OUT / "rotary.npz", q=q, q_bias=bias, k=k_back)


OUT.mkdir(parents=True, exist_ok=True)
make_types()
make_rotary()
for path in sorted(OUT.iterdir()):
    print("%8d %s" % (path.stat().st_size, path.name))
