"""A dense source dataset and a weakly labelled target, whose features live in one space with the texts.

It is what the methods that move labels from one dataset to another need (UWAV, EAR): as CLIP and CLAP give
them, the features of a segment lie in the direction of the texts of what is seen or heard in it, and the text
of a category is the same wherever its name stands. The source tells only what is heard and seen at once, in
UnAV-100's own file; what is heard and what is seen in it is known here, so that migrated labels can be scored.

VALOR and LINK need no source. Their parsers read other features than those that lie beside the texts: what
CLAP has of a segment before its joint space, and a network of motion, which knows no texts.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.planted import Plan, plant
from trainer.annotations import (
    CATEGORIES_FILE,
    UNAV_FILES,
    Dataset,
    feature_key,
    read_dataset,
    write_dataset,
    write_whole,
)
from trainer.labels import Modality
from trainer.texts import TEMPLATES, TextFeatures, caption, write_texts

AUDIO_SET, VISUAL_SET = SETS = ("clap512", "clip")
PARSER_AUDIO_SET, MOTION_SET = PARSER_SETS = ("clap", "r2plus1d_18")
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_PLACES = 12
"""Backgrounds that clips share in part."""
_SAID_OTHERWISE = {"speech": "speak", "laughter": "laugh"}
_LITTLE_WORDS = {"people", "playing", "man", "woman", "kid", "male", "female", "passing", "by", "on", "driving"}


@dataclass(frozen=True, kw_only=True)
class Space:
    """How one modality shows in its joint space. Strengths are beside a background of length 1."""

    width: int = 64
    event: float = 0.5
    faintness: float = 0.3
    """Deviation of the logarithm of an event's strength, which a clip and category have."""
    restless: float = 0.0
    """Deviation of the logarithm of that strength from segment to segment."""
    look: float = 0.6
    """What is particular to a category in this clip, beside its text."""
    scene: float = 0.2
    """How much a clip shows at all times of what occurs in it, be it heard or seen, and differs in that from
    other clips: what misleads. A normal deviation of this size, without its sign."""
    noise: float = 0.1
    noise_spread: float = 0.4
    """The length of a segment's own noise: its median over the clips, and the deviation of its logarithm."""
    cuts: float = 0.02
    """How often a segment begins a new shot, with a background of its own."""


AUDIO = Space(restless=0.1)
VISUAL = Space(noise=0.17, cuts=0.1)
"""In four fifths (audio) and near three fifths (visual) of the pairs of a clip's segments in which the same
happens, cosines are above EAR's thresholds, 0.98 and 0.95; others are noisy, or lie in two shots."""


MOTION = Space(event=0.4, noise=0.5, noise_spread=0.2, cuts=0.1)
"""Of what a network of motion tells: less than CLIP."""


@dataclass(frozen=True, eq=False)
class Clips:
    """A dataset as its files tell it, and `cells` (2, T, C) bool of each clip: what is heard and seen in it."""

    dataset: Dataset
    cells: Mapping[str, NDArray[np.bool_]]
    folder: Path
    """Of the annotation files."""

    def audio_visual(self, name: str) -> NDArray[np.bool_]:
        """(T, C): what a dense audio-visual dataset tells of a clip."""
        return self.cells[name].all(axis=0)


@dataclass(frozen=True, kw_only=True)
class PairPlan:
    """What to plant. Of the target, some categories are in the source by name, others share a word with one."""

    source: Mapping[str, int] = field(default_factory=lambda: {"train": 300, "val": 60, "test": 60})
    target: Mapping[str, int] = field(default_factory=lambda: {"train": 300, "val": 100, "test": 200})
    source_categories: int = 30
    target_categories: int = 10
    same: int = 6
    related: int = 3
    segments: tuple[int, int] = (6, 16)
    """Of the source; the target has 10, as LLP."""
    ways: tuple[float, float, float, float] = (0.1, 0.1, 0.3, 0.5)
    """Of the source: see Plan. Mostly heard and seen, but longer in one than in the other."""
    seed: int = 1


