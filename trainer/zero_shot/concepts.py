"""What the offline encoders can name: AudioSet's classes, ImageNet's and what WordNet says they are, COCO's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trainer.captions import vocabularies
from trainer.encoders.person import SETS, class_names
from trainer.labels import Modality
from trainer.tables import read_table

_SILENCE = "Silence"
"""A class of YAMNet that is high beside real sounds too, and no event."""
_SENSES = {"Cricket": "Cricket, insect", "Country": "Country music", "Jungle": "Jungle music"}
"""What classes of YAMNet mean whose names mostly say something else: a game, a state, a forest."""
_PEOPLE = ("person", "people", "crowd of people")
"""What a detected person is evidence of. Of speech it is none: in LLP's validation clips it is seen in at most
16 % of the segments with an event that shows people."""


@dataclass(frozen=True, eq=False)
class Concepts:
    """M concepts by which the K classes of a feature set can be named.

    `words` (M) are synonyms, the commonest first; `classes` (M, K) bool: those of the classes that are of this
    kind. `half`: the score at which a kind is as likely there as not. `exclusive`: scores of classes add up, as
    they are shares of one picture (softmax); otherwise each is a probability of its own. `within`: a category
    may be reached by a concept named within its name, as "dog howling" is by "dog". `kinds` (M), if any: what
    each concept is one of.
    """

    features: str
    modality: Modality
    words: tuple[tuple[str, ...], ...]
    classes: NDArray[np.bool_]
    half: float
    exclusive: bool = False
    within: bool = True
    kinds: tuple[str, ...] = ()

    @property
    def senses(self) -> tuple[tuple[str, ...], ...]:
        """(M): all words of each; to a single one, which may mean several things, its kind is added."""
        if not self.kinds:
            return self.words
        pairs = zip(self.words, self.kinds, strict=True)
        return tuple((*said, kind) if kind and len(said) == 1 else said for said, kind in pairs)

    @property
    def width(self) -> int:
        """K, the columns of the feature set."""
        return int(self.classes.shape[1])


@cache
def audioset() -> Concepts:
    """The classes of YAMNet, but for silence. Each is one concept, named in full: parts of names mislead."""
    rows = [row.cells for row in read_table(vocabularies() / "audioset.tsv", ("class", "name"))]
    kept = [(int(number), _SENSES.get(name, name)) for number, name in rows if name != _SILENCE]
    classes = np.zeros((len(kept), len(rows)), np.bool_)
    classes[np.arange(len(kept)), [number for number, _ in kept]] = True
    words = tuple((name,) for _, name in kept)
    return Concepts("yamnet-scores", Modality.AUDIO, words, classes, half=0.25)


@cache
def imagenet() -> Concepts:
    """The classes of ImageNet's challenge and their hypernyms: "dog" is any of its 118 breeds."""
    columns = ("class", "synset", "words", "hypernyms")
    rows = [row.cells for row in read_table(vocabularies() / "imagenet.tsv", columns)]
    above = {synset: hypernyms.split() for _, synset, _, hypernyms in rows}
    place = {synset: i for i, synset in enumerate(above)}
    count = sum(bool(number) for number, *_ in rows)
    classes = np.zeros((len(rows), count), np.bool_)
    for number, synset, *_ in rows[:count]:
        for kind in _kinds(synset, above):
            classes[place[kind], int(number)] = True
    words = tuple(tuple(said.split(", ")) for _, _, said, _ in rows)
    first = {synset: said[0] for said, (_, synset, *_) in zip(words, rows, strict=True)}
    kinds = tuple(first[kinds[0]] if (kinds := above[synset]) else "" for _, synset, *_ in rows)
    return Concepts(
        "efficientnet-scores", Modality.VISUAL, words, classes, half=0.3, exclusive=True, kinds=kinds
    )


def _kinds(synset: str, above: Mapping[str, list[str]]) -> set[str]:
    """What something is: itself, and all that is above it."""
    return {synset}.union(*(_kinds(kind, above) for kind in above[synset]))


@cache
def coco() -> Concepts:
    """The things that the detector of people knows besides."""
    names = class_names()[1:]
    classes = np.eye(len(names), SETS[0].width, k=1, dtype=np.bool_)
    words = tuple((name,) for name in names)
    return Concepts(SETS[0].name, Modality.VISUAL, words, classes, half=0.5)


@cache
def person() -> Concepts:
    """People, the first column of the same set."""
    classes = np.zeros((len(_PEOPLE), SETS[0].width), np.bool_)
    classes[:, 0] = True
    words = tuple((said,) for said in _PEOPLE)
    return Concepts(SETS[0].name, Modality.VISUAL, words, classes, half=0.5, within=False)


def every() -> tuple[Concepts, ...]:
    """All that the default encoders can name."""
    return audioset(), imagenet(), coco(), person()
