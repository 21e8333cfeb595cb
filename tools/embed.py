#!/usr/bin/env python3
"""Turn a text file into a C constant: embed.py INPUT NAME HEADER > OUTPUT. Called by meson when building."""

import sys


def main():
    path, name, header = sys.argv[1:4]
    with open(path, "rb") as stream:
        data = stream.read()
    print(f'#include "{header}"\n\nconst char {name}[] = {{')
    for start in range(0, len(data), 20):
        # Bytes above 127 would not fit a signed char: written as negative numbers.
        print(" ".join(f"{b - 256 if b > 127 else b}," for b in data[start:start + 20]))
    print(f"0}};\nconst size_t {name}_size = {len(data)};")


if __name__ == "__main__":
    main()
