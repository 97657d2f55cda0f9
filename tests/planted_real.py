"""Real annotations with generated features: UnAV-100's as the source, LLP's as the target of a pair.

Their features cannot be had everywhere. What the annotations do not tell is planted by a seed: where the
events of the source are heard but not seen or seen but not heard, and when and how the video-level labels of
the target's training clips occur.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.planted import Plan, place
from tests.planted_pairs import Clips
from trainer.annotations import (
    CATEGORIES_FILE,
    LLP_FILES,
    UNAV_FILES,
    Dataset,
    read_categories,
    read_dataset,
    write_whole,
)
from trainer.labels import PRESENT, state_grid

_LONGER = (0.25, 0.5, 0.25)
"""How often an event goes on where it is heard only, seen only, or in neither."""
_STRAY = 0.3
"""Share of clips with one more event, that is only heard or only seen."""


def real_source(file: Path, folder: Path, *, seed: int = 1) -> Clips:
    """UnAV-100's annotations, copied to `folder`, with what is only heard or only seen besides."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / UNAV_FILES["unav"])
    dataset, rng = read_dataset(folder), np.random.default_rng(seed)
    cells = {}
    for name, segments in dataset.segments.items():
        grid = state_grid(dataset.truth.get(name, ()), dataset.categories, segments, complete=True)
        cells[name] = _with_hidden(rng, grid[0] == PRESENT)
    return Clips(dataset, cells, folder)


def _with_hidden(rng: np.random.Generator, both: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(2, T, C) whose product is `both` (T, C): each event goes on in one modality at most."""
    cells, segments = np.stack([both, both]), len(both)
    for category in np.flatnonzero(both.any(axis=0)):
        axis = rng.choice(3, p=_LONGER)
        times = np.flatnonzero(both[:, category])
        first, last = rng.integers(0, times[0] + 1), rng.integers(times[-1] + 1, segments + 1)
        if axis < 2:
            cells[axis, first:last, category] = True
    if rng.random() < _STRAY:
        axis, other = rng.integers(0, 2), rng.choice(np.flatnonzero(~both.any(axis=0)))
        first = rng.integers(0, segments)
        cells[axis, first : rng.integers(first + 1, segments + 1), other] = True
    return cells


def real_target(llp: Path, categories: Path, folder: Path, *, seed: int = 1) -> Clips:
    """LLP's annotations, copied to `folder`; what video-level labels of train say is planted somewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in LLP_FILES.values():
        shutil.copyfile(llp / file, folder / file)
    vocabulary = read_categories(categories)
    write_whole(folder / CATEGORIES_FILE, "".join(f"{category}\n" for category in vocabulary))
    dataset = read_dataset(folder)
    return Clips(dataset, _meant(dataset, seed), folder)


def _meant(dataset: Dataset, seed: int) -> dict[str, NDArray[np.bool_]]:
    """The truth of val and test as it is told, and for train one that has the video-level labels."""
    cells = {}
    for name in dataset.complete:
        events, segments = dataset.truth.get(name, ()), dataset.segments[name]
        cells[name] = state_grid(events, dataset.categories, segments, complete=True) == PRESENT
    taught = {name: labels for name, labels in dataset.splits["train"].items() if labels}
    index = {category: i for i, category in enumerate(dataset.categories)}
    chosen = np.full((len(taught), max(map(len, taught.values()))), -1)
    for row, labels in zip(chosen, taught.values(), strict=True):
        row[: len(labels)] = sorted(index[label] for label in labels)
    lengths = np.array([dataset.segments[name] for name in taught])
    plan = Plan(categories=len(dataset.categories), segments=(lengths.min(), lengths.max()))
    placed = place(np.random.default_rng(seed), plan, lengths, chosen)
    return cells | {
        name: clip[:, :length] for name, clip, length in zip(taught, placed, lengths.tolist(), strict=True)
    }
