"""Trains the first steps of each model again and compares them with the checkpoints that are shipped.

    python3 first_steps.py WORK DATA/models [--steps 100] [NAME...]

Same processor kind and package versions: the same bits. Elsewhere the kernels of torch may sum in another order; then
it prints how far the weights are apart. Exits with 1 if one is further from its checkpoint than TOLERANCE.
"""
import argparse
import pathlib
import shutil
import sys

from evaluate import load_weights
from shapes import SHAPES
from train import train

# Half precision keeps 11 bits; in the first 100 steps the rate is at most 1.5e-3, and a different order of summation
# moves no weight further than a few steps of it. A wrong seed, text or schedule moves them by their size, about 0.05.
TOLERANCE = 0.02


def compare(ours, theirs):
    """None if the files are equal, else the largest difference of a weight."""
    if ours.read_bytes() == theirs.read_bytes():
        return None
    a, b = load_weights(ours), load_weights(theirs)
    return max(float((a[k] - b[k]).abs().max()) for k in a) if a.keys() == b.keys() else float('inf')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('models', type=pathlib.Path)
    parser.add_argument('names', nargs='*')
    parser.add_argument('--steps', type=int, default=100)
    a = parser.parse_args()
    failed = False
    for name in a.names or [n for n, s in SHAPES.items() if s.kept and (a.models / n).is_dir()]:
        out = a.work / 'first' / name
        shutil.rmtree(out, ignore_errors=True)
        train(SHAPES[name], a.work, out, stop_after=a.steps)
        for step in (k for k in SHAPES[name].kept if k <= a.steps):
            gap = compare(out / f'step-{step}.safetensors', a.models / f'{name}@step-{step}/model.safetensors')
            failed |= gap is not None and gap > TOLERANCE
            print(f'{name} step {step}: ' + ('the same bits' if gap is None else f'apart by at most {gap:.2e}'))
    sys.exit(failed)


if __name__ == '__main__':
    main()
