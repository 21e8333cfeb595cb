#!/usr/bin/env python3
"""Trains tiny SentencePiece models on the texts of data/prompts and writes them to tests/golden/text/spm, with the ids
and offsets that the `sentencepiece` package gives (NAME.jsonl); and what classes of `transformers` make of folders
without a tokenizer.json (tests/golden/text/classes/NAME.jsonl).

    python3 tools/oracle/make_sentencepiece.py [MODEL...]

transformers must be of version 4: later ones have no slow classes. Models that exist are kept unless they are named:
training depends on the version of the package.

A line of spm/NAME.jsonl: {"text", "ids", "begin", "end"}; offsets are bytes. SentencePiece gives the text of a
character that it writes as bytes to the last of them; here all of them have it.
The first line of classes/NAME.jsonl: {"files": {NAME: CONTENT}}, where a content "@PATH" is the file of that path in
tests/golden/text; the others: {"text", "special", "ids"}.
"""

import glob
import io
import itertools
import json
import os
import random
import shutil
import sys
import tempfile

import sentencepiece
import transformers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import make_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "tests", "golden", "text")
PROMPTS = os.path.join(HERE, "..", "..", "data", "prompts")

# What SentencePiece's own rules do, in small: their compiled table alone has 240 kB.
RULES = {
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u2003": " ", "\u3000": " ", "\u2028": " ", "\u000b": "",
    "\u200b": "", "\ufeff": "", "\u0001": "", "\u00ad": "",
    "ﬁ": "fi", "ﬀ": "ff", "½": "1⁄2", "²": "2", "①": "1", "…": "...", "㍿": "株式会社", "\u00a8": " \u0308",
    "e\u0301": "é", "a\u0300\u0323": "ạ̀", "a\u0300": "à", "\u212b": "Å", "\ufdfa": "صلى الله عليه وسلم",
} | {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}  # fmt: skip

FOLDING = RULES | {chr(c): chr(c + 32) for c in range(65, 91)} | {"ß": "ss", "İ": "i̇"}

MODELS = {
    "unigram": dict(
        model_type="unigram", vocab_size=420, rules=RULES,
        user_defined_symbols=["<sep>", "flow", "flows", "▁a▁", "。"], control_symbols=["<ctl>"], shouting=True,
    ),
    "unigram_bytes": dict(
        model_type="unigram", vocab_size=620, rules={}, byte_fallback=True, remove_extra_whitespaces=False,
        character_coverage=0.98, add_dummy_prefix=True, user_defined_symbols=["é", "  "],
    ),
    "unigram_suffix": dict(
        model_type="unigram", vocab_size=300, rules=FOLDING, treat_whitespace_as_suffix=True,
        max_sentencepiece_length=6,
    ),
    "bpe": dict(
        model_type="bpe", vocab_size=420, rules=FOLDING, character_coverage=0.99, split_by_whitespace=False,
        user_defined_symbols=["<mask>", "the", "▁the▁", "ee"],
    ),
    "bpe_bytes": dict(
        model_type="bpe", vocab_size=640, rules={}, byte_fallback=True, remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, character_coverage=0.98,
    ),
    "bpe_unused": dict(model_type="bpe", vocab_size=320, rules=RULES, add_dummy_prefix=False, unused=5),
    "albert": dict(
        model_type="unigram", vocab_size=360, rules=RULES, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<sep>", "<cls>", "<mask>"],
        user_defined_symbols=["(", ")", '"', "-", "."],
    ),
    "gemma": dict(
        model_type="bpe", vocab_size=560, rules={}, byte_fallback=True, remove_extra_whitespaces=False,
        add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>",
        bos_piece="<bos>", user_defined_symbols=["<start_of_turn>", "\n", "\n\n"], character_coverage=0.99,
    ),
}  # fmt: skip


def sentences():
    for path in sorted(glob.glob(os.path.join(PROMPTS, "*.txt"))):
        with open(path, encoding="utf-8") as f:
            yield from (line.strip() for line in f.read().split("\n") if line.strip())
    yield from make_tokenizers.SENTENCES[: len(make_tokenizers.SENTENCES) // 4]


def shouts():
    """Pieces of one letter again and again: ways to cut their runs that differ by rounding alone."""
    stream = random.Random(20240229)
    for _ in range(400):
        yield stream.choice("abcdefgiklmnop") + "h" * stream.choice((1, 3, 3, 3, 4, 6, 7, 9))


def train(name, rules, unused=0, shouting=False, **options):
    with tempfile.TemporaryDirectory() as folder:
        tsv = os.path.join(folder, "rules.tsv")
        with open(tsv, "w") as f:
            for old, new in rules.items():
                f.write(" ".join("%X" % ord(c) for c in old) + "\t" + " ".join("%X" % ord(c) for c in new) + "\n")
        how = dict(normalization_rule_tsv=tsv) if rules else dict(normalization_rule_name="identity")
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=itertools.chain(sentences(), shouts() if shouting else ()), model_writer=out,
            num_threads=1, minloglevel=2, **how, **options
        )
    proto = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    proto.trainer_spec.ClearField("model_prefix")
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # a path
    if unused:  # every so many pieces, the merged ones
        for piece in [p for p in proto.pieces if p.type == 1 and len(p.piece) > 1][::unused]:
            piece.type = 5
    path = os.path.join(ROOT, "spm", name + ".model")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(proto.SerializeToString(deterministic=True))


