#!/usr/bin/env python3
"""Golden numbers of the circle and of densities.

Writes into tests/golden/flow
  multipliers.txt   d beta l a_l e^-|beta|               by mpmath's Bessel functions
  circle.txt        kind n beta t, masses, angles at 0, at t     particles pair by pair, DOP853
  stationary.txt    beta kappa, then the means of the orders 1, 2    usa with noise on the circle, by fixed point
  density.txt       d kind beta amplitude t, then the means of the orders 1, 2, 3
      quantile particles of a density 1 + amplitude cos theta (circle) or 1 + amplitude <x,e> (sphere, d = 3, whose ring
      averages are e^{beta t s} I_0(beta sqrt(1-t^2) sqrt(1-s^2))), Richardson-extrapolated over their number
"""
import os

import numpy as np
from mpmath import besseli, exp, gamma, mp, mpf
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import ive

mp.dps = 30
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")


def multipliers(out):
    for d in (2, 3, 5, 16, 128):
        for beta in ("0.01", "1", "5", "60", "-3"):
            x = abs(mpf(beta))
            for l in (0, 1, 2, 7, 20):
                a = gamma(mpf(d) / 2) * (2 / x) ** (mpf(d) / 2 - 1) * besseli(l + mpf(d) / 2 - 1, x) * exp(-x)
                out.write(f"{d} {beta} {l} {mp.nstr(a * (-1 if beta[0] == '-' and l % 2 else 1), 17)}\n")


def circle(out):
    rng = np.random.default_rng(3)
    for kind, n, beta, t in (("sa", 7, 3.0, 2.0), ("usa", 7, 3.0, 0.1), ("sa", 5, -1.5, 1.0), ("sa", 6, 0.0, 1.0),
                             ("usa", 6, 60.0, 1e-24)):
        masses = rng.uniform(0.5, 1.5, n)
        masses /= masses.sum()
        start = rng.uniform(-3, 3, n)

        def slope(_, y):
            gap = y[None, :] - y[:, None]
            w = masses * np.exp(beta * np.cos(gap))
            return (w * np.sin(gap)).sum(1) / (w.sum(1) if kind == "sa" else 1)

        end = solve_ivp(slope, (0, t), start, "DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
        out.write(f"{kind} {n} {beta:g} {t:g}\n")
        for a in (masses, start, end):
            out.write(" ".join(f"{x:.17g}" for x in a) + "\n")


def quantiles(n, cdf, low, high):
    return np.array([brentq(lambda x: cdf(x) - (i + 0.5) / n, low, high, xtol=1e-15) for i in range(n)])


def on_circle(n, kind, beta, amplitude, t):
    start = quantiles(n, lambda x: (x + amplitude * np.sin(x)) / (2 * np.pi) + 0.5, -np.pi, np.pi)

    def slope(_, y):
        gap = y[None, :] - y[:, None]
        w = np.exp(beta * np.cos(gap)) / n
        return (w * np.sin(gap)).sum(1) / (w.sum(1) if kind == "sa" else 1)

    y = solve_ivp(slope, (0, t), start, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    return [np.mean(np.cos(k * y)) for k in (1, 2, 3)]


def on_sphere(n, kind, beta, amplitude, t):
    start = quantiles(n, lambda x: (x + 1) / 2 + amplitude * (x * x - 1) / 4, -1, 1)

    def slope(_, y):
        r = np.sqrt(np.maximum(1 - y * y, 1e-300))
        z = beta * r[:, None] * r[None, :]
        common = np.exp(beta * y[:, None] * y[None, :] + z)
        g = (common * ive(0, z)).mean(1)
        # d/dt of e^{beta t s} I_0(beta r_t r_s), times 1 - t^2, over beta
        along = r[:, None] ** 2 * y[None, :] * ive(0, z)
        turn = common * (along - y[:, None] * r[:, None] * r[None, :] * ive(1, z))
        return turn.mean(1) / (g if kind == "sa" else 1)

    y = solve_ivp(slope, (0, t), start, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    return [np.mean(y), np.mean(1.5 * y * y - 0.5), np.mean(2.5 * y ** 3 - 1.5 * y)]


def density(out):
    for d, kind, beta, amplitude, t, run in ((2, "sa", 2.0, 0.5, 1.0, on_circle), (2, "usa", 2.0, 0.5, 0.5, on_circle),
                                             (3, "sa", 2.0, 0.5, 1.0, on_sphere), (3, "usa", 2.0, 0.5, 0.3, on_sphere)):
        coarse, fine = (np.array(run(n, kind, beta, amplitude, t)) for n in (300, 600))
        means = " ".join(f"{x:.12g}" for x in (4 * fine - coarse) / 3)
        out.write(f"{d} {kind} {beta:g} {amplitude:g} {t:g} {means}\n")
        print(d, kind, "change by the number of particles", np.abs(fine - coarse).max())


def stationary(out):
    """Ordered stationary states of usa with noise on the circle: f proportional to exp(kappa / beta W*f)."""
    theta = 2 * np.pi * np.arange(512) / 512
    waves = np.cos(np.arange(60)[:, None] * theta)
    for beta, kappa in ((1.0, 2.0), (1.0, 2.5), (1.0, 5.0), (3.0, 1.0)):
        c = np.full(60, 0.5)
        strength = 2 * kappa / beta * np.array([float(besseli(k, beta)) for k in range(60)])
        for _ in range(100000):
            f = np.exp((strength * c)[1:] @ waves[1:])
            new = waves @ f / f.sum()
            if np.abs(new - c).max() < 1e-15:
                break
            c = new
        out.write(f"{beta:g} {kappa:g} {c[1]:.15g} {c[2]:.15g}\n")


def main():
    for make in (stationary, multipliers, circle, density):
        with open(os.path.join(FOLDER, make.__name__ + ".txt"), "w") as out:
            make(out)


if __name__ == "__main__":
    main()
