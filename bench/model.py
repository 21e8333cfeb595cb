"""A random model of GPT-2's layout, written with nothing but Python."""
import array
import json
import os
import random
import struct

VOCABULARY, CONTEXT = 50257, 1024


def shapes(blocks, width):
    d = width
    yield "wte.weight", (VOCABULARY, d)
    yield "wpe.weight", (CONTEXT, d)
    for b in range(blocks):
        for name, inner, outer in (("attn.c_attn", d, 3 * d), ("attn.c_proj", d, d),
                                   ("mlp.c_fc", d, 4 * d), ("mlp.c_proj", 4 * d, d)):
            yield "h.%d.%s.weight" % (b, name), (inner, outer)
            yield "h.%d.%s.bias" % (b, name), (outer,)
        for name in ("ln_1", "ln_2"):
            yield "h.%d.%s.weight" % (b, name), (d,)
            yield "h.%d.%s.bias" % (b, name), (d,)
    yield "ln_f.weight", (d,)
    yield "ln_f.bias", (d,)


def write_model(folder, blocks, width):
    """config.json and model.safetensors. Normal numbers of deviation 0.02, gains 1. They come from a pool of a prime
    number of them, read round and round: 1.2e8 fresh ones would take minutes."""
    rng = random.Random(1)
    pool = array.array("f", (rng.gauss(0, 0.02) for _ in range(1000003)))
    pool.extend(pool)
    header, offset = {}, 0
    for name, shape in shapes(blocks, width):
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        at = 0
        for name, entry in header.items():
            count = (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4
            if "ln_" in name and name.endswith("weight"):
                array.array("f", [1.0] * count).tofile(f)
                continue
            while count > 0:
                part = min(count, 1000003)
                pool[at:at + part].tofile(f)
                at, count = (at + part) % 1000003, count - part
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"model_type": "gpt2", "n_layer": blocks, "n_embd": width, "n_head": width // 64,
                   "n_positions": CONTEXT, "vocab_size": VOCABULARY}, f)
