#!/usr/bin/env python3
"""Every kind of part that a tokenizer.json may have, with its options, and the shapes of well-known checkpoints: what
the `tokenizers` package makes of awkward texts. Writes tests/golden/text/components.jsonl.

    python3 tools/oracle/make_components.py

The first line: {"texts", "added_tokens", "model"}; the others: {"name", then the sections that differ from the usual,
"rows": for each text [ids, begins, ends], or [ids] alone}. Offsets are bytes; null for tokens that the post-processor
puts in. The usual model has a piece for (nearly) every split of every line, so that ids show where a text was cut and
what it became. Texts of odd number are encoded without special tokens.
"""

import json
import os

import charsmap
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "tests", "golden", "text", "components.jsonl")

TEXTS = [
    "", " ", "  a", "a ", " \n\n  b\t", "The clusters don't form.", "they'll we've I'M 'S x's", "12 1234567 3.14 ٣٤½",
    "naïve e\u0301tude ÅNGSTRÖM", "中文a句。子", "日本 テスト", "한국어 각", "x\u200by\u00a0z\u2003w\u0085v\u2028u",
    "a\u0001b\u007fc\u009fd\u0000e\ufffd", "hi-fi, (o.k.)!? $5 €6 «q»", "👍🏽 🇩🇪a", "İI ßẞ ΣΑΣ", "ﬁ ² ㍿ Ⅷ ＡＢ",
    "<s>a</s> b<mask>  c [x]", " <mask> <s>", "[x][x] a[x]a", "▁a ▁▁b", "हिन्दी ไทย שָׁ", "a,b,,c , d",
    "one\r\ntwo\rthree\n\nfour", "snake_case camelCase x2y", "  indented    code", "``q'' ''r", "ééé\u0323\u0301",
    "\ufdfa", "``", "'", "aaa bbb", "Ġa", "word" * 9,
]  # fmt: skip

