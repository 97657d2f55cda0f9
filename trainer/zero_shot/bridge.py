"""From event names to the classes of encoders that know no text, through the similarity of words.

    s_ic = a max_l cos(T(word l of concept i), T(c)) + (1 - a) cos(T(sense of i), T(c)),    a = 0.7 or 0.5
    w_ic = exp((s_ic - max_i s_ic) / 0.03),    raw_tc = sum or maximum over classes k of p_tk max_(i of k) w_ic

T is MiniLM, the concepts i are those of one feature set, and of several sets the surest tells. Kinds above the
best concept have no weight ("vehicle" beside "car"). All numbers were chosen on the category names of LLP and
UnAV-100 and some 200 others, of which it was told by hand what the encoders know, and on real clips: to reach a
wrong thing is worse than to reach none.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.encoders.weights import WEIGHTS, cache_folder
from trainer.labels import Modality
from trainer.parses import NPZ_DAMAGE
from trainer.whole_files import written_whole
from trainer.zero_shot.concepts import Concepts, every

Rows = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Rows]

KNOWN = {Modality.AUDIO: 0.6, Modality.VISUAL: 0.66}
"""The least similarity of the best concept by which a category can be heard or seen at all."""

_ALONE = 0.7
"""The share of the best single word; the rest is of all words of the concept, which tell its sense."""
_ALONE_OF_ONE = 0.5
"""The same where there is one word only, beside its kind: "boxer, working dog"."""
_SPELT_ALIKE = 0.2
"""What the likeness of a thing's word loses that only begins as the category does: as MiniLM reads texts in
pieces, "rain" is like "rain barrel", and "snoring" like "snorkel"."""
_ALIKE_LETTERS = 3
_SHARPNESS = 0.03
_BEHIND = 0.2
"""A set whose best concept is so much less like a category than another's tells nothing of it."""
_LEAST_WEIGHT = 0.01
_INNER = 0.5
"""What a thing named within a name ("dog" of "dog howling") counts, beside the whole name."""
_SAME = 0.9
"""From this similarity on a category is that class of AudioSet, whose other names are its too."""
_SHOWN = 3
_LEAST_SHOWN = 0.1
_STEP = 1 / 512
"""Half of a step of the encoders' scores: what is less is not told from nothing."""
_PIECE = 256
"""Segments that are looked at together: a clip may last for hours."""
_NOISE = re.compile(r"[\W_]+")
_ENDINGS = {Modality.AUDIO: ("", "s", "es", "ing"), Modality.VISUAL: ("", "s", "es")}
"""Of words within names that make no other word of them: who hears boxing hears "box", but sees none."""
_DOERS = {"person", "people", "man", "men", "male", "woman", "women", "female"}
"""Who does something is not heard: "people coughing" sounds as "coughing" does."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How well a modality's encoders can name a category: by which classes, how like its name, and whether."""

    similarity: float
    classes: tuple[str, ...]
    known: bool


@dataclass(frozen=True, eq=False)
class Bridge:
    """Categories reached through `concepts` of several feature sets: `weights` (K, C) of each.

    `reach` (C,) by modality; a modality without any set has none.
    """

    concepts: tuple[Concepts, ...]
    weights: tuple[Rows, ...]
    reach: Mapping[Modality, tuple[Reach, ...]]
    name = "default"

    @property
    def sets(self) -> Mapping[str, tuple[Modality, int]]:
        return {one.features: (one.modality, one.width) for one in self.concepts}

    def logits(self, modality: Modality, rows: Mapping[str, Rows]) -> Rows:
        """(T, C) of the sets (T, K) of a modality that are there, at least one: 0 is as likely as not."""
        pairs = zip(self.concepts, self._mixtures, strict=True)
        found = [
            _logits(mixture.of(rows[one.features]), one.half)
            for one, mixture in pairs
            if one.modality is modality and one.features in rows
        ]
        return np.asarray(np.max(found, axis=0), np.float32)

    @cached_property
    def _mixtures(self) -> tuple[_Mixture, ...]:
        pairs = zip(self.concepts, self.weights, strict=True)
        return tuple(_Mixture(weights, one.exclusive) for one, weights in pairs)


