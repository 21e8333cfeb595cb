#!/usr/bin/env python3
"""Measures, code point by code point, which Unicode classes the `tokenizers` package uses, and writes
src/text/unicode_data.h. Its parts follow different Unicode versions (regular expressions 16, letters of Rust 17,
categories 8, normalisation 12 or older), so no single library table gives the same ids; measuring does.

    python3 tools/oracle/make_unicode_data.py > src/text/unicode_data.h

Needs tokenizers and the C library utf8proc (whose normalisation tables the program uses; only differences are kept).
"""

import ctypes
import sys
import charsmap
import tokenizers
from tokenizers import normalizers as N, pre_tokenizers as P, Regex

CPS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
lib = ctypes.CDLL("libutf8proc.so.2")
lib.utf8proc_version.restype = ctypes.c_char_p
lib.utf8proc_unicode_version.restype = ctypes.c_char_p
lib.utf8proc_category_string.restype = ctypes.c_char_p


def utf8proc_map(text, options):
    data = text.encode()
    out = ctypes.POINTER(ctypes.c_ubyte)()
    n = lib.utf8proc_map(data, ctypes.c_ssize_t(len(data)), ctypes.byref(out), options)
    assert n >= 0
    return ctypes.string_at(out, n).decode()


STABLE, COMPAT, COMPOSE, DECOMPOSE = 2, 4, 8, 16


def regex_set(pattern):
    split = P.Split(Regex(pattern), "removed", invert=True)
    found = set()
    for i in range(0, len(CPS), 4096):
        for piece, _ in split.pre_tokenize_str("".join(map(chr, CPS[i : i + 4096]))):
            found.update(map(ord, piece))
    return found


def isolated(pre):
    return {c for c in CPS if len(pre.pre_tokenize_str("a" + chr(c))) == 2}


def vanishing(normalizer):
    """code points whose last scalar disappears (alone, so that nothing composes)"""
    return {c for c in CPS if normalizer.normalize_str(chr(c)) == ""}


def bert(**flags):
    base = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return N.BertNormalizer(**{**base, **flags})


def ranges(codes):
    out = []
    for c in sorted(codes):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def regex_ranges(codes):
    return "".join("\\\\x{%X}" % a if a == b else "\\\\x{%X}-\\\\x{%X}" % (a, b) for a, b in ranges(codes))


space = {c for c in CPS if not P.WhitespaceSplit().pre_tokenize_str(chr(c))}
letter, number, word_onig = regex_set(r"\p{L}"), regex_set(r"\p{N}"), regex_set(r"\w")
assert regex_set(r"\s") == space
word_in_brackets = regex_set(r"[\w]")  # Oniguruma takes some Latin-1 digits for \w, but not in brackets
for name in (r"\s", r"\d", r"\p{L}", r"\p{N}", r"\h"):
    assert regex_set(name) == regex_set(f"[{name}]"), name
word = {c for c in CPS if c not in space and len(P.Whitespace().pre_tokenize_str("a" + chr(c))) == 1}
classes = [
    ("LETTER", letter),
    ("NUMBER", number),
    ("SPACE", space),
    ("WORD", word),
    ("REGEX_WORD", word_onig),
    ("NUMERIC", isolated(P.Digits(individual_digits=True))),
    ("PUNCTUATION", isolated(P.Punctuation())),
    ("CLEANED", vanishing(bert(clean_text=True))),
    ("NONSPACING", vanishing(bert(strip_accents=True))),
    ("MARK", vanishing(N.StripAccents())),
    ("IDEOGRAPH", {c for c in CPS if len(bert(handle_chinese_chars=True).normalize_str(chr(c))) == 3}),
]

# Code points whose normalisation in utf8proc differs from what is wanted: they were assigned too late.
late = set()
for c in CPS:
    ch = chr(c)
    if N.NFD().normalize_str(ch) != utf8proc_map(ch, STABLE | DECOMPOSE) or N.NFKD().normalize_str(ch) != utf8proc_map(
        ch, STABLE | DECOMPOSE | COMPAT
    ):
        late.add(c)
        continue
    for other in ("\u0345", "\u0334"):  # combining classes 240 and 1: any class between moves past one of them
        for pair in (other + ch, ch + other):
            if N.NFD().normalize_str(pair) != utf8proc_map(pair, STABLE | DECOMPOSE):
                late.add(c)
