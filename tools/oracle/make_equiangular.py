#!/usr/bin/env python3
"""Golden times of equal angles and of pairs, as logarithms, by quadrature of dr / f(r) in 40 digits, and the equations
of the normalisation schemes by another integrator in another coordinate.

Writes into tests/golden/flow
  equiangular.txt   kind n beta mass gap0 gap1 log_time     (gap = 1 - cosine; kinds sa, usa, pair, causal)
  schemes.txt       scheme n beta t gap radius              (from gap 1, radius 1)
Independent of dwell: the integrand is theory 1.8 and T12 in rho itself.
"""
import os

from mpmath import exp, log, mp, mpf, quad, sin

mp.dps = 40


def slowness(kind, n, beta, m, gap, peak):
    """1 / f at 1 - rho = gap, times e^-peak."""
    far = exp(beta * gap - peak)
    one = exp(-peak)
    ends = gap * (n - (n - 1) * gap)  # (1 - rho) ((n-1) rho + 1)
    if kind == "sa":
        return (far + (n - 1) * one) / (2 * ends)
    if kind == "usa":
        return n * exp(beta * (gap - 1) - peak) / (2 * ends)
    pair = gap * (2 - gap)
    if kind == "causal":
        return (far + one) / pair
    near = exp(beta * gap)
    return one / (pair * ((1 - m) / (m * near + 1 - m) + m / ((1 - m) * near + m)))


def log_time(kind, n, beta, m, gap0, gap1):
    peak = max(beta * gap0, beta * gap1) - (beta if kind == "usa" else 0)
    span = gap0 - gap1
    points = sorted({gap1 + span * mpf(2) ** -k for k in range(14)} | {gap0 - span * mpf(2) ** -k for k in range(14)}
                    | {gap1, gap0})
    return peak + log(quad(lambda g: slowness(kind, n, beta, m, g, peak), points))


def rows():
    half = mpf("0.5")
    for kind in ("sa", "usa"):
        for n in (2, 32, 1024):
            for beta in (-2, 0, 1, 9, 50, 400):
                for gap0 in (mpf(1), 1 + 1 / (2 * mpf(n - 1))):
                    for gap1 in ("0.9", "0.1", "0.001", "1e-9"):
                        yield kind, n, beta, half, gap0, mpf(gap1)
    end = 2 * sin(mpf("0.005")) ** 2
    for beta in (50, 100, 400, 2000):
        for theta in ("0.3", "0.8", "1.5", "2.0", "3.0"):
            yield "pair", 2, beta, half, 2 * sin(mpf(theta) / 2) ** 2, end
        for m in ("0.25", "0.1", "0.01"):
            yield "pair", 2, beta, mpf(m), 2 * sin(mpf("2.0") / 2) ** 2, end
    for beta in (-1, 0, 3, 100):
        yield "causal", 2, beta, half, mpf("1.5"), mpf("0.01")


def schemes():
    import numpy as np
    from scipy.integrate import solve_ivp

    def slope(t, y, name, n, beta):
        rho, r = y
        z = np.exp(beta) + (n - 1) * np.exp(beta * rho)
        a, b = np.exp(beta) / z, np.exp(beta * rho) / z
        along = a + (n - 1) * b * rho
        length = np.sqrt(rho + (1 - rho) * (a * a + (n - 1) * b * b))
        speed = {"post": 1, "pre": r, "peri": r * length, "ngpt": length, "sqrt": np.sqrt(t + 1)}[name]
        grow = {"pre": along, "peri": along / length}.get(name, 0)
        return 2 * b * (1 - rho) * ((n - 1) * rho + 1) / speed, grow

    for name in ("post", "pre", "peri", "ngpt", "sqrt"):
        for n, beta in ((2, 1.0), (32, 5.0)):
            times = (0.5, 2.0, 5.0, 8.0)
            run = solve_ivp(slope, (0, times[-1]), (0, 1), "DOP853", times, args=(name, n, beta), rtol=1e-13,
                            atol=1e-15)
            for t, rho, r in zip(times, *run.y):
                yield name, n, beta, t, 1 - rho, r


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")
    with open(os.path.join(folder, "equiangular.txt"), "w") as out:
        for kind, n, beta, m, gap0, gap1 in rows():
            value = log_time(kind, n, mpf(beta), m, gap0, gap1)
            words = (mp.nstr(x, 17) for x in (m, gap0, gap1, value))
            out.write(f"{kind} {n} {beta} {' '.join(words)}\n")
    with open(os.path.join(folder, "schemes.txt"), "w") as out:
        for name, n, beta, t, gap, radius in schemes():
            out.write(f"{name} {n} {beta:g} {t:g} {gap:.17g} {radius:.17g}\n")


if __name__ == "__main__":
    main()
