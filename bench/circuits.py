#!/usr/bin/env python3
"""What the weights of all attention heads say (OV maps and QK forms): dwell, against numpy on whole d x d matrices.

dwell is the program, from its start to its end (`dwell inspect --weights --nulls 0`: reading the file is in it), and
once more with its 99 random heads. numpy measures the same numbers, radius, norm, Frobenius norm, symmetric share,
attraction and departure from normal of OV, all but the eigenvalues of QK, in two ways: densely, on SAMPLE heads, times
all heads (a whole model takes minutes); and the careful way, by products of the head's rank, on all heads. Numbers are
compared. Needs numpy."""
import json
import os
import struct
import subprocess
import sys

for at, word in enumerate(sys.argv[1:-1], 1):
    if word == "--threads":  # numpy reads it when it is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = sys.argv[at + 1]

import numpy as np

import sides
import times

SAMPLE = 3


def tensors(folder):
    """The float32 tensors of a safetensors file."""
    path = os.path.join(folder, "model.safetensors")
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size)
    return {name: data[entry["data_offsets"][0]:entry["data_offsets"][1]].view("<f4").reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def heads_of(config, folder):
    """(A, B) of the OV map and of the QK form of every head, float64, folded and centred."""
    t = tensors(folder)
    if config["model_type"] == "gpt2":
        blocks, d, heads = config["n_layer"], config["n_embd"], config["n_head"]
    else:
        blocks, d, heads = config["num_hidden_layers"], config["hidden_size"], config["num_attention_heads"]
    r = d // heads
    centre = lambda rows: rows - rows.mean(axis=1, keepdims=True)  # noqa: E731
    for b in range(blocks):
        if config["model_type"] == "gpt2":
            qkv = t["h.%d.attn.c_attn.weight" % b].T.astype(float) * t["h.%d.ln_1.weight" % b]
            q, k, v = (centre(part) for part in np.split(qkv, 3))
            o = t["h.%d.attn.c_proj.weight" % b].astype(float)
        else:
            at = "encoder.layer.%d.attention." % b
            q, k, v = (t[at + "self.%s.weight" % name].astype(float) for name in ("query", "key", "value"))
            o = t[at + "output.dense.weight"].T.astype(float)
        o = centre(o)
        for h in range(heads):
            rows = slice(h * r, (h + 1) * r)
            yield (o[rows].T, v[rows]), (q[rows].T / np.sqrt(r), k[rows])


def finish(fro, mu, lam):
    square = np.sum(mu * mu)
    out = {"fro": fro, "sym_share": square / fro**2, "attract": np.sum(mu[mu > 0]**2) / square}
    if lam is not None:
        out["radius"] = abs(lam).max()
        out["henrici"] = np.sqrt(max(0, 1 - np.sum(abs(lam)**2) / fro**2))
    return out


def dense(a, b, form):
    m = a @ b
    out = finish(np.linalg.norm(m), np.linalg.eigvalsh((m + m.T) / 2), None if form else np.linalg.eigvals(m))
    out["norm"] = np.linalg.norm(m, 2)
    return out


def careful(a, b, form):
    r = a.shape[1]
    coordinates = np.linalg.qr(np.hstack([a, b.T]), mode="r")
    m = coordinates[:, :r] @ coordinates[:, r:].T
    out = finish(np.linalg.norm(m), np.linalg.eigvalsh((m + m.T) / 2), None if form else np.linalg.eigvals(b @ a))
    out["norm"] = np.linalg.norm(m[:r], 2)
    return out


def dwell(case, nulls):
    command = [os.path.join(case.build, "src/cli/dwell"), "inspect", case.folder, "--weights", "--json", "-q", "-t",
               str(case.threads), "--nulls", str(nulls)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def difference(ours, theirs, prefix):
    return max(abs(ours[prefix + key] / value - 1) for key, value in theirs.items() if key != "henrici")


def show(case, repeats):
    own, with_nulls, plainly, carefully = times.Times(), times.Times(), times.Times(), times.Times()
    found = None
    maps = list(heads_of(case.config, case.folder))
    chosen = [i * len(maps) // SAMPLE for i in range(SAMPLE)]
    for _ in range(repeats):
        found = own.run(lambda: dwell(case, 0))["circuits"]["heads"]
        with_nulls.run(lambda: dwell(case, 39))
    got = carefully.run(lambda: [(careful(*ov, False), careful(*qk, True)) for ov, qk in maps])
    worst = max(difference(x, y, p) for x, both in zip(found, got) for y, p in zip(both, ("ov_", "qk_")))
    got = plainly.run(lambda: [(dense(*maps[i][0], False), dense(*maps[i][1], True)) for i in chosen])
    worst = max([worst] + [difference(found[i], y, p) for i, both in zip(chosen, got)
                           for y, p in zip(both, ("ov_", "qk_"))])
    mine, heads = own.median(0), len(maps)
    whole = plainly.median(0) * heads / SAMPLE
    print("  %d heads: dwell %.2f s (with 99 random heads %.2f), numpy on d x d %.0f s (%d heads: %.1f), "
          "numpy by the rank %.2f s" % (heads, mine, with_nulls.median(0), whole, SAMPLE, plainly.median(0),
                                        carefully.median(0)))
    print("  numpy / dwell: dense %.0f, by the rank %.2f; largest relative difference %.1e"
          % (whole / mine, carefully.median(0) / mine, worst))
    return worst < 1e-9


def main():
    a, cases = sides.cases(__doc__)
    right = True
    for case in cases:
        print(sides.title(case))
        right = show(case, a.repeats) and right
    return not right


if __name__ == "__main__":
    sys.exit(main())