for c in late:
    assert N.NFKD().normalize_str(chr(c)) == chr(c), hex(c)

lower = {}
for c in CPS:
    want = N.Lowercase().normalize_str(chr(c))
    if c == 0x130:
        assert want == "i\u0307"  # the only one that becomes two: written out in unicode.c
        continue
    assert len(want) == 1
    lower[c] = ord(want)
own = {c: lib.utf8proc_tolower(c) for c in lower}
lower_rows = []
for c in sorted(lower):
    if lower[c] != own[c]:
        delta = lower[c] - c
        if lower_rows and lower_rows[-1][1] == c - 1 and lower_rows[-1][2] == delta:
            lower_rows[-1][1] = c
        else:
            lower_rows.append([c, c, delta])

masks = {}
for bit, (_, codes) in enumerate(classes):
    for c in codes:
        masks[c] = masks.get(c, 0) | 1 << bit
rows = []
for c in sorted(masks):
    if rows and rows[-1][1] == c - 1 and rows[-1][2] == masks[c]:
        rows[-1][1] = c
    else:
        rows.append([c, c, masks[c]])


# Grapheme clusters (UAX 29). Regional indicators are left as OTHER: that two of them join cannot be seen (charsmap.py).
GRAPHEME = ("OTHER", "CONTROL", "CR", "LF", "PREPEND", "SPACING", "EXTEND", "LINK", "APART", "ZWJ", "PICTURE",
            "CONSONANT", "L", "V", "T", "LV", "LVT")
clusters = charsmap.clusters()


def size(*texts):
    return len(clusters.normalize_str("".join(texts)))


def joining(ch):
    """of a character that joins the one before: pictures are joined over EXTEND and ZWJ, consonants over LINK, and over
    LINK together with all but APART"""
    if size("\u0915", ch, "\u0915\u0301") == 4:
        return "LINK"
    if size("\u0915", ch, "\u094d\u0915\u0301") == 5:
        return "EXTEND"
    return "APART" if size("\u00a9", ch, "\u200d\u00a9\u0301") == 5 else "SPACING"


def grapheme(ch):
    if ch in "\r\n\u200d":
        return {"\r": "CR", "\n": "LF", "\u200d": "ZWJ"}[ch]
    if size("a", ch) == 1:
        return joining(ch)
    if size(ch, "a") == 1:
        return "PREPEND"
    if size(ch, "\u0301\u0301") == 2:
        return "CONTROL"
    if size(ch, "\u200d\u00a9\u0301") == 4:
        return "PICTURE"
    if size(ch, "\u094d\u0915\u0301") == 4:
        return "CONSONANT"
    joins = tuple(size(ch, next, "\u0301") == 3 for next in "\u1100\u1161\u11a8")
    syllable = size("\u1100", ch, "\u0301") == 3 and "\uac00" <= ch <= "\ud7a3"
    return {(False, False, False): "OTHER", (True, True, False): "L", (False, True, True): "LV" if syllable else "V",
            (False, False, True): "LVT" if syllable else "T"}[joins]


grapheme_rows = []
for c in CPS[1:]:
    kind = grapheme(chr(c))
    if 0xAC00 <= c <= 0xD7A3:  # computed in unicode.c
        assert kind == ("LVT" if (c - 0xAC00) % 28 else "LV")
    elif kind != "OTHER":
        if grapheme_rows and grapheme_rows[-1][1] == c - 1 and grapheme_rows[-1][2] == GRAPHEME.index(kind):
            grapheme_rows[-1][1] = c
        else:
            grapheme_rows.append([c, c, GRAPHEME.index(kind)])
grapheme_rows[0][0] = 0  # NUL, which no key of a charsmap can have


def table(texts):
    line = " "
    for text in texts:
        if len(line) + len(text) > 118:
            print(line)
            line = " "
        line += " " + text
    print(line)


