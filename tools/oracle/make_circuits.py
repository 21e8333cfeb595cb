#!/usr/bin/env python3
"""Makes tests/golden/mechanism/circuits.json: what the dense d x d matrices of attention heads say, by numpy.

usage: make_circuits.py [ROOT]     needs numpy, and transformers with torch for the tiny models of tests/golden/model

Two parts. `factors`: random factors A [d, r], B [r, d] (also a degenerate few), written out, with the numbers of the
dense M = A B from numpy.linalg.eigvals, eigvalsh and norm. `models`: for every block and head of the tiny checkpoints
the numbers of its OV map and QK form, the maps taken from the model that transformers has built from the files, so that
this script knows nothing of how dwell reads them. Written with 17 digits; compared to 1e-10 of the Frobenius norm.
"""
import json
import os
import sys

import numpy as np

KEYS = ("radius", "trace", "max_re", "min_re", "norm", "fro", "sym_share", "attract", "henrici")


def measure(m, rank, form=False):
    """The numbers of a dense matrix of rank at most `rank`; None where undefined."""
    fro = np.linalg.norm(m)
    s = (m + m.T) / 2
    mu = np.linalg.eigvalsh(s)
    out = {"trace": np.trace(m), "norm": np.linalg.norm(m, 2), "fro": fro}
    lam = np.linalg.eigvals(m)
    lam = lam[np.argsort(-abs(lam))][:rank]  # the others are 0 up to rounding
    if not form:
        out.update(radius=abs(lam).max(), max_re=lam.real.max(), min_re=lam.real.min())
    if fro > 0:
        out["sym_share"] = np.sum(s * s) / fro**2
        if out["sym_share"] > 1e-20:
            out["attract"] = np.sum(mu[mu > 0] ** 2) / np.sum(mu**2)
        if not form:
            out["henrici"] = np.sqrt(max(0.0, 1 - np.sum(abs(lam) ** 2) / fro**2))
    return {k: (float(out[k]) if k in out else None) for k in KEYS}


def factor_cases():
    rng = np.random.default_rng(20260701)
    for d, r in ((12, 3), (24, 8), (16, 16), (7, 5), (5, 1), (40, 6)):
        yield f"gaussian {d} {r}", rng.standard_normal((d, r)), rng.standard_normal((r, d))
    a = rng.standard_normal((20, 4))
    yield "symmetric attractive", a, a.T.copy()
    yield "symmetric repulsive", a, -a.T
    q, _ = np.linalg.qr(rng.standard_normal((18, 6)))
    yield "antisymmetric", np.hstack([q[:, :3], q[:, 3:]]), np.vstack([q[:, 3:].T, -q[:, :3].T])
    yield "zero", np.zeros((10, 3)), rng.standard_normal((3, 10))
    b = rng.standard_normal((4, 15))
    b[2] = b[0]
    yield "repeated row", rng.standard_normal((15, 4)), b
    yield "badly scaled", 1e6 * rng.standard_normal((14, 4)), 1e-9 * rng.standard_normal((4, 14))


# ---- checkpoints, by the modules that transformers makes of them ----


def double(t, size=None):
    """As float64; an absent bias is `size` zeros."""
    return np.zeros(size) if t is None else t.detach().double().numpy()


def gpt2(m):
    for b in m.h:
        d = m.config.n_embd
        qkv, bias = double(b.attn.c_attn.weight).T, double(b.attn.c_attn.bias)  # Conv1D: [in, out]
        yield dict(q=qkv[:d], k=qkv[d:2 * d], v=qkv[2 * d:], bv=bias[2 * d:], o=double(b.attn.c_proj.weight).T,
                   bo=double(b.attn.c_proj.bias), gain=double(b.ln_1.weight), before=True, rms=False)


def llama(m):
    for b in m.layers:
        a = b.self_attn
        yield dict(q=double(a.q_proj.weight), k=double(a.k_proj.weight), v=double(a.v_proj.weight),
                   bv=double(a.v_proj.bias, a.v_proj.weight.shape[0]), o=double(a.o_proj.weight),
                   bo=double(a.o_proj.bias, a.o_proj.weight.shape[0]),
                   gain=double(b.input_layernorm.weight), before=True, rms=True)


def gpt_neox(m):
    h = m.config.num_attention_heads
    for b in m.layers:
        w = double(b.attention.query_key_value.weight)
        d, r = w.shape[1], w.shape[1] // h
        parts = w.reshape(h, 3, r, d)
        bias = double(b.attention.query_key_value.bias, 3 * h * r).reshape(h, 3, r)
        q, k, v = (parts[:, i].reshape(h * r, d) for i in range(3))
        yield dict(q=q, k=k, v=v, bv=bias[:, 2].ravel(), o=double(b.attention.dense.weight),
                   bo=double(b.attention.dense.bias, d), gain=double(b.input_layernorm.weight), before=True, rms=False)


