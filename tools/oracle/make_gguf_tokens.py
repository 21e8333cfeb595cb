#!/usr/bin/env python3
"""GGUF files that carry tokenizers, as the format's own Python package writes them, and the ids that those tokenizers
give, for tests/text/test_gguf_tokens.c.

usage: make_gguf_tokens.py [FOLDER]        (default: tests/golden/gguf/tokens below the source tree)

  spm.gguf       pieces and scores of tests/golden/text/spm/bpe_bytes.model, with <s> before each text and two pieces
                 more, one control and one user-defined; ids by the sentencepiece package, to which each stretch between
                 such pieces is a text of its own (as to transformers 4)
  spm_bare.gguf  the same pieces without a space before texts, and with </s> behind each
  default, gpt-2, llama-bpe, qwen2, smollm
                 one byte-level vocabulary, of which the split pattern is named so (default: not named at all); ids by
                 the tokenizers package with the parts that GPT-2, Llama 3, Qwen2 and SmolLM have in tokenizer.json

A line of NAME.jsonl: {"text", "special", "ids"}. Where transformers reads the same from a GGUF file, it must agree;
at DIFFERENT is said why it does not.
"""

import json
import os
import re
import sys

import gguf
import sentencepiece
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from make_sentencepiece import class_texts, sentences
from make_tokenizers import TEXTS

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden")
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "gguf", "tokens")
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTROL, USER, SPACED = "<|turn|>", "<|user|>", "<|user piece|>"
MORE = [
    "I'M IT'S we'LL 1234567 x86_64 a1b22c333",
    "one\n\n two\r\n\r\nthree  \n four   ",
    "e\u0301a\u0300 \u212b caf\u00e9",
    "\u0663\u0664\u0665 \u00bd\u00b2 \u2167 12,345.67",
    "supermetastable metastable",
    "\u2581a \u2581\u2581 b",
]
WITH_TOKENS = [
    "a%sb" % CONTROL,
    "%s %s" % (CONTROL, CONTROL),
    "x %s y%s z" % (USER, CONTROL),
    "%sthe" % USER,
    "%s%s  the" % (USER, CONTROL),
]
# The GGUF reader of transformers 5 puts no space behind a piece that is named in a text and none before a space, does
# not split digits as SmolLM, knows no NFC of Qwen2, takes words apart that Llama 3 does not.
DIFFERENT = {"spm", "smollm", "qwen2", "llama-bpe"}


def texts():
    return list(dict.fromkeys([*TEXTS, *class_texts(), *MORE]))


def write_gguf(name, model, tokens, types, scores=None, merges=None, **more):
    path = os.path.join(OUT, name + ".gguf")
    w = gguf.GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    w.add_token_list(tokens)
    w.add_token_types(types)
    if scores is not None:
        w.add_token_scores(scores)
    if merges is not None:
        w.add_token_merges(merges)
    for method, value in more.items():
        getattr(w, "add_" + method)(value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    return path


def by_transformers(path):
    return transformers.AutoTokenizer.from_pretrained(OUT, gguf_file=os.path.basename(path))


def write_rows(name, rows):
    with open(os.path.join(OUT, name + ".jsonl"), "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")


def compare(name, path, encode, before):
    other = by_transformers(path)
    odd = [t for t in texts() + WITH_TOKENS if other.encode(t, add_special_tokens=False) != encode(t)[before:]]
    print("%s: transformers reads %d of %d texts differently" % (name, len(odd), len(texts() + WITH_TOKENS)))
    assert not odd or name in DIFFERENT, odd


# ---- SentencePiece ----


def spm():
    p = sentencepiece.SentencePieceProcessor(model_file=os.path.join(ROOT, "text", "spm", "bpe_bytes.model"))
    T = gguf.TokenType
    tokens, scores, types = [], [], []
    for i in range(p.vocab_size()):
        tokens.append(p.id_to_piece(i))
        scores.append(p.get_score(i))
        kinds = {T.UNKNOWN: p.is_unknown, T.CONTROL: p.is_control, T.UNUSED: p.is_unused, T.BYTE: p.is_byte}
        types.append(next((kind for kind, asks in kinds.items() if asks(i)), T.NORMAL))
    tokens += [CONTROL, USER, SPACED]
    scores += [-1000.0] * 3
    types += [T.CONTROL, T.USER_DEFINED, T.USER_DEFINED]
    usual = dict(tokens=tokens, scores=scores, types=types, bos_token_id=p.bos_id(), eos_token_id=p.eos_id())
    return p, usual


def by_stretches(p, usual, text):
    """Ids of a text in which pieces are named."""
    names = ["<s>", "</s>", "<unk>", CONTROL, USER, SPACED]
    stretches = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    return [i for s in stretches for i in ([usual["tokens"].index(s)] if s in names else p.encode(s))]


def make_spm():
    p, usual = spm()
    path = write_gguf("spm", "llama", **usual, unk_token_id=p.unk_id(), tokenizer_pre="default")

    def encode(text):
        return [p.bos_id()] + by_stretches(p, usual, text)

    write_rows("spm", rows_of(encode, texts() + WITH_TOKENS + [SPACED + " a <s>b</s>", "a" + SPACED], 1))
    compare("spm", path, encode, 1)


def rows_of(encode, these, before, after=0):
    for i, text in enumerate(these):
        ids = encode(text)
        special = i % 2 == 0
        yield {"text": text, "special": special, "ids": ids if special else ids[before : len(ids) - after]}


def make_spm_bare():
    p, usual = spm()
    write_gguf("spm_bare", "llama", **usual, add_bos_token=False, add_eos_token=True, add_space_prefix=False)
    proto = sentencepiece.sentencepiece_model_pb2.ModelProto.FromString(p.serialized_model_proto())
    proto.normalizer_spec.add_dummy_prefix = False
    bare = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())

    def encode(text):
        return by_stretches(bare, usual, text) + [p.eos_id()]

    write_rows("spm_bare", rows_of(encode, texts() + WITH_TOKENS, 0, 1))


