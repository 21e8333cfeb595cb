"""Held-out loss of a model, and what counting gets on the same tokens (baselines.py). Nats per token.

Causal: windows of the whole context over the first 20 000 held-out tokens of each source; every token but the first two
of a window is predicted. Masked: 15 % of the tokens hidden ([MASK], all of them), the same for network and counts.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from baselines import Neighbours, Trigram
from batches import CLS, MASK, SEP, SPECIAL, load_ids, step_generator
from networks import LOGITS, STATES
from shapes import SHAPES, changed

TOKENS, HIDDEN = 20000, 0.15


def windows(ids, length):
    """The ids cut into windows (count, length), at most TOKENS of them; the rest is dropped."""
    ids = ids[:TOKENS]
    return ids[:len(ids) // length * length].reshape(-1, length)


def network_nats(w, shape, ids, targets, counted):
    """Negative log-likelihoods (a flat array) of the counted targets; ids (windows, tokens)."""
    out = []
    positions = torch.arange(ids.shape[1])[None]
    with torch.no_grad():
        for i in range(0, len(ids), 4):
            c = torch.from_numpy(counted[i:i + 4])
            top = STATES[shape.architecture](w, shape, torch.from_numpy(ids[i:i + 4]), positions)[-1]
            logits = LOGITS[shape.architecture](w, shape, top[c])
            out.append(F.cross_entropy(logits, torch.from_numpy(targets[i:i + 4])[c], reduction='none').double())
    return torch.cat(out).numpy()


class Causal:
    def __init__(self, shape, train, held):
        self.shape, self.counts = shape, Trigram(train, shape.vocabulary)
        self.windows = {n: windows(h, shape.context) for n, h in held.items()}

    def network(self, w, name):
        x = self.windows[name]
        targets = np.roll(x, -1, 1)
        counted = np.ones(x.shape, bool)
        counted[:, [0, -1]] = False  # the third token is the first that a trigram can predict
        return network_nats(w, self.shape, x, targets, counted)

    def baseline(self, name):
        return np.concatenate([self.counts.nats(x) for x in self.windows[name]])

    def unigram(self, name):
        return -np.log(self.counts.unigram[self.windows[name][:, 2:].ravel()])


    def window(self, name):
        """Which window each prediction belongs to."""
        x = self.windows[name]
        return np.repeat(np.arange(len(x)), x.shape[1] - 2)


class Masked:
    def __init__(self, shape, train, held):
        self.shape, self.counts = shape, Neighbours(train, shape.vocabulary)
        self.windows = {n: windows(h, shape.context - 2) for n, h in held.items()}
        self.hidden = {}
        for k, (n, x) in enumerate(self.windows.items()):
            hidden = (step_generator(0, k).random(x.shape) < HIDDEN) & (x >= SPECIAL)
            hidden[:, [0, -1]] = False  # both neighbours exist
            self.hidden[n] = hidden

    def network(self, w, name):
        x, hidden = self.windows[name], self.hidden[name]
        ends = [np.full((len(x), 1), t) for t in (CLS, SEP)]
        ids = np.concatenate((ends[0], np.where(hidden, MASK, x), ends[1]), 1)
        pad = np.zeros((len(x), 1), bool)
        return network_nats(w, self.shape, ids, np.concatenate((ends[0], x, ends[1]), 1),
                            np.concatenate((pad, hidden, pad), 1))

    def baseline(self, name):
        x, hidden = self.windows[name], self.hidden[name]
        r, c = np.nonzero(hidden)
        return self.counts.nats(x[r, c - 1], x[r, c + 1], x[r, c], ~hidden[r, c - 1], ~hidden[r, c + 1])

    def unigram(self, name):
        return -np.log(self.counts.unigram[self.windows[name][self.hidden[name]]])


    def window(self, name):
        return np.nonzero(self.hidden[name])[0]


def evaluator(shape, work):
    train = np.concatenate(list(load_ids(work, shape.tokenizer, 'train').values()))
    held = load_ids(work, shape.tokenizer, 'held')
    return (Causal if shape.causal else Masked)(shape, train, held)


def load_weights(file):
    return {k: v.float() for k, v in load_file(str(file)).items()}


def summary(values):
    """Mean over all tokens with its standard error, and the mean of each source."""
    pooled = np.concatenate(list(values.values()))
    return {'nats': round(float(pooled.mean()), 4), 'tokens': len(pooled),
            'error': round(float(pooled.std() / np.sqrt(len(pooled))), 4),
            'sources': {n: round(float(v.mean()), 3) for n, v in values.items()}}


def gap(e, counts, network):
    """How much better the network is on the same tokens, in nats per token, with the standard error over windows:
    tokens of a window are not independent of each other."""
    sums, sizes = [], []
    for name in e.windows:
        window = e.window(name)
        sums.append(np.bincount(window, counts[name] - network[name]))
        sizes.append(np.bincount(window))
    sums, sizes = np.concatenate(sums), np.concatenate(sizes)
    mean = sums.sum() / sizes.sum()
    error = np.sqrt(len(sums) / (len(sums) - 1) * ((sums - mean * sizes) ** 2).sum()) / sizes.sum()
    return {'nats': round(float(mean), 4), 'error': round(float(error), 4)}


def evaluate(shape, work):
    torch.set_num_threads(1)
    e = evaluator(shape, work)
    out = {'name': shape.name, 'checkpoints': {}}
    counts = {n: e.baseline(n) for n in e.windows}
    out['baseline'] = summary(counts)
    out['unigram'] = summary({n: e.unigram(n) for n in e.windows})
    for step in sorted({*shape.kept, shape.steps}):
        w = load_weights(work / f'runs/{shape.name}/step-{step}.safetensors')
        network = {n: e.network(w, n) for n in e.windows}
        out['checkpoints'][str(step)] = summary(network) | {'gap': gap(e, counts, network)}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('name', choices=SHAPES)
    parser.add_argument('--set', action='append', default=[], metavar='FIELD=VALUE')
    a = parser.parse_args()
    out = evaluate(changed(SHAPES[a.name], a.set), a.work)
    (a.work / 'runs' / a.name / 'evaluation.json').write_text(json.dumps(out, indent=1) + '\n')
    for what in ('unigram', 'baseline'):
        print(f"{what:10s} {out[what]['nats']:.3f} +- {out[what]['error']:.3f}  {out[what]['sources']}")
    for step, s in out['checkpoints'].items():
        print(f"step {step:>5s} {s['nats']:.3f} +- {s['error']:.3f}  {s['sources']}")


if __name__ == '__main__':
    main()
