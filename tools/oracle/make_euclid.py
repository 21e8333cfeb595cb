#!/usr/bin/env python3
"""Golden states of the flow on R^d, raw and rescaled, by DOP853 on the equations as printed (theory 1.3), with matrix
exponentials from scipy; and which points of clouds are corners, on the boundary, inside of their hull, by qhull.

Writes into tests/golden/flow
  euclid.txt   n d beta rescaled t, then B [d,d], V [d,d], masses [n], start [n,d], state and attention at t
  hulls.txt    n d, then points [n,d], then a flag each: 2 corner, 1 on the boundary, 0 inside
"""
import itertools
import os

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.spatial import ConvexHull

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")


def attention(beta, b, masses, x):
    s = beta * x @ b @ x.T + np.log(masses)
    s = np.exp(s - s.max(1, keepdims=True))
    return s / s.sum(1, keepdims=True)


def run(beta, b, v, masses, start, rescaled, t):
    n, d = start.shape

    def slope(u, y):
        z = y.reshape(n, d)
        p = attention(beta, b, masses, z @ expm(u * v).T if rescaled else z)
        return ((p @ z - z if rescaled else p @ z) @ v.T).ravel()

    out = solve_ivp(slope, (0, t), start.ravel(), "DOP853", rtol=1e-13, atol=1e-14).y[:, -1].reshape(n, d)
    return out, attention(beta, b, masses, out @ expm(t * v).T if rescaled else out)


def write(stream, *arrays):
    for a in arrays:
        stream.write(" ".join(f"{x:.17g}" for x in np.ravel(a)) + "\n")


def flows(stream):
    rng = np.random.default_rng(5)
    for n, d, beta, rescaled, t, kind in ((5, 1, 1, 1, 2.0, "one"), (6, 2, 1, 0, 0.8, "any"), (6, 2, 1, 1, 1.5, "any"),
                                          (7, 3, 0.7, 1, 1.2, "any"), (5, 3, 2, 0, 2.0, "minus"),
                                          (6, 4, -0.5, 1, 1.0, "any"), (4, 2, 1, 1, 3.0, "one")):
        b = rng.normal(size=(d, d)) / np.sqrt(d) if kind == "any" else np.eye(d)
        v = {"one": np.eye(d), "minus": -np.eye(d), "any": rng.normal(size=(d, d)) / np.sqrt(d)}[kind]
        masses = rng.uniform(0.5, 1.5, n)
        masses /= masses.sum()
        start = rng.uniform(-1, 1, (n, d))
        state, p = run(beta, b, v, masses, start, rescaled, t)
        stream.write(f"{n} {d} {beta:g} {rescaled} {t:g}\n")
        write(stream, b, v, masses, start, state, p)


def hulls(stream):
    rng = np.random.default_rng(6)
    clouds = [rng.normal(size=(12, 2)), rng.normal(size=(20, 3)), rng.normal(size=(15, 4)), rng.normal(size=(9, 7))]
    cube = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
    clouds += [cube, cube[:, :2][::3], cube * 1e-7 + 1e-3]
    for x in clouds:
        hull = ConvexHull(x)
        scale = np.abs(x - x.mean(0)).max()
        corner = np.zeros(len(x), int)
        corner[hull.vertices] = 2
        edge = (np.abs(hull.equations[:, :-1] @ x.T + hull.equations[:, -1:]).min(0) < 1e-9 * scale).astype(int)
        stream.write(f"{len(x)} {x.shape[1]}\n")
        write(stream, x)
        stream.write(" ".join(str(f) for f in np.maximum(corner, edge)) + "\n")


def main():
    with open(os.path.join(FOLDER, "euclid.txt"), "w") as stream:
        flows(stream)
    with open(os.path.join(FOLDER, "hulls.txt"), "w") as stream:
        hulls(stream)


if __name__ == "__main__":
    main()
