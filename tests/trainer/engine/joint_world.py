"""The planted world with features in the space of texts and VALOR's pseudo-labels, and trainings on both.

As a program, `RANK FILE ROOT`, this is one of two processes of such a training.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as processes

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of
from tests.trainer.engine.watchers import WATCHERS, WatcherConfig
from trainer.annotations import read_dataset
from trainer.config import Config
from trainer.device import prepare_torch
from trainer.engine import train
from trainer.group import Group
from trainer.jobs import feature_store
from trainer.models import MODELS
from trainer.parses import Parse, ParseFile, read_parses
from trainer.protocol import Reporter
from trainer.texts import TextFeatures, write_texts

WIDTHS = {"clap512": 4, "clip": 6}
THEIR_CATEGORIES = ("Cat", "Car", "Dog", "Bell")
"""Of the pseudo-labels: another order than the world's Dog, Bell, Car, and one more."""
COLUMNS = [2, 3, 1]
THRESHOLDS = {"audio": [9.0, 0.1, 0.2, -0.3], "visual": [9.0, 0.4, -0.5, 0.6]}
SCALES = {"audio": 26.0, "visual": 100.0}
VALOR = {"method": "valor", "features": [*WIDTHS], "thresholds": THRESHOLDS, "scales": SCALES}


def joint_config(*overrides: str, parser: str = "joint-watcher") -> Config:
    """Two epochs over standardised features, with the joint ones beside them."""
    joint = 'features.joint=["clap512", "clip"]'
    kind = ("labels.kind=pseudo", "select_by=segment/AV")
    return config_of("han/signal", f"parser={parser}", *kind, joint, "epochs=2", *overrides)


def make_joint(world: World) -> ParseFile:
    """Give the world's clips joint features, and its categories texts; the pseudo-labels of train and val."""
    rng = np.random.default_rng(4)
    clips = {}
    for split, names in world.dataset.splits.items():
        for name in names:
            segments = len(np.load(world.feature_file("signal-audio", name)))
            for features, width in WIDTHS.items():
                path = world.feature_file(features, name)
                path.parent.mkdir(exist_ok=True)
                np.save(path, rng.normal(size=(segments, width)).astype(np.float32))
            audio, visual = rng.random((2, segments, 4), np.float32)
            if split != "test":
                clips[name] = Parse(audio, visual, rng.random(4, np.float32))
    for features, width in WIDTHS.items():
        rows = rng.normal(size=(3, width)).astype(np.float32)
        write_texts(world.features, features, TextFeatures(("Car", "Bell", "Dog"), ("a", "b", "c"), rows))
    return valor_labels(clips)


def valor_labels(clips: dict[str, Parse]) -> ParseFile:
    return ParseFile.from_clips(clips, THEIR_CATEGORIES, {"pseudo_labels": VALOR})


def main(rank: int, meeting: Path, root: Path) -> None:
    prepare_torch(threads=1)
    MODELS.update({name: (WatcherConfig, parser) for name, parser in WATCHERS.items()})
    processes.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    config, run_dir = joint_config(), root / "two"
    run_dir.mkdir(exist_ok=True)
    train(
        config,
        read_dataset(root / "dataset"),
        feature_store(root / "features", config),
        run_dir,
        device=CPU,
        reporter=Reporter(None if rank else run_dir),
        group=Group(rank, 2),
        pseudo_labels=read_parses(root / "valor.npz"),
    )
    processes.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
