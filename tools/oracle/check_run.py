#!/usr/bin/env python3
"""Recompute the tables of a run from its saved states and attention, and print the largest differences.

usage: check_run.py [--tolerance T] [--draws N] [--brief] RUN...

RUN is a run directory made with --save states,attention (flows: --save states). Nothing of dwell is used but the
files it wrote: keep mask and counts, layers.csv, blocks.csv, heads.csv, the histograms, labels and merge heights are
computed again in numpy from the definitions. Per column it prints the largest absolute and relative difference;
`excess` is the largest |difference| / (T * unit + T * |value|), unit being the size of the terms whose sum or
difference the column is. Counts (mass90, mass999, hist, neighbours) have to be equal but for pairs that rounding can
move over a threshold. Sampled nulls are compared with N draws of its own, in standard errors. Exit status 1 if an
excess is above 1 or a null more than 5 standard errors away. Needs numpy.
"""

import argparse
import csv
import json
import os
import sys

import numpy as np

from clusters import adjusted_rand, best_cut, excess
from twin import centred_cosines, rotated_gram, twin_fit, twin_gram

EPS = {"f32": 6e-8, "f16": 5e-4, "bf16": 4e-3, "f64": 1e-15}
BETAS = {"b0.1": 0.1, "b1": 1.0, "b2": 2.0, "b5": 5.0}


class Tally:
    """Largest differences by column."""

    def __init__(self, tolerance):
        self.tolerance = tolerance
        self.rows = {}
        self.complaints = []

    def complain(self, text):
        self.complaints.append(text)

    def number(self, column, got, want, unit=0.0, slack=0.0, where=""):
        """got: dwell's cell ('' = undefined), want: ours (None = undefined); slack: what rounding may do besides."""
        if (got == "") != (want is None):
            return self.complain(f"{column} {where}: dwell has {got or 'no value'}, own has {want}")
        if want is None:
            return None
        got = float(got)
        difference = abs(got - want)
        bound = self.tolerance * (unit + abs(want)) + slack
        excess = difference / bound if bound else (0.0 if difference == 0 else np.inf)
        relative = difference / abs(want) if want else 0.0
        row = self.rows.setdefault(column, [0, 0.0, 0.0, 0.0, ""])
        row[0] += 1
        row[1] = max(row[1], difference)
        row[2] = max(row[2], relative)
        if excess > row[3]:
            row[3], row[4] = excess, where
        return None


def table(run, name):
    path = os.path.join(run, name)
    if not os.path.exists(path):
        return None
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


# ---- one state ----------------------------------------------------------------------------------------------------


class State:
    """Everything that follows from the states of the measured tokens."""

    def __init__(self, x):
        x = x.astype(np.float64)
        self.x = x
        self.n, self.d = x.shape
        self.norms = np.sqrt((x * x).sum(1))
        self.u = x / self.norms[:, None]
        g = np.clip(self.u @ self.u.T, -1, 1)
        np.fill_diagonal(g, 1)
        self.g = g
        mean = self.u.mean(0)
        self.v = self.u - mean
        # H G H, from centred rows rather than from G: the same quantity without cancellation
        self.kc = self.v @ self.v.T
        self.square = np.diag(self.kc).copy()
        # unit rows carry eps, so a centred cosine carries eps over the length of the centred row
        self.noise = 8 * np.finfo(float).eps
        self.defined = self.square > 1e-14 * self.square.max()
        self.collapsed = self.square.mean() < 1e-6
        root = np.sqrt(np.where(self.defined, self.square, 1))
        c = self.kc / np.outer(root, root)
        c[~self.defined, :] = 0
        c[:, ~self.defined] = 0
        self.c = np.clip(c, -1, 1)
        np.fill_diagonal(self.c, np.where(self.defined, 1.0, 0.0))
        worst = self.square[self.defined].min() if self.defined.any() else 0
        self.c_error = self.noise / np.sqrt(worst) if worst > 0 else 1.0
        self.upper = np.triu_indices(self.n, 1)

    def pairs(self, matrix):
        return matrix[self.upper]


def erank(eigenvalues):
    e = np.asarray(eigenvalues)
    if e.size == 0 or e.max() <= 0:
        return None
    s = np.sqrt(e[e >= 1e-14 * e.max()])
    p = s / s.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def erank_of(rows):
    """(effective rank, unit, slack) from the singular values of the rows, where dwell has eigenvalues of a Gram matrix.
    The slack is what eigenvalues that are 0 but for rounding, of up to 1e-14 of the largest, may add: each has a share
    p of up to 1e-7, and -p ln p of it goes into the entropy."""
    e = np.linalg.svd(rows, compute_uv=False) ** 2
    value = erank(e)
    if value is None:
        return None, 0, 0
    unsure = len(rows) - int((e > 1e-12 * e.max()).sum())
    p = 3e-7 * np.sqrt(e.max()) / np.sqrt(e[e > 0]).sum()
    return value, 0, -value * unsure * p * np.log(p)


