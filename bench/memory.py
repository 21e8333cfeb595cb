#!/usr/bin/env python3
"""Peak memory of a pass that keeps all states and attention matrices: dwell against transformers and
onnxruntime.

Peak resident memory (VmHWM) of a fresh process from its start to the end of one pass. dwell twice: a bare pass that
keeps nothing, and `dwell measure`, all instruments and nulls, with states and attention matrices saved. transformers:
from_pretrained, then a pass with output_hidden_states and output_attentions. onnxruntime: a session of the exported
graph. Pages of weight files that a side maps count as resident. Ratios are rival over `dwell measure`."""
import os
import sys
import tempfile

import sides


def row(label, peak, mine, note=""):
    print("  %-56s %8.0f MB   %s  %s" % (label, peak / 1e6, "ratio %5.2f" % (peak / mine) if mine else " " * 11, note))


def compare(case, graphs):
    bare = sides.dwell(case, 1, True)
    run = sides.measure(case.build, case.folder, case.ids, case.threads, os.path.join(graphs, "run"), "--save",
                        "states,attention")
    peak, bound = sides.find(run, "peak_bytes"), sides.find(run, "bound_bytes")
    row("dwell, the pass alone", bare["peak"][0], None, "bound of the pass %.0f MB" % (bare["bound"][0] / 1e6))
    row("dwell measure, states and attention matrices saved", peak, None,
        "bound %.0f MB: %s" % (bound / 1e6, "kept" if peak <= bound else "BROKEN"))
    for kind in sides.available(case, graphs):
        try:
            rival = sides.Rival(kind, case, graphs, True)
            rival.close()
            row("%s, states and attention matrices kept" % rival.facts["name"], rival.facts["peak"][0], peak)
        except sides.Missing as why:
            print("  skipped: %s" % why)
    return peak <= bound


def main():
    _, cases = sides.cases(__doc__)
    kept = True
    for case in cases:
        weights = sum(map(os.path.getsize, sides.weight_files(case.folder)))
        print("%s; weights %.0f MB" % (sides.title(case), weights / 1e6))
        with tempfile.TemporaryDirectory() as graphs:
            kept = compare(case, graphs) and kept
    return not kept


if __name__ == "__main__":
    sys.exit(main())