def bridge_to(categories: Sequence[str], concepts: Sequence[Concepts], encode: Encode) -> Bridge:
    """The bridge from categories to concepts. Names without a letter or digit reach nothing."""
    names = [plain(category) for category in categories]
    texts = [_ConceptTexts(one, encode) for one in concepts]
    own = encode(names)
    own[[not name for name in names]] = 0
    weights: list[Rows] = [np.zeros((one.width, len(names)), np.float32) for one in concepts]
    reach: dict[Modality, tuple[Reach, ...]] = {}
    aliases = _aliases(names, own, texts)
    for modality in Modality:
        there = [i for i, one in enumerate(concepts) if one.modality is modality]
        if not there:
            continue
        tables = [texts[i].similarities(names, own, aliases, encode) for i in there]
        best = np.max([table.max(axis=0) for table in tables], axis=0)
        least = np.maximum(best - _BEHIND, KNOWN[modality])
        found = [_weights(concepts[i], table, best, least) for i, table in zip(there, tables, strict=True)]
        for i, table in zip(there, found, strict=True):
            weights[i] = np.stack([_of_classes(concepts[i], column) for column in table.T], axis=1)
        known = best >= KNOWN[modality]
        words = [said[0] for i in there for said in concepts[i].words]
        beside = np.concatenate(found)
        reach[modality] = tuple(
            Reach(round(float(value), 3), _shown(words, column) if value > 0 else (), bool(is_known))
            for value, column, is_known in zip(best, beside.T, known, strict=True)
        )
    return Bridge(tuple(concepts), tuple(weights), reach)


def read_ahead(encode: Encode) -> None:
    """Have the texts of all classes read and kept, for which otherwise the first bridge waits."""
    for one in every():
        _ConceptTexts(one, encode)


def plain(name: str) -> str:
    """A name as it is compared: words in lower case."""
    return " ".join(_NOISE.sub(" ", name.lower()).split())


class _ConceptTexts:
    """The texts of concepts as MiniLM reads them, kept in the user's cache: there are thousands."""

    def __init__(self, concepts: Concepts, encode: Encode) -> None:
        self.concepts = concepts
        self._owners = np.repeat(np.arange(len(concepts.words)), [len(said) for said in concepts.words])
        self._flat = [plain(word) for said in concepts.words for word in said]
        senses = [", ".join(map(plain, said)) for said in concepts.senses]
        is_one = [len(said) < len(sense) for said, sense in zip(concepts.words, concepts.senses, strict=True)]
        self._alone = np.where(is_one, _ALONE_OF_ONE, _ALONE)[:, None]
        rows = _kept([*self._flat, *senses], encode)
        self._single, self._senses = rows[: len(self._flat)], rows[len(self._flat) :]

    def compared(self, texts: Sequence[str], rows: Rows) -> Rows:
        """How like each concept is to texts, of which the rows are: (M, N)."""
        single = self._single @ rows.T
        if self.concepts.modality is Modality.VISUAL:
            single -= _SPELT_ALIKE * _begin_alike(self._flat, texts)
        best = np.full((len(self._senses), len(rows)), -1.0, np.float32)
        np.maximum.at(best, self._owners, single)
        return np.asarray(self._alone * best + (1 - self._alone) * (self._senses @ rows.T), np.float32)

    def similarities(
        self, names: Sequence[str], own: Rows, aliases: Mapping[int, Sequence[str]], encode: Encode
    ) -> Rows:
        """(M, C) of categories; things may be named within a name, or by another name of its sound."""
        found = self.compared(names, own)
        if not self.concepts.within:
            return found
        whole = found.copy()
        lexicon = {*self._flat}
        modality = self.concepts.modality
        within = {c: _within(name, lexicon, _ENDINGS[modality]) for c, name in enumerate(names)}
        if modality is Modality.AUDIO:
            within = {c: [*words, *_what_is_done(names[c])] for c, words in within.items()}
        said = sorted({word for words in (*within.values(), *aliases.values()) for word in words})
        of = dict(zip(said, self.compared(said, encode(said)).T, strict=True)) if said else {}
        for c, words in aliases.items():
            found[:, c] = np.max([found[:, c], *(of[word] for word in words)], axis=0)
        for c, words in within.items():
            mixed = (_INNER * of[word] + (1 - _INNER) * whole[:, c] for word in words)
            found[:, c] = np.max([found[:, c], *mixed], axis=0)
        return found

    def names_of(self, row: int) -> list[str]:
        """The names that the class has, where it lists several ("Chicken, rooster")."""
        return [plain(part) for part in self.concepts.words[row][0].split(", ")]


def _begin_alike(words: Sequence[str], texts: Sequence[str]) -> NDArray[np.bool_]:
    """(W, N): which words begin as a text does, and are not it, nor the whole words that it begins with."""
    found = np.zeros((len(words), len(texts)), np.bool_)
    beginning: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        beginning.setdefault(word[:_ALIKE_LETTERS], []).append(i)
    for n, text in enumerate(texts):
        for i in beginning.get(text[:_ALIKE_LETTERS], ()):
            found[i, n] = not f"{text} ".startswith(f"{words[i]} ")
    return found


