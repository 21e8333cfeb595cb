#!/usr/bin/env python3
"""Turns the plans of data/studies into C constants. Called by meson when building.

usage: embed_studies.py PLAN.json...     prints the C source
"""
import json
import os
import sys


def main(paths):
    print('#include "study/plan.h"\n')
    entries = []
    for number, path in enumerate(paths):
        with open(path, "rb") as stream:
            data = stream.read()
        # Bytes above 127 would not fit a signed char: written as negative numbers.
        print(f"static const char plan_{number}[] = {{")
        for start in range(0, len(data), 20):
            print(" ".join(f"{b - 256 if b > 127 else b}," for b in data[start:start + 20]))
        print("0};")
        name, about = os.path.basename(path)[:-len(".json")], json.loads(data)["about"].replace('"', '\\"')
        entries.append(f'    {{"{name}", "{about}", plan_{number}, {len(data)}}},')
    print("\nconst study_preset study_preset_table[] = {\n" + "\n".join(entries) + "\n};")
    print(f"const size_t study_preset_count = {len(paths)};")


if __name__ == "__main__":
    main(sys.argv[1:])
