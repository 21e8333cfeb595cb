#!/usr/bin/env python3
"""Forward pass of a GPT-2-small-shaped model: dwell against torch, eager, the same threads, in one run.

usage: forward.py PROGRAM [--tokens N] [--threads T] [--repeats R] [--blocks L] [--width D]

PROGRAM is bench/forward.c, built (build/bench/bench_forward). The model is random, in a temporary folder. The two
programs take turns, so that what else the machine does falls on both; ratios are of the best times, wall clock and
processor time (which a busy machine disturbs less). torch holds its weights in memory; dwell reads them from the page
cache in every run, and that is counted. Needs torch and transformers.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time


def write_model(folder, blocks, width, heads):
    import torch
    from safetensors.torch import save_file
    g = torch.Generator().manual_seed(1)
    t = {}

    def put(name, *shape, centre=0.0):
        t[name] = centre + 0.02 * torch.randn(*shape, generator=g)

    put("wte.weight", 50257, width)
    put("wpe.weight", 1024, width)
    d = width
    block = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d), "mlp.c_fc": (d, 4 * d), "mlp.c_proj": (4 * d, d)}
    for b in range(blocks):
        for name, shape in block.items():
            put("h.%d.%s.weight" % (b, name), *shape)
            put("h.%d.%s.bias" % (b, name), shape[1])
        for name in ("ln_1", "ln_2"):
            put("h.%d.%s.weight" % (b, name), d, centre=1.0)
            put("h.%d.%s.bias" % (b, name), d)
    put("ln_f.weight", width, centre=1.0)
    put("ln_f.bias", width)
    save_file(t, os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"model_type": "gpt2", "n_layer": blocks, "n_embd": width, "n_head": heads}, f)


def torch_runner(folder, ids, attentions):
    import torch
    from transformers import AutoModel
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
        write_model(folder, a.blocks, a.width, a.width // 64)
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
            theirs, mine = [], []
            for _ in range(a.repeats):
                wall, cpu = time.perf_counter(), time.process_time()
                run()
                theirs.append((time.perf_counter() - wall, time.process_time() - cpu))
                seconds, bound = ours(a.program, folder, ids_file, a.threads, heads)
                mine.append(seconds)
            print("%d x %d, %d tokens, %d threads, %s attention matrices (torch %s; dwell: %s)"
                  % (a.blocks, a.width, a.tokens, a.threads, "with" if heads else "without", torch.__version__, bound))
            for k, name in enumerate(("wall", "processor")):
                t, m = min(x[k] for x in theirs), min(x[k] for x in mine)
                print("  %s seconds: torch %.3f, dwell %.3f, ratio %.2f; dwell %.0f GF/s, the masked half counted"
                      % (name, t, m, t / m, flops / m / 1e9))


if __name__ == "__main__":
    sys.exit(main())
