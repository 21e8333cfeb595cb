#!/usr/bin/env python3
"""What the field's reference study measures of a run, written from the definitions with numpy, scipy, scikit-learn and
hdbscan, the careful way: one Gram matrix a state, eigenvalues of it instead of singular values of the states, scaling
vectors instead of scaled matrices, no loop over pairs.

usage: study.py FILE.npz (states [L+1,n,d], attention [L,H,n,n]); prints a line of a name and seconds for every group.
Measures of dwell's that the study does not have (centred ones, margins, dimensions, nulls) are not made here."""
import sys
import time

import hdbscan
import numpy as np
import scipy.cluster.hierarchy as hierarchy
import scipy.linalg
import scipy.optimize
import scipy.spatial.distance
import sklearn.cluster
import sklearn.metrics

BETAS = (0.1, 1, 2, 5)
CUTS = np.arange(0.05, 0.601, 0.05)
SECONDS = {}


def timed(name, function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    SECONDS[name] = SECONDS.get(name, 0) + time.perf_counter() - start
    return result


# ---- one state ----

def make_gram(x):
    """Cosines, the Gram matrix of the states as they are, and the centred cosine Gram."""
    norms = np.linalg.norm(x, axis=1)
    raw = x @ x.T
    g = np.clip(raw / np.outer(norms, norms), -1, 1)
    np.fill_diagonal(g, 1)
    means = g.mean(1)
    return g, raw, g - means - means[:, None] + means.mean()


def inner_products(g, upper):
    c = g[upper]
    return c.mean(), c.std(), (c > 0.9).mean(), (c > 0.999).mean(), np.histogram(c, 50, (-1, 1))[0]


def effective_rank(raw):
    s = np.sqrt(np.maximum(np.linalg.eigvalsh(raw), 0))
    p = s[s > 1e-10] / s.sum()
    return np.exp(-(p * np.log(p)).sum())


def energies(g):
    return [np.exp(beta * g).sum() / (2 * beta * len(g) ** 2) for beta in BETAS]


def neighbours(g):
    away = g - 2 * np.eye(len(g))
    return away.argmax(1)


def principal(centred):
    n = len(centred)
    values, axes = scipy.linalg.eigh(centred, subset_by_index=(n - 3, n - 1))
    return values[::-1] / np.trace(centred), axes[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))


def density(g):
    return hdbscan.HDBSCAN(min_cluster_size=2, metric="precomputed").fit_predict(np.maximum(0, 1 - g))


def linkage(g):
    distances = scipy.spatial.distance.squareform(np.maximum(0, 1 - g), checks=False)
    tree = hierarchy.linkage(distances, "average")
    return [hierarchy.fcluster(tree, cut, "distance") for cut in CUTS]


def k_means(x, g):
    unit, distances = x / np.linalg.norm(x, axis=1)[:, None], np.maximum(0, 1 - g)
    best = (-1, 1)
    for k in range(2, 10):
        labels = sklearn.cluster.KMeans(k, n_init=3, random_state=42).fit_predict(unit)
        best = max(best, (sklearn.metrics.silhouette_score(distances, labels, metric="precomputed"), k))
    return best


def laplacian(w):
    """Symmetric normalised, without the diagonal of the weights."""
    w = w - np.diag(np.diag(w))
    degree = w.sum(1)
    scale = np.where(degree > 0, 1 / np.sqrt(np.where(degree > 0, degree, 1)), 0)
    return np.diag((degree > 0).astype(float)) - scale[:, None] * w * scale


def eigengap(g):
    m = min(16, len(g) - 1)
    values, axes = scipy.linalg.eigh(laplacian(np.maximum(g, 0)), subset_by_index=(0, m - 1))
    return 1 + np.diff(values).argmax(), axes[:, 1] >= 0


def nesting(g, labels):
    members = [np.flatnonzero(labels == k) for k in range(labels.max() + 1)]
    return [eigengap(g[np.ix_(one, one)])[0] for one in members if len(one) >= 4]


