#!/usr/bin/env python3
"""Fills the numbers of data/prompts/index.json: bytes, SHA-256, and for each tokenizer how many tokens and how many
distinct ones a text has, special tokens left out.

usage: count_prompts.py SHARED     needs the package `tokenizers`; SHARED holds tokenizers/ and models/

The counts come from the tokenizers package, never from dwell: tests/text/test_prompt.c compares dwell's tokenizers with
them. Run this after a text was changed or added; the rest of the index is written by hand.
"""
import hashlib
import json
import os
import sys

from tokenizers import Tokenizer

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "prompts")
TOKENIZERS = {"gpt2": "tokenizers/gpt2", "bert": "tokenizers/bert-base-uncased", "albert": "tokenizers/albert"}
CHEMISTRY = {"rxn": "models/bert-rxnfp-pretrained"}  # that of albert-rxnmapper gives the same ids


def dumped(index):
    """JSON with one member of a prompt a line, so that a change shows as one line."""
    entries = []
    for prompt in index["prompts"]:
        members = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in prompt.items()]
        entries.append(" {\n" + ",\n".join(members) + "\n }")
    return '{"prompts": [\n' + ",\n".join(entries) + "\n]}\n"


def main(shared):
    tokenizers = {}
    for name, place in (TOKENIZERS | CHEMISTRY).items():
        tokenizers[name] = Tokenizer.from_file(os.path.join(shared, place, "tokenizer.json"))
        tokenizers[name].no_truncation()
        tokenizers[name].no_padding()
    path = os.path.join(FOLDER, "index.json")
    with open(path, encoding="utf-8") as stream:
        index = json.load(stream)
    for prompt in index["prompts"]:
        with open(os.path.join(FOLDER, prompt["name"] + ".txt"), "rb") as stream:
            data = stream.read()
        prompt["bytes"], prompt["sha256"] = len(data), hashlib.sha256(data).hexdigest()
        prompt["counts"] = {}
        for name in TOKENIZERS | (CHEMISTRY if prompt["kind"] == "smiles" else {}):
            ids = tokenizers[name].encode(data.decode("utf-8"), add_special_tokens=False).ids
            prompt["counts"][name] = {"tokens": len(ids), "types": len(set(ids))}
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(dumped(index))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
