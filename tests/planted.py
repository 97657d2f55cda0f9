"""Generated clips whose dense truth is known, that of training too: for tests, benchmarks, trials of recipes.

What makes the field's data hard is planted here as well. A clip's scene tells which categories occur in it,
but not when, and not whether they are heard or seen: who learns from video-level labels alone reads the scene.
Categories resemble one another, backgrounds are shared between clips, and events can be faint.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import Dataset, feature_key, write_dataset
from trainer.labels import MODALITIES, Event, Modality, State

LATENT = 48
"""Dimensions in which events, scenes and noise add up; feature sets are views of it."""
_CHUNK = 256
"""Clips whose features are made at once."""
_BACKGROUNDS = 12
_HEARD_ONLY, _SEEN_ONLY, _TOGETHER, _APART = range(4)
_EVENTS_A_CLIP = (0.40, 0.50, 0.10)
_PARTNERS = 3
"""How many categories a category likes to be with."""


@dataclass(frozen=True)
class FeatureSet:
    """A view of what happens: its columns, its rows a segment, and whether rows have length 1, as CLIP's do."""

    modality: Modality
    width: int
    rows: int = 1
    unit: bool = False
    noise: float = 1.0
    """Deviation of each column, beside that of what is meant, which is about 1."""


SETS = {
    "vggish": FeatureSet(Modality.AUDIO, 128, noise=1.5),
    "clap": FeatureSet(Modality.AUDIO, 768),
    "clap512": FeatureSet(Modality.AUDIO, 512, unit=True),
    "signal-audio": FeatureSet(Modality.AUDIO, 64),
    "res152": FeatureSet(Modality.VISUAL, 2048, rows=8, noise=1.5),
    "r2plus1d_18": FeatureSet(Modality.VISUAL, 512, noise=1.5),
    "clip": FeatureSet(Modality.VISUAL, 768, unit=True),
    "i3d": FeatureSet(Modality.VISUAL, 2048),
    "signal-visual": FeatureSet(Modality.VISUAL, 64),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to plant. The last seven say how strongly things show, in deviations of the noise of a segment.

    With these values, 200 training clips and 10 categories, han/signal reaches some 50 to 60 % segment Type@AV
    by video-level labels alone, and some 90 % by dense truth.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: {"train": 1000, "val": 200, "test": 400})
    categories: int = 25
    names: tuple[str, ...] = ()
    """Of the categories, in the place of Speech, Category_01 and so on."""
    segments: tuple[int, int] = (10, 10)
    """The shortest and the longest clip."""
    seed: int = 1
    label_noise: float = 0.0
    """Share of training clips whose video-level labels lack one, or have one too many."""
    ways: tuple[float, float, float, float] = (0.27, 0.08, 0.45, 0.20)
    """How often an event is heard only, seen only, both at once, both at different times: about as in LLP."""
    event: float = 12.0
    scene: float = 2.0
    leak: float = 0.4
    """Share of a scene's strength in the modality in which its category never shows."""
    background: float = 2.0
    stray: float = 0.5
    """What is particular to a clip, in every one of its segments."""
    resemblance: float = 0.5
    """Cosine of the categories of a pair."""
    faintness: float = 0.35
    """Deviation of the logarithm of an event's strength."""