# What PCRE2 10.42 lacks: it has Unicode 14, as has Python 3.11.
import unicodedata

assert unicodedata.unidata_version == "14.0.0", "use a Python with Unicode 14 (3.11), the version of PCRE2 10.42"
cat = unicodedata.category
extra_letter = {c for c in letter if cat(chr(c))[0] != "L"}
extra_number = {c for c in number if cat(chr(c))[0] != "N"}
extra_digit = {c for c in regex_set(r"\d") if cat(chr(c)) != "Nd"}
extra_word = {c for c in word_in_brackets if cat(chr(c))[0] not in "LM" and cat(chr(c)) not in ("Nd", "Nl", "Pc")}
assert not {c for c in CPS if cat(chr(c))[0] == "L"} - letter
assert not {c for c in CPS if cat(chr(c))[0] == "N"} - number
assert not {c for c in CPS if cat(chr(c))[0] in "LM" or cat(chr(c)) in ("Nd", "Nl", "Pc")} - word_in_brackets

print(
    "/* text/unicode_data.h - character classes as the tokenizers package has them (measured with version "
    f"{tokenizers.__version__}).\n * Made by tools/oracle/make_unicode_data.py; do not edit. "
    f"Differences in normalisation are to utf8proc {lib.utf8proc_version().decode()},\n"
    f" * Unicode {lib.utf8proc_unicode_version().decode()}; "
    "differences in regular expressions are to PCRE2 10.42, Unicode 14. */"
)
print(
    "/* clang-format off */\n#ifndef DWELL_TEXT_UNICODE_DATA_H\n#define DWELL_TEXT_UNICODE_DATA_H\n\n"
    "#include <stdint.h>\n"
)
print("/* Ranges of code points with the same classes (bits: enum unicode_class), in order. */")
print("static const struct {\n  uint32_t first, last;\n  uint16_t classes;\n} unicode_ranges[] = {")
table("{0x%X,0x%X,0x%X}," % tuple(r) for r in rows)
print("};\n\n/* The same for ASCII, without searching. */\nstatic const uint16_t unicode_ascii[128] = {")
table("%d," % masks.get(c, 0) for c in range(128))
print("};\n\n/* Left alone by NF* and without combining class. */")
print("static const struct {\n  uint32_t first, last;\n} unicode_late[] = {")
table("{0x%X,0x%X}," % tuple(r) for r in ranges(late))
print("};\n\n/* Lower case where it is not utf8proc's: code + delta. */")
print("static const struct {\n  uint32_t first, last;\n  int32_t delta;\n} unicode_lower_delta[] = {")
table("{0x%X,0x%X,%d}," % tuple(r) for r in lower_rows)
print("};\n\n/* Grapheme_Cluster_Break and its relatives (enum unicode_grapheme); the others are GRAPHEME_OTHER. */")
print("static const struct {\n  uint32_t first, last;\n  uint8_t kind;\n} unicode_graphemes[] = {")
table("{0x%X,0x%X,%d}," % tuple(r) for r in grapheme_rows)
print("};\n\n/* To be added to PCRE2's \\p{L}, \\p{N}, \\p{Nd} and to [\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}] for \\w. */")


def macro(name, codes):
    text = regex_ranges(codes)
    parts, items = [], [t for t in text.replace("\\\\x", " \\\\x").replace("- ", "-").split(" ") if t]
    line = ""
    for item in items:
        if len(line) + len(item) > 108:
            parts.append(line)
            line = ""
        line += item
    parts.append(line)
    print(f"#define {name} \\\n" + " \\\n".join(f'  "{p}"' for p in parts))


macro("UNICODE_EXTRA_LETTERS", extra_letter)
macro("UNICODE_EXTRA_NUMBERS", extra_number)
macro("UNICODE_EXTRA_DIGITS", extra_digit)
macro("UNICODE_EXTRA_WORDS", extra_word)
print("/* And outside brackets also: */")
macro("UNICODE_LATIN_WORDS", word_onig - word_in_brackets)
print("\n#endif")
print(len(rows), "ranges", len(late), "late", len(lower_rows), "lower", file=sys.stderr)
