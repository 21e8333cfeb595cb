#!/usr/bin/env python3
"""Makes tests/golden/flow/families: weights, one start, and what plain numpy and scipy make of each family of flows.

usage: make_families.py FOLDER       (the folder tests/golden/flow/families)

Velocities are sums by definition, one pair after the other where that is simplest. States come from scipy's DOP853 at
rtol 1e-12, piece by piece where the law changes; layer maps are iterated. Nothing here is dwell's. Needs numpy, scipy.
"""
import os
import sys

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erf

N, D, T = 7, 4, 1.5
rng = np.random.default_rng(20241130)
unit = lambda h: h / np.linalg.norm(h, axis=1, keepdims=True)


def gaussian(*shape):
    return rng.standard_normal(shape) / np.sqrt(shape[-1])


X = unit(rng.standard_normal((N, D)))
MASSES = rng.uniform(0.5, 2, N)
MASSES /= MASSES.sum()
EQUAL = np.full(N, 1 / N)
SYMMETRIC = gaussian(2, D, D)
SYMMETRIC = SYMMETRIC + SYMMETRIC.transpose(0, 2, 1)
WEIGHTS = {
    "heads": dict(Q=gaussian(2, 3, D), K=gaussian(2, 3, D), V=gaussian(2, D, D)),
    "layers": dict(Q=gaussian(3, 2, 3, D), K=gaussian(3, 2, 3, D), V=gaussian(3, 2, D, D)),
    "symmetric": dict(Q=SYMMETRIC, V=SYMMETRIC),
    "additive": dict(W=gaussian(2, 5, D), U=gaussian(2, 5, D), v=gaussian(2, 5), V=gaussian(2, D, D)),
    "perceptron": dict(a=gaussian(6, D), omega=rng.standard_normal(6)),
}


def layer_of(weights, l=0):
    """Heads of layer l, as a list of dicts with all maps."""
    if weights is None:
        return [dict(Q=np.eye(D), K=np.eye(D), V=np.eye(D))]
    w = WEIGHTS[weights]
    if "a" in w:
        return [dict(Q=np.eye(D), K=np.eye(D), V=np.eye(D))]
    stack = {k: (v[l] if weights == "layers" else v) for k, v in w.items()}
    heads = len(next(iter(stack.values())))
    return [dict({"Q": np.eye(D), "K": np.eye(D), "V": np.eye(D)}, **{k: v[h] for k, v in stack.items()})
            for h in range(heads)]


def sinkhorn(s, m):
    f, g = np.zeros(len(m)), np.zeros(len(m))
    for _ in range(20000):
        before = f
        f = -np.log((np.exp(s + g[None, :]) * m[None, :]).sum(1))
        g = -np.log((np.exp(s + f[:, None]) * m[:, None]).sum(0))
        if abs(f - before).max() < 2e-15:
            break
    return np.exp(s + f[:, None] + g[None, :]) * m[None, :]


def rows(flow, x, head, beta, m, rule):
    q, k = x @ head["Q"].T, x @ head["K"].T
    s = beta * q @ k.T
    n = len(x)
    if flow == "l2":
        s = -beta / 2 * ((q[:, None, :] - k[None, :, :]) ** 2).sum(2)
    if flow == "additive":
        s = beta * np.tanh((x @ head["W"].T)[:, None, :] + (x @ head["U"].T)[None, :, :]) @ head["v"]
    if flow == "sinkhorn":
        return sinkhorn(s, m)
    if flow == "linear":
        return s * m
    if flow == "hardmax":
        p = np.zeros((n, n))
        for i in range(n):
            score = q[i] @ k.T
            score[i] = -np.inf
            best = np.flatnonzero(score > score.max() - 1e-12)
            pick = {"first": best[:1], "last": best[-1:], "mean": best}[rule]
            p[i, pick] = m[pick] / m[pick].sum()
        return p
    p = np.exp(s) * m
    if flow == "csa":
        p = np.tril(p)
    return p if flow in ("uqkv", "noisy", "perceptron") else p / p.sum(1, keepdims=True)


def activation(name, s):
    return {"relu": np.maximum(s, 0), "gelu": s * 0.5 * (1 + erf(s / np.sqrt(2))), "tanh": np.tanh(s)}[name]


def attention(case, x, l=0, beta=None):
    beta = case.get("beta", 1) if beta is None else beta
    m = MASSES if case.get("masses") else EQUAL
    a = np.zeros_like(x)
    for head in layer_of(case.get("weights"), l):
        a += rows(case["flow"], x, head, beta, m, case.get("rule", "mean")) @ x @ head["V"].T
    if case["flow"] == "perceptron":
        w = WEIGHTS["perceptron"]
        a += (activation(case["activation"], x @ w["a"].T) * w["omega"]) @ w["a"]
    return a


def tangent(x, a):
    return a - (a * x).sum(1, keepdims=True) * x


def motion(case, h, t):
    """h' in R^d; schemes on the sphere keep |h| = 1."""
    scheme = case.get("normalisation", "post")
    x = unit(h)
    l = int(t / case["layer_time"] + 1e-9) % 3 if "layer_time" in case else 0
    beta = case["schedule"][1] if "schedule" in case and t >= case["schedule"][0] else None
    a = attention(case, x, l, beta)
    size = np.linalg.norm(a, axis=1, keepdims=True)
    if scheme.startswith("mix"):
        scheme = "post" if t < float(scheme[4:]) else "pre"
    if scheme == "pre":
        return a
    if scheme == "peri":
        return a / size
    v = tangent(x, a)
    if scheme.startswith("ngpt"):
        v = v * float(scheme[5:] or 1) / size
    return v / np.sqrt(1 + t) if scheme == "sqrt" else v


