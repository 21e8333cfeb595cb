#!/usr/bin/env python3
"""Turns data/reference-study.json into a C constant. Called by meson when building.

usage: embed_reference.py REFERENCE.json     prints the C source
"""
import json
import sys


def string(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(path):
    with open(path, encoding="utf-8") as stream:
        reference = json.load(stream)
    print('#include "study/reference.h"\n')
    print(f"const char reference_source[] = {string(reference['source'])};")
    print("const reference_row reference_table[] = {")
    for row in reference["rows"]:
        members = ", ".join(string(row.get(key)) for key in ("claim", "model", "said", "ours"))
        print(f"    {{{members}}},")
    print(f"}};\nconst size_t reference_count = {len(reference['rows'])};")


if __name__ == "__main__":
    main(sys.argv[1])
