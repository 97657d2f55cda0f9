"""A small source with dense truth and a small target, and the settings of trainings that take no time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.planted_pairs import AUDIO, VISUAL, PairPlan, narrow, plant_pair, write_features
from trainer.annotations import Dataset

_PLAN = PairPlan(
    source={"train": 12, "val": 4, "test": 2},
    target={"train": 10, "val": 8, "test": 4},
    source_categories=4,
    target_categories=3,
    same=2,
    related=1,
)
_NARROW = ("model.width=8", "model.heads=2", "model.feedforward=8", "epochs=2", "batch=8", "lr=1e-2")
GENERATOR = (*_NARROW, "model.layers=1", "model.hidden=8")
PARSER = (
    *(*_NARROW, "model.temporal_layers=1", "model.erm_layers=1", "model.event_width=4"),
    *("features.audio=clap512", 'features.visual=["clip"]'),
)
"""Of ear/llp/vggish."""


def options(name: str, values: tuple[str, ...]) -> list[str]:
    """The option once for each value."""
    return [argument for value in values for argument in (name, value)]


@dataclass(frozen=True)
class Pair:
    """`root` holds source and target, each with a dataset and features; `target` is what its dataset says."""

    root: Path
    target: Dataset

    def folder(self, whose: str) -> Path:
        return self.root / whose / "dataset"

    def features(self, whose: str) -> Path:
        return self.root / whose / "features"

    def places(self, whose: str) -> list[str]:
        return ["--dataset", str(self.folder(whose)), "--features", str(self.features(whose))]

    def pretraining(self, run_dir: str) -> list[str]:
        """The command line that trains a generator in so named a folder."""
        where = ["--run-dir", str(self.root / run_dir), "--device", "cpu"]
        return ["train", "ear/gen/full", *self.places("source"), *where, *options("--set", GENERATOR)]


def make_pair(root: Path) -> Pair:
    source, target = plant_pair(root, _PLAN)
    spaces = narrow(AUDIO, 8), narrow(VISUAL, 8)
    for name, clips in (("source", source), ("target", target)):
        write_features(root / name, clips, spaces)
    return Pair(root, target.dataset)