def plant_pair(folder: Path, plan: PairPlan) -> tuple[Clips, Clips]:
    """Source and target, their annotations written to `folder`/source/dataset and `folder`/target/dataset."""
    source, target = _names(plan)
    made = plant(
        Plan(
            counts=plan.source,
            categories=len(source),
            names=source,
            segments=plan.segments,
            ways=plan.ways,
            seed=2 * plan.seed,
        )
    )
    # A video in which nothing is heard and seen at once would not be in such a dataset.
    cells = {name[:11]: made.truth(name) for name in made.names if made.truth(name).all(axis=0).any()}
    subsets = {name[:11]: split for split, clips in made.dataset.splits.items() for name in clips}
    first = folder / "source" / "dataset"
    write_unav(first, source, cells, subsets)
    wanted = Plan(counts=plan.target, categories=len(target), names=target, seed=2 * plan.seed + 1)
    return Clips(read_dataset(first), cells, first), plant_target(folder / "target" / "dataset", wanted)


def plant_target(folder: Path, plan: Plan) -> Clips:
    """A weakly labelled dataset alone, its annotations written to `folder`: it needs no source."""
    planted = plant(plan)
    write_dataset(folder, planted.dataset)
    return Clips(read_dataset(folder), {name: planted.truth(name) for name in planted.names}, folder)


def is_aligned(cells: NDArray[np.bool_]) -> bool:
    """Whether all that happens in a clip (2, T, C) is heard and seen at the same times."""
    return bool((cells[0] == cells[1]).all())


def _names(plan: PairPlan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The source's categories, mixed, and the target's, of which the first is in half of the clips."""
    related = plan.same + plan.related
    source = [
        f"thing{i:02}" if i < plan.same else f"moving{i:02} thing{i:02}" if i < related else f"other{i:02}"
        for i in range(plan.source_categories)
    ]
    np.random.default_rng(plan.seed).shuffle(source)
    return tuple(source), tuple(f"Thing{i:02}" for i in range(plan.target_categories))


def write_unav(
    folder: Path, categories: Sequence[str], cells: Mapping[str, NDArray[np.bool_]], subsets: Mapping[str, str]
) -> None:
    """UnAV-100's own file: what is heard and seen at once in each video, which ends half a second early."""
    database: dict[str, Any] = {}
    for name, both in cells.items():
        duration = both.shape[1] - 0.5
        runs = np.diff(np.pad(both.all(axis=0).T.astype(np.int8), ((0, 0), (1, 1))), axis=1)
        annotations = [
            {"segment": [int(a), min(float(b), duration)], "label": categories[c], "label_id": int(c)}
            for (c, a), (_, b) in zip(np.argwhere(runs > 0), np.argwhere(runs < 0), strict=True)
        ]
        subset = _SPLITS[subsets[name]]
        database[name] = {"duration": duration, "subset": subset, "annotations": annotations}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CATEGORIES_FILE, "".join(f"{category}\n" for category in categories))
    (folder / UNAV_FILES["unav"]).write_text(json.dumps({"version": "unav100", "database": database}))


def text_vectors(categories: Sequence[str], width: int, name: str) -> NDArray[np.float32]:
    """(C, width) of length 1, in the space `name`: the mean of what the words of a category mean."""
    vectors = np.stack([sum(_meaning(word, width, name) for word in _words(text)) for text in categories])
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _words(category: str) -> list[str]:
    """Without endings: "lawn mowing" and "Lawn_mower" say the same. Little words count only where alone."""
    words = re.findall(r"[a-z0-9]+", category.lower())
    words = [word for word in words if word not in _LITTLE_WORDS] or words
    return [re.sub(r"(ing|er|s)$", "", _SAID_OTHERWISE.get(word, word)) for word in words]


def _meaning(word: str, width: int, name: str) -> NDArray[np.float64]:
    rng = np.random.default_rng((zlib.crc32(word.encode()), zlib.crc32(name.encode())))
    return _direction(rng, width)


