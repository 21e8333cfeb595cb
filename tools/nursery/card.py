"""Measures the models with dwell and writes what is known of them: DATA/models/NAME/README.md and index.json.

    python3 card.py WORK DATA/models DWELL [NAME...]

Needs WORK/runs/NAME/evaluation.json (evaluate.py) and the exported folders (export.py). Every number in a card is
computed here or there; none is typed.
"""
import argparse
import csv
import hashlib
import json
import pathlib
import re
import subprocess
import textwrap

import numpy as np

from batches import SHORTEST
from evaluate import load_weights
from export import export_weights, write_json
from networks import WEIGHTS
from shapes import SHAPES
from train import save_weights

PASSAGES = ('encyclopedia_glass', 'narrative_harbour', 'news_storm')
LICENCE = 'CC0-1.0'
WORDS = {
    'gpt2': ('causal', 'GPT-2', 'byte-level BPE', 'text-generation'),
    'bert': ('encoder', 'BERT', 'WordPiece, lower case', 'fill-mask'),
    'albert': ('encoder with one shared block', 'ALBERT', 'Unigram, lower case', 'fill-mask'),
}
MASKING = '; {:.0%} of the tokens to be predicted, of these 80 % [MASK], 10 % another piece, 10 % unchanged'
GEOMETRY = ', with measures of the last state (before the final norm) on the passages named below'
RESIDUAL = ', divided by the root of twice the depth for what is added to the residual stream'
COLUMNS = (('ip_mean', 'mean cosine', '.3f'), ('mass90_centred', 'centred mass90', '.4f'),
           ('effective_rank', 'effective rank', '.1f'), ('cka', 'CKA with the state before', '.3f'))


def summary_line(s):
    kind, names, tokenizer, _ = WORDS[s.architecture]
    applied = 'applications of it' if s.architecture == 'albert' else 'blocks'
    return f'{kind}, {s.layers} {applied}, width {s.width}, {s.heads} heads; {names} names, {tokenizer}'


def rows(file):
    with open(file, newline='') as f:
        return list(csv.DictReader(f))


def number(text):
    return float(text) if text else np.nan


def measure(dwell, model, out):
    """Array (passages, states, columns): what dwell finds of each state of each passage."""
    table = []
    for passage in PASSAGES:
        run = out / passage
        subprocess.run([dwell, 'measure', str(model), '--prompt', passage, '--max-tokens', '512', '--nulls', '0', '-q',
                        '--force', '-o', str(run)], check=True)
        cka = [np.nan] + [number(r['cka']) for r in rows(run / 'blocks.csv')]
        table.append([[number(r[c]) for c, _, _ in COLUMNS[:3]] + [cka[i]]
                      for i, r in enumerate(rows(run / 'layers.csv')) if r['tap'] == 'resid'])
    return np.array(table)


def twin_folder(shape, work):
    """The network before its first step, as training starts from it."""
    folder = work / 'twins' / shape.name
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(WEIGHTS[shape.architecture](shape), folder / 'start.safetensors')
    export_weights(shape, work, folder / 'start.safetensors', folder)
    return folder


def cell(value, form):
    return '' if np.isnan(value) else format(value, form)