def texts():
    yield from make_tokenizers.UNIGRAM_TEXTS
    yield "x\u0300 a\u0300\u0323 a\u0300b e\u0301e e\u0301"
    yield "  <sep>flows flowflow <ctl>  a a  a 。。<mask>thethe ▁the▁ eee ee\n\n\n<start_of_turn>"
    yield "\ufdfa ㍿ … \u00a8 \u3000\u3000\u00adﬁ"
    yield "12,345.678 in 2010, 2011,2012"
    yield "a  left and a  flow of a  paid the a  and"  # where a user-defined piece is not the best by its score
    yield "".join(sentences())[3000:3600]
    yield "a" + "h" * 70 + " o" + "h" * 80 + " hh hhhhhhhhhhhhhhhhhhhhhh"  # sums that are rounded
    stream = random.Random(20240229)
    alphabet = list("abcdefeeetttaoino      .,THE") + ["the ", "flow", "中", "é", "👍", "\u0301", "  ", "ing ", "½", "\t"]
    for _ in range(16):
        yield "".join(stream.choice(alphabet) for _ in range(stream.randint(1, 60)))


def rows(processor):
    for text in texts():
        pieces = processor.encode(text, return_type="proto").pieces
        begin, end = [p.begin for p in pieces], [p.end for p in pieces]
        for i in range(len(pieces) - 2, -1, -1):
            if processor.is_byte(pieces[i].id) and begin[i] == end[i]:
                end[i] = end[i + 1]
        yield {"text": text, "ids": [p.id for p in pieces], "begin": begin, "end": end}