@dataclass(frozen=True, eq=False)
class Planted:
    """N clips: `cells` (N, 2, T, C) bool is the dense truth of all, `lengths` (N,) their segments."""

    plan: Plan
    names: tuple[str, ...]
    lengths: NDArray[np.int64]
    cells: NDArray[np.bool_]
    dataset: Dataset
    _latent: NDArray[np.float32]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def truth(self, name: str) -> NDArray[np.bool_]:
        """(2, T, C): where a clip of any split has events."""
        i = self._index[name]
        return self.cells[i, :, : self.lengths[i]]

    def reviewed(self, names: Iterable[str], *, labelled_only: bool = False) -> dict[str, tuple[Event, ...]]:
        """What a person says who checks every cell of these clips, or those of the clip's labels alone.

        For `dataclasses.replace(planted.dataset, reviewed=...)`.
        """
        rows = np.array([self._index[name] for name in names], np.int64)
        asked = _inside(self.lengths[rows], self.cells.shape[2])[:, None, :, None] & True
        if labelled_only:
            asked = asked & self.cells[rows].any(axis=(1, 2))[:, None, None, :]
        cells, categories = self.cells[rows], self.dataset.categories
        present = _events(cells & asked, categories, State.PRESENT, "planted")
        absent = _events(~cells & asked, categories, State.ABSENT, "planted")
        return {self.names[row]: (*present[i], *absent[i]) for i, row in enumerate(rows)}

    def features(self, name: str, *, width: int | None = None) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Each clip's name and its rows of a feature set, `width` columns wide instead of as published."""
        made = SETS[name]
        width = width or made.width
        rng = np.random.default_rng((self.plan.seed, zlib.crc32(name.encode())))
        view = rng.standard_normal((LATENT, width), np.float32) / np.float32(np.sqrt(LATENT))
        for first in range(0, len(self.names), _CHUNK):
            meant = self._latent[first : first + _CHUNK, made.modality.axis] @ view  # (n, T, width)
            n, segments, _ = meant.shape
            rows = rng.standard_normal((n, segments, made.rows, width), np.float32)
            rows *= made.noise
            rows += meant[:, :, None]
            rows = rows.reshape(n, segments * made.rows, width)
            if made.unit:
                rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
            for i, clip in enumerate(rows, start=first):
                yield self.names[i], clip[: self.lengths[i] * made.rows]

    def write(self, root: Path, sets: Iterable[str], *, widths: Mapping[str, int] | None = None) -> None:
        """Write `root/dataset` and `root/features/<set>/<key>.npy`."""
        write_dataset(root / "dataset", self.dataset)
        for name in sets:
            folder = root / "features" / name
            folder.mkdir(parents=True, exist_ok=True)
            for clip, rows in self.features(name, width=(widths or {}).get(name)):
                np.save(folder / f"{feature_key(clip)}.npy", rows)


def plant(plan: Plan) -> Planted:
    """Make the clips of a plan: the same plan, the same clips."""
    rng = np.random.default_rng(plan.seed)
    count, (shortest, longest) = sum(plan.counts.values()), plan.segments
    lengths = rng.integers(shortest, longest + 1, count)
    chosen = _choose_categories(rng, plan, count)  # (N, 3), -1 where there are fewer
    cells = place(rng, plan, lengths, chosen)
    numbers = [(split, i) for split, n in plan.counts.items() for i in range(n)]
    # Named as LLP names clips: eleven characters, and from when to when.
    names = tuple(
        f"{split}{i:0{11 - len(split)}}_0_{length}" for (split, i), length in zip(numbers, lengths, strict=True)
    )
    dataset = _dataset(rng, plan, names, [split for split, _ in numbers], cells)
    return Planted(plan, names, lengths, cells, dataset, _latent(rng, plan, lengths, cells))


def _choose_categories(rng: np.random.Generator, plan: Plan, count: int) -> NDArray[np.int64]:
    """(N, 3), -1 for none: one category is in half of the clips (Speech in LLP), partners go together."""
    share = 1 / np.arange(2, plan.categories + 2) ** 0.7
    share[0] = share.sum() / 2
    likes = np.ones((plan.categories, plan.categories))
    for category, row in enumerate(likes):
        row[rng.integers(0, plan.categories, _PARTNERS)] = 5
        row[category] = 0
    events = rng.choice(3, size=count, p=_EVENTS_A_CLIP) + 1
    chosen = np.full((count, 3), -1)
    chosen[:, 0] = _draw(rng, np.broadcast_to(share, (count, plan.categories)))
    weights = share * likes[chosen[:, 0]]
    for place in (1, 2):
        has = events > place
        chosen[has, place] = _draw(rng, weights)[has]
        weights[np.arange(count), chosen[:, place]] *= ~has
    return chosen


