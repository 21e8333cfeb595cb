#!/usr/bin/env python3
"""Turns the formulas of docs/instruments.md into C constants: a page says what the manual says. Called by meson.

usage: embed_formulas.py INSTRUMENTS.MD     prints the C source: columns with their formulas and sections

Read are the rows of tables that begin with names of columns, sentences "`name`, `name` = ...", and indented lines
"name = ...".
"""
import re
import sys

from embed_prompts import string

NAMES = r"`([^`]+)`"


def plain(text):
    return re.sub(r"\s+", " ", text.replace("`", "").replace("\\|", "|")).strip()


def of_row(line):
    """Names and formula of a row of a table."""
    cells = re.split(r"(?<!\\)\|", line)[1:-1]
    if len(cells) < 2 or not cells[0].strip().startswith("`"):
        return [], ""
    return re.findall(NAMES, cells[0].split(" (")[0]), plain(cells[1])


def of_prose(text):
    """Definitions in sentences; a sentence ends with a full stop before a capital letter, a name or the end."""
    for match in re.finditer(r"((?:`\w[\w…]*`(?:, | and )?)+) = (.*?)(?=\.(?:\s+[A-Z`]|\s*$))", text, re.S):
        yield re.findall(NAMES, match[1]), plain(match[2])


def formulas(text):
    section, prose = "", []
    for line in [*text.split("\n"), "## 0. end"]:
        heading = re.match(r"#+ (\d+(?:\.\d+)*)", line)
        if heading or not line.strip():
            yield from ((names, formula, section) for names, formula in of_prose("\n".join(prose)))
            prose = []
        if heading:
            section = heading[1]
        elif line.startswith("|"):
            yield (*of_row(line), section)
        elif match := re.match(r"    (\w+) += (.+)$", line):
            yield [match[1]], plain(match[2]), section
        else:
            prose.append(line)


def main(path):
    with open(path, encoding="utf-8") as stream:
        found = list(formulas(stream.read()))
    seen, rows = set(), []
    for names, formula, section in found:
        for name in names:
            name = re.sub(r"(_bB|…)$", lambda end: "_b*" if end[0] == "_bB" else "*", name)
            if re.fullmatch(r"\w+\*?", name) and formula and not re.fullmatch(r"[\d.]+", formula) and name not in seen:
                seen.add(name)
                rows.append(f"    {{{string(name)}, {string(formula)}, {string(section)}}},")
    print('#include "report/definitions.h"\n\nconst formula formula_table[] = {\n' + "\n".join(rows) + "\n};")
    print(f"const size_t formula_table_size = {len(rows)};")


if __name__ == "__main__":
    main(sys.argv[1])
