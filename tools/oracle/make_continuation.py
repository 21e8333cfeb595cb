#!/usr/bin/python3
"""Makes tests/golden/flow/continuation.txt: branches of stationary noisy densities, without time, modes' equations or
arc length: a density is a fixed point f ~ exp(kappa/beta K*f) (usa) or f ~ (K*f)^(kappa/beta) (sa) on a grid, solved by
Newton's method at a given order parameter R1 with kappa as the last unknown; folds are minima of kappa(R1), the
transition is where free energies agree, the tricritical point where kappa''(R1 = 0) changes sign.

Lines: flow d beta | kappa R1 of the fold | kappa R1 of equal free energy (usa; else nan) | kappa_c
       tricritical flow d beta
       point flow d beta R1 kappa R2"""
import os

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import eval_gegenbauer, eval_legendre, roots_legendre


class Kernel:
    """Axisymmetric densities on S^{d-1} by their values at quadrature nodes of the polar angle."""

    def __init__(self, flow, d, beta, nodes=240, degrees=60):
        self.flow, self.d, self.beta, self.degrees = flow, d, beta, degrees
        x, w = roots_legendre(nodes)  # in the polar angle theta on (0, pi): the weight is sin^{d-2}
        theta = (x + 1) * np.pi / 2
        t = np.cos(theta)
        w = w * np.sin(theta) ** (d - 2)
        self.w = w / w.sum()
        ls = np.arange(degrees + 1)
        if d == 2:
            self.p = np.cos(np.outer(ls, theta))
        elif d == 3:
            self.p = np.array([eval_legendre(l, t) for l in ls])
        else:
            self.p = np.array([eval_gegenbauer(l, d / 2 - 1, t) / eval_gegenbauer(l, d / 2 - 1, 1) for l in ls])
        norm = (self.p ** 2 * self.w).sum(1)  # = 1 / N_l
        self.a = (self.p * np.exp(beta * t) * self.w).sum(1)  # Funk-Hecke
        self.n = 1 / norm

    def density(self, u, kappa):
        k = self.p.T @ (self.n * self.a * np.concatenate([[1], u]))
        log = kappa / self.beta * (k if self.flow == "usa" else np.log(k))
        f = np.exp(log - log.max())
        return f / (f * self.w).sum()

    def moments(self, u, kappa):
        return self.p[1:] @ (self.w * self.density(u, kappa))

    def critical(self):
        return self.beta / self.a[1] * (1 if self.flow == "usa" else self.a[0])

    def at(self, r1, guess=None):
        """kappa and u at R1 = r1; the guess is (u_2.., kappa)."""
        if guess is None:
            guess = np.concatenate([r1 ** (np.arange(2, self.degrees + 1) ** 2.0), [self.critical()]])

        z = np.array(guess, float)
        for _ in range(50):
            u = np.concatenate([[r1], z[:-1]])
            f = self.density(u, z[-1])
            residual = self.p[1:] @ (self.w * f) - u
            # d f = f (d log - <d log>)
            k = self.p.T @ (self.n * self.a * np.concatenate([[1], u]))
            per_u = (self.n * self.a)[1:, None] * self.p[1:] * z[-1] / self.beta / (1 if self.flow == "usa" else k)
            per_kappa = (k if self.flow == "usa" else np.log(k)) / self.beta
            per = np.vstack([per_u[1:], per_kappa])
            centred = per - (per * (self.w * f)).sum(1, keepdims=True)
            jacobian = self.p[1:] @ (centred * (self.w * f)).T
            jacobian[1:, :-1] -= np.eye(self.degrees - 1)
            step = np.linalg.solve(jacobian, residual)
            z = z - step
            if np.abs(step).max() < 1e-14 * max(1, abs(z[-1])):
                break
        assert np.abs(residual).max() < 1e-13, (self.flow, self.d, self.beta, r1, np.abs(residual).max())
        return z[-1], np.concatenate([[r1], z[:-1]]), z

    def walk(self, r1):
        guess = None
        for r in np.linspace(0.02, r1, max(2, int(r1 / 0.02))):
            kappa, u, guess = self.at(r, guess)
        return kappa, u, guess

    def free_energy(self, kappa, u):
        f = self.density(u, kappa)
        return (self.w * f * np.log(np.maximum(f, 1e-300))).sum() - kappa / (2 * self.beta) * (
            self.n[1:] * self.a[1:] * u ** 2).sum()

    def curvature(self):
        """kappa''/2 at R1 = 0, from a polynomial in R1^2."""
        r = np.array([0.03, 0.06, 0.09, 0.12])
        kappas = [self.at(x)[0] / self.critical() - 1 for x in r]
        return np.polyfit(r ** 2, np.array(kappas) / r ** 2, 3)[-1]


def fold(k):
    rs = np.linspace(0.05, 0.9, 60)
    guess, kappas, guesses = None, [], []
    for r in rs:
        kappa, _, guess = k.at(r, guess)
        kappas.append(kappa)
        guesses.append(guess)
    i = int(np.argmin(kappas))
    best = minimize_scalar(lambda r: k.at(r, guesses[i])[0], bounds=(rs[i - 1], rs[i + 1]), method="bounded",
                           options={"xatol": 1e-9})

    def gap(r):
        kappa, u, _ = k.at(r, guesses[int(np.argmin(np.abs(rs - r)))])
        return k.free_energy(kappa, u)

    equal = (np.nan, np.nan)
    if k.flow == "usa":
        gaps = [gap(r) for r in rs]
        j = next(j for j in range(i, len(rs)) if gaps[j] < 0)
        r = brentq(gap, rs[j - 1], rs[j], xtol=1e-13)
        equal = (k.at(r, guesses[j])[0], r)
    return best.fun, best.x, *equal


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")
    with open(os.path.join(folder, "continuation.txt"), "w") as out:
        for flow, d, beta in (("usa", 2, 3.0), ("usa", 2, 4.0), ("usa", 2, 6.0), ("usa", 3, 3.0)):
            k = Kernel(flow, d, beta)
            try:
                numbers = fold(k)
            except AssertionError as error:
                print("no fold:", error)
                continue
            out.write(f"fold {flow} {d} {beta:g} {' '.join(f'{x:.15g}' for x in numbers)} {k.critical():.15g}\n")
        for flow, d, low, high in (("usa", 2, 2, 3), ("usa", 3, 1, 3), ("usa", 4, 1, 3)):
            sign = [Kernel(flow, d, b).curvature() for b in (low, high)]
            if sign[0] * sign[1] > 0:
                print("no tricritical point:", flow, d, sign)
                continue
            beta = brentq(lambda b: Kernel(flow, d, b).curvature(), low, high, xtol=1e-11)
            out.write(f"tricritical {flow} {d} {beta:.15g} nan nan nan nan nan\n")
        for flow, d, beta, r1 in (("usa", 2, 1.0, 0.5), ("sa", 2, 5.0, 0.6), ("sa", 3, 5.0, 0.5), ("usa", 8, 1.0, 0.4)):
            kappa, u, _ = Kernel(flow, d, beta).walk(r1)
            out.write(f"point {flow} {d} {beta:g} {r1:g} {kappa:.15g} {u[1]:.15g} nan nan\n")


if __name__ == "__main__":
    main()
