"""A small planted world: clips whose features say plainly what is heard and seen in each segment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from trainer.annotations import Dataset, write_dataset
from trainer.labels import PRESENT, Event, Modality, runs

CATEGORIES = ("Dog", "Bell", "Car")
COUNTS = {"train": 24, "val": 8, "test": 6}


@dataclass(frozen=True)
class World:
    """A dataset folder and a feature store that fit together."""

    root: Path
    dataset: Dataset

    @property
    def folder(self) -> Path:
        return self.root / "dataset"

    @property
    def features(self) -> Path:
        return self.root / "features"

    def write(self, dataset: Dataset) -> None:
        write_dataset(self.folder, dataset)

    def feature_file(self, features: str, name: str) -> Path:
        return self.features / features / f"{name}.npy"


def make_world(root: Path) -> World:
    rng = np.random.default_rng(3)
    looks = {modality: rng.normal(size=(len(CATEGORIES), 10)) for modality in Modality}
    splits: dict[str, dict[str, frozenset[str]]] = {split: {} for split in COUNTS}
    truth: dict[str, tuple[Event, ...]] = {}
    for split, count in COUNTS.items():
        for number in range(count):
            name, segments = f"{split}-{number:02}", int(rng.integers(7, 11))
            cells = np.zeros((2, segments, len(CATEGORIES)), np.float32)
            for category in rng.choice(len(CATEGORIES), size=int(rng.integers(1, 3)), replace=False):
                onset = int(rng.integers(0, segments - 3))
                cells[:, onset : onset + 4, category] = 1
                cells[int(rng.integers(0, 3)) % 2, :, category] *= rng.random() < 0.7
            splits[split][name] = frozenset(CATEGORIES[i] for i in np.flatnonzero(cells.any(axis=(0, 1))))
            if split != "train":
                truth[name] = tuple(sorted(_events(cells)))
            for modality in Modality:
                values = cells[modality.axis] @ looks[modality] + 0.1 * rng.normal(size=(segments, 10))
                path = root / "features" / f"signal-{modality}" / f"{name}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values.astype(np.float32))
    scored = frozenset(name for split in ("val", "test") for name in splits[split])
    world = World(root, Dataset(CATEGORIES, splits, truth, scored))
    world.write(world.dataset)
    return world


def _events(cells: np.ndarray) -> list[Event]:
    return [
        Event(modality, category, float(first), float(last))
        for modality in Modality
        for column, category in enumerate(CATEGORIES)
        for first, last in runs(cells[modality.axis, :, column] == PRESENT)
    ]


@pytest.fixture(scope="session")
def planted_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[Path, bytes]]:
    """A world, and what is in its files; not to be written to."""
    world = make_world(tmp_path_factory.mktemp("world"))
    files = (path for path in world.root.rglob("*") if path.is_file())
    return world, {path.relative_to(world.root): path.read_bytes() for path in files}


@pytest.fixture
def world(planted_world: tuple[World, dict[Path, bytes]], tmp_path: Path) -> World:
    """A world of one's own."""
    planted, files = planted_world
    for folder in {path.parent for path in files}:
        (tmp_path / "world" / folder).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (tmp_path / "world" / path).write_bytes(content)
    return replace(planted, root=tmp_path / "world")
