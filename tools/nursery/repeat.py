"""Shows that training repeats: the same bits from two runs, and from one that is stopped and resumed.

    python3 repeat.py WORK [NAME...]     a few steps of each; exits with 1 if a hash differs
"""
import argparse
import dataclasses
import hashlib
import pathlib
import shutil
import sys

from shapes import SHAPES
from train import train

STEPS, STOP, GROWING = 40, 25, 8  # every length of window is met


def run(shape, work, out, stop=None):
    """SHA-256 of the weights after STEPS steps; with `stop`, stopped at that step and started again."""
    shutil.rmtree(out, ignore_errors=True)
    if stop is not None:
        train(shape, work, out, save_every=stop, stop_after=stop)
    train(shape, work, out, save_every=STEPS)
    return hashlib.sha256((out / f'step-{STEPS}.safetensors').read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('names', nargs='*')
    a = parser.parse_args()
    failed = False
    for name in a.names or ('gpt2-nursery', 'bert-nursery', 'albert-nursery'):
        shape = dataclasses.replace(SHAPES[name], steps=STEPS, growing=min(SHAPES[name].growing, GROWING))
        out = a.work / 'repeat'
        hashes = [run(shape, a.work, out), run(shape, a.work, out), run(shape, a.work, out, STOP)]
        same = len(set(hashes)) == 1
        failed |= not same
        print(f"{name}: {'the same' if same else 'DIFFERENT'}: {' '.join(h[:16] for h in hashes)}"
              ' (once, again, stopped and resumed)')
    sys.exit(failed)


if __name__ == '__main__':
    main()
