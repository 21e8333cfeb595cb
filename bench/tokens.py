#!/usr/bin/env python3
"""Encoding a text with byte-level BPE, Unigram and SentencePiece: dwell against the packages, one thread each.

usage: tokens.py BENCH_TOKENS FILE...

A tokenizer of each kind is trained on the files, then both sides encode all of them as one text; the ids must
be equal. Ratios are the rival over dwell. dwell and tokenizers compute offsets too, sentencepiece here does not."""
import os
import subprocess
import sys
import tempfile

import times

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import sentencepiece  # noqa: E402  (after the environment is set)
import tokenizers  # noqa: E402

REPEATS = 15
VOCABULARY = 8000


def byte_level():
    t = tokenizers.Tokenizer(tokenizers.models.BPE())
    t.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    return t, tokenizers.trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)


def unigram():
    """The shape of ALBERT's."""
    n, p = tokenizers.normalizers, tokenizers.pre_tokenizers
    t = tokenizers.Tokenizer(tokenizers.models.Unigram())
    t.normalizer = n.Sequence([n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase()])
    t.pre_tokenizer = p.Sequence([p.WhitespaceSplit(), p.Metaspace()])
    return t, tokenizers.trainers.UnigramTrainer(vocab_size=VOCABULARY, unk_token="<unk>", special_tokens=["<unk>"],
                                                 show_progress=False)


def sentence_piece(kind):
    """The whole text as one: SentencePiece's own normalisation, and (for Unigram) one search over everything."""

    def train(files, folder):
        sentencepiece.SentencePieceTrainer.train(
            input=files, model_prefix=os.path.join(folder, "spiece"), model_type=kind,
            vocab_size=VOCABULARY, hard_vocab_limit=False, minloglevel=2, num_threads=1, max_sentence_length=100000)
        processor = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "spiece.model"))
        return processor.encode

    return "SentencePiece " + kind, train, "sentencepiece " + sentencepiece.__version__


def by_tokenizers(name, make):
    def train(files, folder):
        t, trainer = make()
        t.train(files, trainer)
        t.save(os.path.join(folder, "tokenizer.json"))
        t = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        return lambda text: t.encode(text, add_special_tokens=False).ids

    return name, train, "tokenizers " + tokenizers.__version__


def measure(name, train, rival, program, files, text):
    with tempfile.TemporaryDirectory() as folder:
        encode = train(files, folder)
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
                encoded = theirs.run(lambda: encode(text))
        ids = [int(line) for line in open(ids_file)]
    size = len(text.encode())
    print("%s: %.2f MB to %d tokens, %s; ids %s; %s" % (
        name, size / 1e6, len(ids), rival, "equal" if ids == encoded else "DIFFER", times.load()))
    print("  median seconds: dwell %.4f, rival %.4f; ratio: median %.2f, best %.2f, processor %.2f; dwell's best "
          "%.1f MB/s" % ((mine.median(0), theirs.median(0)) + times.ratios(theirs, mine)
                         + (size / mine.best(0) / 1e6,)))
    return ids != encoded


def main():
    program, files = sys.argv[1], sys.argv[2:]
    text = "".join(open(name, encoding="utf-8").read() for name in files)
    kinds = [by_tokenizers("byte-level BPE", byte_level), by_tokenizers("Unigram", unigram),
             sentence_piece("unigram"), sentence_piece("bpe")]
    return any([measure(*kind, program, files, text) for kind in kinds])


if __name__ == "__main__":
    sys.exit(main())