def _what_is_done(name: str) -> list[str]:
    """A name without who does it, where that leaves something."""
    rest = " ".join(word for word in name.split() if word not in _DOERS)
    return [rest] if rest not in ("", name) else []


def _aliases(names: Sequence[str], own: Rows, texts: Sequence[_ConceptTexts]) -> dict[int, list[str]]:
    """By category the other names of the AudioSet class that it is."""
    found: dict[int, list[str]] = {}
    for one in texts:
        if one.concepts.modality is Modality.AUDIO:
            table = one.compared(names, own)
            found |= {
                int(c): one.names_of(int(table[:, c].argmax()))
                for c in np.flatnonzero(table.max(axis=0) >= _SAME)
            }
    return found


def _within(name: str, lexicon: set[str], endings: Sequence[str]) -> list[str]:
    """The words of a lexicon that a name holds, also with these endings, the longest of those that overlap."""
    tokens, found, taken = name.split(), [], set[int]()
    for size in range(min(3, len(tokens) - 1), 0, -1):
        for first in range(len(tokens) - size + 1):
            places = {*range(first, first + size)}
            words = " ".join(tokens[first : first + size])
            forms = (words.removesuffix(ending) for ending in endings)
            word = next((form for form in forms if form in lexicon), None)
            if word is not None and not places & taken:
                found.append(word)
                taken |= places
    return found


def _weights(concepts: Concepts, table: Rows, best: Rows, least: Rows) -> Rows:
    """(M, C): 1 for a category's best concept of the set, and little for those that are less like it.

    Where not even that is as like as `least`, they are compared with the `best` of all sets.
    """
    own_best = table.max(axis=0)
    weights = np.exp((table - np.where(own_best >= least, own_best, best)) / _SHARPNESS)
    for c in range(table.shape[1]):
        own = concepts.classes[table[:, c].argmax()]
        above = (concepts.classes >= own).all(axis=1) & (concepts.classes.sum(axis=1) > own.sum())
        weights[above, c] = 0
    return np.asarray(np.where(weights < _LEAST_WEIGHT, 0, weights), np.float32)


def _of_classes(concepts: Concepts, weights: Rows) -> Rows:
    """(K,): the weight of a class is that of the best concept it is of."""
    there = np.flatnonzero(weights)
    return np.asarray((concepts.classes[there] * weights[there, None]).max(axis=0, initial=0), np.float32)


def _shown(words: Sequence[str], weights: Rows) -> tuple[str, ...]:
    order = np.argsort(-weights, kind="stable")[:_SHOWN]
    return tuple(dict.fromkeys(words[i] for i in order if weights[i] >= _LEAST_SHOWN))


class _Mixture:
    """The scores of classes mixed to those of categories, of which each has few classes."""

    def __init__(self, weights: Rows, exclusive: bool) -> None:
        self._count = weights.shape[1]
        self._categories, self._classes = np.nonzero(weights.T)
        self._weights = weights[self._classes, self._categories]
        self._join = np.add if exclusive else np.maximum

    def of(self, scores: Rows) -> Rows:
        """(T, K) -> (T, C)."""
        found = np.zeros((len(scores), self._count), np.float32)
        there, firsts = np.unique(self._categories, return_index=True)
        for first in range(0, len(scores) if len(there) else 0, _PIECE):
            piece = slice(first, first + _PIECE)
            weighted = scores[piece, self._classes] * self._weights
            found[piece, there] = self._join.reduceat(weighted, firsts, axis=1)
        return found


def _logits(raw: Rows, half: float) -> Rows:
    """0 where the raw score is `half`."""
    bounded = np.clip(raw, _STEP, 1 - _STEP)
    return np.asarray(np.log(bounded / (1 - bounded)) - math.log(half / (1 - half)), np.float32)


def _kept(texts: Sequence[str], encode: Encode) -> Rows:
    """What MiniLM makes of the texts of classes, which are always the same."""
    said = "\n".join([WEIGHTS["minilm.onnx"].sha256, *texts])
    path = cache_folder() / f"class-texts-{hashlib.sha256(said.encode()).hexdigest()[:16]}.npy"
    try:
        rows = np.load(path, allow_pickle=False)
        if rows.dtype == np.float32 and rows.ndim == 2 and len(rows) == len(texts):
            return np.asarray(rows)
    except NPZ_DAMAGE:
        pass
    rows = encode(texts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.save(file, rows)
    except OSError:  # it only takes longer the next time
        pass
    return rows
