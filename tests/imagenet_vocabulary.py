"""Makes resources/vocabularies/imagenet.tsv: ImageNet's 1000 classes and what WordNet says they are.

It needs WordNet 3.0's files of nouns (Debian: wordnet-base) and the synsets in the order of the classes, a line
each (timm: timm/data/_info/imagenet_synsets.txt). Nothing of it is needed when the program runs.

    python tests/imagenet_vocabulary.py /usr/share/wordnet imagenet_synsets.txt > imagenet.tsv
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

_MOST = 450
"""Hypernyms of more classes than this say nothing: "entity", "artifact"."""


def _nouns(data: Path) -> dict[str, tuple[list[str], list[str]]]:
    """The words and the hypernyms of every noun by its synset (the format is in wndb(5))."""
    found = {}
    for line in data.read_text(encoding="ascii").splitlines():
        if line.startswith(" "):  # the licence
            continue
        offset, _, _, count, *rest = line.split(" | ")[0].split()
        words = [word.replace("_", " ") for word in rest[: 2 * int(count, 16) : 2]]
        pointers = rest[2 * int(count, 16) + 1 :]
        above = [f"n{pointers[i + 1]}" for i in range(0, len(pointers), 4) if pointers[i] == "@"]
        found[f"n{offset}"] = words, above
    return found


def _first_senses(index: Path) -> dict[str, str]:
    """The synset that each word stands for most often, by the word in lower case."""
    found = {}
    for line in index.read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            word, _, senses, *rest = line.split()
            found[word.replace("_", " ")] = f"n{rest[-int(senses)]}"
    return found


def main(wordnet: str, order: str) -> None:
    nouns = _nouns(Path(wordnet) / "data.noun")
    first = _first_senses(Path(wordnet) / "index.noun")
    classes = Path(order).read_text(encoding="ascii").split()

    def ancestors(synset: str) -> set[str]:
        above = nouns[synset][1]
        return {*above}.union(*map(ancestors, above))

    counts = Counter(above for synset in classes for above in ancestors(synset))
    hypernyms = sorted(synset for synset, count in counts.items() if count <= _MOST and synset not in classes)
    kept = {*classes, *hypernyms}
    print("class", "synset", "words", "hypernyms", sep="\t")
    for i, synset in enumerate([*classes, *hypernyms]):
        (name, *others), above = nouns[synset]
        # A synonym that mostly says something else misleads: "wind" of wind instruments, "match" of peers.
        words = [name, *(word for word in others if first[word.lower()] == synset)]
        number = str(i) if i < len(classes) else ""
        print(number, synset, ", ".join(words), " ".join(x for x in above if x in kept), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
