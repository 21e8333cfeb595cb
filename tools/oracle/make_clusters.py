#!/usr/bin/env python3
"""Makes tests/golden/clusters/clusters.json: clouds of whole numbers, and what others find in them.

usage: make_clusters.py [FILE]

Per cloud: its points; HDBSCAN's labels by the package hdbscan and by scikit-learn, both on a precomputed matrix of
distances (metric "cosine": max(0, 1 - c) of the points; "angle": arccos(c)/pi of the centred points); the heights of
scipy's average linkage and scikit-learn's mean silhouettes of its cuts, on the angles of the centred points.

Mutual reachability nearly always has ties, and their order may decide the packages' labels. A cloud is kept if they are
the same for 40 orders of the points and for 40 ways to break the ties; how many were not is printed."""
import importlib.metadata
import json
import os
import sys

import hdbscan
import numpy
import scipy.cluster.hierarchy
import scipy.spatial.distance
import sklearn.cluster
import sklearn.metrics

CLOUDS, ORDERS = 48, 40
SIZES = (12, 16, 23, 32, 40, 57, 64)
SETTINGS = ((2, 2), (2, 1), (3, 3), (4, 5), (5, 2), (5, 5), (6, 4), (8, 3))  # least size, samples as hdbscan counts
HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "../../tests/golden/clusters/clusters.json")


def unit(x):
    return x / numpy.linalg.norm(x, axis=1, keepdims=True)


def cosines(x):
    u = unit(x)
    c = numpy.clip(u @ u.T, -1, 1)
    c = (c + c.T) / 2
    numpy.fill_diagonal(c, 1)
    return c


def distances(x, metric):
    if metric == "cosine":
        return numpy.maximum(0, 1 - cosines(x))
    u = unit(x)
    return numpy.arccos(cosines(u - u.mean(axis=0))) / numpy.pi


def renumbered(labels):
    """By the smallest member; noise stays -1."""
    names = {}
    return [-1 if v < 0 else names.setdefault(int(v), len(names)) for v in labels]


def by_hdbscan(d, size, samples):
    found = hdbscan.HDBSCAN(metric="precomputed", min_cluster_size=size, min_samples=samples).fit(d)
    return renumbered(found.labels_)


def by_sklearn(d, size, samples):
    found = sklearn.cluster.HDBSCAN(metric="precomputed", min_cluster_size=size, min_samples=samples, copy=True).fit(d)
    return renumbered(found.labels_)


def broken_ties(d, nearest, rng):
    """Mutual reachability with cores at the nearest-th other point, a little noise on every pair."""
    core = numpy.sort(d, axis=1)[:, nearest]
    noise = rng.uniform(0, 1e-9, d.shape)
    reach = numpy.maximum(d, numpy.maximum(core[:, None], core)) * (1 + noise + noise.T)
    numpy.fill_diagonal(reach, 0)
    return reach


def settled(run, d, size, samples, nearest, rng):
    """The labels, or None if they depend on the order of the points or of ties."""
    labels = run(d, size, samples)
    for _ in range(ORDERS):
        order = rng.permutation(len(d))
        back = numpy.empty(len(d), int)
        back[order] = run(d[numpy.ix_(order, order)], size, samples)
        # mutual reachability of mutual reachability is itself where a core is not beyond the nearest point
        if renumbered(back) != labels or run(broken_ties(d, nearest, rng), size, 1) != labels:
            return None
    return labels


def points(rng, number):
    n = SIZES[number % len(SIZES)]
    dimensions = int(rng.integers(2, 9))
    groups = number % 5  # 0: one cloud without groups
    x = rng.normal(size=(n, dimensions)) * (rng.uniform(0.1, 0.5) if groups else 1)
    if groups:
        x += rng.normal(size=(groups + 1, dimensions))[rng.integers(0, groups + 1, n)]
    return numpy.rint(x * 1000).astype(int)


def tree(x):
    d = distances(x, "angle")
    merges = scipy.cluster.hierarchy.linkage(scipy.spatial.distance.squareform(d, checks=False), "average")
    silhouettes = []
    for k in range(2, min(8, len(x) // 3) + 1):
        labels = scipy.cluster.hierarchy.fcluster(merges, k, "maxclust")
        numpy.fill_diagonal(d, 0)
        silhouettes.append(float(sklearn.metrics.silhouette_score(d, labels, metric="precomputed")))
    return {"heights": [float(h) for h in merges[:, 2]], "silhouettes": silhouettes}


def cloud(rng, number):
    x = points(rng, number)
    size, samples = SETTINGS[number // 2 % len(SETTINGS)]
    metric = ("cosine", "angle")[number % 2]
    d = distances(x, metric)
    ours = settled(by_hdbscan, d, size, samples, samples, rng)
    theirs = settled(by_sklearn, d, size, samples, samples - 1, rng)
    if ours is None or theirs is None:
        return None
    return {"metric": metric, "min_cluster_size": size, "min_samples": samples, "points": x.tolist(),
            "hdbscan": ours, "sklearn": theirs, **tree(x)}


def main():
    rng = numpy.random.default_rng(31)
    clouds, left = [], 0
    while len(clouds) < CLOUDS:
        made = cloud(rng, len(clouds))
        left += made is None
        clouds += [made] if made else []
    counts = [1 + max(c["hdbscan"]) for c in clouds]
    print(f"{len(clouds)} clouds, {left} left out; clusters {counts}")
    print("hdbscan and scikit-learn agree in", sum(c["hdbscan"] == c["sklearn"] for c in clouds))
    packages = ("hdbscan", "scikit-learn", "scipy", "numpy")
    made_by = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    path = sys.argv[1] if len(sys.argv) > 1 else FILE
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"made_by": ' + json.dumps(made_by) + ',\n"clouds": [\n')
        f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in clouds))
        f.write("\n]}\n")


if __name__ == "__main__":
    main()
