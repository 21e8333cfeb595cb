#!/usr/bin/env python3
"""Seconds from the start of a process to the first block's state and to the end of the first pass: dwell against
transformers and onnxruntime; and to the end of `dwell measure --layers 1`, which also hashes the weights and writes a
run.

Warm: all files are in the page cache. Cold: the weights are not (posix_fadvise), programs and libraries are. Medians.
onnxruntime gives all its outputs at the end. Ratios are rival over dwell's."""
import os
import statistics
import sys
import tempfile
import time

import sides


def forward(case, _):
    start = time.monotonic()
    return [sides.dwell(case, 1, False)[name][0] - start for name in ("block", "done")]


def rival(kind):
    def seconds(case, graphs):
        process = sides.Rival(kind, case, graphs, False)
        process.close()
        return [process.facts[name][0] - process.started if name in process.facts else None
                for name in ("block", "done")]
    return seconds


def measure(case, graphs):
    start = time.monotonic()
    sides.measure(case.build, case.folder, case.ids, case.threads, os.path.join(graphs, "run"), "--layers", "1")
    return [time.monotonic() - start, None]


def median(column):
    return None if None in column else statistics.median(column)


def text(value):
    return "%10.3f" % value if value is not None else "         -"


def compare(case, kinds, graphs, repeats, cold):
    """Sides take turns; medians by side."""
    ways = {"dwell, the pass": forward, "dwell measure --layers 1": measure}
    ways.update((kind, rival(kind)) for kind in kinds)
    found = {label: [] for label in ways}
    os.sync()  # what was written for this is not written out while it is measured
    for _ in range(repeats):
        for label, way in list(ways.items()):
            if cold and not (sides.drop_cache(case.folder) and sides.drop_cache(graphs)):
                print("  cold: skipped, the page cache keeps the weights")
                return
            try:
                found[label].append(way(case, graphs))
            except sides.Missing as why:
                print("  skipped: %s" % why)
                del ways[label]
    medians = {label: [median(column) for column in zip(*rows)] for label, rows in found.items() if rows}
    ours = medians["dwell, the pass"]
    for label, row in medians.items():
        ratios = ["%8.1f" % (a / b) if a is not None and label in sides.RIVALS else "" for a, b in zip(row, ours)]
        print("  %-5s %-26s first block %s s  first pass %s s   ratio %8s %8s"
              % ("cold" if cold else "warm", label, text(row[0]), text(row[1]), *ratios))


def main():
    a, cases = sides.cases(__doc__)
    for case in cases:
        print(sides.title(case))
        with tempfile.TemporaryDirectory() as graphs:
            kinds = sides.available(case, graphs)
            for cold in (False, True):
                compare(case, kinds, graphs, a.repeats, cold)


if __name__ == "__main__":
    sys.exit(main())