def integrate(case):
    cuts = {0.0, T}
    if "layer_time" in case:
        cuts |= {k * case["layer_time"] for k in range(1, 100) if k * case["layer_time"] < T}
    if "schedule" in case:
        cuts.add(case["schedule"][0])
    if case.get("normalisation", "").startswith("mix"):
        cuts.add(float(case["normalisation"][4:]))
    cuts = sorted(cuts)
    h = X.copy()
    for a, b in zip(cuts, cuts[1:]):
        middle = lambda t: min(t, b - 1e-6 * (b - a))
        f = lambda t, y: motion(case, y.reshape(N, D), middle(t) if case.get("normalisation") != "sqrt" else t).ravel()
        h = solve_ivp(f, (a, b), h.ravel(), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1].reshape(N, D)
        if case.get("normalisation", "post")[:4] in ("post", "ngpt", "sqrt"):
            h = unit(h)
    return h


def layers(case):
    """Five layers of the map with step case["eta"]."""
    h, eta = X.copy(), case["eta"]
    for k in range(5):
        t = k * eta
        scheme = case.get("normalisation", "post")
        if scheme.startswith("mix"):
            scheme = "post" if t < float(scheme[4:]) - 1e-9 else "pre"
        x = unit(h)
        a = attention(case, x, k % 3 if case.get("weights") == "layers" else 0)
        b = unit(a)
        if scheme == "post":
            h = unit(x + eta * a)
        elif scheme == "pre":
            h = h + eta * a
        elif scheme == "peri":
            h = h + eta * b
        elif scheme.startswith("ngpt"):
            h = unit(x + eta * float(scheme[5:] or 1) * (b - x))
        else:
            h = unit(x + eta / np.sqrt(1 + t) * a)
    return h


CASES = {
    "qkv": dict(flow="qkv", weights="heads", beta=1.3),
    "qkv_masses": dict(flow="qkv", weights="heads", beta=-2.0, masses=True),
    "qkv_plain": dict(flow="qkv", beta=3.0, masses=True),
    "qkv_symmetric": dict(flow="qkv", weights="symmetric", beta=1.1, masses=True),
    "uqkv": dict(flow="uqkv", weights="heads", beta=0.7, masses=True),
    "uqkv_symmetric": dict(flow="uqkv", weights="symmetric", beta=0.6, masses=True),
    "csa": dict(flow="csa", weights="heads", beta=1.3),
    "csa_plain": dict(flow="csa", beta=2.0, masses=True),
    "linear": dict(flow="linear", weights="heads", beta=1.5),
    "linear_plain": dict(flow="linear", masses=True),
    "l2": dict(flow="l2", weights="heads", beta=1.7, masses=True),
    "l2_plain": dict(flow="l2", beta=2.0),
    "additive": dict(flow="additive", weights="additive", beta=1.9, masses=True),
    "sinkhorn": dict(flow="sinkhorn", weights="heads", beta=1.4, masses=True),
    "sinkhorn_plain": dict(flow="sinkhorn", beta=2.5, masses=True),
    "sinkhorn_symmetric": dict(flow="sinkhorn", weights="symmetric", beta=0.8),
    "hardmax": dict(flow="hardmax", integrate=False),
    "hardmax_heads": dict(flow="hardmax", weights="heads", rule="last", integrate=False),
    "perceptron_relu": dict(flow="perceptron", weights="perceptron", beta=0.9, activation="relu", masses=True),
    "perceptron_gelu": dict(flow="perceptron", weights="perceptron", beta=0.9, activation="gelu"),
    "perceptron_tanh": dict(flow="perceptron", weights="perceptron", beta=0.9, activation="tanh"),
    "pre": dict(flow="qkv", weights="heads", beta=1.3, normalisation="pre"),
    "mix": dict(flow="qkv", weights="heads", beta=1.3, normalisation="mix:0.5"),
    "peri": dict(flow="qkv", weights="heads", beta=1.3, normalisation="peri"),
    "ngpt": dict(flow="qkv", weights="heads", beta=1.3, normalisation="ngpt:2"),
    "sqrt": dict(flow="qkv", weights="heads", beta=1.3, normalisation="sqrt"),
    "ngpt_sa": dict(flow="sa", beta=3.0, normalisation="ngpt"),
    "peri_usa": dict(flow="usa", beta=1.0, normalisation="peri"),
    "layers": dict(flow="qkv", weights="layers", beta=2.0, layer_time=0.4),
    "schedule": dict(flow="sa", beta=1.0, schedule=(0.6, 5.0)),
    "layer_post": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3),
    "layer_pre": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3, normalisation="pre"),
    "layer_mix": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3, normalisation="mix:0.6"),
    "layer_peri": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3, normalisation="peri"),
    "layer_ngpt": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3, normalisation="ngpt"),
    "layer_sqrt": dict(flow="qkv", weights="layers", beta=1.3, eta=0.3, normalisation="sqrt"),
}


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, arrays in WEIGHTS.items():
        np.savez(os.path.join(folder, name + ".npz"), **arrays)
    np.save(os.path.join(folder, "start.npy"), X)
    out = {"masses": MASSES}
    for name, case in CASES.items():
        plain = dict(case, flow={"sa": "qkv", "usa": "uqkv"}.get(case["flow"], case["flow"]))
        if "eta" in case:
            out[name + "_state"] = layers(plain)
            continue
        out[name + "_velocity"] = motion(plain, X, 0.0)
        if case.get("integrate", True):
            out[name + "_state"] = integrate(plain)
    np.savez(os.path.join(folder, "families.npz"), **out)


if __name__ == "__main__":
    main()
