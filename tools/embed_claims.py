#!/usr/bin/env python3
"""Turns data/claims.json into a C constant. Called by meson when building.

usage: embed_claims.py CLAIMS.json     prints the C source
"""
import json
import sys


def string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(path):
    with open(path, encoding="utf-8") as stream:
        claims = json.load(stream)
    print('#include <math.h>\n\n#include "study/claim.h"\n\nconst claim_threshold claim_threshold_table[] = {')
    count = 0
    for claim, thresholds in claims.items():
        for t in thresholds if claim != "about" else []:
            numbers = [float(t["value"]), float(t.get("flow", t["value"]))]
            others = ", ".join(repr(float(x)) for x in t["others"]) if "others" in t else "NAN, NAN"
            names = f"{string(claim)}, {string(t['name'])}"
            print(f"    {{{names}, {numbers[0]!r}, {numbers[1]!r}, {others}, {string(t['reason'])}}},")
            count += 1
    print(f"}};\nconst size_t claim_threshold_table_size = {count};")


if __name__ == "__main__":
    main(sys.argv[1])