def agreement(nearest, labels):
    """Shares of mutual neighbours in one cluster, in two, in none."""
    i = np.flatnonzero((nearest[nearest] == np.arange(len(nearest))) & (np.arange(len(nearest)) < nearest))
    a, b = labels[i], labels[nearest[i]]
    none = (a < 0) | (b < 0)
    return (~none & (a == b)).sum(), (~none & (a != b)).sum(), none.sum()


# ---- two states ----

def similarity(before, after):
    return (before * after).sum() / np.sqrt((before * before).sum() * (after * after).sum())


def match(before, after):
    """Jaccard overlaps of the clusters of two states and their best assignment."""
    one = before[None] == np.arange(before.max() + 1)[:, None]
    two = after[None] == np.arange(after.max() + 1)[:, None]
    if not len(one) or not len(two):
        return []
    common = one.astype(float) @ two.T
    jaccard = common / (one.sum(1)[:, None] + two.sum(1) - common)
    pairs = zip(*scipy.optimize.linear_sum_assignment(-jaccard))
    return [(i, j) for i, j in pairs if jaccard[i, j] >= 0.1]


# ---- one head ----

def entropy(a):
    return -(a * np.log(a + 1e-12)).sum(2).mean(1), a.sum(1).std(1)


def sinkhorn(a):
    """Doubly stochastic form of every head [H,n,n], by at most 100 scalings of rows and columns."""
    a = np.maximum(a, 1e-12)
    u, v = np.ones(a.shape[:2]), np.ones(a.shape[:2])
    for _ in range(100):
        new_u = 1 / np.einsum("hij,hj->hi", a, v, optimize=True)
        new_v = 1 / np.einsum("hij,hi->hj", a, new_u, optimize=True)
        moved = max(abs(new_u * v.max(1)[:, None] - u * v.max(1)[:, None]).max(), abs(new_v / v - 1).max())
        u, v = new_u, new_v
        if moved < 1e-6:
            break
    return u[:, :, None] * a * v[:, None]


def fiedler(p):
    return [scipy.linalg.eigvalsh(laplacian((one + one.T) / 2), subset_by_index=(1, 1))[0] for one in p]


def count_large(p):
    """Eigenvalues of a doubly stochastic matrix with a real part above 1/2."""
    return [(scipy.linalg.eigvals(one).real > 0.5).sum() for one in p]


# ---- all ----

def study_state(x, upper):
    g, raw, centred = timed("Gram", make_gram, x)
    timed("inner products", inner_products, g, upper)
    timed("effective rank", effective_rank, raw)
    timed("energies", energies, g)
    nearest, labels = timed("neighbours", neighbours, g), timed("hdbscan", density, g)
    timed("principal components", principal, centred)
    timed("average linkage", linkage, g)
    timed("k-means", k_means, x, g)
    timed("eigengap", eigengap, g)
    timed("eigengap", nesting, g, labels)
    timed("neighbours", agreement, nearest, labels)
    return centred, nearest, labels


def study_heads(a):
    a = a.astype(float)
    timed("entropy", entropy, a)
    p = timed("Sinkhorn", sinkhorn, a)
    timed("Fiedler", fiedler, p)
    timed("Sinkhorn eigenvalues", count_large, p)


def study_run(states, attention):
    upper, before = np.triu_indices(states.shape[1], 1), None
    for x in states:
        now = study_state(x.astype(float), upper)
        if before is not None:
            timed("similarity", similarity, before[0], now[0])
            timed("tracking", match, before[2], now[2])
        before = now
    for a in attention:
        study_heads(a)


def main():
    with np.load(sys.argv[1]) as file:
        study_run(file["states"], file["attention"])
    for name, seconds in SECONDS.items():
        print("%s\t%.6f" % (name, seconds))


if __name__ == "__main__":
    main()
