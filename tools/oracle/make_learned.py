#!/usr/bin/env python3
"""Makes tests/golden/flow/learned.npz: what the attention of tiny checkpoints does to tokens on the sphere.

usage: make_learned.py ROOT       (the source tree)

The network's own formulas, step by step in numpy, nothing folded: norm (without epsilon) with its gain and bias,
queries, keys, values, scores, softmax under the causal mask, output. Rotary positions are left out. gpt2-tiny writes
are centred, as everything that reads them centres. States: scipy's DOP853. Needs numpy, scipy.
"""
import json
import os
import struct
import sys

import numpy as np
from scipy.integrate import solve_ivp

N = 6
unit = lambda h: h / np.linalg.norm(h, axis=1, keepdims=True)
tangent = lambda x, a: a - (a * x).sum(1, keepdims=True) * x


def tensors(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    out = {}
    for name, t in header.items():
        if name != "__metadata__":
            assert t["dtype"] == "F32"
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(data[a:b], "<f4").reshape(t["shape"]).astype(float)
    return out


def attend(q, k, v, heads, groups):
    """[n, heads * size] with values [n, groups * size], causal."""
    n, size = len(q), q.shape[1] // heads
    out = np.zeros_like(q)
    for h in range(heads):
        g = h // (heads // groups)
        s = q[:, h * size:(h + 1) * size] @ k[:, g * size:(g + 1) * size].T / np.sqrt(size)
        s[np.triu_indices(n, 1)] = -np.inf
        p = np.exp(s - s.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        out[:, h * size:(h + 1) * size] = p @ v[:, g * size:(g + 1) * size]
    return out


def gpt2(w, b, x):
    p = "transformer.h.%d." % b
    y = x - x.mean(1, keepdims=True)
    y = y / np.sqrt((y ** 2).mean(1, keepdims=True)) * w[p + "ln_1.weight"] + w[p + "ln_1.bias"]
    q, k, v = np.split(y @ w[p + "attn.c_attn.weight"] + w[p + "attn.c_attn.bias"], 3, axis=1)
    a = attend(q, k, v, 3, 3) @ w[p + "attn.c_proj.weight"] + w[p + "attn.c_proj.bias"]
    return a - a.mean(1, keepdims=True)


def llama(w, b, x):
    p = "model.layers.%d." % b
    y = x / np.sqrt((x ** 2).mean(1, keepdims=True)) * w[p + "input_layernorm.weight"]
    q, k, v = (y @ w[p + "self_attn.%s_proj.weight" % c].T for c in "qkv")
    return attend(q, k, v, 4, 2) @ w[p + "self_attn.o_proj.weight"].T


def flow(f, x, t):
    g = lambda _, y: tangent(unit(y.reshape(x.shape)), f(unit(y.reshape(x.shape)))).ravel()
    return unit(solve_ivp(g, (0, t), x.ravel(), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1].reshape(x.shape))


def main():
    root, out = sys.argv[1], {}
    rng = np.random.default_rng(7)
    for name, attention in (("gpt2", gpt2), ("llama", llama)):
        w = tensors(os.path.join(root, "tests/golden/model/%s-tiny/model.safetensors" % name))
        raw = unit(rng.standard_normal((N, 24)))
        x = unit(raw - raw.mean(1, keepdims=True)) if name == "gpt2" else raw
        out[name + "_start"] = raw
        for b in range(2):
            out["%s_attention%d" % (name, b)] = attention(w, b, x)
        state = x
        for k in range(3):
            state = flow(lambda y: attention(w, k % 2, y), state, 0.3)
        out[name + "_flow"] = state
        h = x
        for k in range(5):
            h = h + attention(w, k % 2, unit(h))
        out[name + "_layers"] = h
    np.savez(os.path.join(root, "tests/golden/flow/learned.npz"), **out)


if __name__ == "__main__":
    main()