def state_table(trained, twin):
    """Markdown: one line a state (at most about 13 of them), trained and random twin side by side."""
    states = trained.shape[1]
    shown = sorted({1} | {round(i) for i in np.linspace(0, states - 1, min(states, 13))})
    lines = ['| state | ' + ' | '.join(f'{label}, trained | twin' for _, label, _ in COLUMNS) + ' |',
             '| ---: |' + ' ---: |' * (2 * len(COLUMNS))]
    for i in shown:
        cells = []
        for c, (_, _, form) in enumerate(COLUMNS):
            cells += [cell(trained[:, i, c].mean(), form), cell(twin[:, i, c].mean(), form)]
        lines.append(f'| {i} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def last_state(trained, twin):
    """Where the passages do not overlap the difference is plain; where they do, it is not."""
    out = []
    for c, (_, label, form) in enumerate(COLUMNS[:3]):
        a, b = trained[:, -1, c], twin[:, -1, c]
        apart = a.min() > b.max() or a.max() < b.min()
        out.append(f"- {label}: trained {format(a.min(), form)} to {format(a.max(), form)}, twin "
                   f"{format(b.min(), form)} to {format(b.max(), form)}: {'apart' if apart else 'they overlap'}.")
    return '\n'.join(out)


def path_table(e, path):
    """Markdown: one line a checkpoint: its loss and, where they are shipped, the measures of its last state."""
    columns = COLUMNS[:3] if path else ()
    labels = [label for _, label, _ in columns]
    lines = ['| step | held-out nats per token | ' + ''.join(f'{label} | ' for label in labels),
             '| ---: | ---: |' + ' ---: |' * len(labels)]
    for step, s in e['checkpoints'].items():
        cells = [cell(v, form) for v, (_, _, form) in zip(path[int(step)], columns)] if path else []
        lines.append(f"| {step} | {s['nats']:.3f} ± {s['error']:.3f} | " + ''.join(f'{c} | ' for c in cells))
    return '\n'.join(line.rstrip() for line in lines)


def source_table(e, last):
    lines = ['| source | unigram | counts | this model |', '| --- | ---: | ---: | ---: |']
    for name, value in last['sources'].items():
        counts = [e[k]['sources'][name] for k in ('unigram', 'baseline')]
        lines.append(f'| {name} | {counts[0]:.2f} | {counts[1]:.2f} | {value:.2f} |')
    lines.append(f"| **all** | {e['unigram']['nats']:.3f} | {e['baseline']['nats']:.3f} | **{last['nats']:.3f}** |")
    return '\n'.join(lines)


def baseline_name(s):
    return 'interpolated trigram' if s.causal else 'counts of both neighbours'


def windows(s):
    if not s.growing:
        return f'windows of {s.window} tokens'
    return f'windows of {SHORTEST} tokens, doubled every {s.growing} steps up to {s.window},'


def short_windows(s):
    """What must be known of checkpoints of growing windows before their loss is read."""
    if not (s.growing and s.kept):
        return ''
    full = s.growing * ((s.window // SHORTEST).bit_length() - 1)
    return (f'Before step {full} the network has seen windows of fewer than {s.window} tokens only, so the loss of '
            f'earlier checkpoints on windows of {s.context} does not say how much they have learned.')


def judgement(e, last):
    gap, error = last['gap']['nats'], last['gap']['error']
    better = [n for n, v in last['sources'].items() if e['baseline']['sources'][n] < v]
    where = f" The counts are better on {', '.join(better)}." if better else ''
    if gap > 2 * error:
        return f'It is better than the counting model by {gap:.2f} ± {error:.2f} nats (over windows).' + where
    if gap < -2 * error:
        return (f'**Undertrained**: it is worse than the counting model by {-gap:.2f} ± {error:.2f} nats. Take what '
                'it shows as the behaviour of a network early in its training.' + where)
    return f'It is level with the counting model: better by {gap:.3f} ± {error:.3f} nats.' + where


def data_table(work):
    lines = ['| source | package | bytes trained on | licence |', '| --- | --- | ---: | --- |']
    for r in json.loads((work / 'text/text.json').read_text()):
        lines.append(f"| {r['name']} | {r['package']} {r['version']} | {r['train']['bytes']} | {r['licence']} |")
    return '\n'.join(lines)


CARD = '''---
license: cc0-1.0
library_name: transformers
pipeline_tag: {pipeline}
---

# {name}

{summary}. {parameters} parameters, trained for dwell so that a trained network is at hand without a network
connection, with its random twin and checkpoints through training. It is too small to be of use for anything else.

## Loss

Nats per token on held-out text (the last 3 % of every source, never trained on), {tokens} tokens. {how}

{sources}

{judgement}

Through training ({batch} tokens a step; {weights}){geometry}:

{losses}

{short}

## Trained against the random twin

Mean over three passages (`dwell list prompts`: {passages}; at most 512 tokens each), measured by
`dwell measure`. The twin is the same network before its first step. State 0 is the embedding.

{states}

At the last state, over the three passages:

{last}

Three passages and one seed are a look, not a verdict.

## Training

AdamW (0.9, 0.98), weight decay 0.1 on matrices, gradient norm at most 1, rate {rate:g} after {warm_up} steps of
warm-up, linear decay to zero from step {decay}; {steps} steps of {batch} tokens: {windows} until step {long}, then of
{context}{masking}. Random weights: normal, standard deviation {deviation:g}{residual}; the position embeddings start
as sines and cosines of the same deviation and are trained like the rest. No dropout, seed {seed}, one thread, float32;
stored in half precision.

{data}

The text is English but for the Spanish source; other languages and scripts are nearly unknown to the tokenizer.
Repeat it: `tools/nursery/README.md` in dwell's sources. SHA-256 of model.safetensors: `{sha}`.

Licence: {licence} (weights, tokenizer and this card); the text is in the public domain.
'''


def wrap(text):
    """Fills paragraphs of prose to 120 columns; tables, lists, headings and the first block stay as they are."""
    head, body = text.split('\n---\n', 1)  # the block of metadata ends there
    blocks = [b if b[:1] in '|-#' else textwrap.fill(b, 120, break_on_hyphens=False, break_long_words=False)
              for b in re.split(r'\n{2,}', body.strip())]
    return head + '\n---\n\n' + '\n\n'.join(blocks)


def facts(shape, models, e, path, work):
    last = e['checkpoints'][str(shape.steps)]
    weights = load_weights(models / shape.name / 'model.safetensors')
    kind = WORDS[shape.architecture]
    return {
        'name': shape.name, 'summary': summary_line(shape)[0].upper() + summary_line(shape)[1:], 'pipeline': kind[3],
        'parameters': f'{sum(w.numel() for w in weights.values()):,}'.replace(',', ' '), 'tokens': last['tokens'],
        'how': ('Windows of 512 tokens; counts: a trigram with modified Kneser-Ney smoothing.' if shape.causal else
                '15 % of the tokens hidden behind [MASK], windows of 512; counts: a model that sees both neighbours, '
                'interpolated likewise.') + ' Network and counts predict the same tokens.',
        'sources': source_table(e, last), 'judgement': judgement(e, last), 'losses': path_table(e, path),
        'short': short_windows(shape),
        'weights': f'all but the last are `{shape.name}@step-N`' if shape.kept else 'only the last is shipped',
        'geometry': GEOMETRY if path else '', 'passages': ', '.join(PASSAGES),
        'rate': shape.rate, 'warm_up': shape.warm_up, 'decay': round(shape.decay_from * shape.steps),
        'steps': shape.steps, 'batch': shape.batch,
        'windows': windows(shape), 'long': round(shape.long_from * shape.steps), 'context': shape.context,
        'masking': '' if shape.causal else MASKING.format(shape.masked), 'deviation': shape.deviation,
        'residual': RESIDUAL if shape.causal else '', 'seed': shape.seed, 'data': data_table(work), 'licence': LICENCE,
        'sha': hashlib.sha256((models / shape.name / 'model.safetensors').read_bytes()).hexdigest()}


def through_training(shape, work, models, dwell, ends):
    """Step to the measures of its last state, mean over the passages; `ends`: tables of the first and last step."""
    path = dict(zip((0, shape.steps), ends))
    for step in shape.kept:
        if step not in path:
            name = f'{shape.name}@step-{step}'
            path[step] = measure(dwell, models / name, work / 'measured' / name)
    return {step: table[:, -1].mean(0) for step, table in path.items()}


def write_card(shape, work, models, dwell):
    e = json.loads((work / f'runs/{shape.name}/evaluation.json').read_text())
    trained = measure(dwell, models / shape.name, work / 'measured' / shape.name)
    twin = measure(dwell, twin_folder(shape, work), work / 'measured' / (shape.name + '@step-0'))
    path = through_training(shape, work, models, dwell, (twin, trained)) if shape.kept else None
    text = CARD.format(**facts(shape, models, e, path, work), states=state_table(trained, twin),
                       last=last_state(trained, twin))
    (models / shape.name / 'README.md').write_text(wrap(text).rstrip('\n') + '\n')


def entry(shape, work, models):
    e = json.loads((work / f'runs/{shape.name}/evaluation.json').read_text())
    weights = load_weights(models / shape.name / 'model.safetensors')
    return {'name': shape.name, 'summary': summary_line(shape), 'architecture': shape.architecture,
            'layers': shape.layers, 'width': shape.width, 'heads': shape.heads, 'vocabulary': shape.vocabulary,
            'context': shape.context, 'parameters': sum(w.numel() for w in weights.values()), 'step': shape.steps,
            'tokens': shape.steps * shape.batch, 'checkpoints': list(shape.kept),
            'held_out_nats': e['checkpoints'][str(shape.steps)]['nats'],
            'baseline': {'name': baseline_name(shape), 'nats': e['baseline']['nats']},
            'unigram_nats': e['unigram']['nats'],
            'checkpoint_nats': {str(k): e['checkpoints'][str(k)]['nats'] for k in shape.kept}, 'licence': LICENCE}


def write_index(work, models):
    """index.json; a shipped model that WORK did not evaluate keeps the entry it has."""
    file = models / 'index.json'
    known = {e['name']: e for e in json.loads(file.read_text())['models']} if file.exists() else {}
    shipped = [s for n, s in SHAPES.items() if (models / n / 'README.md').exists()]
    write_json({'models': [entry(s, work, models) if (work / f'runs/{s.name}/evaluation.json').exists()
                           else known[s.name] for s in shipped]}, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('models', type=pathlib.Path)
    parser.add_argument('dwell')
    parser.add_argument('names', nargs='*', default=None)
    a = parser.parse_args()
    for name in a.names or [n for n in SHAPES if (a.models / n).is_dir()]:
        write_card(SHAPES[name], a.work, a.models, a.dwell)
        print(a.models / name / 'README.md')
    write_index(a.work, a.models)


if __name__ == '__main__':
    main()
