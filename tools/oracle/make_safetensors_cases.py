#!/usr/bin/env python3
"""What the reference reader of safetensors (the Rust crate, through its Python package) accepts and refuses.

Writes tests/golden/file/safetensors_cases.json: hostile and legal files as small recipes, each with the verdict of the
reference. A recipe is the header text (or hexadecimal bytes), the number of zero bytes of data behind it, and, where
it differs from the header's, the length the file claims. `dwell` is given only where dwell is stricter by design;
`words` is a part of the message dwell must give. The last cases are random mutations of a legal header.

    python tools/oracle/make_safetensors_cases.py
"""

import json
import random
import struct
from pathlib import Path

import safetensors

F32 = '{"dtype":"F32","shape":[%s],"data_offsets":[%d,%d]}'
cases = []


def entry(shape="1", begin=0, end=4, dtype="F32"):
    return '{"dtype":"%s","shape":[%s],"data_offsets":[%s,%s]}' % (dtype, shape, begin, end)


def whole(header, data, claimed=None):
    header = header if isinstance(header, bytes) else header.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(header) if claimed is None else claimed) + header + bytes(data)


def accepts(raw):
    try:
        safetensors.deserialize(raw)
        return True
    except safetensors.SafetensorError:
        return False


def add(name, header, data=0, words="", claimed=None, dwell=None):
    case = {"name": name}
    if any(0xD800 <= ord(c) < 0xE000 for c in header if isinstance(c, str)):
        header = header.encode("utf-8", "surrogatepass")
    if isinstance(header, bytes):
        case["hex"] = header.hex()
    else:
        case["header"] = header
    case["data"] = data
    if claimed is not None:
        case["claimed"] = str(claimed)
    case["reference"] = accepts(whole(header, data, claimed))
    if dwell is not None:
        assert dwell != case["reference"], name
        case["dwell"] = dwell
    assert (dwell if dwell is not None else case["reference"]) == (words == ""), (name, case["reference"])
    if words:
        case["words"] = words
    cases.append(case)


def one(name, body, data=4, words="", **more):
    add(name, '{"a":' + body + "}", data, words, **more)


