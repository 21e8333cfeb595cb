"""Training windows: which tokens a step sees is a function of (seed, step) alone, so that training resumes exactly."""
import numpy as np
import torch

SPECIAL = 5  # the encoders' first pieces: padding, unknown, [CLS], [SEP], [MASK]
CLS, SEP, MASK = 2, 3, 4
SHORTEST = 4  # tokens of a growing window at first


def load_ids(work, kind, part):
    """One array of ids per source, by name."""
    with np.load(work / f'ids/{kind}.{part}.npz') as f:
        return {name: f[name].astype(np.int64) for name in f.files}


def step_generator(seed, step):
    return np.random.Generator(np.random.Philox(key=[seed, step]))


def window_length(shape, step):
    """Short windows first: attention costs less and learns its neighbours sooner; at last the whole context."""
    if step >= shape.long_from * shape.steps:
        return shape.context
    return min(shape.window, SHORTEST << step // shape.growing) if shape.growing else shape.window


def batch(shape, ids, step):
    """Ids and positions (windows, tokens), targets and where they count (same shape) of one training step."""
    g = step_generator(shape.seed, step)
    length = window_length(shape, step)
    windows = shape.batch // length
    starts = g.integers(0, len(ids) - length - 1, windows)
    # Half of the windows begin the context, the others stand anywhere in it, so that all positions are trained.
    offsets = np.where(g.random(windows) < 0.5, 0, g.integers(0, shape.context - length + 1, windows))
    positions = offsets[:, None] + np.arange(length)
    if shape.causal:
        text = ids[starts[:, None] + np.arange(length + 1)]
        return tensors(text[:, :-1], positions, text[:, 1:], np.ones((windows, length), bool))
    text = ids[starts[:, None] + np.arange(length)]
    text[offsets == 0, 0] = CLS
    text[offsets + length == shape.context, -1] = SEP
    inputs, chosen = mask(g, text, shape.masked, shape.vocabulary)
    return tensors(inputs, positions, text, chosen)


def mask(g, text, share, vocabulary):
    """BERT's corruption: of the chosen tokens 80 % become [MASK], 10 % another piece, 10 % stay."""
    chosen = (g.random(text.shape) < share) & (text >= SPECIAL)
    fate = g.random(text.shape)
    inputs = np.where(chosen & (fate < 0.8), MASK, text)
    return np.where(chosen & (fate >= 0.9), g.integers(SPECIAL, vocabulary, text.shape), inputs), chosen


def tensors(*arrays):
    return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)
