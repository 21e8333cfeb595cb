#!/usr/bin/env python3
"""The coefficients of src/linalg/elementary_f32.h: minimax fits by Lawson's iteration, in single precision.

usage: fit_elementary.py        needs numpy and scipy; a minute

exp: 1 + r + c2 r^2 + ... of degree 6 on |r| <= (ln 2)/2. exp2: the same of degree 5 for 2^r, |r| <= 1/2. erf:
x P(x^2)/Q(x^2) of degrees 5 and 5 on [0, 3.92]; its coefficients, rounded to floats, are then moved by a few units in
the last place, at random from a fixed seed, as long as the largest error in float arithmetic with fused multiply-adds
falls."""
import numpy as np
from scipy.special import erf

FLOAT = np.float32
TOP = 3.92


def lawson(matrix_of, weight_of, rounds):
    """The solution whose largest weighted error is least, and that error. matrix_of(previous) gives the linear system;
    weight_of(solution) the errors."""
    best, solution, weights = (np.inf, None), None, None
    for _ in range(rounds):
        matrix, right = matrix_of(solution)
        weights = np.ones(len(right)) if weights is None else weights
        scaled = matrix * np.sqrt(weights)[:, None]
        size = np.linalg.norm(scaled, axis=0)
        solution = np.linalg.lstsq(scaled / size, right * np.sqrt(weights), rcond=None)[0] / size
        error = np.abs(weight_of(solution))
        if error.max() < best[0]:
            best = error.max(), solution
        weights = weights * (error / error.max() + 1e-3)
        weights /= weights.mean()
    return best


def fit_exp(degree=6):
    r = np.cos(np.linspace(0, np.pi, 4001)) * np.log(2) / 2 * 1.0005
    powers, f = r[:, None] ** np.arange(1, degree + 1), np.exp(r)
    return lawson(lambda _: (powers / f[:, None], (f - 1) / f), lambda c: (1 + powers @ c) / f - 1, 400)


def fit_erf(p=5, q=5):
    x = np.sort(np.concatenate([np.cos(np.pi * (np.arange(400) + 0.5) / 800) * TOP, np.linspace(1e-3, TOP, 400)]))
    f, t = erf(x), (x / TOP) ** 2
    above, below = x[:, None] * t[:, None] ** np.arange(p + 1), f[:, None] * t[:, None] ** np.arange(1, q + 1)

    def bottom(c):
        return np.ones(len(x)) if c is None else 1 + (below / f[:, None]) @ c[p + 1:]

    def system(c):
        scale = f * bottom(c)
        return np.hstack([above, -below]) / scale[:, None], f / scale

    worst, c = lawson(system, lambda c: above @ c[:p + 1] / bottom(c) / f - 1, 60)
    c = np.concatenate([c[:p + 1], [1], c[p + 1:]])
    return worst, c / TOP ** (2 * np.concatenate([np.arange(p + 1), np.arange(q + 1)]))


def fused(a, b, c):
    return (a.astype(np.float64) * b.astype(np.float64) + np.float64(c)).astype(FLOAT)


def erf_in_float(c, x):
    a = np.minimum(x, FLOAT(TOP))
    z = a * a
    p, q = np.full_like(z, c[5]), np.full_like(z, c[11])
    for i in range(4, -1, -1):
        p, q = fused(p, z, c[i]), fused(q, z, c[6 + i])
    return np.minimum(a * p / q, FLOAT(1))


def settle_erf(c, rounds=6000):
    """Moves the coefficients; returns them with the largest and the root mean square error, in ulp."""
    rng = np.random.default_rng(1)
    grid = np.linspace(0.01, 4, 16001), np.exp(np.linspace(np.log(1e-3), 0, 2000))
    x = np.unique(np.concatenate(grid).astype(FLOAT))
    exact = erf(x.astype(np.float64))
    unit = np.spacing(np.minimum(exact, 0.99999994).astype(FLOAT)).astype(np.float64)

    def errors(c):
        e = np.abs(erf_in_float(c, x).astype(np.float64) - exact) / unit
        return e.max() + 0.3 * np.sqrt((e * e).mean()), e

    c, best = c.astype(FLOAT), np.inf
    for _ in range(rounds):
        other = c.copy()
        for _ in range(rng.integers(1, 4)):
            i = rng.integers(0, 12)
            if i != 6:  # Q(0) = 1
                other[i] += FLOAT(rng.integers(-6, 7)) * np.spacing(other[i])
        score, _ = errors(other)
        if score < best:
            best, c = score, other
    e = errors(c)[1]
    return c, e.max(), np.sqrt((e * e).mean())


def main():
    worst, c = fit_exp()
    print("exp: largest relative error %.2e" % worst)
    print("  c1 ... c6", *(float(v).hex() for v in c.astype(FLOAT)))
    worst, c = fit_exp(5)
    print("exp2: largest relative error %.2e" % worst)
    print("  c1 ... c5", *(float(v).hex() for v in (c * np.log(2) ** np.arange(1, 6)).astype(FLOAT)))
    worst, c = fit_erf()
    print("erf: largest relative error %.2e" % worst)
    c, most, mean = settle_erf(c)
    print("  in float: %.2f ulp at most, %.2f on average" % (most, mean))
    print("  P", *(float(v).hex() for v in c[:6]))
    print("  Q", *(float(v).hex() for v in c[6:]))


if __name__ == "__main__":
    main()