def hsic_u(k, l):
    """Song et al. 2012, eq. 5. It does not change when a_i + a_j is added to K_ij (U-centring takes it away), so
    centred
    Grams give what the cosines give, without cancellation."""
    n = len(k)
    k = k - np.diag(np.diag(k))
    l = l - np.diag(np.diag(l))
    one = np.ones(n)
    a = (k * l).sum()
    b = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    c = 2 * (one @ k @ (l @ one)) / (n - 2)
    return (a + b - c) / (n * (n - 3))


def energy(g, beta):
    return float(np.exp(beta * (g - 1)).mean())


def above(values, threshold, error):
    """(count, count that rounding may change) of values strictly above a threshold."""
    return int((values > threshold).sum()), int((np.abs(values - threshold) <= error).sum())


def check_cosines(tally, row, s, hist, suffix, where):
    raw = not suffix
    defined = s.n >= 2
    # without a centred direction every centred cosine is 0 by definition, and no column of it says anything
    values = s.pairs(s.g if raw else s.c) if defined else np.zeros(0)
    error = 1e-14 if raw else s.c_error
    small = 10 * error
    mean, sd = (float(values.mean()), float(values.std())) if defined else (None, None)
    tally.number("ip_mean" + suffix, row["ip_mean" + suffix], mean, 1, small, where)
    tally.number("ip_std" + suffix, row["ip_std" + suffix], sd, 1, small, where)
    for name, threshold in (("mass90", 0.9), ("mass999", 0.999)):
        count, near = above(values, threshold, error)
        m = max(1, len(values))
        share = count / m if defined else None
        tally.number(name + suffix, row[name + suffix], share, 0, near / m, where)
    if hist is None:
        return
    own = np.bincount(np.minimum(49, np.floor((np.clip(values, -1, 1) + 1) * 25).astype(int)), minlength=50)
    edge = (values + 1) * 25
    near = int((np.abs(edge - np.round(edge)) <= 25 * error + 1e-13).sum())
    moved = int(np.abs(own - hist).sum()) // 2
    tally.number("hist" + suffix, str(moved), 0.0, 0, near, where)
    if hist.sum() != len(values):
        tally.complain(f"hist{suffix} {where}: sums to {hist.sum()}, pairs {len(values)}")


def least_norm(u):
    """Distance of the origin from the convex hull of the rows, by Lawson and Hanson's non-negative least squares
    (1974): the y >= 0 nearest to solving y U = 0, sum y = 1 is the minimiser's weights over 1 + squared distance."""
    e = np.vstack([u.T, np.ones(len(u))])
    f = np.append(np.zeros(u.shape[1]), 1.0)
    y, free = np.zeros(len(u)), np.zeros(len(u), bool)
    for _ in range(20 * len(u)):
        gain = np.where(free, -np.inf, e.T @ (f - e @ y))
        if gain.max() <= 1e-13:
            break
        free[gain.argmax()] = True
        while True:
            z = np.zeros(len(u))
            z[free] = np.linalg.lstsq(e[:, free], f, rcond=None)[0]
            low = free & (z <= 0)
            if not low.any():
                break
            y += (y[low] / (y[low] - z[low])).min() * (z - y)
            free &= y > 1e-15
            y[~free] = 0
        y = z
    return np.sqrt(max(0.0, 1 / y.sum() - 1))


def check_cap(tally, row, s, mean_norm, where):
    """Margin (its square is exact to 1e-10) and two-NN dimension."""
    margin = least_norm(s.u)
    slack = min(1e-5, 1e-10 / max(margin, 1e-10))
    tally.number("margin", row["margin"], margin, 0, slack, where)
    if mean_norm > 2e-5:
        tally.number("margin_ratio", row["margin_ratio"], margin / mean_norm, 0, slack / mean_norm, where)
    chords = np.sqrt(np.maximum(0, 2 - 2 * s.g)) + np.where(np.eye(s.n) > 0, np.inf, 0)
    first, second = np.sort(chords, axis=1)[:, :2].T if s.n > 2 else (np.zeros(0), np.zeros(0))
    apart = first > 1e-7
    if apart.sum() < 3:
        return tally.number("two_nn", row["two_nn"], None, 0, 0, where)
    logs = np.log(second[apart] / first[apart]).sum()
    # a cosine is rounded by 1e-16, a square of a chord by twice that
    rounding = (2e-16 / first[apart] ** 2).sum() / max(logs, 1e-300)
    value = (apart.sum() - 1) / logs if logs > 1e-12 else None
    return tally.number("two_nn", row["two_nn"], value, 0, 0 if value is None else value * rounding, where)