ADDED = [
    {"content": "<s>"}, {"content": "</s>"}, {"content": "<mask>", "lstrip": True}, {"content": "<unk>"},
    {"content": "[x]", "special": False, "single_word": True},
]  # fmt: skip
ADDED = [
    {"id": i, "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False} | a
    for i, a in enumerate(ADDED)
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")


def part(kind, **options):
    return {"type": kind, **options}


def byte_level(prefix=False, regex=True, trim=True):
    return part("ByteLevel", add_prefix_space=prefix, trim_offsets=trim, use_regex=regex)


def split(pattern, behavior="Isolated", invert=False):
    how = {"String": pattern} if len(pattern) == 1 else {"Regex": pattern}
    return part("Split", pattern=how, behavior=behavior, invert=invert)


def metaspace(scheme="always", cut=True, mark="▁"):
    return part("Metaspace", replacement=mark, prepend_scheme=scheme, split=cut)


def cuts(*parts):
    return part("Sequence", pretokenizers=list(parts))


def norms(*parts):
    return part("Sequence", normalizers=list(parts))


def bert(clean=True, chinese=True, accents=None, lower=True):
    how = dict(clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents, lowercase=lower)
    return part("BertNormalizer", **how)


def replace(pattern, content):
    how = {"Regex": pattern} if "{" in pattern or "\\" in pattern else {"String": pattern}
    return part("Replace", pattern=how, content=content)


def template(*items):
    """Names of special tokens; None is the text."""
    names = [i for i in items if i]
    return part(
        "TemplateProcessing",
        single=[
            {"SpecialToken": {"id": i, "type_id": 0}} if i else {"Sequence": {"id": "A", "type_id": 0}} for i in items
        ],
        pair=[{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        special_tokens={n: {"id": n, "ids": [id_of(n)], "tokens": [n]} for n in names},
    )


def id_of(name):
    return next(a["id"] for a in ADDED if a["content"] == name)


def around(kind, **options):
    return part(kind, sep=["</s>", id_of("</s>")], cls=["<s>", id_of("<s>")], **options)


def roberta(trim, prefix):
    return around("RobertaProcessing", trim_offsets=trim, add_prefix_space=prefix)


def trim(on=True, prefix=True):
    return part("ByteLevel", add_prefix_space=prefix, trim_offsets=on, use_regex=True)


MAP = json.loads(charsmap.normalizer(charsmap.compatible()).__getstate__())

NORMALIZERS = {
    "bert": bert(), "bert cased": bert(lower=False), "bert accents": bert(accents=False),
    "bert strips only": bert(False, False, True, False), "bert nothing": bert(False, False, False, False),
    "nfc": part("NFC"), "nfd": part("NFD"), "nfkc": part("NFKC"), "nfkd": part("NFKD"), "lowercase": part("Lowercase"),
    "strip accents": norms(part("NFD"), part("StripAccents")), "nmt": part("Nmt"),
    "strip": part("Strip", strip_left=True, strip_right=True),
    "strip left": part("Strip", strip_left=True, strip_right=False),
    "strip right": part("Strip", strip_left=False, strip_right=True), "replace": replace("a", "bc"),
    "replace away": replace("o", ""), "replace regex": replace(" {2,}", " "), "prepend": part("Prepend", prepend="▁"),
    "precompiled": MAP, "byte level": part("ByteLevel"), "none": norms(),
    "sequence": norms(norms(part("NFKC"), part("Lowercase")), replace(" ", "▁")),
}  # fmt: skip

BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")

CUTTERS = (
    {
        "byte level": byte_level(), "byte level prefix": byte_level(True),
        "byte level no regex": byte_level(False, False),
        "bert": part("BertPreTokenizer"), "whitespace": part("Whitespace"), "whitespace split": part("WhitespaceSplit"),
        "delimiter": part("CharDelimiterSplit", delimiter=","), "digits": part("Digits", individual_digits=False),
        "digits one by one": part("Digits", individual_digits=True), "fixed length": part("FixedLength", length=3),
        "no cutters": cuts(), "split gpt2": split(GPT2), "split llama3": split(LLAMA3, "Removed", True),
    }
    | {"punctuation " + b: part("Punctuation", behavior=b) for b in BEHAVIORS}
    | {"split " + b: split(r"\s+|,", b) for b in BEHAVIORS}
    | {"split inverted " + b: split(r"[a-z]+", b, True) for b in BEHAVIORS}
    | {"split text " + b: split(" ", b) for b in BEHAVIORS}
    | {f"metaspace {s} {c}": metaspace(s, c) for s in ("always", "first", "never") for c in (True, False)}
    | {"metaspace other": metaspace("always", True, "_")}
)  # fmt: skip

PROCESSORS = {
    "template": template("<s>", None, "</s>"), "template behind": template(None, "</s>", "</s>"),
    "template twice": template("<s>", None, "</s>", None), "template only": template(None),
    "bert processing": around("BertProcessing"),
} | {
    f"roberta {t} {p}": roberta(t, p) for t in (True, False) for p in (True, False)
} | {
    f"byte level {t} {p}": trim(t, p) for t in (True, False) for p in (True, False)
} | {
    "sequence": part("Sequence", processors=[trim(True, False), template("<s>", None)]),
}  # fmt: skip

SHAPES = {
    "gpt2, opt": dict(pre_tokenizer=byte_level(), post_processor=template("</s>", None)),
    "gpt_neox": dict(normalizer=part("NFC"), pre_tokenizer=byte_level(), post_processor=trim(True, False)),
    "roberta": dict(pre_tokenizer=byte_level(True), post_processor=roberta(True, True)),
    "llama": dict(normalizer=norms(part("Prepend", prepend="▁"), replace(" ", "▁")),
                  post_processor=template("<s>", None)),
    "llama without legacy": dict(pre_tokenizer=metaspace("first", False), post_processor=template("<s>", None)),
    "llama 3": dict(pre_tokenizer=cuts(split(LLAMA3), byte_level(False, False)),
                    post_processor=part("Sequence", processors=[trim(True, False), template("<s>", None)])),
    "qwen 2": dict(normalizer=part("NFC"), pre_tokenizer=cuts(split(QWEN2), byte_level(False, False))),
    "smollm, starcoder": dict(pre_tokenizer=cuts(part("Digits", individual_digits=True), byte_level())),
    "falcon": dict(pre_tokenizer=cuts(part("Punctuation", behavior="Contiguous"), byte_level(False, False),
                                      part("Digits", individual_digits=False), split(r"[0-9][0-9][0-9]"))),
    "deepseek": dict(pre_tokenizer=cuts(split(r"[\r\n]"), split(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿ]+"),
                                        split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"),
                                        part("Digits", individual_digits=True), byte_level(False, False))),
    "gemma": dict(normalizer=replace(" ", "▁"), pre_tokenizer=split(" ", "MergedWithPrevious")),
    "electra, distilbert": dict(normalizer=bert(), pre_tokenizer=part("BertPreTokenizer"),
                                post_processor=template("<s>", None, "</s>")),
    "mpnet": dict(normalizer=bert(), pre_tokenizer=part("BertPreTokenizer"), post_processor=roberta(True, False)),
    "albert": dict(normalizer=norms(replace("``", '"'), replace("''", '"'), part("NFKD"), part("StripAccents"),
                                    part("Lowercase"), MAP, replace(" {2,}", " ")),
                   pre_tokenizer=metaspace(), post_processor=template("<s>", None, "</s>")),
    "xlm_roberta, t5": dict(normalizer=norms(MAP, part("Strip", strip_left=False, strip_right=True),
                                             replace(" {2,}", "▁")),
                            pre_tokenizer=cuts(part("WhitespaceSplit"), metaspace()),
                            post_processor=template(None, "</s>")),
}  # fmt: skip


def letters(extra=()):
    names = [a["content"] for a in ADDED] + list("abcdefghijklmnopqrstuvwxyz") + list(extra)
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


BYTES = ["<0x%02X>" % b for b in range(256)]
MERGES = [["a", "b"], ["t", "h"], ["th", "e"], ["w", "o"], ["r", "d"], ["wo", "rd"], ["b", "b"], ["word", "word"]]
MERGED = ["".join(m) for m in MERGES]


def bpe(pieces, merges, **options):
    usual = dict(dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False,
                 byte_fallback=False, ignore_merges=False)  # fmt: skip
    return part("BPE", vocab=letters(pieces), merges=merges, **(usual | options))


def wordpiece(pieces, **options):
    usual = dict(unk_token="<unk>", continuing_subword_prefix="##", max_input_chars_per_word=100)
    return part("WordPiece", vocab=letters(pieces), **(usual | options))


def unigram(pieces, unknown, fallback):
    scores = {name: -4.0 - len(name) / 16 for name in letters(pieces)}
    return part("Unigram", unk_id=unknown, vocab=[list(pair) for pair in scores.items()], byte_fallback=fallback)


INSIDE = ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"]
MODELS = {
    "bpe": bpe(MERGED, MERGES, unk_token="<unk>"), "bpe fused": bpe(MERGED, MERGES, unk_token="<unk>", fuse_unk=True),
    "bpe without unknown": bpe(MERGED, MERGES),
    "bpe whole words": bpe(["clusters", *MERGED], MERGES, ignore_merges=True, unk_token="<unk>"),
    "bpe bytes": bpe(MERGED + BYTES, MERGES, byte_fallback=True),
    "bpe some bytes": bpe(MERGED + BYTES[:200], MERGES, byte_fallback=True, unk_token="<unk>", fuse_unk=True),
    "bpe prefix": bpe([*INSIDE, "ab", "the"], [["a", "##b"]], unk_token="<unk>", continuing_subword_prefix="##"),
    "bpe suffix": bpe([c + "~" for c in "abcdefghijklmnopqrstuvwxyz"] + ["ab~", "th"], [["a", "b~"], ["t", "h"]],
                      unk_token="<unk>", end_of_word_suffix="~"),
    "wordpiece": wordpiece([*INSIDE, "the", "##ord", "clus", "##ters"]),
    "wordpiece short": wordpiece([*INSIDE, "word"], max_input_chars_per_word=5),
    "wordpiece other": wordpiece(["@@" + c[2:] for c in INSIDE], continuing_subword_prefix="@@"),
    "unigram": unigram([*MERGED, "▁", "▁the", "cluster"], 3, False),
    "unigram bytes": unigram([*MERGED, *BYTES], 3, True),
    "unigram some bytes": unigram([*MERGED, *BYTES[:210]], 3, True),
    "wordlevel": part("WordLevel", vocab=letters(["the", "clusters"]), unk_token="<unk>"),
}  # fmt: skip


def cases():
    for name, normalizer in NORMALIZERS.items():
        yield {"name": "normalizer " + name, "normalizer": normalizer, "pre_tokenizer": part("WhitespaceSplit")}
    for name, cutter in CUTTERS.items():
        yield {"name": "pre-tokenizer " + name, "pre_tokenizer": cutter}
    for name, processor in PROCESSORS.items():
        byte = "byte" in name or "roberta" in name or name == "sequence"
        yield {"name": "post-processor " + name, "post_processor": processor,
               "pre_tokenizer": byte_level("True" in name) if byte else part("Whitespace")}  # fmt: skip
    for name, shape in SHAPES.items():
        yield {"name": name} | shape
    for name, model in MODELS.items():
        yield {"name": "model " + name, "model": model, "normalizer": part("Lowercase"),
               "pre_tokenizer": part("WhitespaceSplit")}  # fmt: skip


def document(case, model):
    usual = dict(version="1.0", truncation=None, padding=None, added_tokens=ADDED, normalizer=None, pre_tokenizer=None,
                 post_processor=None, decoder=None, model=model)  # fmt: skip
    return Tokenizer.from_str(json.dumps(usual | {k: v for k, v in case.items() if k != "name"}))


def splits(t):
    for text in TEXTS:
        text = t.normalizer.normalize_str(text) if t.normalizer else text
        if text:
            yield from (s for s, _ in t.pre_tokenizer.pre_tokenize_str(text)) if t.pre_tokenizer else [text]


def row(name, t, i, text):
    starts = [0]
    for ch in text:
        starts.append(starts[-1] + len(ch.encode()))
    e = t.encode(text, add_special_tokens=i % 2 == 0)
    if name in ("model bpe without unknown", "model bpe some bytes"):
        return [e.ids]  # behind a character that is left out or put off, the package's offsets are not its own
    put_in = [word is None for word in e.word_ids]
    return [
        e.ids,
        [None if p else starts[o[0]] for p, o in zip(put_in, e.offsets)],
        [None if p else starts[o[1]] for p, o in zip(put_in, e.offsets)],
    ]


def main():
    vocabulary = [a["content"] for a in ADDED]
    level = part("WordLevel", vocab={n: i for i, n in enumerate(vocabulary)}, unk_token="<unk>")
    for case in cases():
        if "model" not in case:
            vocabulary += splits(document(case, level))
    level["vocab"] = {n: i for i, n in enumerate(dict.fromkeys(vocabulary))}
    with open(OUT, "w") as out:
        for line in [{"texts": TEXTS, "added_tokens": ADDED, "model": level}, *cases()]:
            if "name" in line:
                t = document(line, level)
                line["rows"] = [row(line["name"], t, i, text) for i, text in enumerate(TEXTS)]
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
