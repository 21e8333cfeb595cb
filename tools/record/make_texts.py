#!/usr/bin/env python3
"""Texts as token ids for two networks of the study of record whose folders hold no tokenizer that dwell reads.

usage: make_texts.py MODELS FOLDER
MODELS holds llama-stories260k and albert-plbert. Writes FOLDER/stories-CLASS.jsonl and FOLDER/phonemes-CLASS.jsonl, a
text of data/prompts a line. The second needs espeak-ng, whose phonemes are written with the network's symbols.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

PROMPTS = Path(__file__).resolve().parents[2] / "data" / "prompts"
CLASSES = {
    "prose": ["encyclopedia_salt_marsh", "encyclopedia_novelist", "narrative_ishmael", "narrative_harbour",
              "narrative_clockmaker", "letter_ballou", "exposition_temperature", "exposition_nulls", "news_storm",
              "news_water"],
    "dialogue": ["dialogue_ferry", "dialogue_blackboard", "dialogue_bakery", "dialogue_helpline", "dialogue_chess"],
}
# One symbol for a diphthong or affricate, as the network was trained; lengths are left out.
SYMBOLS = [("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("ɔɪ", "Y"), ("dʒ", "ʤ"), ("tʃ", "ʧ"), ("ɜː", "ɜɹ"),
           ("ɚ", "əɹ"), ("ɾ", "t"), ("r", "ɹ"), ("ː", "")]
PUNCTUATION = re.compile(r"([;:,.!?—…\"()“”])")


def merge_by_score(text, pieces):
    """The tokenizer of llama2.c: bytes or characters, then always the pair whose joint piece has the best score."""
    known = {p["piece"]: (p["id"], p["score"]) for p in pieces}
    parts = []
    for letter in " " + text:
        parts += [letter] if letter in known else [f"<0x{byte:02X}>" for byte in letter.encode()]
    while True:
        pairs = [(known[a + b][1], -i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in known]
        if not pairs:
            return [1] + [known[part][0] for part in parts]
        i = -max(pairs)[1]
        parts[i:i + 2] = [parts[i] + parts[i + 1]]


def speak(clause):
    command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", clause]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    said = " ".join(said.split())
    for spelled, symbol in SYMBOLS:
        said = said.replace(spelled, symbol)
    return said


def phonemes(text, vocabulary):
    """Clause by clause, since espeak-ng drops the marks between them; 0 before and after."""
    said = ""
    for part in PUNCTUATION.split(" ".join(text.split())):
        if PUNCTUATION.fullmatch(part):
            said += part
        elif part.strip():
            said += (" " if said else "") + speak(part.strip())
    return [0] + [vocabulary[symbol] for symbol in said if symbol in vocabulary] + [0]


def main():
    models, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    pieces = json.loads((models / "llama-stories260k" / "tok512.json").read_text())
    vocabulary = json.loads((models / "albert-plbert" / "vocab.json").read_text())["vocab"]
    kinds = {"stories": lambda text: merge_by_score(text, pieces), "phonemes": lambda text: phonemes(text, vocabulary)}
    for kind, encode in kinds.items():
        for text_class, names in CLASSES.items():
            with open(folder / f"{kind}-{text_class}.jsonl", "w", encoding="utf-8") as out:
                for name in names:
                    text = (PROMPTS / f"{name}.txt").read_text(encoding="utf-8")
                    # 300 tokens are enough: the study cuts there or before.
                    out.write(json.dumps({"ids": encode(text)[:300]}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
