"""`avvp-trainer train`: what a training leaves behind, and what it says of its clips."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import SMALL, Run, is_one_line, messages, train_arguments
from tests.trainer.conftest import World
from trainer.annotations import Dataset, read_dataset, write_dataset
from trainer.labels import Event, Modality, State
from trainer.parses import read_parses
from trainer.protocol import Failed, Finished, Started


def test_train_parse_evaluate(world: World, run: Run) -> None:
    out = world.root / "parses" / "run.npz"
    code, _, err = run(*train_arguments(world, *SMALL, "--seed", 5, "--parse", out))
    assert (code, err) == (0, "")
    first, last = messages(world.root / "run")[0], messages(world.root / "run")[-1]
    assert isinstance(first, Started)
    assert (first.kind, first.recipe, first.epochs, first.pid) == ("train", "han/signal", 3, os.getpid())
    assert isinstance(last, Finished)
    assert Path(last.outputs["parses"]) == out
    assert "seed = 5" in (world.root / "run" / "config.toml").read_text()
    assert (world.root / "run" / "snapshot.json").read_bytes() == (world.folder / "snapshot.json").read_bytes()

    parses = read_parses(out)
    assert parses.names == tuple(name for split in world.dataset.splits.values() for name in split)
    assert parses.meta["parser"] == "han/signal run"
    assert parses.meta["features"] == ["signal-audio", "signal-visual"]
    assert Path(parses.meta["checkpoint"]).is_file()

    code, text, _ = run("evaluate", out, "--dataset", world.folder, "--split", "val", "--json")
    assert code == 0
    scores = json.loads(text)
    assert scores["clips"] == 8
    assert {f"val/{name}": value for name, value in scores["metrics"].items()} == pytest.approx(last.metrics)
    code, table, _ = run("evaluate", out, "--dataset", world.folder, "--split", "test")
    assert code == 0
    assert "Type@AV" in table


def test_a_project_of_media_alone_is_trained_once_a_person_labelled_a_clip(world: World, run: Run) -> None:
    train = dict.fromkeys(world.dataset.splits["train"], frozenset())
    splits = {"train": train, "val": {}, "test": {}}
    write_dataset(world.folder, Dataset(world.dataset.categories, splits))
    code, _, err = run(*train_arguments(world, *SMALL, run_dir="nothing"))
    assert (code, is_one_line(err)) == (2, True)
    assert "none of the 24 train clips has a video-level label" in err
    assert isinstance(messages(world.root / "nothing")[-1], Failed)

    heard = Event(Modality.AUDIO, "Dog", 0, 3, State.PRESENT, "ann")
    write_dataset(world.folder, Dataset(world.dataset.categories, splits, reviewed={"train-00": (heard,)}))
    code, out, err = run(*train_arguments(world, *SMALL, "--parse", world.root / "all.npz"))
    assert (code, err) == (0, "")
    assert "note: 23 of 24 train clips have no video-level label and nothing reviewed" in out
    assert read_parses(world.root / "all.npz").names == tuple(train)


def test_help_is_no_error(run: Run) -> None:
    code, out, err = run("train", "--help")
    assert (code, err) == (0, "")
    assert "--resume" in out


def test_an_exported_folder_read_and_written_again_trains_to_the_same_numbers(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, run_dir="one"))
    write_dataset(world.root / "again", read_dataset(world.folder))
    arguments = train_arguments(world, *SMALL, run_dir="two")
    arguments[arguments.index(world.folder)] = world.root / "again"
    run(*arguments)
    one, two = ((world.root / name / "metrics.json").read_text() for name in ("one", "two"))
    assert one == two


def test_features_that_are_all_zeros_train_and_are_named(world: World, run: Run) -> None:
    np.save(world.feature_file("signal-visual", "train-03"), np.zeros((8, 10), np.float32))
    np.save(world.feature_file("signal-audio", "train-03"), np.ones((8, 10), np.float32))
    code, out, _ = run(*train_arguments(world, *SMALL, "--parse", world.root / "all.npz"))
    assert code == 0
    assert out.count("note: 1 feature file is all zeros: signal-visual/train-03.npy") == 2


def test_a_review_of_a_clip_of_no_split_trains_nothing_and_is_said(world: World, run: Run) -> None:
    reviewed = world.folder / "reviewed.csv"
    reviewed.write_text(reviewed.read_text() + "stranger\taudio\tDog\t0\t1\tpresent\n")
    code, out, _ = run(*train_arguments(world, *SMALL))
    assert code == 0
    assert any("reviewed.csv" in line and "stranger" in line for line in out.splitlines())
