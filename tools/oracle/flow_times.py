#!/usr/bin/env python3
"""Golden times of flows on the sphere that reduce to one equation rho' = f(rho), by quadrature of dr / f(r) in 30
digits.

Writes tests/golden/flow/times.txt, one line per value: kind n beta mass rho0 rho t, where a system of this kind that
starts at common cosine rho0 has cosine rho at time t.
  sa, usa     n equal tokens at equal angles (flows.md 3)
  pair        sa, two tokens of masses `mass` and 1 - mass (theory T12)
  causal      sa, two tokens, the second sees both, the first only itself (flows.md 1)
Independent of dwell: the particle code knows none of these equations.
"""
import os
from mpmath import mp, mpf, exp, quad

mp.dps = 30


def slope(kind, n, beta, m, r):
    if kind == "sa":
        return 2 * (1 - r) * ((n - 1) * r + 1) / (exp(beta * (1 - r)) + n - 1)
    if kind == "usa":
        return mpf(2) / n * exp(beta * r) * (1 - r) * ((n - 1) * r + 1)
    far = exp(beta * (1 - r))
    if kind == "pair":
        return (1 - r * r) * ((1 - m) / (m * far + 1 - m) + m / ((1 - m) * far + m))
    return (1 - r * r) / (1 + far)


def time(kind, n, beta, m, r0, r1):
    points = [r0 + (r1 - r0) * mpf(k) / 16 for k in range(17)]
    return quad(lambda r: 1 / slope(kind, n, beta, m, r), points)


def rows():
    for kind in ("sa", "usa"):
        for n in (2, 8, 32):
            for beta in (0, 1, 5, 9):
                for r0 in (mpf(0), -mpf(1) / (2 * (n - 1))):
                    for r1 in ("0.05", "0.2", "0.5", "0.9", "0.99", "0.999"):
                        yield kind, n, beta, mpf("0.5"), r0, mpf(r1)
    for beta in (1, 5):
        for m in ("0.5", "0.1", "0.9"):
            for r1 in ("0.2", "0.9", "0.999"):
                yield "pair", 2, beta, mpf(m), mpf("-0.5"), mpf(r1)
    for beta in (0, 1, 5):
        for r1 in ("0.2", "0.9", "0.999"):
            yield "causal", 2, beta, mpf("0.5"), mpf("-0.5"), mpf(r1)


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "flow")
    with open(os.path.join(folder, "times.txt"), "w") as out:
        for kind, n, beta, m, r0, r1 in rows():
            t = time(kind, n, mpf(beta), m, r0, r1)
            out.write(f"{kind} {n} {beta} {mp.nstr(m, 17)} {mp.nstr(r0, 17)} {mp.nstr(r1, 17)} {mp.nstr(t, 17)}\n")


if __name__ == "__main__":
    main()