def check_state(tally, row, s, hists, eps, own_beta, where):
    n = s.n
    tally.number("n", row["n"], float(n), 0, 0, where)
    tally.number("d", row["d"], float(s.d), 0, 0, where)
    tally.number("norm_median", row["norm_median"], float(np.median(s.norms)), 0, 0, where)
    tally.number("norm_min", row["norm_min"], float(s.norms.min()), 0, 0, where)
    tally.number("norm_max", row["norm_max"], float(s.norms.max()), 0, 0, where)
    check_cosines(tally, row, s, hists[0], "", where)
    tally.number("effective_rank", row["effective_rank"], *erank_of(s.u), where)
    tally.number("states_erank", row["states_erank"], *erank_of(s.x), where)
    pr = n * n / (s.g**2).sum()
    tally.number("participation_ratio", row["participation_ratio"], float(pr), 0, 0, where)
    mean_norm = float(np.sqrt((s.u.mean(0) ** 2).sum()))
    tally.number("mean_norm", row["mean_norm"], mean_norm, 0, 1e-14 / max(mean_norm, 1e-8), where)
    check_cap(tally, row, s, mean_norm, where)
    betas = dict(BETAS, calibrated=own_beta)
    for name, beta in betas.items():
        e = None if beta is None else energy(s.g, beta)
        tally.number("energy_" + name, row["energy_" + name], e, 0, 0, where)
        founding = None if not beta else np.exp(beta) / (2 * beta) * e
        tally.number("founding_" + name, row["founding_" + name], founding, 0, 0, where)
        floor = None if beta is None else 2 * eps * abs(beta) * (e - 1 / n)
        tally.number("energy_floor_" + name, row["energy_floor_" + name], floor, 2 * eps / n, 0, where)
    if s.collapsed:
        for name in ("ip_mean", "ip_std", "mass90", "mass999", "effective_rank", "participation_ratio"):
            if row[name + "_centred"] != "":
                tally.complain(f"{name}_centred {where}: {row[name + '_centred']} in a collapsed state")
        return
    check_cosines(tally, row, s, hists[1], "_centred", where)
    tally.number("effective_rank_centred", row["effective_rank_centred"], *erank_of(s.v), where)
    prc = np.trace(s.kc) ** 2 / (s.kc**2).sum()
    tally.number("participation_ratio_centred", row["participation_ratio_centred"], float(prc), 0, 0, where)
    value = None
    if n >= 4:
        h = hsic_u(s.kc, s.kc)
        t = np.trace(s.kc) / (n - 1)
        value = None if h <= 1e-14 else float(t * t / h)
    tally.number("pr_unbiased", row["pr_unbiased"], value, 0, 0, where)


def check_clusters(tally, row, s, labels, heights, where):
    """T, its labels and the dendrogram; left out where rounding of near cosines decides more than a thousandth."""
    names = ("cluster_T", "cluster_count", "unassigned", "silhouette", "silhouette_k")
    if s.collapsed or not s.defined.all():
        for name in names:
            tally.number(name, row[name], None, 0, 0, where)
        return
    t, own, links = excess(s.c)
    angle = np.pi * links
    error = (s.c_error / (angle * np.maximum(np.sin(angle), 1e-3))).max() if len(links) else 0
    if error > 1e-3:
        return
    tally.number("cluster_T", row["cluster_T"], t, 1, 10 * error, where)
    tally.number("cluster_count", row["cluster_count"], float(own.max() + 1), 0, 0, where)
    tally.number("unassigned", row["unassigned"], float((own < 0).mean()), 0, 0, where)
    value, k, merges, values = best_cut(s.c)
    tally.number("silhouette", row["silhouette"], value, 1, 10 * error, where)
    if len(values) < 2 or values[-1] - values[-2] > 1e-9 + 20 * error:
        tally.number("silhouette_k", row["silhouette_k"], float(k), 0, 0, where)
    if labels is not None and not (labels == own).all():
        tally.complain(f"labels {where}: {(labels != own).sum()} differ")
    for got, want in zip([] if heights is None else heights, np.sort(merges)):
        tally.number("merge_heights", str(got), float(want), 1, 10 * error, where)


# ---- one step -----------------------------------------------------------------------------------------------------


TIE = 1e-12  # run.json, conventions.neighbours


def nearest(c, k):
    """[n, k]: again and again the smallest index among those within TIE of the best that is left."""
    m = c.copy()
    np.fill_diagonal(m, -np.inf)
    out = np.empty((len(m), k), int)
    for rank in range(k):
        out[:, rank] = (m >= m.max(1, keepdims=True) - TIE).argmax(1)
        m[np.arange(len(m)), out[:, rank]] = -np.inf
    return out


def unsure(c, k, error):
    """Rows in which rounding may say whether two of the first k + 1 are a tie."""
    m = c.copy()
    np.fill_diagonal(m, -np.inf)
    gaps = -np.diff(-np.sort(-m, axis=1)[:, : k + 1], axis=1)
    return (
        ((gaps > 0.1 * TIE - error) & (gaps < 10 * TIE + error)).any(1)
        if error > 0.1 * TIE
        else ((gaps > 0.1 * TIE) & (gaps < 10 * TIE)).any(1)
    )


