#!/usr/bin/env python3
"""Makes tests/golden/study/statistics.txt: distributions, intervals and tests, by mpmath in 50 digits, scipy and
statsmodels, or by counting every case.

usage: make_statistics.py > tests/golden/study/statistics.txt
"""
import itertools
import random

import mpmath as mp
import scipy.stats
from statsmodels.stats.multitest import multipletests

mp.mp.dps = 50


def beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def upper(a, b, x):
    return mp.betainc(a, b, x, 1, regularized=True)


def t_above(t, nu):
    t, nu = mp.mpf(t), mp.mpf(nu)
    tail = beta(nu / 2, mp.mpf(1) / 2, nu / (nu + t * t)) / 2
    return tail if t >= 0 else 1 - tail


def solve(function, p, low, high):
    """Where a rising function reaches p."""
    for _ in range(220):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < p else (low, middle)
    return low


def share(count, n, level):
    tail = (1 - mp.mpf(level)) / 2
    low = solve(lambda p: beta(count, n - count + 1, p), tail, mp.mpf(0), mp.mpf(1)) if count else mp.mpf(0)
    high = solve(lambda p: beta(count + 1, n - count, p), 1 - tail, mp.mpf(0), mp.mpf(1)) if count < n else mp.mpf(1)
    return low, high


def binomial(n, k, p, above):
    p = mp.mpf(p)
    chosen = range(k, n + 1) if above else range(0, k + 1)
    return mp.fsum(mp.binomial(n, j) * p**j * (1 - p)**(n - j) for j in chosen)


def show(name, *numbers):
    print(name, *(mp.nstr(mp.mpf(x), 17, strip_zeros=True) for x in numbers))


def distributions():
    for x in ["0.001", "0.5", "1", "1.5", "2", "3.7", "11.999", "12", "25", "1000.25", "100000"]:
        show("log_gamma", float(x), mp.loggamma(mp.mpf(float(x))))
    for a, b in [(0.5, 0.5), (1, 1), (2, 3), (0.5, 7), (12.5, 0.5), (24, 25), (3.25, 200), (500, 500.5), (5000, 3)]:
        for x in [1e-8, 0.01, 0.2, 0.4999, 0.5, 0.75, 0.97, 0.999]:
            if beta(a, b, mp.mpf(x)) > mp.mpf("1e-250"):
                show("beta", a, b, x, beta(a, b, mp.mpf(x)))
    for a, b in [(1, 12), (3, 10), (13, 12), (24, 1), (0.5, 0.5), (7.5, 31)]:
        for p in [1e-6, 0.025, 0.5, 0.975]:
            show("beta_quantile", a, b, p, solve(lambda x: beta(a, b, x), mp.mpf(p), mp.mpf(0), mp.mpf(1)))
    for nu in [1, 2, 3.4, 4, 11, 18.7, 23, 400.5]:
        for t in [-3, 0.1, 1, 2.5, 12]:
            show("t_above", t, nu, t_above(t, nu))
        for p in [0.0001, 0.025, 0.3, 0.9]:
            p_exact = mp.mpf(p)
            show("t_quantile", p, nu, solve(lambda t: -t_above(t, nu), -p_exact, mp.mpf(-1000), mp.mpf(10000)))


def counts():
    cases = [(12, 10, 0.5), (12, 0, 0.2), (24, 20, 0.5), (24, 3, 0.2), (17, 17, 0.5), (400, 21, 0.05), (60, 1, 0.03)]
    for n, k, p in cases:
        show("binomial_above", n, k, p, binomial(n, k, p, True))
        show("binomial_below", n, k, p, binomial(n, k, p, False))
    for n in [1, 6, 12, 17, 24, 41, 400]:
        for count in sorted({0, 1, n // 3, n // 2, n}):
            low, high = share(count, n, 0.95)
            if count > 0:
                show("share_low", count, n, 0.95, low)
            if count < n:
                show("share_high", count, n, 0.95, high)
    for gained in range(0, 9, 2):
        for lost in range(0, 5):
            exact = lambda: scipy.stats.binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
            show("mcnemar", gained, lost, exact() if gained + lost else 1.0)


def sign_flip(x):
    signs = list(itertools.product([1, -1], repeat=len(x)))
    reached = sum(sum(s * v for s, v in zip(each, x)) >= sum(x) - 1e-9 for each in signs)
    return mp.mpf(reached) / len(signs)


def lists():
    draw = random.Random(5)
    for n in [1, 2, 6, 20]:
        p = [round(draw.random()**2, 6) for _ in range(n)]
        if n > 2:
            p[1] = p[2]
        show("holm", n, *p, *multipletests(p, method="holm")[1])
        show("false_discovery", n, *p, *multipletests(p, method="fdr_bh")[1])
    for n in [3, 5, 8, 12, 20]:
        x = [draw.gauss(0.1 * i, 1) for i in range(n)]
        result = scipy.stats.kendalltau(range(n), x, method="exact")
        show("kendall", n, *x, result.statistic, result.pvalue)
    show("kendall", 6, 1, 2, 2, 3, 5, 4, scipy.stats.kendalltau(range(6), [1, 2, 2, 3, 5, 4]).statistic, -1)
    for n in [1, 2, 7, 12]:
        x = [draw.gauss(0.5, 1) for _ in range(n)]
        show("sign_flip", n, *x, sign_flip(x))
    show("sign_flip", 5, 1, 1, 1, 1, 1, sign_flip([1] * 5))
    show("sign_flip", 6, 1, -1, 0, 2, -2, 0, sign_flip([1, -1, 0, 2, -2, 0]))


def main():
    print("# Made by tools/oracle/make_statistics.py: name, arguments, value.")
    distributions()
    counts()
    lists()


if __name__ == "__main__":
    main()
