#!/usr/bin/env python3
"""Forward pass: dwell against torch (eager) and onnxruntime, the same threads, and against the products alone.

The sides take turns, so that what else the machine does falls on all. Ratios are rival over dwell: of the medians and
of the best times by the wall clock, and of the best processor times, which hardly depend on what else the machine does.
Rivals hold their weights in memory, and so does dwell from the second of several texts on: ratios are against that. For
one text it reads them from the page cache while it runs, and that is counted in the row "dwell, one text".

`products` is what the products of the pass alone take, one after the other, each in the fastest way known to this
machine (products.c); of a causal model's attention one triangle is counted. They take turns with the passes and take
about as long, so that the same statistic of both can be compared; the rates at the end are those of each product at its
best moment. Exits with 1 if a rival's states or attention matrices are not dwell's."""
import os
import subprocess
import sys
import tempfile

import model
import sides
import times

ROUNDING = 2e-5  # of f32, through all blocks, relative to a state's largest entry
HEADINGS = ("side", "median s", "best s", "processor s", "| ratio: median", "best", "processor", "| difference")
WIDTHS = (26, 9, 9, 12, 16, 7, 10, 13)


def row(*cells):
    print(("  %-*s" % (WIDTHS[0], cells[0])) + "".join("%*s" % pair for pair in zip(WIDTHS[1:], cells[1:])))


def difference(case, mine, theirs, heads):
    """Largest difference of states, relative to each state's largest entry, and of attention weights; not a number if
    one has that."""
    import numpy as np
    size = case.tokens * width(case)
    a, b = (np.fromfile(files[0], np.float32).reshape(-1, size) for files in (mine, theirs))
    if len(a) - len(b) not in (0, 1):
        return np.inf
    pairs = list(zip(a, b[:-1])) + [(a[-1], b[-1])]  # the last is after the final norm, if there is one
    found = [np.abs(x - y).max() / np.abs(y).max() for x, y in pairs]
    if heads:
        a, b = (np.memmap(files[1], np.float32, "r") for files in (mine, theirs))
        found.append(np.abs(a - b).max() if a.shape == b.shape else np.inf)
    return float(np.max(found))


def width(case):
    return next(case.config[key] for key in ("n_embd", "hidden_size", "dim") if key in case.config)


class Products:
    """The products of a pass alone: seconds of all in a row, and the best ones of each."""

    def __init__(self, case):
        self.program, self.threads = os.path.join(case.build, "bench/bench_products"), case.threads
        self.products = model.products(case.config, case.tokens) or []
        self.best = [float("inf")] * len(self.products)
        self.all = times.Times()

    def run(self):
        if not self.products:
            return
        numbers = [str(value) for p in self.products for value in (p.times,) + p[2:]]
        found = sides.read(sides.output([self.program, str(self.threads), "0.05"] + numbers))
        self.best = [min(best, one) for best, (one,) in zip(self.best, found["product"])]
        self.all.add(*(sum(p.share * s[kind] for p, s in zip(self.products, found["sequence"])) for kind in (0, 1)))

    def report(self, mine, once):
        if not self.products:
            return
        work = sum(map(model.flops, self.products)) / 1e9
        row("products alone", *("%.4f" % x for x in (self.all.median(0), self.all.best(0), self.all.best(1))))
        for name, side in (("dwell", mine), ("one text", once)):
            print("  %s: %.0f %% of the rate of the products (by the best %.0f %%, by processor time %.0f %%): "
                  "%.0f of %.0f GF/s" % (name, 100 * self.all.median(0) / side.median(0),
                                         100 * self.all.best(0) / side.best(0), 100 * self.all.best(1) / side.best(1),
                                         work / side.median(0), work / self.all.median(0)))


def by_products(case, products):
    """What each product reaches."""
    for p, wall in zip(products.products, products.best):
        print("    %4d x %2d of %4d x %4d x %4d %s: %7.1f GF/s"
              % (p.times, p.count, p.m, p.k, p.n, "B[n,k]" if p.transposed else "B[k,n]",
                 2e-9 * p.count * p.m * p.k * p.n / wall))


def compare(case, kinds, graphs, repeats, heads, products):
    """Rows of one table. True if the sides agree."""
    names = [os.path.join(graphs, name) for name in ("states", "heads", "their_states", "their_heads")]
    mine, once, agree = times.Times(), times.Times(), True
    products.all = times.Times()
    sides.dwell(case, 1, heads, names[:1 + heads])
    rivals = []
    try:
        for kind in kinds:
            try:
                rival = sides.Rival(kind, case, graphs, heads, names[2:3 + heads])
            except sides.Missing as why:
                print("  skipped: %s" % why)
                continue
            rivals.append((rival, times.Times(), difference(case, names[:2], names[2:], heads)))
        for _ in range(repeats):
            # a later pass: libraries and allocators are warm, as those of the rivals are, whose processes stay
            mine.add(*sides.dwell(case, 4, heads, keep=True)["run"][-1])
            once.add(*sides.dwell(case, 2, heads)["run"][-1])
            for rival, theirs, _ in rivals:
                theirs.add(*rival.run())
            products.run()
        for name, side in (("dwell", mine), ("dwell, one text", once)):
            row(name, "%.4f" % side.median(0), "%.4f" % side.best(0), "%.4f" % side.best(1))
        for rival, theirs, worst in rivals:
            row(rival.facts["name"], "%.4f" % theirs.median(0), "%.4f" % theirs.best(0), "%.4f" % theirs.best(1),
                *("%.2f" % ratio for ratio in times.ratios(theirs, mine)), "%.1e" % worst)
            agree = agree and worst < ROUNDING
    finally:
        for rival, _, _ in rivals:
            rival.close()
    products.report(mine, once)
    return agree


def main():
    a, cases = sides.cases(__doc__)
    agree = True
    for case in cases:
        products = Products(case)
        with tempfile.TemporaryDirectory() as graphs:
            print(sides.title(case))
            kinds = sides.available(case, graphs)
            for heads in (False, True):
                print(" %s" % ("states and attention matrices" if heads else "states only"))
                row(*HEADINGS)
                agree = compare(case, kinds, graphs, a.repeats, heads, products) and agree
        by_products(case, products)
    if not agree:
        print("DIFFERENT: a rival's states or attention matrices are not dwell's within rounding")
    return not agree


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit("forward.py: %s" % error)
