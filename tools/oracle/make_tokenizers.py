#!/usr/bin/env python3
"""Trains tiny tokenizers with the `tokenizers` package on the sentences below and writes them, with the ids and offsets
that package gives on nasty texts, to tests/golden/text/NAME/{tokenizer.json,golden.jsonl}; and what it makes of some
numbers as scores of a Unigram model, to tests/golden/text/scores.jsonl.

    python3 tools/oracle/make_tokenizers.py [NAME...]

Without names it makes all; some trainers do not give the same tokenizer twice.
A line of golden.jsonl: {"text", "special", "ids", "begin", "end"}; offsets are bytes of the text. For tokens that the
post-processor puts in, begin and end are null (the package gives 0, 0; the program gives the place where they stand).
"""

import json
import os
import random
import sys
import charsmap
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = [
    "The clusters form quickly, stay for a long time, and merge only at the very end.",
    "Tokens move on the sphere; the temperature decides how many clusters they're seen in.",
    "It's metastable: it doesn't collapse at once, it waits, it's patient, and then it's gone.",
    "A token is a point, a layer is a step, and the depth is the time.",
    "Energy rises along the flow, slowly on a plateau and fast between plateaus.",
    "We've measured 12 layers, 144 heads and 768 dimensions in 2024 and 2025.",
    "Attention averages; averages attract; attraction clusters.",
    "Où est le café? Das Maß ist voll, über alle Maße schön. Señor Núñez comió piñas.",
    "Привет, мир! Καλημέρα κόσμε. 中文句子很短。 日本語も短い。 한국어 문장.",
    "x = y + 3.14159 * (z - 2) / 7; f(x) >= 0 && g[x] != 1",
    "the THE The tHe; and AND And; cluster CLUSTER Clusters clustering clustered",
    "lower, lowest, low; newer, newest, new; wider, widest, wide",
] * 4

TEXTS = [
    "",
    " ",
    "  ",
    "   \n ",
    "\n",
    "\r\n",
    "\t\t",
    "a",
    "A",
    "é",
    "e\u0301",
    "the",
    " the",
    "the ",
    " the ",
    "The clusters form.",
    "They're metastable, aren't they? It's 'fine', we'll see; I'd've gone.",
    "'s 't 're 've 'm 'll 'd 'S 'LL ''s",
    "don\u2019t",
    "12 123 1234 12345",
    "3.14159e-10",
    "x=y+z",
    "a_b-c.d",
    "...!!!???",
    "( [ { < > } ] )",
    "naïve café résumé",
    "CAFÉ ÜBER STRASSE Straße",
    "İstanbul ıI",
    "\u1e9e\u00df",
    "Привет, МИР!",
    "Καλημέρα ΚΌΣΜΕ ς",
    "中文句子",
    "中a文b",
    "日本語 テスト",
    "한국어 문장",
    "\u1100\u1161\u11a8 각",
    "مرحبا بالعالم",
    "שָׁלוֹם",
    "हिन्दी ३४",
    "ไทย",
    "👍",
    "👍🏽 🧑\u200d🚀 🇩🇪",
    "a👍b",
    "\u200b\u200d\ufeff",
    "a\u00a0b\u2003c\u3000d\u180ee",
    "a\u0085b\u2028c",
    "nul\u0000byte",
    "\ufffd",
    "\u0001\u007f\u009f",
    "a\u0300\u0323b",
    "\u0323\u0301",
    "q\u0307\u0323 \u1e69 \u212b \u2126",
    "ﬁ ﬀ ① ½ ² Ⅷ ＡＢＣ ㍿",
    "𝒜𝟘",
    "\u2ceb0\U0002ceb0\U00031350\U0001f9ff",
    "[CLS] the [SEP]",
    "[CLS][SEP][MASK]",
    "<|endoftext|>a<|endoftext|>",
    "the[MASK]the",
    "the [MASK]  the",
    "cluster clusters preclusters",
    "cluster,cluster",
    " cluster ",
    "FLOW flow Flow flowing",
    "deep  layer",
    "deep   layer",
    "deep layer",
    "x" * 40,
    "ab" * 60,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
    "supercalifragilisticexpialidocious",
    "Ġthe Ċ ▁the",
    "mixed: the中文, 12é34! [SEP]'s\n\n  end",
]

UNIGRAM_TEXTS = TEXTS + [
    "``quoted'' and ''twice``",
    "<unk> a<unk>b <unk><unk> 中<unk>",
    "▁ ▁▁ a▁b ▁a▁ ▁the▁the",
    "<0x41><0xC3>",
    "\u0001\u0002ab\u0003\u0004cd\u0005",
    "a\u00ad\u0323b e\u0301\u0323x",
    "ﬁ\u0301n ﬀ\u200dx ™\u200dx",
    "\r\n\ta\r\n\r b",
    "clusterclustersclusteringmergetheendof",
]


