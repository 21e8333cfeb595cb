"""Trains one model of the nursery on one thread; stopped and started again, it goes on and ends with the same bits.

    python3 train.py WORK NAME [--steps N] [--out FOLDER]

Writes WORK/runs/NAME/: step-N.safetensors (half precision) for the steps that are kept, log.jsonl, state.pt (weights,
optimiser and step, every few hundred steps). The schedule counts steps, never seconds.
"""
import argparse
import json
import os
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from batches import batch, load_ids
from networks import LOGITS, STATES, WEIGHTS
from shapes import SHAPES, changed

SAVE_EVERY, LOG_EVERY, PROBE_EVERY = 250, 50, 500  # steps


def rate(shape, step):
    """Linear warm-up, a constant stretch, linear decay to zero."""
    decay = (shape.steps - step) / (shape.steps * (1 - shape.decay_from))
    return shape.rate * min(1.0, (step + 1) / shape.warm_up, decay)


def loss(shape, w, ids, positions, targets, counted):
    """Mean negative log-likelihood (nats) of the counted targets."""
    top = STATES[shape.architecture](w, shape, ids, positions)[-1]
    logits = LOGITS[shape.architecture](w, shape, top[counted])
    return F.cross_entropy(logits, targets[counted])


def probe(shape, w, data):
    """Mean cosine and effective rank (exp of the entropy of the squared singular values, centred) of the top state.

    The loss of a collapsed encoder looks like that of a slow one; these two numbers do not."""
    n = 256
    ids, positions = torch.from_numpy(data[:n])[None], torch.arange(n)[None]
    with torch.no_grad():
        x = STATES[shape.architecture](w, shape, ids, positions)[-1][0].double()
    unit = F.normalize(x, dim=1)
    cosine = ((unit @ unit.T).sum() - n) / (n * (n - 1))
    p = torch.linalg.svdvals(x - x.mean(0)) ** 2
    p = p / p.sum()
    return {'cosine': round(cosine.item(), 4), 'rank': round(torch.exp(-torch.special.xlogy(p, p).sum()).item(), 2)}


def groups(w):
    """Weight decay for matrices only."""
    return [{'params': [p for p in w.values() if p.ndim == 2], 'weight_decay': 0.1},
            {'params': [p for p in w.values() if p.ndim < 2], 'weight_decay': 0.0}]


def save_weights(w, file):
    temporary = file.with_suffix('.part')
    save_file({k: v.detach().to(torch.float16).contiguous() for k, v in w.items()}, str(temporary),
              metadata={'format': 'pt'})
    os.replace(temporary, file)


def save_state(w, optimiser, step, file):
    temporary = file.with_suffix('.part')
    torch.save({'weights': dict(w), 'optimiser': optimiser.state_dict(), 'step': step}, temporary)
    os.replace(temporary, file)


def open_log(out, first):
    """log.jsonl, without what a run that was killed wrote after the state it saved."""
    file = out / 'log.jsonl'
    rows = file.read_text().splitlines(keepends=True) if file.exists() else []
    file.write_text(''.join(r for r in rows if r.endswith('\n') and json.loads(r)['step'] <= first))
    return open(file, 'a')


def start(shape, out):
    """Weights, optimiser and first step: fresh, or where the last run stopped."""
    w = WEIGHTS[shape.architecture](shape).require_gradients()
    optimiser = torch.optim.AdamW(groups(w), lr=shape.rate, betas=(0.9, 0.98), eps=1e-8, fused=True)
    file = out / 'state.pt'
    if not file.exists():
        return w, optimiser, 0
    state = torch.load(file, weights_only=True)
    with torch.no_grad():
        for name, value in state['weights'].items():
            w[name].copy_(value)
    optimiser.load_state_dict(state['optimiser'])
    return w, optimiser, state['step']


def train(shape, work, out, save_every=SAVE_EVERY, stop_after=None):
    """Trains to the last step, or to `stop_after`, from the state in `out` if there is one."""
    torch.manual_seed(shape.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    out.mkdir(parents=True, exist_ok=True)
    data = np.concatenate(list(load_ids(work, shape.tokenizer, 'train').values()))
    w, optimiser, first = start(shape, out)
    began, sum_of_losses = time.time(), 0.0
    with open_log(out, first) as log:
        for step in range(first, shape.steps + 1):
            if step in shape.kept or step == shape.steps:
                save_weights(w, out / f'step-{step}.safetensors')
            if step % save_every == 0 and step > first or step == shape.steps:
                save_state(w, optimiser, step, out / 'state.pt')
            if step == stop_after:
                return
            if step % LOG_EVERY == 0 and step > first:
                row = {'step': step, 'loss': round(sum_of_losses / LOG_EVERY, 4),
                       'tokens_per_second': round(LOG_EVERY * shape.batch / (time.time() - began))}
                if step % PROBE_EVERY == 0:
                    row |= probe(shape, w, data)
                print(json.dumps(row), file=log, flush=True)
                began, sum_of_losses = time.time(), 0.0
            if step < shape.steps:
                sum_of_losses += one_step(shape, w, optimiser, data, step)


def one_step(shape, w, optimiser, data, step):
    for group in optimiser.param_groups:
        group['lr'] = rate(shape, step)
    value = loss(shape, w, *batch(shape, data, step))
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    torch.nn.utils.clip_grad_norm_(list(w.values()), 1.0, foreach=True)
    optimiser.step()
    return value.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('name', choices=SHAPES)
    parser.add_argument('--steps', type=int, help='another length (the schedule follows)')
    parser.add_argument('--out', type=pathlib.Path, help='another folder than WORK/runs/NAME')
    parser.add_argument('--set', action='append', default=[], metavar='FIELD=VALUE', help='try another shape or rate')
    a = parser.parse_args()
    shape = changed(SHAPES[a.name], a.set + ([f'steps={a.steps}'] if a.steps else []))
    train(shape, a.work, a.out or a.work / 'runs' / a.name)


if __name__ == '__main__':
    main()
