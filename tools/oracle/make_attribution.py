#!/usr/bin/env python3
"""What the parts of a block do to the interaction energy, for tests/golden/attribution.

usage: make_attribution.py [TREE]        (default: the tree of this file)

Starts from what transformers computed with the tiny checkpoints (tests/golden/model/NAME/golden.npz: states, attention,
what each half of a block puts out) and their weights. Heads are put together here, from the attention, the values and
the output map, and must add up to what transformers' attention puts out. Then the shares: the gradient of the energy as
it is defined, summed over 400 nodes of Gauss-Legendre on every leg. Needs numpy.

One JSON file per model: ids, and for each block and beta the change, the shares of heads, bias, MLP and norms.
"""

import json
import os
import struct
import sys

import numpy as np

BETAS = (0.1, 1.0, 2.0, 5.0)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2


def tensors(path):
    """The float32 tensors of a safetensors file, as float64."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header, data = json.loads(f.read(size)), f.read()
    out = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        assert t["dtype"] == "F32", name
        a, b = t["data_offsets"]
        out[name] = np.frombuffer(data[a:b], dtype="<f4").reshape(t["shape"]).astype(float)
    return out


def layer_norm(x, weight, bias, eps):
    x = x - x.mean(1, keepdims=True)
    return x / np.sqrt((x * x).mean(1, keepdims=True) + eps) * weight + bias


def rms_norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(1, keepdims=True) + eps) * weight


# Per model: values [n, heads, head_size], the output map [heads, head_size, d] and its bias, and the two norms behind
# the sublayers (None: they stand before).


def gpt2(w, c, b, x):
    p = f"transformer.h.{b}."
    heads, d = c["n_head"], x.shape[1]
    y = layer_norm(x, w[p + "ln_1.weight"], w[p + "ln_1.bias"], c["layer_norm_epsilon"])
    v = (y @ w[p + "attn.c_attn.weight"] + w[p + "attn.c_attn.bias"])[:, 2 * d :]
    out = w[p + "attn.c_proj.weight"].reshape(heads, -1, d)
    return v.reshape(len(x), heads, -1), out, w[p + "attn.c_proj.bias"], None


def neox(w, c, b, x):
    p = f"gpt_neox.layers.{b}."
    heads, d = c["num_attention_heads"], x.shape[1]
    y = layer_norm(x, w[p + "input_layernorm.weight"], w[p + "input_layernorm.bias"], c["layer_norm_eps"])
    qkv = y @ w[p + "attention.query_key_value.weight"].T + w[p + "attention.query_key_value.bias"]
    v = qkv.reshape(len(x), heads, 3, -1)[:, :, 2]
    out = w[p + "attention.dense.weight"].T.reshape(heads, -1, d)
    return v, out, w[p + "attention.dense.bias"], None


def llama(w, c, b, x):
    p = f"model.layers.{b}."
    heads, d = c["num_attention_heads"], x.shape[1]
    y = rms_norm(x, w[p + "input_layernorm.weight"], c["rms_norm_eps"])
    v = (y @ w[p + "self_attn.v_proj.weight"].T).reshape(len(x), c["num_key_value_heads"], -1)
    out = w[p + "self_attn.o_proj.weight"].T.reshape(heads, -1, d)
    return np.repeat(v, heads // c["num_key_value_heads"], axis=1), out, np.zeros(d), None


def bert(w, c, b, x):
    p = f"bert.encoder.layer.{b}."
    heads, d = c["num_attention_heads"], x.shape[1]
    v = x @ w[p + "attention.self.value.weight"].T + w[p + "attention.self.value.bias"]
    out = w[p + "attention.output.dense.weight"].T.reshape(heads, -1, d)
    eps = c["layer_norm_eps"]
    norms = [(w[p + n + ".gamma"], w[p + n + ".beta"], eps) for n in ("attention.output.LayerNorm", "output.LayerNorm")]
    return v.reshape(len(x), heads, -1), out, w[p + "attention.output.dense.bias"], norms


MODELS = {"gpt2-tiny": gpt2, "gpt_neox-tiny": neox, "llama-tiny": llama, "bert-tiny": bert}


def energy(x, beta):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.exp(beta * (u @ u.T - 1)).mean()


def gradient(x, beta):
    """Row i: (1/|x_i|) (I - u_i u_i') (2 beta / n^2) sum over j != i of exp(beta (G_ij - 1)) u_j."""
    n, r = len(x), np.linalg.norm(x, axis=1)
    u = x / r[:, None]
    out = np.zeros_like(x)
    for i in range(n):
        s = np.zeros(x.shape[1])
        for j in range(n):
            if j != i:
                s += 2 * beta / n**2 * np.exp(beta * (u[i] @ u[j] - 1)) * u[j]
        out[i] = (s - u[i] * (u[i] @ s)) / r[i]
    return out


def shares(x, parts, beta):
    whole = sum(parts.values())
    along = sum(w * gradient(x + s * whole, beta) for s, w in zip(NODES, WEIGHTS))
    return {k: float((along * p).sum()) for k, p in parts.items()}


def legs_of(x, heads, bias, mlp, norms, parallel):
    """(start, parts) of every leg, and where the block ends."""
    attention = {**{f"head {h}": a for h, a in enumerate(heads)}, "bias": bias + 0 * x}
    if parallel:
        return [(x, {**attention, "mlp": mlp})], x + sum(attention.values()) + mlp
    middle = x + sum(attention.values())
    legs = [(x, attention)]
    if norms:
        normed = layer_norm(middle, *norms[0])
        legs.append((middle, {"norm": normed - middle}))
        middle = normed
    legs.append((middle, {"mlp": mlp}))
    end = middle + mlp
    if norms:
        normed = layer_norm(end, *norms[1])
        legs.append((end, {"norm": normed - end}))
        end = normed
    return legs, end


def block(legs, end, heads, beta):
    total = {"heads": [0.0] * heads, "bias": 0.0, "mlp": 0.0, "norm": 0.0}
    for x, parts in legs:
        for name, share in shares(x, parts, beta).items():
            if name.startswith("head "):
                total["heads"][int(name[5:])] += share
            else:
                total[name] += share
    total["change"] = float(energy(end, beta) - energy(legs[0][0], beta))
    off = sum(total["heads"]) + total["bias"] + total["mlp"] + total["norm"] - total["change"]
    assert abs(off) < 1e-13, off
    return {"beta": beta, **total}


def model(folder, parts_of):
    c = json.load(open(os.path.join(folder, "config.json")))
    w, z = tensors(os.path.join(folder, "model.safetensors")), np.load(os.path.join(folder, "golden.npz"))
    hidden, attention = z["short.hidden"], z["short.attn"]
    blocks = []
    for b in range(len(hidden) - 1):
        x, mlp = hidden[b], z["short.mlp_out"][b]
        v, out, bias, norms = parts_of(w, c, b, x)
        heads = [attention[b, h] @ v[:, h] @ out[h] for h in range(len(out))]
        off = abs(sum(heads) + bias - z["short.attn_out"][b]).max()
        assert off < 1e-12, off
        legs, end = legs_of(x, heads, bias, mlp, norms, c.get("use_parallel_residual", False))
        assert abs(end - hidden[b + 1]).max() < 1e-12
        blocks.append([block(legs, end, len(out), beta) for beta in BETAS])
    return {"ids": z["short.ids"].tolist(), "blocks": blocks}


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for name, parts_of in MODELS.items():
        found = model(os.path.join(tree, "tests", "golden", "model", name), parts_of)
        with open(os.path.join(tree, "tests", "golden", "attribution", name + ".json"), "w") as f:
            json.dump(found, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