def opt(m):
    for b in m.decoder.layers:
        a = b.self_attn
        yield dict(q=double(a.q_proj.weight), k=double(a.k_proj.weight), v=double(a.v_proj.weight),
                   bv=double(a.v_proj.bias), o=double(a.out_proj.weight), bo=double(a.out_proj.bias),
                   gain=double(b.self_attn_layer_norm.weight), before=m.config.do_layer_norm_before, rms=False)


def after(q, k, v, o):
    return dict(q=double(q.weight), k=double(k.weight), v=double(v.weight), bv=double(v.bias), o=double(o.weight),
                bo=double(o.bias), gain=None, before=False, rms=False)


def bert(m):
    for b in m.encoder.layer:
        s = b.attention.self
        yield after(s.query, s.key, s.value, b.attention.output.dense)


def mpnet(m):
    for b in m.encoder.layer:
        a = b.attention.attn
        yield after(a.q, a.k, a.v, a.o)


def distilbert(m):
    for b in m.transformer.layer:
        yield after(b.attention.q_lin, b.attention.k_lin, b.attention.v_lin, b.attention.out_lin)


def albert(m):
    b = m.encoder.albert_layer_groups[0].albert_layers[0]
    for _ in range(m.config.num_hidden_layers):
        yield after(b.attention.query, b.attention.key, b.attention.value, b.attention.dense)


READERS = {"gpt2": gpt2, "llama": llama, "mistral": llama, "qwen2": llama, "gpt_neox": gpt_neox, "opt": opt,
           "bert": bert, "roberta": bert, "electra": bert, "mpnet": mpnet, "distilbert": distilbert, "albert": albert}


def head_numbers(p, heads, kv_heads, scale):
    d = p["o"].shape[0]
    r = p["q"].shape[0] // heads
    one = np.eye(d) - np.ones((d, d)) / d
    before = np.eye(d)
    if p["before"]:
        before = np.diag(p["gain"]) @ (np.eye(d) if p["rms"] else one)
    behind = np.eye(d) if p["rms"] else one
    total = np.zeros((d, d))
    out = []
    for h in range(heads):
        g = h // (heads // kv_heads)
        wq, wk, wv = p["q"][h * r:(h + 1) * r], p["k"][g * r:(g + 1) * r], p["v"][g * r:(g + 1) * r]
        wo = p["o"][:, h * r:(h + 1) * r]
        ov = behind @ wo @ wv @ before
        qk = scale * before.T @ wq.T @ wk @ before / np.sqrt(r)
        total += ov
        out.append({"ov": measure(ov, r), "qk": measure(qk, r, form=True),
                    "bias": float(np.linalg.norm(wo @ p["bv"][g * r:(g + 1) * r]))})
    groups = np.repeat(p["bv"].reshape(kv_heads, r), heads // kv_heads, axis=0).ravel()
    radius = abs(np.linalg.eigvals(p["v"])).max() if p["v"].shape[0] == d else None
    return {"heads": out, "sum": measure(total, d), "bias": float(np.linalg.norm(p["o"] @ groups + p["bo"])),
            "wv_radius": None if radius is None else float(radius)}


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    golden = {"factors": [], "models": {}}
    for name, a, b in factor_cases():
        d, r = a.shape
        golden["factors"].append({"name": name, "d": d, "r": r, "a": a.T.ravel().tolist(), "b": b.ravel().tolist(),
                                  "ov": measure(a @ b, r), "qk": measure(a @ b, r, form=True)})
    import torch
    import transformers
    folder = os.path.join(root, "tests", "golden", "model")
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.exists(os.path.join(path, "config.json")) or "gguf" in name:
            continue
        config = transformers.AutoConfig.from_pretrained(path)
        model = transformers.AutoModel.from_pretrained(path, torch_dtype=torch.float32)
        heads = config.num_attention_heads
        kv = getattr(config, "num_key_value_heads", None) or heads
        by_block = getattr(config, "scale_attn_by_inverse_layer_idx", False)
        golden["models"][name] = [head_numbers(p, heads, kv, 1 / (b + 1) if by_block else 1.0)
                                  for b, p in enumerate(READERS[config.model_type](model))]
    target = os.path.join(root, "tests", "golden", "mechanism")
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "circuits.json"), "w") as stream:
        json.dump(golden, stream, separators=(",", ":"))
        stream.write("\n")


if __name__ == "__main__":
    main()
