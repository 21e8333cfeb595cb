#!/usr/bin/env python3
"""Golden means and covariances of attention on a Gaussian (theory 1.10): the printed equations for alpha and Sigma,
with matrix inverses and, for Sinkhorn, the fixed point of the cross-covariance by damped iteration; DOP853.

Writes tests/golden/flow/moments.txt: kind d heads beta t, then Q, K, V [heads,d,d], mean, covariance at 0, both at t.
"""
import os

import numpy as np
from scipy.integrate import solve_ivp


def cross(b, s):
    """C = S B (S - C^T S^-1 C)."""
    c = s @ b @ s * 0
    inverse = np.linalg.inv(s)
    for _ in range(20000):
        new = s @ b @ (s - c.T @ inverse @ c)
        if np.abs(new - c).max() < 1e-15 * np.abs(new).max():
            break
        c = 0.3 * new + 0.7 * c
    return c


def rates(kind, beta, q, k, v, mean, s):
    one, dmean, ds = np.eye(len(mean)), 0, 0
    for qh, kh, vh in zip(q, k, v):
        a = beta * kh.T @ qh
        if kind == "softmax":
            dmean = dmean + vh @ (one + s @ a) @ mean
            half = vh @ s @ a @ s
        elif kind == "l2":
            m = np.linalg.inv(one + beta * s @ kh.T @ kh)
            dmean = dmean + vh @ m @ (one + s @ a) @ mean
            half = vh @ m @ s @ a @ s
        else:
            dmean = dmean + vh @ mean
            half = vh @ cross(a.T, s).T
        ds = ds + half + half.T
    return dmean, ds


def main():
    rng = np.random.default_rng(9)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")
    with open(os.path.join(folder, "moments.txt"), "w") as out:
        for kind in ("softmax", "l2", "sinkhorn"):
            for d, heads, beta, t in ((1, 1, 1.0, 0.3), (3, 1, 0.7, 0.5), (2, 2, 1.3, 0.4)):
                q, k, v = (rng.normal(size=(heads, d, d)) / np.sqrt(d) for _ in range(3))
                root = rng.normal(size=(d, d)) * 0.5
                s0, m0 = root @ root.T + 0.2 * np.eye(d), rng.normal(size=d)

                def slope(_, y):
                    s = y[d:].reshape(d, d)
                    dm, ds = rates(kind, beta, q, k, v, y[:d], (s + s.T) / 2)
                    return np.concatenate([dm, ds.ravel()])

                start = np.concatenate([m0, s0.ravel()])
                y = solve_ivp(slope, (0, t), start, "DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
                out.write(f"{kind} {d} {heads} {beta:g} {t:g}\n")
                for part in (q, k, v, m0, s0, y[:d], y[d:]):
                    out.write(" ".join(f"{x:.17g}" for x in np.ravel(part)) + "\n")


if __name__ == "__main__":
    main()
