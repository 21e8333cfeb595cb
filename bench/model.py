"""Random models of GPT-2's and of BERT's layout, written with nothing but Python."""
import array
import collections
import json
import os
import random
import struct

POOL = 1000003  # a prime number of normal numbers, read round and round: 1.2e8 fresh ones would take minutes


def gpt2(blocks=12, width=768):
    """config.json of GPT-2 small's shape, unless told otherwise."""
    return {"model_type": "gpt2", "n_layer": blocks, "n_embd": width, "n_head": width // 64, "n_positions": 1024,
            "vocab_size": 50257}


def minilm(blocks=6, width=384):
    """config.json of the shape of MiniLM-L6-H384, a BERT."""
    return {"model_type": "bert", "num_hidden_layers": blocks, "hidden_size": width, "num_attention_heads": 12,
            "intermediate_size": 4 * width, "max_position_embeddings": 512, "type_vocab_size": 2,
            "vocab_size": 30522, "hidden_act": "gelu"}


SHAPES = {"gpt2": (gpt2, 512), "minilm": (minilm, 256)}  # with the numbers of tokens at which they are compared


def gpt2_tensors(c):
    d = c["n_embd"]
    yield "wte.weight", (c["vocab_size"], d)
    yield "wpe.weight", (c["n_positions"], d)
    for b in range(c["n_layer"]):
        for name, inner, outer in (("attn.c_attn", d, 3 * d), ("attn.c_proj", d, d),
                                   ("mlp.c_fc", d, 4 * d), ("mlp.c_proj", 4 * d, d)):
            yield "h.%d.%s.weight" % (b, name), (inner, outer)
            yield "h.%d.%s.bias" % (b, name), (outer,)
        for name in ("ln_1", "ln_2"):
            yield "h.%d.%s.weight" % (b, name), (d,)
            yield "h.%d.%s.bias" % (b, name), (d,)
    yield "ln_f.weight", (d,)
    yield "ln_f.bias", (d,)


def bert_tensors(c):
    d, inner = c["hidden_size"], c["intermediate_size"]
    for name, key in (("word", "vocab_size"), ("position", "max_position_embeddings"),
                      ("token_type", "type_vocab_size")):
        yield "embeddings.%s_embeddings.weight" % name, (c[key], d)
    norms = ["embeddings.LayerNorm"]
    for b in range(c["num_hidden_layers"]):
        at = "encoder.layer.%d." % b
        for name, i, o in (("attention.self.query", d, d), ("attention.self.key", d, d),
                           ("attention.self.value", d, d), ("attention.output.dense", d, d),
                           ("intermediate.dense", d, inner), ("output.dense", inner, d)):
            yield at + name + ".weight", (o, i)
            yield at + name + ".bias", (o,)
        norms += [at + "attention.output.LayerNorm", at + "output.LayerNorm"]
    for name in norms:
        yield name + ".weight", (d,)
        yield name + ".bias", (d,)


def is_gain(name):
    return name.endswith(".weight") and ("ln_" in name or "LayerNorm" in name)


def write_model(folder, config):
    """config.json and model.safetensors. Normal numbers of deviation 0.02, gains 1."""
    rng = random.Random(1)
    pool = array.array("f", (rng.gauss(0, 0.02) for _ in range(POOL)))
    pool.extend(pool)
    header, offset = {}, 0
    for name, shape in {"gpt2": gpt2_tensors, "bert": bert_tensors}[config["model_type"]](config):
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
            if is_gain(name):
                array.array("f", [1.0] * count).tofile(f)
                continue
            while count > 0:
                part = min(count, POOL)
                pool[at:at + part].tofile(f)
                at, count = (at + part) % POOL, count - part
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)


Product = collections.namedtuple("Product", "times share count transposed m k n")  # see products.c


def products(config, n):
    """The products of a pass over n tokens: how often each occurs, and the share of it that is needed (of a causal
    model's heads one triangle). None if this architecture is not known here."""
    kind = config["model_type"]
    if kind == "gpt2":
        blocks, d, heads = config["n_layer"], config["n_embd"], config["n_head"]
        inner, out_in, share = config.get("n_inner") or 4 * d, 0, (n + 1) / 2 / n
    elif kind in ("bert", "roberta"):
        blocks, d, heads = config["num_hidden_layers"], config["hidden_size"], config["num_attention_heads"]
        inner, out_in, share = config["intermediate_size"], 1, 1
    else:
        return None
    size = d // heads
    maps = [Product(blocks, 1, 1, out_in, n, i, o) for i, o in ((d, 3 * d), (d, d), (d, inner), (inner, d))]
    return maps + [Product(blocks, share, heads, 1, n, size, n), Product(blocks, share, heads, 0, n, n, size)]


def flops(product):
    return 2.0 * product.times * product.share * product.count * product.m * product.k * product.n