def long_texts():
    """Sums of more than 100,000, where SentencePiece starts anew. Word i of a text is words[(7 i i + i / 11) % words],
    and a space behind it. What is compared: the number of tokens, and the sum of id times (place % 1009)."""
    words = " ".join(sentences())[:40000].split()[::37] + ["a" + "h" * 23, "o" + "h" * 31, "hhhhhhhh"]
    for model, count in (("unigram", 16000), ("unigram_bytes", 16000), ("bpe", 4000)):
        processor = sentencepiece.SentencePieceProcessor(model_file=os.path.join(ROOT, "spm", model + ".model"))
        ids = processor.encode("".join(words[(7 * i * i + i // 11) % len(words)] + " " for i in range(count)))
        total = sum(id * (i % 1009) for i, id in enumerate(ids))
        yield {"model": model, "words": words, "count": count, "tokens": len(ids), "sum": total}


# ---- folders ----


def byte_files():
    """vocab.json and merges.txt with the special tokens of everybody."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=380, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>", "<|padding|>"],
    )  # fmt: skip
    t.train_from_iterator(make_tokenizers.SENTENCES, trainer)
    t.model.save(os.path.join(ROOT, "classes"))


def word_file():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=False)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=330, show_progress=False, special_tokens=specials)
    t.train_from_iterator(make_tokenizers.SENTENCES, trainer)
    t.model.save(os.path.join(ROOT, "classes"))


def spm(model, name, config, **tokenizer_config):
    files = {name: "@spm/%s.model" % model, "config.json": config, "tokenizer_config.json": tokenizer_config}
    return {k: v for k, v in files.items() if v}


def old_bytes(config, **tokenizer_config):
    files = {"vocab.json": "@classes/vocab.json", "merges.txt": "@classes/merges.txt", "config.json": config}
    return files | ({"tokenizer_config.json": tokenizer_config} if tokenizer_config else {})


def words(config, **tokenizer_config):
    files = {"vocab.txt": "@classes/vocab.txt", "config.json": config}
    return files | ({"tokenizer_config.json": tokenizer_config} if tokenizer_config else {})


def neox(folder):
    """transformers 4 has no class for this; tokenizer.json of the checkpoints says it."""
    t = Tokenizer(models.BPE.from_file(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=t, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|padding|>"
    )


SPECIALS = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
LISTED = {
    "3": {"content": "<ctl>", "lstrip": True, "rstrip": True, "special": True, "normalized": False},
    "420": {"content": "[INST]", "lstrip": False, "rstrip": False, "special": False, "normalized": False},
}
T = transformers
CASES = {
    "albert": (T.AlbertTokenizer, spm("albert", "spiece.model", {"model_type": "albert"})),
    "albert_cased": (T.AlbertTokenizer, spm("albert", "spiece.model", {}, tokenizer_class="AlbertTokenizerFast",
                                            do_lower_case=False, keep_accents=True, remove_space=False)),
    "xlnet": (T.XLNetTokenizer, spm("albert", "spiece.model", {"model_type": "xlnet"}, additional_special_tokens=[])),
    "llama": (T.LlamaTokenizer, spm("bpe_bytes", "tokenizer.model", {"model_type": "llama"}, add_bos_token=True,
                                    legacy=True)),
    "llama_eos": (T.LlamaTokenizer, spm("bpe_bytes", "tokenizer.model", {"model_type": "mistral"}, legacy=False,
                                        tokenizer_class="LlamaTokenizer", add_bos_token=False, add_eos_token=True,
                                        bos_token={"content": "<s>", "__type": "AddedToken", "normalized": False})),
    "llama_listed": (T.LlamaTokenizer, spm("unigram", "tokenizer.model", {"model_type": "llama"}, legacy=True,
                                           added_tokens_decoder=LISTED)),
    "gemma": (T.GemmaTokenizer, spm("gemma", "tokenizer.model", {"model_type": "gemma"})),
    "t5": (T.T5Tokenizer, spm("unigram", "spiece.model", {"model_type": "t5"}, extra_ids=3, legacy=True,
                              pad_token=None)),
    "xlm_roberta": (T.XLMRobertaTokenizer, spm("unigram", "sentencepiece.bpe.model", {"model_type": "xlm-roberta"})),
    "big_bird": (T.BigBirdTokenizer, spm("albert", "spiece.model", {"model_type": "big_bird"})),
    "gpt2": (T.GPT2TokenizerFast, old_bytes({"model_type": "gpt2"})),
    "opt": (T.GPT2Tokenizer, old_bytes({"model_type": "opt"}, tokenizer_class="GPT2Tokenizer", add_bos_token=True,
                                       **SPECIALS)),
    "roberta": (T.RobertaTokenizerFast, old_bytes({"model_type": "roberta"})),
    "roberta_space": (T.RobertaTokenizerFast, old_bytes({"model_type": "roberta"}, add_prefix_space=True)),
    "gpt_neox": (neox, old_bytes({"model_type": "gpt_neox"})),
    "bert_cased": (T.BertTokenizerFast, words({"model_type": "bert"}, do_lower_case=False)),
    "distilbert": (T.DistilBertTokenizerFast, words({"model_type": "distilbert"})),
    "electra": (T.ElectraTokenizerFast, words({"model_type": "electra"}, strip_accents=False)),
    "mpnet": (T.MPNetTokenizerFast, words({"model_type": "mpnet"})),
}  # fmt: skip


def class_texts():
    few = ("", " ", "a", " the", "the ", "The clusters form.", "don\u2019t", "12 123 1234 12345", "naïve café résumé",
           "中文句子", "[CLS] the [SEP]", "the [MASK]  the", "<|endoftext|>a<|endoftext|>", "हिन्दी ३४", "e\u0301",
           "<unk> a<unk>b <unk><unk> 中<unk>", "mixed: the中文, 12é34! [SEP]'s\n\n  end",
           "``quoted'' and ''twice``")  # fmt: skip
    yield from few
    yield "<s>the flow</s> of <s> a </s>  <pad>b"
    yield "the <mask> flows  <mask>, <mask>a"
    yield "<ctl> x <ctl>y [INST] z [INST]q  <extra_id_0> r<extra_id_2>"
    yield "<bos>one<eos> two <start_of_turn>\n\nthree\n"
    yield "ÀÉÎ Straße ＡＢＣ ﬁne ½ \u200b 1️⃣"
    yield "a\u000bb\u001cc\u0085d\u2003e\tf"
    yield "▁the ▁▁a"


def write(path, lines):
    with open(path, "w") as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def case(name):
    make, files = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            path = os.path.join(folder, file)
            if isinstance(content, str):
                shutil.copy(os.path.join(ROOT, content[1:]), path)
            else:
                with open(path, "w") as f:
                    json.dump(content, f)
        t = make(folder) if make is neox else make.from_pretrained(folder)
    yield {"files": {k: v if isinstance(v, str) else json.dumps(v) for k, v in files.items()}}
    for i, text in enumerate(class_texts()):
        special = i % 2 == 0
        ids = t.encode(text, add_special_tokens=special)
        if None not in ids:
            yield {"text": text, "special": special, "ids": ids}


def main():
    transformers.logging.set_verbosity_error()
    for name, options in MODELS.items():
        path = os.path.join(ROOT, "spm", name + ".model")
        if name in sys.argv[1:] or not os.path.exists(path):
            train(name, **options)
        if name not in ("albert", "gemma"):  # those are for the classes
            write(path.replace(".model", ".jsonl"), rows(sentencepiece.SentencePieceProcessor(model_file=path)))
    write(os.path.join(ROOT, "spm", "long.jsonl"), long_texts())
    os.makedirs(os.path.join(ROOT, "classes"), exist_ok=True)
    if not os.path.exists(os.path.join(ROOT, "classes", "vocab.json")):
        byte_files()
        word_file()
    for name in CASES:
        write(os.path.join(ROOT, "classes", name + ".jsonl"), case(name))


if __name__ == "__main__":
    main()