def hostile_and_legal():
    # the length
    add("empty header", "", 0, "ends in the middle")
    add("one byte header", "{", 0, "ends in the middle")
    add("length beyond the file", "{}", 0, "only 2 follow", claimed=3)
    add("length over 100 MB", "{}", 0, "at most 100000000", claimed=100_000_001)
    add("length 2^63", "{}", 0, "at most 100000000", claimed=2**63)
    add("length wraps with its own 8 bytes", "{}", 0, "at most 100000000", claimed=2**64 - 8)
    add("length shorter than the text", "{}  ", 0, "bytes follow the last tensor", claimed=2)
    # the text
    add("no tensors", "{}")
    add("leading and trailing spaces", '  {"a":' + entry() + "} \n", 4)
    add("leading newline", "\n{}")
    add("not UTF-8", b'{"\xff":' + entry().encode() + b"}", 4, "not valid UTF-8")
    add("overlong UTF-8", b'{"\xc0\xaf":' + entry().encode() + b"}", 4, "not valid UTF-8")
    add("byte order mark", "\ufeff{}", 0, "byte order mark")
    add("not JSON", "hello", 0, "expected an object")
    add("array", "[]", 0, "expected an object")
    add("null", "null", 0, "expected an object")
    add("cut in a token", '{"a":{"dty', 0, "ends in the middle")
    add("text after the object", "{}x", 0, "after the end")
    add("a second object", "{}{}", 0, "after the end")
    add("NUL after the object", "{}\0", 0, "after the end")
    add("NUL in a string", '{"a\0":' + entry() + "}", 4, "control character")
    add("trailing comma", '{"a":' + entry() + ",}", 4, "comma must be followed")
    add("single quotes", "{'a':1}", 0, "expected a string")
    add("comment", '{/* */"a":' + entry() + "}", 4, "expected a string")
    one("nesting of 60 in an unknown key", entry()[:-1] + ',"x":' + "[" * 60 + "]" * 60 + "}")
    one(
        "nesting of 200 in an unknown key", entry()[:-1] + ',"x":' + "[" * 200 + "]" * 200 + "}", 4, "nested too deeply"
    )
    # names
    add(
        "duplicate name, same place",
        '{"a":' + entry() + ',"a":' + entry() + "}",
        4,
        "two tensors have this name",
        dwell=False,
    )
    add(
        "duplicate name, other place",
        '{"a":' + entry() + ',"a":' + entry("1", 4, 8) + "}",
        8,
        "two tensors have this name",
    )
    add(
        "duplicate name, by an escape",
        '{"a":' + entry() + ',"\\u0061":' + entry() + "}",
        4,
        "two tensors have this name",
        dwell=False,
    )
    add("empty name", '{"":' + entry() + "}", 4)
    add("name of 64 KiB", '{"' + "n" * 65536 + '":' + entry() + "}", 4)
    add("name with a path", '{"../../etc/passwd":' + entry() + "}", 4)
    add("name with bidi and escape characters", '{"\\u202e\\u001b[2J":' + entry() + "}", 4)
    add("name with NUL", '{"a\\u0000b":' + entry() + "}", 4, "NUL", dwell=False)
    add("name with a lone surrogate", '{"\\ud800":' + entry() + "}", 4, "surrogate")
    add("name with a raw surrogate", '{"\ud800":' + entry() + "}", 4, "not valid UTF-8")
    # metadata
    add(
        "metadata with braces and quotes in strings",
        '{"__metadata__":{"a":"1","b":"{\\"x\\":[1,2]}}"},"a":' + entry() + "}",
        4,
    )
    add("metadata is null", '{"__metadata__":null}')
    add("metadata with a number", '{"__metadata__":{"a":1}}', 0, "must be strings")
    add("metadata with an object", '{"__metadata__":{"a":{}}}', 0, "must be strings")
    add("metadata with null inside", '{"__metadata__":{"a":null}}', 0, "must be strings")
    add("metadata is a list", '{"__metadata__":[]}', 0, "expected an object")
    add("metadata twice", '{"__metadata__":{},"__metadata__":{}}', 0, "there twice")
    # dtype
    one("dtype missing", '{"shape":[1],"data_offsets":[0,4]}', 4, "'dtype' is missing")
    one("dtype unknown", entry(dtype="F128"), 4, "dtype 'F128' is not known")
    one("dtype in lower case", entry(dtype="f32"), 4, "dtype 'f32' is not known")
    one("dtype is a number", '{"dtype":32,"shape":[1],"data_offsets":[0,4]}', 4, "expected a string")
    one("dtype is null", '{"dtype":null,"shape":[1],"data_offsets":[0,4]}', 4, "expected a string")
    one("dtype twice", '{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}', 4, "'dtype' is there twice")
    for name, bits in [
        ("BOOL", 8),
        ("U8", 8),
        ("I8", 8),
        ("F8_E5M2", 8),
        ("F8_E4M3", 8),
        ("F8_E8M0", 8),
        ("F8_E4M3FNUZ", 8),
        ("F8_E5M2FNUZ", 8),
        ("I16", 16),
        ("U16", 16),
        ("F16", 16),
        ("BF16", 16),
        ("I32", 32),
        ("U32", 32),
        ("F32", 32),
        ("C64", 64),
        ("F64", 64),
        ("I64", 64),
        ("U64", 64),
        ("F4", 4),
        ("F6_E2M3", 6),
        ("F6_E3M2", 6),
    ]:
        one("dtype " + name, entry("4", 0, 4 * bits // 8, name), 4 * bits // 8)
    one("odd count of 4 bits", entry("3", 0, 2, "F4"), 2, "do not fill whole bytes")
    one("odd count of 6 bits", entry("2", 0, 2, "F6_E2M3"), 2, "do not fill whole bytes")
    # shape
    one("shape missing", '{"dtype":"F32","data_offsets":[0,4]}', 4, "'shape' is missing")
    one("shape nested", entry("[1]"), 4, "expected a number")
    one("shape negative", entry("-1"), 4, "out of the range")
    one("shape minus zero", entry("-0", 0, 0), 0, "out of the range")
    one("shape fractional", entry("1.0"), 4, "whole number")
    one("shape with an exponent", entry("1e0"), 4, "whole number")
    one("shape as text", entry('"1"'), 4, "expected a number")
    one("shape is null", '{"dtype":"F32","shape":null,"data_offsets":[0,4]}', 4, "expected an array")
    one("shape of 2^63", entry("9223372036854775808"), 4, "out of the range")
    one("shape over 2^64", entry("18446744073709551616"), 4, "out of the range")
    one("shape product overflows", entry("4294967296,4294967296"), 4, "overflows")
    one("shape product overflows before a zero", entry("9223372036854775807,9,0", 0, 0), 0, "overflows")
    one("shape times dtype overflows", entry("4611686018427387905"), 4, "overflows")
    one("rank 0", entry(""))
    one("rank 0 without data", entry("", 0, 0), 0, "need 4")
    one("zero dimension", entry("3,0,2", 0, 0), 0)
    one("rank 8", entry("1,1,1,1,1,1,1,1"))
    one("rank 9", entry("1,1,1,1,1,1,1,1,1"), 4, "more than 8 dimensions", dwell=False)
    # offsets
    one("offsets missing", '{"dtype":"F32","shape":[1]}', 4, "'data_offsets' is missing")
    one("one offset", '{"dtype":"F32","shape":[1],"data_offsets":[4]}', 4, "must be two")
    one("three offsets", '{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}', 4, "must be two")
    one("offsets reversed", entry("1", 4, 0), 4, "backwards")
    one("offset negative", entry("1", -4, 0), 4, "out of the range")
    one("offsets of 2^63", entry("1", 2**63, 2**63 + 4), 4, "out of the range")
    one("offsets beyond the end", entry("2", 0, 8), 4, "only 4 bytes of data")
    one("offsets do not match the shape", entry("2"), 4, "need 8")
    one("hole at the start", entry("1", 4, 8), 8, "leave a hole")
    one("bytes after the last tensor", entry(), 5, "1 bytes follow the last tensor")
    one("data cut short by one byte", entry(), 3, "only 3 bytes of data")
    add("hole in the middle", '{"a":%s,"b":%s}' % (entry(), entry("1", 8, 12)), 12, "leave a hole")
    add("overlap by one byte", '{"a":%s,"b":%s}' % (entry(), entry("1", 3, 7)), 7, "overlap")
    add("two tensors on the same bytes", '{"a":%s,"b":%s}' % (entry(), entry()), 4, "overlap")
    add("empty tensors on one place", '{"a":%s,"b":%s,"c":%s}' % (entry("0", 4, 4), entry(), entry("0", 0, 0)), 4)
    add("empty tensor inside another", '{"a":%s,"b":%s}' % (entry("0", 2, 2), entry()), 4, "overlap")
    add("order of names is not the order of data", '{"a":%s,"b":%s}' % (entry("1", 4, 8), entry()), 8)
    add("unaligned data", '{"a":%s,"b":%s}' % (entry("1", 0, 1, "U8"), entry("1", 1, 5)), 5)
    # entries
    one("entry as a list", '["F32",[1],[0,4]]', 4, "expected an object", dwell=False)
    one("entry is null", "null", 4, "expected an object")
    one("unknown key in an entry", entry()[:-1] + ',"more":{"a":[1,null]}}')
    one("shape twice", '{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}', 4, "'shape' is there twice")


def has_duplicates(text):
    """Two tensors of one name: the one way in which a mutation can make dwell stricter."""
    pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    names = [key for key, _ in pairs]
    return len(names) != len(set(names))


def mutations(count):
    rng = random.Random(20240229)
    base = '{"__metadata__":{"format":"pt"},"b":%s,"a":%s,"c":%s}' % (
        entry("2,2", 0, 16),
        entry("3", 16, 22, "BF16"),
        entry("", 22, 30, "I64"),
    )
    alphabet = '{}[]":,0123456789 abc-+.eE\\uFBI\n\x00\x7f\u00e9'
    made = 0
    while made < count:
        text = base
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
            kind = rng.choice([0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 7])
            if kind == 0:
                text = text[:at] + text[at + 1 :]
            elif kind == 1:
                text = text[:at] + rng.choice(alphabet) + text[at:]
            elif kind == 2:
                text = text[:at] + rng.choice(alphabet) + text[at + 1 :]
            elif kind == 3 and to - at < 40:
                text = text[:to] + text[at:to] + text[to:]
            elif kind == 4:
                digits = [i for i, c in enumerate(text) if c.isdigit()]
                at = rng.choice(digits)
                text = text[:at] + str(rng.randrange(10)) + text[at + 1 :]
            elif kind == 5:
                text = text.replace(
                    rng.choice(["BF16", "F32", "I64", '"c"', '"a"', "16,", "22"]),
                    rng.choice(["F16", "I32", "U64", '"b"', "16,", "22", " 16 ,"]),
                    1,
                )
            elif kind == 6:
                at = rng.choice([i for i, c in enumerate(text) if c in "{}[],:"])
                text = text[:at] + rng.choice([" ", "\n", "\t ", "\r\n"]) + text[at:]
            elif kind == 7:
                old, new = rng.choice(
                    [
                        ("[2,2]", "[4]"),
                        ("[2,2]", "[1,4,1]"),
                        ("[3]", "[3,1]"),
                        ('"pt"', '"\\u00e9"'),
                        ("BF16", "F16"),
                        ("I64", "F64"),
                        ("I64", "C64"),
                        ('"a"', '"d.weight"'),
                        ('"dtype"', '"x":{"y":[{},-1.5e3]},"dtype"'),
                        ("[]", "[1,1,1]"),
                    ]
                )
                text = text.replace(old, new, 1)
        if text == base:
            continue
        data = 30 + rng.choice([0, 0, 0, 0, 0, 1, -1])
        case = {"name": "mutation %d" % made, "header": text, "data": data, "reference": accepts(whole(text, data))}
        if case["reference"] and has_duplicates(text):
            case["dwell"] = False
        cases.append(case)
        made += 1


hostile_and_legal()
mutations(400)
out = Path(__file__).resolve().parents[2] / "tests" / "golden" / "file" / "safetensors_cases.json"
with out.open("w") as stream:
    stream.write('{"reader":"safetensors %s","cases":[\n' % safetensors.__version__)
    stream.write(",\n".join(json.dumps(case) for case in cases))
    stream.write("\n]}\n")
print(out.name, len(cases), "cases,", sum(case["reference"] for case in cases), "accepted")
