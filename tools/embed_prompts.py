#!/usr/bin/env python3
"""Turns the texts of the study into C constants. Called by meson when configuring and building.

usage: embed_prompts.py INDEX            prints the C source: every text of the index, and the registry
       embed_prompts.py --names INDEX    prints the names, one a line
"""
import json
import os
import sys

TOKENIZERS = ["gpt2", "bert", "albert", "rxn"]  # the order of prompt_tokenizer in src/text/prompt.h
STRINGS = ["name", "title", "register", "language", "kind", "length", "source", "licence", "sha256"]


def string(text):
    """A C string: what is not plain ASCII as octal escapes, which end after three digits."""
    if text is None:
        return "NULL"
    plain = [chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8")]
    return '"' + "".join(plain) + '"'


def text_constant(name, data):
    # An array and not a string: C promises room for 4095 characters of those only.
    yield f"static const char text_{name}[] = {{"
    for start in range(0, len(data), 20):
        # Bytes above 127 would not fit a signed char: written as negative numbers.
        yield " ".join(f"{b - 256 if b > 127 else b}," for b in data[start:start + 20])
    yield "0};"


def entry(prompt, size):
    members = [f".{'reg' if key == 'register' else key} = {string(prompt.get(key))}" for key in STRINGS]
    members += [f".text = text_{prompt['name']}", f".size = {size}"]
    for i, tokenizer in enumerate(TOKENIZERS):
        count = prompt["counts"].get(tokenizer)
        if count:
            members.append(f".counts[{i}] = {{{count['tokens']}, {count['types']}}}")
    return "    {" + ",\n     ".join(members) + "},"


def main(path):
    with open(path, encoding="utf-8") as stream:
        prompts = json.load(stream)["prompts"]
    entries = []
    print('#include "text/prompt.h"\n')
    for prompt in prompts:
        with open(os.path.join(os.path.dirname(path), prompt["name"] + ".txt"), "rb") as stream:
            data = stream.read()
        print("\n".join(text_constant(prompt["name"], data)))
        entries.append(entry(prompt, len(data)))
    print("\nconst prompt prompt_table[] = {\n" + "\n".join(entries) + "\n};")
    print(f"const size_t prompt_table_size = {len(prompts)};")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--names"]:
        with open(sys.argv[2], encoding="utf-8") as index:
            print("\n".join(prompt["name"] for prompt in json.load(index)["prompts"]))
    else:
        main(sys.argv[1])