def cluster_texts():
    """Characters of every kind that the rules of grapheme clusters tell apart, in random order."""
    kinds = [chr(c) for c in (
        0x9, 0xA, 0xD, 0x20, 0x61, 0x7F, 0xA9, 0xAD, 0xAE, 0xE9, 0x300, 0x301, 0x600, 0x6DD, 0x903, 0x915, 0x93F,
        0x94D, 0x9CD, 0xD4E, 0x1000, 0x1039, 0x1100, 0x1161, 0x11A8, 0x200B, 0x200C, 0x200D, 0x203C, 0x2122, 0x4E2D,
        0xA8B4, 0xAC00, 0xAC01, 0xD7B0, 0xD7CB, 0xFE0F, 0xFEFF, 0x10A10, 0x10A3F, 0x110BD, 0x111C2, 0x11133,
        0x16D63, 0x1F1E6, 0x1F3FB, 0x1F44D, 0xE0001, 0xE0020)]  # fmt: skip
    few = "\u0915\u0301\u094d\u200d\u200c\u00a9a\u0903\u0600"
    stream = random.Random(20240229)
    for _ in range(260):
        yield "".join(stream.choice(kinds) for _ in range(stream.randint(2, 12)))
    for _ in range(140):
        yield "".join(stream.choice(few) for _ in range(stream.randint(2, 9)))
    for x in few:  # is the second consonant, the second picture joined to the first?
        for y in few:
            yield "\u0915" + x + y + "\u0915\u0301"
            yield "\u00a9" + x + y + "\u00a9\u0301"


def special(content, **flags):
    return AddedToken(content, special=True, normalized=False, **flags)


def byte_bpe():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[special("<|endoftext|>")],
        show_progress=False,
    )
    return t, trainer, [AddedToken("cluster", single_word=True), AddedToken("flow", normalized=True)]


def roberta_bpe():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=380,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[special("[CLS]"), special("[SEP]"), special("[MASK]", lstrip=True)],
        show_progress=False,
    )

    def finish(t):
        t.post_processor = processors.RobertaProcessing(
            ("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]"))
        )

    return t, trainer, [], finish


def split_bpe():
    """The shape of recent checkpoints: a regular expression, then bytes; merges may be skipped for whole words."""
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFKC()
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[special("<|endoftext|>")],
        show_progress=False,
    )

    def finish(t):
        end = t.token_to_id("<|endoftext|>")
        t.post_processor = processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=True),
                processors.TemplateProcessing(
                    single="<|endoftext|> $A",
                    pair="<|endoftext|> $A <|endoftext|> $B",
                    special_tokens=[("<|endoftext|>", end)],
                ),
            ]
        )

    return t, trainer, [], finish


def fallback_bpe():
    """The shape of SentencePiece checkpoints as BPE: a mark for spaces, bytes for what is not in the vocabulary."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = ["<0x%02X>" % b for b in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=["<unk>"] + bytes_, show_progress=False, limit_alphabet=60
    )
    return t, trainer, [AddedToken("deep  layer", normalized=False)]


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=320,
        show_progress=False,
        special_tokens=[special(s) for s in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")],
    )

    def finish(t):
        cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
        t.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
        )

    return t, trainer, [AddedToken("Flow", normalized=True, single_word=True)], finish


def wordlevel():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip(True, True)])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)])
    trainer = trainers.WordLevelTrainer(
        vocab_size=200, show_progress=False, special_tokens=[special(s) for s in ("[UNK]", "[CLS]", "[SEP]")]
    )

    def finish(t):
        t.post_processor = processors.BertProcessing(
            ("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]"))
        )

    return t, trainer, [special("[MASK]", lstrip=True, rstrip=True)], finish


def suffix_bpe():
    """An end-of-word suffix, single unknowns, and cutting at punctuation merged with what stands before it."""
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("merged_with_previous"),
            pre_tokenizers.Split(Regex(r"\d+|[a-c](?=[x-z])"), "merged_with_next"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=250, special_tokens=["<unk>"], show_progress=False, limit_alphabet=40, end_of_word_suffix="</w>"
    )
    return t, trainer, []


def surround(t, before, after):
    specials = [(name, t.token_to_id(name)) for name in (before, after) if name]
    t.post_processor = processors.TemplateProcessing(
        single=" ".join(filter(None, (before, "$A", after))), pair="$A $B", special_tokens=specials
    )


def unigram():
    """The shape of ALBERT's."""
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=260, unk_token="<unk>", show_progress=False,
        special_tokens=[special(s) for s in ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")],
    )
    return t, trainer, [AddedToken("Flow", normalized=True)], lambda t: surround(t, "[CLS]", "[SEP]")


