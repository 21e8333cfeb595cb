"""Clusters of one state from its centred cosines, for check_run.py: docs/instruments.md 2.1 and 3.2 in plain numpy."""

import numpy as np

FLOOR, TIE = 1e-6, 1e-12


def tree_edges(m):
    """Minimum spanning tree of the dense matrix m (Prim): [n-1] pairs and their heights."""
    n = len(m)
    best, parent = m[0].copy(), np.zeros(n, int)
    out = np.zeros(n, bool)
    out[0] = True
    pairs, heights = [], []
    for _ in range(n - 1):
        k = int(np.where(out, np.inf, best).argmin())
        pairs.append((int(parent[k]), k))
        heights.append(best[k])
        out[k] = True
        nearer = m[k] < best
        parent[nearer & ~out], best = k, np.minimum(best, m[k])
    return pairs, np.array(heights)


def components(members, pairs):
    """Sets of members joined by pairs."""
    parent = {i: i for i in members}

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        parent[root(a)] = root(b)
    sets = {}
    for i in members:
        sets.setdefault(root(i), []).append(i)
    return list(sets.values())


def best_choice(members, edges, birth, least, n):
    """(score, clusters) of a cluster born with these members, and the best that is below it."""
    total, born = 0.0, members
    while edges:
        h = max(e[0] for e in edges)
        left = [e for e in edges if e[0] < h - TIE]
        parts = [p for p in components(members, [e[1] for e in left]) if len(p) >= least]
        stays = len(parts[0]) if len(parts) == 1 else 0
        total += (len(members) - stays) * (birth - h)
        inside = [set(p) for p in parts]
        edges = [[e for e in left if e[1][0] in s] for s in inside]
        if len(parts) == 1:
            members, edges = parts[0], edges[0]
            continue
        below = [best_choice(p, e, h, least, n) for p, e in zip(parts, edges)]
        score = sum(b[0] for b in below)
        clusters = [c for b in below for c in b[1]]
        return (total / n, [born]) if total / n >= score else (score, clusters)
    return total / n, [born]


def excess(c):
    """T, labels and the heights of the tree, from centred cosines."""
    n = len(c)
    least = max(4, int(np.floor(0.05 * n + 0.5)))
    labels = np.full(n, -1)
    d = np.arccos(np.clip(c, -1, 1)) / np.pi
    np.fill_diagonal(d, 0)
    if n < 2 * least:
        return 0.0, labels, np.zeros(0)
    core = np.sort(d, axis=1)[:, min(5, n - 1)]
    pairs, heights = tree_edges(np.maximum(d, np.maximum(core[:, None], core)))
    logs = np.log(np.maximum(heights, FLOOR))
    # the root has no score of its own: whatever is below it counts
    score, clusters = below_root(list(range(n)), list(zip(logs, pairs)), least, n)
    for k, cluster in enumerate(sorted(clusters, key=min)):
        labels[cluster] = k
    return score, labels, np.maximum(heights, FLOOR)


def below_root(members, edges, least, n):
    while edges:
        h = max(e[0] for e in edges)
        left = [e for e in edges if e[0] < h - TIE]
        parts = [p for p in components(members, [e[1] for e in left]) if len(p) >= least]
        inside = [set(p) for p in parts]
        kept = [[e for e in left if e[1][0] in s] for s in inside]
        if len(parts) != 1:
            found = [best_choice(p, e, h, least, n) for p, e in zip(parts, kept)]
            return sum(f[0] for f in found), [c for f in found for c in f[1]]
        members, edges = parts[0], kept[0]
    return 0.0, []


def average_linkage(d):
    """Merge heights, ascending, and the labels of the cuts into 2..8 clusters."""
    n = len(d)
    d = d.copy()
    np.fill_diagonal(d, np.inf)
    size, labels = np.ones(n), np.arange(n)
    heights, cuts = [], {n: labels.copy()}
    for left in range(n - 1, 0, -1):
        a, b = divmod(int(d.argmin()), n)
        a, b = min(a, b), max(a, b)
        heights.append(d[a, b])
        row = (size[a] * d[a] + size[b] * d[b]) / (size[a] + size[b])
        d[a], d[:, a] = row, row
        d[a, a] = np.inf
        d[b], d[:, b] = np.inf, np.inf
        size[a] += size[b]
        labels[labels == b] = a
        cuts[left] = labels.copy()
    return np.array(heights), cuts


def silhouette(d, labels):
    names = np.unique(labels)
    inside = labels[:, None] == names
    size = inside.sum(0)
    sums = d @ inside
    own = inside.argmax(1)
    rows = np.arange(len(d))
    near = sums[rows, own] / np.maximum(size[own] - 1, 1)
    means = np.where(inside, np.inf, sums / size)
    far = means.min(1)
    wide = np.maximum(near, far)
    s = np.where((size[own] > 1) & (wide > 0), (far - near) / np.where(wide > 0, wide, 1), 0)
    return float(s.mean())


def best_cut(c):
    """Largest silhouette, its k, and the merge heights."""
    n = len(c)
    d = np.arccos(np.clip(c, -1, 1)) / np.pi
    np.fill_diagonal(d, 0)
    heights, cuts = average_linkage(d)
    if n < 8:
        return 0.0, 1, heights, [0.0]
    values = [silhouette(d, cuts[k]) for k in range(2, min(8, n // 3) + 1)]
    return max(values), 2 + int(np.argmax(values)), heights, sorted(values)


def adjusted_rand(a, b):
    """Labels; -1 is a cluster of its own."""
    n = len(a)

    def together(x):
        return (x[:, None] == x) & (x >= 0)[:, None] & (x >= 0)

    upper = np.triu_indices(n, 1)
    p, q = together(a)[upper], together(b)[upper]
    expected = p.sum() * q.sum() / max(len(p), 1)
    mean = (p.sum() + q.sum()) / 2
    return 1.0 if mean == expected else float(((p & q).sum() - expected) / (mean - expected))