# ---- byte-level BPE ----


def split(regex):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(regex), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def gpt2():
    return pre_tokenizers.ByteLevel(add_prefix_space=False)


SPLITS = {
    "default": gpt2,
    "gpt-2": gpt2,
    "llama-bpe": lambda: split(WORDS + r"|\p{N}{1,3}" + REST),
    "qwen2": lambda: split(WORDS + r"|\p{N}" + REST),
    "smollm": lambda: pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2()]),
}


def train():
    """Words may have digits and repeated blanks, so that it matters how texts are split."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = split(r" ?\S+|\s+")
    trainer = trainers.BpeTrainer(
        vocab_size=560, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    t.train_from_iterator([*sentences(), *MORE * 5, "12 123 1234 2024 it's IT'S 'S !!\n \n\n  \n" * 9], trainer)
    model = json.loads(t.to_str())["model"]
    whole = "supermetastable"  # a piece that no merge makes
    return model["vocab"] | {whole: len(model["vocab"])}, [tuple(m) for m in model["merges"]]


def make_bytes(name, vocab, merges):
    bos, eos = "<|begin|>", "<|endoftext|>"
    size = len(vocab)
    added = {eos: size, bos: size + 1, CONTROL: size + 2, USER: size + 3}
    tokens = sorted(vocab, key=vocab.get) + list(added) + ["[PAD%d]" % (size + 4)]
    T = gguf.TokenType
    types = [T.NORMAL] * size + [T.CONTROL] * 3 + [T.USER_DEFINED, T.UNUSED]
    said = {} if name == "default" else {"tokenizer_pre": name}
    puts_bos = name == "llama-bpe"
    path = write_gguf(name, "gpt2", tokens, types, merges=[" ".join(m) for m in merges], bos_token_id=size + 1,
                      eos_token_id=size, unk_token_id=size, **said)  # fmt: skip
    t = Tokenizer(models.BPE(vocab, merges, ignore_merges=name == "llama-bpe"))
    if name == "qwen2":
        t.normalizer = normalizers.NFC()
    t.pre_tokenizer = SPLITS[name]()
    t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in (eos, bos, CONTROL)])
    t.add_tokens([AddedToken(USER, special=False, normalized=False)])
    assert all(t.token_to_id(x) == i for x, i in added.items())
    if puts_bos:
        t.post_processor = processors.TemplateProcessing(single=bos + " $A", special_tokens=[(bos, size + 1)])

    def encode(text):
        return t.encode(text).ids

    write_rows(name, rows_of(encode, texts() + WITH_TOKENS + [bos + "a" + eos], int(puts_bos)))
    compare(name, path, encode, int(puts_bos))


def main():
    os.makedirs(OUT, exist_ok=True)
    make_spm()
    make_spm_bare()
    vocab, merges = train()
    for name in SPLITS:
        make_bytes(name, vocab, merges)


if __name__ == "__main__":
    main()