def unigram_map():
    """The shape of XLM-R's and T5's."""
    t = Tokenizer(models.Unigram())
    t.normalizer = charsmap.normalizer(charsmap.compatible())
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=200, unk_token="<unk>", show_progress=False,
        special_tokens=[special(s) for s in ("<s>", "</s>", "<unk>", "[MASK]")],
    )
    return t, trainer, [], lambda t: surround(t, None, "</s>")


def unigram_bytes():
    """Bytes for what has no piece; the text in one go, the mark only at its beginning."""
    t = Tokenizer(models.Unigram([("<unk>", 0.0)], 0, True))
    t.normalizer = charsmap.normalizer(charsmap.compatible())
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    trainer = trainers.UnigramTrainer(vocab_size=420, unk_token="<unk>", show_progress=False, special_tokens=["<unk>"])

    def finish(t):  # the trainer forgets byte_fallback
        document = json.loads(t.to_str())
        vocabulary = [row for row in document["model"]["vocab"] if all(ord(c) < 0x250 or c == "▁" for c in row[0])]
        vocabulary += [["<0x%02X>" % byte, 0.0] for byte in range(256)]
        document["model"].update(vocab=vocabulary, byte_fallback=True)
        return Tokenizer.from_str(json.dumps(document))

    return t, trainer, [], finish


def clusters():
    """Only to see where the clusters are that a Precompiled normalizer looks up."""
    t = Tokenizer(models.Unigram([("<unk>", 0.0), ("Z", -1.0)], 0, False))
    t.normalizer = charsmap.clusters()
    return t, None, []


def scores():
    stream = random.Random(20240229)
    texts = [repr(-stream.random() * 10 ** stream.randint(-20, 3)) for _ in range(60)]
    texts += ["-%d.%d" % (stream.randint(0, 20), stream.randint(10**17, 10**21)) for _ in range(30)]
    texts += ["%d" % stream.randint(10**15, 10**24) for _ in range(20)]
    for _ in range(40):
        texts.append("%d.%de%d" % (stream.randint(0, 10**21), stream.randint(0, 10**21), stream.randint(-330, 280)))
    texts += ["0", "-0.0", "0e999", "1E+2", "1e-400", "5e-324", "1.7976931348623157e308"]
    vocabulary = ",".join('["%d",%s]' % pair for pair in enumerate(texts))
    model = Tokenizer.from_str('{"added_tokens":[],"model":{"type":"Unigram","vocab":[%s]}}' % vocabulary).to_str()
    for text, (_, value) in zip(texts, json.loads(model)["model"]["vocab"]):
        yield {"text": text, "value": value}


def rows(t, texts):
    for i, text in enumerate(texts):
        starts = [0]
        for ch in text:
            starts.append(starts[-1] + len(ch.encode()))
        add = i % 3 != 0
        plain, e = t.encode(text, add_special_tokens=False), t.encode(text, add_special_tokens=add)
        put_in = [False] * len(e.ids)
        if add:  # the package marks special tokens, also those of the text; the ones put in are the extra ones
            lead = next(k for k in range(len(e.ids) + 1) if e.ids[k : k + len(plain.ids)] == plain.ids)
            put_in = [not lead <= k < lead + len(plain.ids) for k in range(len(e.ids))]
        yield {
            "text": text,
            "special": add,
            "ids": e.ids,
            "begin": [None if p else starts[o[0]] for p, o in zip(put_in, e.offsets)],
            "end": [None if p else starts[o[1]] for p, o in zip(put_in, e.offsets)],
        }


def main():
    root = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "text")
    texts = dict.fromkeys((unigram, unigram_map, unigram_bytes), UNIGRAM_TEXTS) | {clusters: cluster_texts()}
    makers = [byte_bpe, roberta_bpe, split_bpe, fallback_bpe, wordpiece, wordlevel, suffix_bpe, *texts]
    for make in makers:
        if len(sys.argv) > 1 and make.__name__ not in sys.argv[1:]:
            continue
        t, trainer, added, *finish = make()
        if trainer is not None:
            t.train_from_iterator(SENTENCES, trainer)
        for token in added:
            (t.add_special_tokens if token.special else t.add_tokens)([token])
        for f in finish:
            t = f(t) or t
        folder = os.path.join(root, make.__name__)
        os.makedirs(folder, exist_ok=True)
        t.save(os.path.join(folder, "tokenizer.json"), pretty=False)
        t = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        with open(os.path.join(folder, "golden.jsonl"), "w") as out:
            for row in rows(t, texts.get(make, TEXTS)):
                out.write(json.dumps(row) + "\n")
    with open(os.path.join(root, "scores.jsonl"), "w") as out:
        for row in scores():
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
