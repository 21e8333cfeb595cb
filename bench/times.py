"""Times of two sides that take turns, and what is printed of them."""
import ctypes
import math
import os
import statistics
import time

OPENBLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def free_openblas(environment):
    """A rival's OpenBLAS is newer than the one these variables were set for: it chooses for itself."""
    names = [name for name in OPENBLAS if environment.pop(name, None) is not None]
    if names:
        print("without %s for the rival" % " and ".join(names))


def keep_memory():
    """Freed memory stays with this process, as it does with dwell: a rival's arrays of some hundred kB would otherwise
    be given back and taken anew at every operation (half of its time)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1), libc.mallopt(-3, 2**30)


class Times:
    """Pairs (wall, processor) of seconds."""

    def __init__(self):
        self.pairs = []

    def add(self, wall, processor):
        self.pairs.append((wall, processor))

    def run(self, call):
        wall, used = time.perf_counter(), time.process_time()
        value = call()
        used, wall = time.process_time() - used, time.perf_counter() - wall
        self.add(wall, used)
        return value

    def median(self, kind):
        return statistics.median(pair[kind] for pair in self.pairs)

    def best(self, kind):
        return min(pair[kind] for pair in self.pairs)


def ratios(theirs, ours):
    """Above 1: dwell is faster. Wall clock by medians and by the best, processor time by the best (infinite where the
    system's processor clock is too coarse to see ours)."""
    used = theirs.best(1) / ours.best(1) if ours.best(1) > 0 else math.inf
    return theirs.median(0) / ours.median(0), theirs.best(0) / ours.best(0), used


def load():
    return "load %.1f" % os.getloadavg()[0]
