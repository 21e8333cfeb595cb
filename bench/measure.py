#!/usr/bin/env python3
"""A whole measurement, all instruments and nulls: seconds by stage, and memory against its bound.

There is no rival that computes all this. The run of median total time is shown, and what the measures and the nulls add
to a run that does without them. Needs only Python."""
import os
import sys
import tempfile

import sides


FEWEST = ("--instruments", "norm", "--nulls", "0")


def median_runs(case, repeats):
    """Of a pass that measures next to nothing, of all measures without nulls, of everything: in turn."""
    kinds = [FEWEST, ("--nulls", "0"), ()]
    with tempfile.TemporaryDirectory() as out:
        rounds = [[sides.measure(case.build, case.folder, case.ids, case.threads, os.path.join(out, "run"), *kind)
                   for kind in kinds] for _ in range(repeats)]
    runs = [sorted(runs, key=lambda run: run["seconds"]["total"]) for runs in zip(*rounds)]
    return [kind[repeats // 2] for kind in runs]


def spent(run, *stages):
    return sum(run["seconds"][stage] for stage in stages)


def show(case, repeats):
    """True if the run's memory stayed within its bound."""
    fewest, measures, run = median_runs(case, repeats)
    seconds = dict(run["seconds"])
    total = seconds.pop("total")
    seconds["hashing and the rest"] = total - sum(seconds.values())
    print("  seconds: total %.2f; " % total + ", ".join("%s %.2f" % item for item in seconds.items()))
    print("  the pass alone %.2f; all measures beside it %.2f; nulls with what they prepare %.2f; %d of %d ids distinct"
          % (spent(fewest, "forward"), spent(measures, "forward", "instruments") - spent(fewest, "forward"),
             spent(run, "instruments", "nulls") - spent(measures, "instruments"), len(set(case.ids)), len(case.ids)))
    peak, bound = sides.find(run, "peak_bytes"), sides.find(run, "bound_bytes")
    print("  memory: peak %.0f MB, bound %.0f MB: %s"
          % (peak / 1e6, bound / 1e6, "kept" if peak <= bound else "BROKEN"))
    return peak <= bound


def main():
    a, cases = sides.cases(__doc__)
    kept = True
    for case in cases:
        print(sides.title(case))
        kept = show(case, a.repeats) and kept
    return not kept


if __name__ == "__main__":
    sys.exit(main())