def _draw(rng: np.random.Generator, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """One column of each row, by the weights of the row."""
    upper = weights.cumsum(axis=1)
    return (rng.random((len(weights), 1)) * upper[:, -1:] >= upper).sum(axis=1)


def place(
    rng: np.random.Generator, plan: Plan, lengths: NDArray[np.int64], chosen: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Where the chosen categories are heard and seen: (N, 2, T, C)."""
    count, longest = len(lengths), plan.segments[1]
    cells = np.zeros((count, 2, longest, plan.categories), np.bool_)
    ways = np.tile(np.log(plan.ways), (plan.categories, 1)) + rng.normal(0, 0.6, (plan.categories, 4))
    ways[0, _HEARD_ONLY] += 1  # speakers are often out of the picture
    every = np.arange(count)
    for categories in chosen.T:
        way = _draw(rng, np.exp(ways)[categories])
        heard, seen = (_spans(rng, lengths, longest, whole) for whole in (0.25, 0.5))
        seen = np.where((way == _TOGETHER)[:, None], heard, seen)
        there = categories >= 0
        cells[every, 0, :, categories] |= heard & (there & (way != _SEEN_ONLY))[:, None]
        cells[every, 1, :, categories] |= seen & (there & (way != _HEARD_ONLY))[:, None]
    return cells


def _spans(
    rng: np.random.Generator, lengths: NDArray[np.int64], longest: int, whole: float
) -> NDArray[np.bool_]:
    """(N, T): one run in each clip, all of it in a share `whole` of them; some have a gap."""
    count = len(lengths)
    extent = np.where(rng.random(count) < whole, 1, rng.beta(1.3, 1.6, count))
    duration = np.maximum(1, np.rint(extent * lengths)).astype(int)
    onset = np.floor(rng.random(count) * (lengths - duration + 1)).astype(int)
    time = np.arange(longest)
    span = (time >= onset[:, None]) & (time < (onset + duration)[:, None])
    gap = np.where((rng.random(count) < 0.25) & (duration > 3), onset + duration // 2, -1)
    return span & (time != gap[:, None])


def _latent(
    rng: np.random.Generator, plan: Plan, lengths: NDArray[np.int64], cells: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What features are views of: (N, 2, T, LATENT)."""
    count, _, segments, categories = cells.shape
    occurs = cells.any(axis=2).astype(np.float32)  # (N, 2, C)
    # The scene tells of a category at all times, and in the modality where it never shows too, if less.
    suggested = np.maximum(occurs, plan.leak * occurs[:, ::-1])
    latent = rng.standard_normal((count, 2, segments, LATENT), np.float32)
    latent[:, :, 1:] = 0.8 * latent[:, :, 1:] + 0.6 * latent[:, :, :-1]  # noise that lasts
    for modality in range(2):
        own, pair = _directions(rng, categories), _directions(rng, (categories + 1) // 2)
        pairs = np.repeat(pair, 2, axis=0)[:categories]
        looks = np.sqrt(plan.resemblance) * pairs + np.sqrt(1 - plan.resemblance) * own
        strength = np.exp(rng.normal(0, plan.faintness, (count, 1, categories))).astype(np.float32)
        latent[:, modality] += plan.event * (cells[:, modality] * strength) @ looks
        scenes = suggested[:, modality] @ _directions(rng, categories) * plan.scene
        places = _directions(rng, _BACKGROUNDS)[rng.integers(0, _BACKGROUNDS, count)] * plan.background
        strays = plan.stray * rng.standard_normal((count, LATENT), np.float32)
        latent[:, modality] += (scenes + places + strays)[:, None]
    return latent * _inside(lengths, segments)[:, None, :, None]


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = rng.standard_normal((count, LATENT), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _inside(lengths: NDArray[np.int64], longest: int) -> NDArray[np.bool_]:
    return np.arange(longest) < lengths[:, None]


def _dataset(
    rng: np.random.Generator, plan: Plan, names: tuple[str, ...], of: list[str], cells: NDArray[np.bool_]
) -> Dataset:
    """The dataset as the field has it: dense truth of val and test, video-level labels of all."""
    categories = plan.names or ("Speech", *(f"Category_{i:02}" for i in range(1, plan.categories)))
    labels = cells.any(axis=(1, 2))  # (N, C)
    wrong = (rng.random(len(names)) < plan.label_noise) & (np.array(of) == "train")
    flipped = rng.integers(0, plan.categories, len(names))
    flipped = np.where(rng.random(len(names)) < 0.5, labels.argmax(axis=1), flipped)
    labels[wrong, flipped[wrong]] ^= True
    splits: dict[str, dict[str, frozenset[str]]] = {split: {} for split in plan.counts}
    for name, split, row in zip(names, of, labels, strict=True):
        splits[split][name] = frozenset(categories[c] for c in np.flatnonzero(row))
    scored = [i for i, split in enumerate(of) if split != "train"]
    events = _events(cells[scored], categories)
    truth = {names[row]: tuple(found) for row, found in zip(scored, events, strict=True) if found}
    return Dataset(categories, splits, truth, frozenset(names[row] for row in scored))


def _events(
    cells: NDArray[np.bool_], categories: tuple[str, ...], state: State = State.PRESENT, author: str = ""
) -> list[list[Event]]:
    """The runs of (N, 2, T, C) cells as events of each clip."""
    found: list[list[Event]] = [[] for _ in cells]
    padded = np.pad(cells.transpose(0, 1, 3, 2).astype(np.int8), ((0, 0), (0, 0), (0, 0), (1, 1)))
    edges = np.diff(padded, axis=-1)
    for first, last in zip(np.argwhere(edges > 0), np.argwhere(edges < 0), strict=True):
        clip, axis, category, onset = (int(number) for number in first)
        event = Event(MODALITIES[axis], categories[category], float(onset), float(last[3]), state, author)
        found[clip].append(event)
    return found