def check_neighbours(tally, row, a, b, where):
    n = a.n
    names = ("nn_stability", "nn_stability_null_mean", "knn_overlap", "knn_overlap_null_mean")
    if n < 2 or a.collapsed or b.collapsed:
        for name in names:
            tally.number(name, row[name], None, 0, 0, where)
        return
    k = min(5, n - 1)
    same = int((nearest(a.c, 1) == nearest(b.c, 1)).sum())
    doubt = int((unsure(a.c, 1, 2 * a.c_error) | unsure(b.c, 1, 2 * b.c_error)).sum())
    tally.number("nn_stability", row["nn_stability"], same / n, 0, doubt / n, where)
    tally.number("nn_stability_null_mean", row["nn_stability_null_mean"], 1 / (n - 1), 0, 0, where)
    na, nb = nearest(a.c, k), nearest(b.c, k)
    share = float(np.mean([len(set(na[i]) & set(nb[i])) / k for i in range(n)]))
    doubt = int((unsure(a.c, k, 2 * a.c_error) | unsure(b.c, k, 2 * b.c_error)).sum())
    tally.number("knn_overlap", row["knn_overlap"], share, 0, doubt / n, where)
    tally.number("knn_overlap_null_mean", row["knn_overlap_null_mean"], k / (n - 1), 0, 0, where)


def check_ari(tally, row, a, b, labels, where):
    defined = all(s.defined.all() and not s.collapsed for s in (a, b))
    tally.number("ari", row["ari"], adjusted_rand(*labels) if defined else None, 1, 0, where)


def check_step(tally, row, a, b, own_beta, where):
    n = a.n
    for name, beta in dict(BETAS, calibrated=own_beta).items():
        value = None if beta is None else energy(b.g, beta) - energy(a.g, beta)
        tally.number("dE_" + name, row["dE_" + name], value, 1, 0, where)
    check_neighbours(tally, row, a, b, where)
    aa, bb = (a.kc**2).sum(), (b.kc**2).sum()
    biased = float((a.kc * b.kc).sum() / np.sqrt(aa * bb)) if min(aa, bb) > 1e-14 else None
    tally.number("cka", row["cka"], biased, 1, 0, where)
    value = None
    if n >= 4:
        aa, bb = hsic_u(a.kc, a.kc), hsic_u(b.kc, b.kc)
        if min(aa, bb) > 1e-14:
            value = float(hsic_u(a.kc, b.kc) / np.sqrt(aa * bb))
    tally.number("cka_u", row["cka_u"], value, 1, 0, where)
    tally.number("cka_u_null_mean", row["cka_u_null_mean"], None if value is None else 0.0, 0, 0, where)
    tally.number("change", row["change"], 0.0 if value is None else max(0.0, 1 - value), 1, 0, where)
    chord = np.sqrt(((a.u - b.u) ** 2).sum(1)) / 2
    angle = 2 * np.arcsin(np.clip(chord, 0, 1))
    angle = np.where(chord > 0.7, np.pi - 2 * np.arcsin(np.clip(np.sqrt(((a.u + b.u) ** 2).sum(1)) / 2, 0, 1)), angle)
    tally.number("angle_mean", row["angle_mean"], float(angle.mean()), 0, 1e-15, where)


def check_clock(tally, row, steps, own_beta, where):
    """Steps of the ideal layer map from the first block to this one, at beta 1 and the calibrated beta."""
    for name, beta in {"b1": 1.0, "calibrated": own_beta}.items():
        eta = cosine = tau = rho = None
        if beta is not None and steps[0][0].n > 1:
            tau, rho = 0.0, mean_of_pairs(steps[0][0].g)
            for a, b in steps:
                w = np.exp(beta * (a.g - 1))
                pull = w @ a.u / w.sum(1, keepdims=True)
                along = (a.u * pull).sum(1, keepdims=True)
                tangent, moved = pull - along * a.u, b.u - (a.u * b.u).sum(1, keepdims=True) * a.u
                m2, square = (moved**2).sum() / (tangent**2).sum(), (pull**2).sum(1).mean()
                left, alpha = 1 - m2 * square, along.mean()
                eta = float((m2 * alpha + np.sqrt(m2 * (m2 * alpha**2 + left))) / left) if left > 0 else None
                cosine = float((moved * tangent).sum() / np.sqrt((moved**2).sum() * (tangent**2).sum()))
                if eta is None or tau is None:
                    tau = rho = None
                    continue
                n, other = a.n, np.exp(-beta * (1 - rho))
                first = 1 / (1 + (n - 1) * other)
                p, q = 1 + eta * first * (1 - other), eta * first * other
                cross = (1 - rho) * (2 * p * q + n * q * q) + rho * (p + n * q) ** 2
                tau, rho = tau + eta, float(cross / ((1 - rho) * p * p + cross))
        off = None if rho is None else mean_of_pairs(steps[-1][1].g) - rho
        for column, value in (("eta", eta), ("eta_cosine", cosine), ("tau", tau), ("gamma_residual", off)):
            if column + "_" + name in row:
                tally.number(column + "_" + name, row[column + "_" + name], value, 1e-2, 0, where)


def check_parts(tally, row, heads, where):
    """The parts of a block add up to the energy's change, and its heads to what attention has."""
    for name in [c[len("dE_attn_") :] for c in row if c.startswith("dE_attn_")]:
        parts = [row[f"dE_{part}_{name}"] for part in ("attn", "bias", "mlp", "norm", "rounding")]
        if "dE_" + name not in row or "" in parts + [row["dE_" + name]]:
            continue
        defect = sum(map(float, parts)) - float(row["dE_" + name])
        tally.number("dE_defect_" + name, row["dE_defect_" + name], defect, 1, 0, where)
        tally.number(f"|dE_defect_{name}| / 1e-8", str(abs(defect) * 1e8), 0.0, 1 / tally.tolerance, 0, where)
        column = "dE_head_" + name
        if heads and column in heads[0]:
            together = sum(float(h[column]) for h in heads)
            tally.number("dE_attn_" + name, row["dE_attn_" + name], together, 1, 0, where)


