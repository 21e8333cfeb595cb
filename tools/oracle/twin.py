"""The Gaussian twin of a state, written from its definition: for check_run.py and check_nulls.py. Needs numpy."""

import numpy as np

NODES = np.linspace(np.log(1e-7), np.log(3e4), 96)
STEP = NODES[1] - NODES[0]
T = np.exp(NODES)


def moments(s, mu):
    """E[y_k^2/|y|^2] and E[y_k/|y|] of y ~ N(mu, diag s), by quadrature in ln t."""
    q = 1 + 2 * np.outer(T, s)
    phi = np.exp(-0.5 * np.log(q).sum(1) - T * (mu**2 / q).sum(1))
    second = ((phi * T)[:, None] * (s / q + mu**2 / q**2)).sum(0) * STEP
    first = ((phi * T / np.sqrt(np.pi * T))[:, None] * (mu / q)).sum(0) * STEP
    return second, first


def twin_fit(g, kc):
    """Axes, variances and mean of a Gaussian that has, projected to the sphere, the mean and covariance of the data.
    None where fewer than two directions are above 1e-9 of the largest."""
    n = len(g)
    lam, v = np.linalg.eigh(kc)
    lam, v = lam[::-1], v[:, ::-1]
    r = int((lam > 1e-9 * lam[0]).sum())
    if lam[0] <= 0 or r < 2:
        return None
    lam, v = lam[:r], v[:, :r]
    m = v.T @ g.mean(1) / np.sqrt(lam)
    m = np.append(m, np.sqrt(max(0.0, g.mean() - (m**2).sum())))
    t = np.append(lam / n, 0.0)
    s, mu = t.copy(), m.copy()
    err = np.inf
    for _ in range(200):
        second, first = moments(s, mu)
        var = second - first**2
        err = np.abs(t[:r] - var[:r]).sum() / t.sum()
        off = np.abs(m - first).max()
        s[:r] *= np.clip(t[:r] / var[:r], 0.5, 2)
        mu = mu + m - first
        c = (s + mu**2).sum()
        s /= c
        mu /= np.sqrt(c)
        s[:r] = np.maximum(s[:r], 1e-12)
        if err < 1e-6 and off < 1e-6:
            break
    return {"v": v, "s": s[:r], "mu": mu, "err": err}


def twin_gram(fit, phases, n):
    """Cosines of one draw: Fourier phases over the tokens, the same for every axis; phases [n // 2 + 1]."""
    f = np.fft.rfft(fit["v"], axis=0)
    turn = np.exp(1j * phases)
    turn[0] = 1
    if n % 2 == 0:
        turn[-1] = np.sign(np.cos(phases[-1]))
    y = np.zeros((n, len(fit["mu"])))
    y[:, :-1] = np.fft.irfft(f * turn[:, None], n, axis=0) * np.sqrt(n * fit["s"])
    y += fit["mu"]
    y /= np.sqrt((y**2).sum(1))[:, None]
    return np.clip(y @ y.T, -1, 1)


def haar_fixing_ones(n, rng):
    """A random rotation of the token axis that leaves the constant vector alone, so that the mean stays."""
    basis = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, n - 1))]))[0][:, 1:]
    q, r = np.linalg.qr(rng.normal(size=(n - 1, n - 1)))
    return basis @ (q * np.sign(np.diag(r))) @ basis.T


def rotated_gram(fit, rng, n):
    """Cosines of one draw where the order of tokens means nothing."""
    y = np.zeros((n, len(fit["mu"])))
    y[:, :-1] = haar_fixing_ones(n, rng) @ (fit["v"] * np.sqrt(n * fit["s"]))
    y += fit["mu"]
    y /= np.sqrt((y**2).sum(1))[:, None]
    return np.clip(y @ y.T, -1, 1)


def centred_cosines(g):
    kc = g - g.mean(0) - g.mean(1)[:, None] + g.mean()
    root = np.sqrt(np.diag(kc))
    return kc / np.outer(root, root)
