#!/usr/bin/env python3
"""A whole measurement, all instruments and nulls: seconds by stage, and memory against its bound.

There is no rival that computes all this. The run of median total time is shown. Needs only Python."""
import os
import sys
import tempfile

import sides


def show(case, repeats):
    """True if the run's memory stayed within its bound."""
    with tempfile.TemporaryDirectory() as out:
        runs = sorted((sides.measure(case.build, case.folder, case.ids, case.threads, os.path.join(out, "run"))
                       for _ in range(repeats)), key=lambda run: run["seconds"]["total"])
    run = runs[len(runs) // 2]
    seconds = dict(run["seconds"])
    total = seconds.pop("total")
    seconds["hashing and the rest"] = total - sum(seconds.values())
    print("  seconds: total %.2f; " % total + ", ".join("%s %.2f" % item for item in seconds.items()))
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
