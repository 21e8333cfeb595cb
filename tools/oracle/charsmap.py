"""The precompiled_charsmap of SentencePiece: a table of replacements as the double array of darts-clone, and the new
texts behind it. build({b"from": "to", ...}) gives the bytes, normalizer(...) the normalizer of the tokenizers
package that has them.

One unit is 32 bits: 0-7 label, 8 has a leaf, 9 and 10-30 offset to the children (position XOR offset XOR label), 31 set
in a leaf, which holds the place of the new text."""

import struct
import unicodedata
from tokenizers import normalizers


def build(table):
    texts, places = b"", {}
    for new in sorted(set(table.values())):
        places[new] = len(texts)
        texts += new.encode() + b"\0"
    units, used, bases = [0] * 256, {0}, set()
    nodes = [(0, sorted((key, places[new]) for key, new in table.items()), 0)]
    free = 1
    while nodes:
        at, entries, depth = nodes.pop()
        leaf = [value for key, value in entries if len(key) == depth]
        groups = {}
        for key, value in entries:
            if len(key) > depth:
                groups.setdefault(key[depth], []).append((key, value))
        labels = ([0] if leaf else []) + sorted(groups)
        while free in used:
            free += 1
        base = free ^ labels[0]
        while base in bases or base == at or any(base ^ c in used for c in labels):
            base += 1
        units += [0] * max(0, (base | 255) + 1 - len(units))
        bases.add(base)
        used.update(base ^ c for c in labels)
        assert base ^ at < 1 << 21 and 0 not in [key[depth] for key, _ in entries if len(key) > depth]
        units[at] |= (base ^ at) << 10 | (1 << 8 if leaf else 0)
        if leaf:
            units[base] = leaf[0] | 1 << 31
        for label, group in groups.items():
            units[base ^ label] |= label
            nodes.append((base ^ label, group, depth + 1))
    return struct.pack("<%dI" % (len(units) + 1), 4 * len(units), *units) + texts


def normalizer(table):
    return normalizers.Precompiled(build(table))


def compatible():
    """A table of the kind that SentencePiece makes by itself, only smaller: NFKC for Latin letters, their decomposed
    forms too; ligatures, full-width letters and some more; white space becomes the space, control characters vanish."""
    table = {}
    spans = [(1, 0x180), (0x1E00, 0x1E20), (0x2000, 0x2040), (0x2122, 0x2123), (0x212B, 0x212C), (0x2160, 0x2170),
             (0x2460, 0x2468), (0x3000, 0x3001), (0x33A5, 0x33A6), (0x32C0, 0x32C1), (0xFB00, 0xFB07), (0xFEFF, 0xFF00),
             (0xFF01, 0xFF5F), (0x1D49C, 0x1D49D)]
    for code in (code for span in spans for code in range(*span)):
        old = chr(code)
        new = unicodedata.normalize("NFKC", old)
        if old.isspace():
            new = " "
        elif unicodedata.category(old) in ("Cc", "Cf") and code != 0x200D:
            new = ""
        apart = unicodedata.normalize("NFD", old)
        if new != old:
            table[old.encode()] = new
        if len(apart) > 1:
            table[apart.encode()] = new
    return table


def clusters():
    """A normalizer that makes visible where grapheme clusters end: every cluster of at most five bytes becomes one Z,
    a longer one as many as it has characters."""
    return normalizer({bytes([byte]): "Z" for byte in range(1, 256)})
