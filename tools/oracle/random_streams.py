#!/usr/bin/env python3
"""Numbers for tests/base/test_random.c, computed without dwell: philox4x32-10 in plain integers (Salmon et al. 2011,
section 3.3), the normal quantile by mpmath. Prints C initialisers."""
from mpmath import mp, mpf, erfinv, sqrt

mp.dps = 340  # 1 - 2p keeps the digits of p = 1e-300
MASK = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 1 << 32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def bits64(seed, purpose, replica, i, j):
    b = philox([purpose, replica, i, j], [seed & MASK, seed >> 32])
    return b[1] << 32 | b[0]


def uniform(*where):
    return (mpf(bits64(*where) >> 12) + mpf(1) / 2) / 2**52


def quantile(p):
    return -sqrt(mpf(2)) * erfinv(1 - 2 * p)


def show(x):
    return mp.nstr(x, 20, strip_zeros=False, min_fixed=-3)


def below(n, *where):
    return bits64(*where) * n >> 64


def permutation(n, seed, purpose, replica, i):
    order = list(range(n))
    for k in range(n, 1, -1):
        other = below(k, seed, purpose, replica, i, k - 1)
        order[k - 1], order[other] = order[other], order[k - 1]
    return order


# Random123's published known answer
assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]) == [
    0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def main():
    print("/* p, quantile */")
    for p in [0.5, 0.25, 0.1, 0.075, 0.0750001, 0.025, 1e-3, 1e-6, 1e-10, 1.3887943864964e-11, 1e-12, 1e-17, 1e-100,
              1e-300, 2.0**-54, 0.6, 0.9, 0.925, 0.99, 0.9999, 1 - 2.0**-40, 1 - 2.0**-53]:
        print("    {%s, %s}," % (repr(p), show(quantile(mpf(p)))))
    print("/* seed, purpose, replica, i, j, uniform, normal */")
    for where in [(0, 1, 0, 0, 0), (1, 1, 0, 0, 0), (0, 2, 0, 0, 0), (0, 1, 1, 0, 0), (0, 1, 0, 1, 0), (0, 1, 0, 0, 1),
                  (0x123456789ABCDEF0, 5, 7, 511, 767), (2**64 - 1, 100, 2**32 - 1, 2**32 - 1, 2**32 - 1)]:
        u = uniform(*where)
        print("    {%s, %s, %s}," % (", ".join("%uu" % w for w in where), show(u), show(quantile(u))))
    print("/* permutation of 12, seed 42, purpose 5, replica 3, i = 9 */")
    print("    ", permutation(12, 42, 5, 3, 9))


if __name__ == "__main__":
    main()