def check_motion(tally, row, a, b, where):
    """Chance and spread of a subspace turned at random, for the motion that the states show (7.3)."""
    moved = b.x - a.x
    moved -= ((moved * a.x).sum(1) / (a.x**2).sum(1))[:, None] * a.x
    d = moved.shape[1]
    spread = ((moved.T @ moved) ** 2).sum() / (moved**2).sum() ** 2 - 1 / d
    for sign in ("repel", "attract"):
        if row.get(sign + "_share", "") == "":
            continue
        m, share = float(row[sign + "_dim"]), float(row[sign + "_share"])
        sd = np.sqrt(2 * m * (d - m) / (d * (d - 1) * (d + 2)) * spread)
        tally.number(sign + "_share_null_mean", row[sign + "_share_null_mean"], m / d, 0, 0, where)
        tally.number(sign + "_share_null_sd", row[sign + "_share_null_sd"], float(sd), 1, 0, where)
        tally.number(sign + "_excess", row[sign + "_excess"], share - m / d, 1, 0, where)
        tally.number(sign + "_z", row[sign + "_z"], float((share - m / d) / sd), 10, 0, where)
    if row.get("repel_share", "") != "" and float(row["repel_dim"]) + float(row["attract_dim"]) == d:
        both = float(row["repel_share"]) + float(row["attract_share"])
        tally.number("repel_share + attract_share", str(both), 1.0, 0, 0, where)


def mean_of_pairs(g):
    n = len(g)
    return float((g.sum() - np.trace(g)) / (n * (n - 1)))


# ---- one head -----------------------------------------------------------------------------------------------------


def check_head(tally, row, a, causal, where):
    a = a.astype(np.float64)
    n = len(a)
    allowed = np.tril(np.ones((n, n), bool)) if causal else np.ones((n, n), bool)
    if (a[~allowed] != 0).any():
        tally.complain(f"attention {where}: weight on a masked key")
    if np.abs(a.sum(1) - 1).max() > 1e-5:
        tally.complain(f"attention {where}: a row sums to {a.sum(1)[np.abs(a.sum(1) - 1).argmax()]}")
    m = allowed.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        h = np.where(allowed & (a > 0), -a * np.log(a), 0).sum(1)
    many = m > 1
    tally.number("entropy", row["entropy"], float(h[many].mean()) if many.any() else None, 0, 1e-15, where)
    norm = float((h[many] / np.log(m[many])).mean()) if many.any() else None
    tally.number("entropy_norm", row["entropy_norm"], norm, 0, 1e-15, where)
    tally.number("sink", row["sink"], float(a[1:, 0].mean()) if n > 1 else None, 0, 0, where)
    tally.number("sink_uniform", row["sink_uniform"], float((1 / m[1:]).mean()) if n > 1 else None, 0, 0, where)
    tally.number("self_mass", row["self_mass"], float(np.diag(a).mean()), 0, 0, where)
    tally.number("previous", row["previous"], float(np.diag(a, -1).mean()) if n > 1 else None, 0, 0, where)


def check_spread(tally, row, a, where):
    n = len(a)
    if n < 2:
        return tally.number("tv_mean", row["tv_mean"], None, where=where)
    total = sum(float(np.abs(a[i] - a[:i]).sum()) / 2 for i in range(1, n))
    # more than 256 tokens: 4096 of the pairs, each within [0, 1]
    return tally.number("tv_mean", row["tv_mean"], total / (n * (n - 1) / 2), 0, 0.03 if n > 256 else 0, where)


def check_temperature(tally, row, a, cosines, kept, causal, where):
    """Least squares of ln P on G within rows; G is of the kept tokens. Returns (beta, R^2) or None."""
    xx = xy = yy = 0.0
    rows = 0
    for p, i in enumerate(kept):
        keys = [(q, j) for q, j in enumerate(kept) if j not in (0, i) and (not causal or j <= i) and a[i, j] > 1e-30]
        if len(keys) < 3:
            continue
        x = np.array([cosines[p, q] for q, _ in keys])
        y = np.log(np.array([a[i, j] for _, j in keys]))
        x, y = x - x.mean(), y - y.mean()
        xx, xy, yy, rows = xx + x @ x, xy + x @ y, yy + y @ y, rows + 1
    tally.number("beta_rows", row["beta_rows"], rows, where=where)
    if rows == 0 or xx == 0 or yy == 0:
        return None
    # sums of many terms of either sign: rounding is relative to their sizes
    tally.number("beta_eff", row["beta_eff"], xy / xx, 0, 1e-13 * np.sqrt(yy / xx), where)
    tally.number("beta_r2", row["beta_r2"], xy * xy / (xx * yy), 0, 1e-13, where)
    return xy / xx, xy * xy / (xx * yy)


