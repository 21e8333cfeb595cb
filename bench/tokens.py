#!/usr/bin/env python3
"""Encoding a text with byte-level BPE: dwell against the package tokenizers, one thread each, in one run.

usage: tokens.py BENCH_TOKENS FILE...

A tokenizer is trained on the files, then both encode all of them as one text; the ids must be equal. Ratios are
tokenizers over dwell. Offsets are computed by both."""
import os
import subprocess
import sys
import tempfile

import times

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402  (after the environment is set)

REPEATS = 15
VOCABULARY = 8000


def train(folder, files):
    t = tokenizers.Tokenizer(tokenizers.models.BPE())
    t.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    t.train(files, tokenizers.trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet,
                                                  show_progress=False))
    t.save(os.path.join(folder, "tokenizer.json"))
    return t


def main():
    program, files = sys.argv[1], sys.argv[2:]
    text = "".join(open(name, encoding="utf-8").read() for name in files)
    with tempfile.TemporaryDirectory() as folder:
        t = train(folder, files)
        text_file, ids_file = os.path.join(folder, "text"), os.path.join(folder, "ids")
        with open(text_file, "w", encoding="utf-8") as f:
            f.write(text)
        mine, theirs = times.Times(), times.Times()
        for _ in range(3):
            lines = subprocess.run([program, folder, text_file, ids_file, str(REPEATS // 3)], check=True,
                                   capture_output=True, text=True).stdout.split("\n")
            for line in filter(None, lines):
                mine.add(*map(float, line.split()))
            for _ in range(REPEATS // 3):
                encoded = theirs.run(lambda: t.encode(text, add_special_tokens=False))
        ids = [int(line) for line in open(ids_file)]
    size = len(text.encode())
    print("%.2f MB to %d tokens, tokenizers %s; ids %s; %s" % (
        size / 1e6, len(ids), tokenizers.__version__, "equal" if ids == encoded.ids else "DIFFER", times.load()))
    print("  median seconds: dwell %.4f, tokenizers %.4f; ratio: median %.2f, best %.2f, processor %.2f; dwell's best "
          "%.1f MB/s" % ((mine.median(0), theirs.median(0)) + times.ratios(theirs, mine)
                         + (size / mine.best(0) / 1e6,)))
    return ids != encoded.ids


if __name__ == "__main__":
    sys.exit(main())
