#!/usr/bin/env python3
"""Forward pass of a GPT-2-small-shaped model: dwell against torch, eager, the same threads, in one run.

usage: forward.py PROGRAM [--tokens N] [--threads T] [--repeats R] [--blocks L] [--width D]

PROGRAM is bench/forward.c, built (build/bench/bench_forward). The model is random, in a temporary folder. The two
programs take turns, so that what else the machine does falls on both; ratios are torch over dwell: of the medians and
of the best times by the wall clock, and of the best processor times, which hardly depend on what else the machine does.
torch holds its weights in memory; dwell reads them from the page cache in every run, and that is counted. Needs torch
and transformers.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import times
from model import write_model


def torch_runner(folder, ids, attentions):
    import torch
    from transformers import AutoModel, logging
    logging.disable_progress_bar()
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    batch = torch.tensor([ids])

    def run():
        with torch.no_grad():
            return model(batch, output_hidden_states=True, output_attentions=attentions)
    return run


def ours(program, folder, ids_file, threads, heads, states=None):
    command = [program, folder, ids_file, "f32", str(threads), "2"] + ["heads"] * heads + [s for s in [states] if s]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    return [float(x) for x in lines[1].split()], lines[2]  # the second run: libraries are warm, as torch's are


def compare(states, out, blocks):
    import numpy as np
    n, d = out.hidden_states[0].shape[1:]
    got = np.fromfile(states, np.float32).reshape(blocks + 2, n, d)
    worst = 0.0
    for l in range(blocks):
        ref = out.hidden_states[l][0].numpy()
        worst = max(worst, float(abs(got[l] - ref).max() / abs(ref).max()))
    ref = out.hidden_states[-1][0].numpy()
    return max(worst, float(abs(got[-1] - ref).max() / abs(ref).max()))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--blocks", type=int, default=12)
    p.add_argument("--width", type=int, default=768)
    a = p.parse_args()
    import numpy as np
    import torch
    torch.set_num_threads(a.threads)
    ids = np.random.default_rng(1).integers(0, 50257, a.tokens).tolist()
    with tempfile.TemporaryDirectory() as folder:
        write_model(folder, a.blocks, a.width)
        ids_file, states = os.path.join(folder, "ids.txt"), os.path.join(folder, "states.bin")
        with open(ids_file, "w") as f:
            f.write(" ".join(map(str, ids)))
        ours(a.program, folder, ids_file, a.threads, False, states)
        print("largest difference from torch, relative to each state's largest entry: %.2g"
              % compare(states, torch_runner(folder, ids, False)(), a.blocks))
        flops = a.blocks * (24 * a.tokens * a.width ** 2 + 4 * a.tokens ** 2 * a.width)
        for heads in (False, True):
            run = torch_runner(folder, ids, heads)
            run()
            theirs, mine = times.Times(), times.Times()
            for _ in range(a.repeats):
                theirs.run(run)
                seconds, bound = ours(a.program, folder, ids_file, a.threads, heads)
                mine.add(*seconds)
            print("%d x %d, %d tokens, %d thread(s), %s attention matrices (torch %s; dwell: %s; %s)"
                  % (a.blocks, a.width, a.tokens, a.threads, "with" if heads else "without", torch.__version__, bound,
                     times.load()))
            print("  median seconds: dwell %.3f, torch %.3f; ratio: median %.2f, best %.2f, processor %.2f; "
                  "dwell's best %.0f GF/s, the masked half counted"
                  % ((mine.median(0), theirs.median(0)) + times.ratios(theirs, mine) + (flops / mine.best(0) / 1e9,)))


if __name__ == "__main__":
    sys.exit(main())