def own_alignment(a, labels):
    """(share, mean, sd, p), or None where 5.3 of docs/instruments.md says that there is none."""
    found = labels[labels >= 0]
    clusters = len(set(found.tolist()))
    if clusters < 2 or 1 + (found[1:] != found[:-1]).sum() < 4 * clusters:
        return None
    weights = a.copy()
    np.fill_diagonal(weights, 0)
    weights[:, 0] = 0
    shares = []
    for s in range(len(a)):
        turned = np.roll(labels, s)
        one = np.stack([turned == c for c in range(clusters)]).astype(float)
        total = one.sum(0) @ weights @ one.sum(0)
        inside = np.einsum("ci,ij,cj->", one, weights, one, optimize=True)
        shares.append(inside / total if total > 1e-12 * len(a) else None)
    null = np.array([x for x in shares[1:] if x is not None])
    if shares[0] is None or len(null) < 5:
        return None
    return shares[0], null.mean(), null.std(), (1 + (null >= shares[0] - 1e-12).sum()) / (len(null) + 1)


def check_alignment(tally, row, a, labels, suffix, where):
    own = own_alignment(a, labels)
    for k, end in enumerate(("", "_null_mean", "_null_sd", "_p")):
        name = f"align{suffix}{end}"
        tally.number(name, row[name], None if own is None else float(own[k]), 0, 1e-12, where)


def check_graphs(tally, row, a, causal, where):
    def fiedler(w):
        d = w.sum(1)
        return 1 - np.linalg.eigvalsh(w / np.sqrt(np.outer(d, d)))[-2]

    if len(a) < 2:
        return
    if "fiedler_sym" in row:
        tally.number("fiedler_sym", row["fiedler_sym"], None if causal else fiedler((a + a.T) / 2), 0, 1e-9, where)
    if "fiedler_co" in row:
        tally.number("fiedler_co", row["fiedler_co"], fiedler(np.sqrt(a) @ np.sqrt(a).T), 0, 1e-9, where)


def check_inputs_of_heads(tally, rows, attention, states, arrays_of, kept, causal):
    """What heads say with the state before them; the calibrated temperature, or None."""
    found = []
    for (b, h), row in rows.items():
        a, where = attention[b, h].astype(np.float64), f"block {b} head {h}"
        check_spread(tally, row, a, where)
        fit = check_temperature(tally, row, a, State(states[b][kept]).g, kept, causal, where)
        if fit is not None and fit[0] > 0 and fit[1] >= 0.1:
            found.append(fit[0])
        for suffix in ("", "_types"):
            labels = arrays_of("labels" + suffix)
            if labels is not None and f"align{suffix}" in row:
                check_alignment(tally, row, a, labels[b], suffix, where)
        check_graphs(tally, row, a, causal, where)
    return float(np.median(found)) if len(found) >= 8 and 2 * len(found) >= len(rows) else None


# ---- the manifest's account of the tokens -------------------------------------------------------------------------


def own_selection(manifest, states, given):
    """keep mask and counts per reason, in the order of the conventions; states [L+1, n, d] of one replica."""
    source, tokens = manifest["source"], manifest.get("tokens") or []
    n = states.shape[1]
    norms = np.sqrt((states.astype(np.float64) ** 2).sum(2))
    keep = np.ones(n, bool)
    count = {}

    def drop(reason, mask):
        mask = mask & keep
        count[reason] = int(mask.sum())
        keep[mask] = False

    out = np.zeros(n, bool)
    none = np.zeros(n, bool)
    dropping = manifest["measure"]["special"] == "drop" and given is None and source["kind"] != "flow"
    special = np.array([t["special"] for t in tokens], bool) if tokens else none
    first = none.copy()
    first[0] = bool(source["causal"])
    massive = (norms > 5 * np.median(norms, axis=1, keepdims=True)).any(0)
    zero = ((norms == 0) | ~np.isfinite(norms)).any(0)
    drop("dropped_given", ~given if given is not None else out)
    drop("dropped_special", special if dropping else none)
    drop("dropped_first", first if dropping else none)
    drop("dropped_massive", massive & ~zero if dropping else none)
    drop("dropped_zero", zero)
    return keep, count


def first_occurrences(ids):
    seen, out = set(), []
    for i in ids:
        out.append(i not in seen)
        seen.add(i)
    return np.array(out, bool)


def check_selection(tally, manifest, states, saved):
    kept, count = own_selection(manifest, states, None)
    said = manifest["selection"]
    if not (kept == saved).all():
        tally.complain(f"keep: {int((kept != saved).sum())} tokens differ")
    for key, value in count.items():
        if said[key] != value:
            tally.complain(f"selection.{key}: dwell says {said[key]}, own count {value}")
    measured = saved.copy()
    ids = [t["id"] for t in manifest.get("tokens") or []]
    types = int(saved.sum())
    if ids:
        positions = np.flatnonzero(saved)
        first = first_occurrences([ids[p] for p in positions])
        types = int(first.sum())
        if manifest["measure"]["selection"] == "types":
            measured[positions[~first]] = False
    for key, value in (
        ("tokens", len(saved)),
        ("kept", int(saved.sum())),
        ("types", types),
        ("measured", int(measured.sum())),
    ):
        if said[key] != value:
            tally.complain(f"selection.{key}: dwell says {said[key]}, own count {value}")
    for t, k in zip(manifest.get("tokens") or [], saved):
        if t["kept"] != bool(k):
            tally.complain(f"tokens: {t} is said to be kept={t['kept']}, arrays.npz says {bool(k)}")
    return measured