def _direction(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    vectors = rng.standard_normal(shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def write_features(
    root: Path, clips: Clips, spaces: tuple[Space, Space] = (AUDIO, VISUAL), seed: int = 1
) -> Path:
    """Write `root`/features: both sets of every clip, and the texts of the dataset's categories."""
    features, categories = root / "features", clips.dataset.categories
    for axis, (name, space, modality) in enumerate(zip(SETS, spaces, Modality, strict=True)):
        (features / name).mkdir(parents=True, exist_ok=True)
        for clip, rows in segment_features(clips.cells, categories, space, axis, seed):
            np.save(features / name / f"{feature_key(clip)}.npy", rows)
        template = TEMPLATES[modality]
        captions = tuple(caption(template, category) for category in categories)
        rows = text_vectors(categories, space.width, name)
        texts = TextFeatures(categories, captions, rows, {"encoder": "words", "template": template})
        write_texts(features, name, texts)
    return features


def write_parser_features(
    root: Path, clips: Clips, audio: Space = AUDIO, motion: Space = MOTION, *, width: int = 96, seed: int = 1
) -> None:
    """Add to `root`/features what a parser reads beside them, of the same `audio` space and seed.

    `width`: the columns of the audio set, at least those of its joint space.
    """
    categories, folder = clips.dataset.categories, root / "features"
    rng = np.random.default_rng(zlib.crc32(PARSER_AUDIO_SET.encode()))
    turned = np.linalg.qr(rng.standard_normal((width, audio.width)))[0].T
    joint = segment_features(clips.cells, categories, audio, 0, seed)
    heard = ((clip, _before_joint_space(rows, turned, clip, seed)) for clip, rows in joint)
    seen = segment_features(clips.cells, categories, motion, 1, seed, name=MOTION_SET)
    for name, made in zip(PARSER_SETS, (heard, seen), strict=True):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for clip, rows in made:
            np.save(folder / name / f"{feature_key(clip)}.npy", rows)


def _before_joint_space(
    rows: NDArray[np.float32], turned: NDArray[np.float64], clip: str, seed: int
) -> NDArray[np.float32]:
    """(T, width): the same sound and the same faults of hearing, in other columns with a little noise."""
    rng = np.random.default_rng((seed, zlib.crc32(PARSER_AUDIO_SET.encode()), zlib.crc32(clip.encode())))
    told = rows @ turned * np.sqrt(turned.shape[1])
    return np.asarray(told + 0.05 * rng.standard_normal(told.shape), np.float32)


def segment_features(
    cells: Mapping[str, NDArray[np.bool_]],
    categories: Sequence[str],
    space: Space,
    axis: int,
    seed: int = 1,
    *,
    name: str = "",
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each clip's name and its (T, width) of length 1, in modality `axis`: the same seed, the same features.

    `name`: of a set that is not beside the texts; what categories look like there is that set's own.
    """
    own, name = (zlib.crc32(name.encode()),) if name else (), name or SETS[axis]
    texts = text_vectors(categories, space.width, name)
    places = _direction(np.random.default_rng(zlib.crc32(name.encode())), _PLACES, space.width)
    for clip, happens in cells.items():
        rng = np.random.default_rng((seed, axis, zlib.crc32(clip.encode()), *own))
        yield clip, _rows(rng, space, texts, places, happens, axis)


def _rows(
    rng: np.random.Generator,
    space: Space,
    texts: NDArray[np.float32],
    places: NDArray[np.float64],
    happens: NDArray[np.bool_],
    axis: int,
) -> NDArray[np.float32]:
    segments, width = happens.shape[1], space.width
    occurring = np.flatnonzero(happens.any(axis=(0, 1)))
    active = happens[axis][:, occurring]  # (T, n)
    looks = texts[occurring] + space.look * _direction(rng, len(occurring), width)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    strength = space.event * np.exp(rng.normal(0, space.faintness, len(occurring)))
    lasting = np.exp(rng.normal(0, space.restless, active.shape))
    shots = np.cumsum(rng.random(segments) < space.cuts)
    place = places[rng.integers(0, len(places))]
    backgrounds = place + _direction(rng, shots[-1] + 1, width)
    backgrounds /= np.linalg.norm(backgrounds, axis=1, keepdims=True)
    noise = space.noise * np.exp(rng.normal(0, space.noise_spread)) * _direction(rng, segments, width)
    rows = backgrounds[shots] + (active * lasting * strength) @ looks + noise
    rows += space.scene * np.abs(rng.standard_normal(len(occurring))) @ texts[occurring]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def narrow(space: Space, width: int) -> Space:
    """The same, in fewer or more dimensions."""
    return replace(space, width=width)