def check_hashes(tally, run, manifest):
    import hashlib

    def sha(path):
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    for name, said in manifest["files"].items():
        if sha(os.path.join(run, name)) != said:
            tally.complain(f"files: hash of {name} is not what run.json says")
    for entry in manifest["source"].get("inputs") or []:
        if os.path.exists(entry["file"]) and sha(entry["file"]) != entry["sha256"]:
            tally.complain(f"inputs: hash of {entry['file']} is not what run.json says")
    others = set(os.listdir(run)) - set(manifest["files"]) - {"run.json"}
    if others:
        tally.complain(f"files in the run that the manifest does not list: {sorted(others)}")


# ---- sampled nulls ------------------------------------------------------------------------------------------------


def check_null(tally, row, s, draws, rng, rotations, where):
    """mass90_centred under the Gaussian twin: our own fit and phases; difference in standard errors."""
    name = "mass90_centred"
    mean, sd, p = (row[name + end] for end in ("_null_mean", "_null_sd", "_p"))
    m = int(row["_draws"])
    if m == 0 or s.collapsed:
        return
    fit = twin_fit(s.g, s.kc) if s.n >= 16 else None
    if fit is None:
        if mean or sd or p:
            tally.complain(f"{name} null {where}: dwell has one, own state is too small or degenerate")
        return
    if mean == "":
        tally.complain(f"{name} null {where}: dwell has none")
        return
    own = []
    for _ in range(draws):
        if rotations:
            g = rotated_gram(fit, rng, s.n)
        else:
            g = twin_gram(fit, rng.uniform(0, 2 * np.pi, s.n // 2 + 1), s.n)
        own.append((centred_cosines(g)[s.upper] > 0.9).mean())
    own = np.array(own)
    error = np.sqrt(own.var() / m + own.var() / draws)
    z = abs(float(mean) - own.mean()) / error if error > 0 else (0.0 if float(mean) == own.mean() else np.inf)
    # rare pairs: one pair in one draw of either side is no difference
    if z > 5 and abs(float(mean) - own.mean()) * len(s.upper[0]) * min(m, draws) <= 3:
        z = 0.0
    tally.number(name + "_null_mean (se)", str(z), 0.0, 5 / tally.tolerance, 0, where)
    if own.std() > 0 and float(sd) > 0 and (own > 0).mean() > 0.5:
        kurtosis = ((own - own.mean()) ** 4).mean() / own.var() ** 2
        error = np.sqrt((kurtosis - 1) / 4 * (1 / m + 1 / draws))
        ratio = np.log(float(sd) / own.std()) / error
        tally.number(name + "_null_sd (se)", str(abs(ratio)), 0.0, 5 / tally.tolerance, 0, where)
    k = float(p) * (m + 1) - 1
    if abs(k - round(k)) > 1e-9 or not 0 <= round(k) <= m:
        tally.complain(f"{name}_p {where}: {p} is not (1 + k) / {m + 1}")
    q = (own >= float(row[name]) - 1e-12).mean()
    error = np.sqrt(max(q * (1 - q), 1 / m) * (1 / m + 1 / draws))
    tally.number(name + "_p (se)", str(abs(k / m - q) / error), 0.0, 5 / tally.tolerance, 0, where)


# ---- a run --------------------------------------------------------------------------------------------------------


def check_run(run, tolerance, draws):
    tally = Tally(tolerance)
    with open(os.path.join(run, "run.json")) as f:
        manifest = json.load(f)
    check_hashes(tally, run, manifest)
    arrays = np.load(os.path.join(run, "arrays.npz"))
    source = manifest["source"]
    replicas = source["replicas"]

    def replica(name, r):
        if name not in arrays:
            return None
        return arrays[name][r] if replicas > 1 else arrays[name]

    layers, blocks, heads = (table(run, name) for name in ("layers.csv", "blocks.csv", "heads.csv"))
    rng = np.random.default_rng(1)
    eps = source.get("epsilon", EPS[source["dtype"]])
    if source["kind"] != "import" and eps != EPS[source["dtype"]]:
        tally.complain(f"epsilon is {eps} for {source['dtype']} states")
    own_beta = manifest["measure"]["beta"]
    rotations = any(n["randomness"] == "rotations" for n in manifest["nulls"])
    rows_seen = 0
    for r in range(replicas):
        states = replica("states", r)
        if str(states.dtype) != {"f32": "float32", "f64": "float64"}[source["dtype"]]:
            tally.complain(f"states are stored as {states.dtype}, run.json says {source['dtype']}")
        saved = arrays["keep"].astype(bool).reshape(-1, states.shape[1])
        saved = saved[r if len(saved) > 1 else 0]
        measured = check_selection(tally, manifest, states, saved)
        mine = [row for row in layers if int(row["replica"]) == r]
        states_of = [State(x[measured]) for x in states]
        attention = replica("attention", r)
        if attention is not None and heads is not None:
            rows = {(int(x["block"]), int(x["head"])): x for x in heads if x["replica"] == str(r)}
            beta_cal = check_inputs_of_heads(tally, rows, attention, states, lambda name: replica(name, r),
                                             np.flatnonzero(saved), source["causal"])
            said = manifest["summaries"]["beta_cal"]
            if (said is None) != (beta_cal is None) or (said is not None and abs(said - beta_cal) > 1e-9 * abs(said)):
                tally.complain(f"beta_cal is {said}, own is {beta_cal}")
            own_beta = manifest["measure"]["beta"] or beta_cal
        for l, s in enumerate(states_of):
            where = f"replica {r} state {l}"
            row = next((x for x in mine if x["state"] == str(l) and x["tap"] == "resid"), None)
            if row is None:
                tally.complain(f"layers.csv has no row for {where}")
                continue
            rows_seen += 1
            row["_draws"] = manifest["measure"]["null_draws"]
            hists = [replica(name, r)[l] for name in ("hist", "hist_centred")]
            check_state(tally, row, s, hists, eps, own_beta, where)
            if "cluster_T" in row:
                check_clusters(tally, row, s, replica("labels", r)[l][measured], replica("merge_heights", r)[l], where)
            check_null(tally, row, s, draws, rng, rotations, where)
        if source["final_norm"]:
            row = next(x for x in mine if x["tap"] == "final_norm")
            rows_seen += 1
            row["_draws"] = manifest["measure"]["null_draws"]
            s = State(replica("final_norm", r)[measured])
            check_state(tally, row, s, (None, None), eps, own_beta, "final norm")
            check_null(tally, row, s, draws, rng, rotations, "final norm")
        for b in range(len(states_of) - 1):
            row = next(x for x in blocks if int(x["replica"]) == r and int(x["block"]) == b)
            check_step(tally, row, states_of[b], states_of[b + 1], own_beta, f"replica {r} block {b}")
            steps = list(zip(states_of[: b + 1], states_of[1 : b + 2]))
            check_clock(tally, row, steps, own_beta, f"replica {r} block {b}")
            here = [x for x in heads or [] if (x["replica"], x["block"]) == (str(r), str(b))]
            check_parts(tally, row, here, f"replica {r} block {b}")
            check_motion(tally, row, states_of[b], states_of[b + 1], f"replica {r} block {b}")
            if "ari" in row:
                labels = replica("labels", r)[b : b + 2][:, measured]
                check_ari(tally, row, states_of[b], states_of[b + 1], labels, f"replica {r} block {b}")
        if (attention is None) != (heads is None):
            tally.complain("attention and heads.csv: one is there without the other")
        if attention is not None:
            for b in range(attention.shape[0]):
                for h in range(attention.shape[1]):
                    row = next(x for x in heads if (x["replica"], x["block"], x["head"]) == (str(r), str(b), str(h)))
                    check_head(tally, row, attention[b, h], source["causal"], f"block {b} head {h}")
    if rows_seen != len(layers):
        tally.complain(f"layers.csv has {len(layers)} rows, {rows_seen} were expected")
    expected = source["states"] * replicas + (replicas if source["final_norm"] else 0)
    if expected != len(layers):
        tally.complain(f"run.json promises {expected} rows of layers.csv")
    for name, rows in (("layers.csv", layers), ("blocks.csv", blocks), ("heads.csv", heads)):
        for row in rows or []:
            for column, cell in row.items():
                if str(cell).lower().lstrip("-") in ("nan", "inf", "infinity"):
                    tally.complain(f"{name}: {column} is {cell}")
    return tally


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--tolerance", type=float, default=1e-10)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--brief", action="store_true", help="one line per run")
    given = parser.parse_args()
    failed = False
    for run in given.runs:
        tally = check_run(run, given.tolerance, given.draws)
        bad = [c for c, row in tally.rows.items() if row[3] > 1]
        failed |= bool(bad or tally.complaints)
        if given.brief:
            cells = sum(row[0] for row in tally.rows.values())
            exact = {c: row for c, row in tally.rows.items() if "(se)" not in c}
            worst = max(exact, key=lambda c: exact[c][3])
            print(
                f"{os.path.basename(run.rstrip('/'))}: {cells} values, worst {worst} absolute {exact[worst][1]:.1e} "
                f"relative {exact[worst][2]:.1e}, {len(bad) + len(tally.complaints)} complaints"
            )
        else:
            print(run)
            print(f"  {'column':32} {'values':>6} {'absolute':>9} {'relative':>9} {'excess':>9}")
            for column, (count, absolute, relative, excess, where) in tally.rows.items():
                mark = f"  <-- {where}" if excess > 1 else ""
                print(f"  {column:32} {count:6} {absolute:9.1e} {relative:9.1e} {excess:9.1e}{mark}")
        for text in tally.complaints[:20]:
            print("  !!", text)
        if len(tally.complaints) > 20:
            print(f"  !! and {len(tally.complaints) - 20} more")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
