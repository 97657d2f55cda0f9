from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trainer.annotations import read_dataset
from trainer.checkpoint import CheckpointError, load_checkpoint, model_config_types
from trainer.config import Config, load_recipe
from trainer.dataset import DatasetError, unlabelled_tensors
from trainer.device import prepare_torch
from trainer.engine import TrainingError, TrainingResult, learning_rate, train
from trainer.features import FeatureError, FeatureStore
from trainer.labels import Event, Modality, State
from trainer.parses import Parse
from trainer.parsing import parse_clips
from trainer.protocol import (
    MESSAGES_FILE,
    STOP_FILE,
    Epoch,
    Message,
    Note,
    Progress,
    Reporter,
    StopRequested,
    read_message,
)
from trainer.scoring import score_parses, scored_names

SMALL = (
    "model.width=16",
    "model.heads=2",
    "model.feedforward=16",
    "warm_up=1",
    "epochs=6",
    "batch=8",
    "lr=1e-2",
)
CPU = torch.device("cpu")


class World(Protocol):
    root: Path
    folder: Path
    features: Path
    dataset: Any
    write: Callable[[Any], None]
    feature_file: Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare_torch()


def config_of(recipe: str = "han/signal", *overrides: str) -> Config:
    return load_recipe(recipe, [*SMALL, *overrides], models=model_config_types())


def run(
    world: World,
    name: str = "run",
    config: Config | None = None,
    *,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> TrainingResult:
    run_dir = world.root / name
    run_dir.mkdir(exist_ok=True)
    config = config or config_of()
    store = FeatureStore(world.features, audio=config.features.audio, visual=config.features.visual)
    reporter = reporter or Reporter(run_dir)
    dataset = read_dataset(world.folder)
    return train(config, dataset, store, run_dir, device=CPU, reporter=reporter, resume=resume)


def messages(world: World, name: str = "run") -> list[Message]:
    lines = (world.root / name / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def of_type(found: list[Message], kind: type[Message]) -> list[Any]:
    return [message for message in found if isinstance(message, kind)]


def weights(world: World, name: str = "run") -> dict[str, torch.Tensor]:
    return load_file(world.root / name / "last.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class StopAfter(Reporter):
    """Asks for a stop in the middle of the epoch after `epochs`, as a person would with the stop file."""

    def __init__(self, run_dir: Path, epochs: int) -> None:
        super().__init__(run_dir)
        self._run_dir_, self._epochs, self._steps = run_dir, epochs, 0

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Epoch):
            self._epochs -= 1

    @property
    def is_stop_requested(self) -> bool:
        if self._epochs <= 0:
            self._steps += 1
            if self._steps > 2:
                (self._run_dir_ / STOP_FILE).touch()
        return super().is_stop_requested


@pytest.mark.parametrize("recipe", ["han/signal", "ecma/signal"])
def test_training_learns_what_is_planted(world: World, recipe: str) -> None:
    result = run(world, config=config_of(recipe, "epochs=25"))
    epochs = of_type(messages(world), Epoch)
    assert epochs[-1].losses["video"] < 0.6 * epochs[0].losses["video"]
    assert result.metrics["segment/Type@AV"] > 45
    assert [epoch.epoch for epoch in epochs] == list(range(1, 26))
    assert epochs[-1].eta_s == 0


def test_the_best_checkpoint_is_the_first_of_the_highest_type_score(world: World) -> None:
    result = run(world)
    scores = [epoch.metrics["val/segment/Type@AV"] for epoch in of_type(messages(world), Epoch)]
    _, best = load_checkpoint(result.checkpoint, CPU)
    _, last = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    assert best.epoch == result.epoch == 1 + int(np.argmax(scores))
    assert best.metrics["segment/Type@AV"] == result.metrics["segment/Type@AV"] == max(scores)
    assert last.epoch == 6
    assert json.loads((world.root / "run" / "metrics.json").read_text())["best_epoch"] == best.epoch


def test_a_checkpoint_parses_as_the_engine_validated_it(world: World) -> None:
    result = run(world)
    model, info = load_checkpoint(result.checkpoint, CPU)
    dataset = read_dataset(world.folder)
    features = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"]).read(
        dataset.splits["val"]
    )
    clips = {name: info.scaling.apply(clip) for name, clip in features.clips.items()}  # type: ignore[union-attr]
    parses = parse_clips(model, unlabelled_tensors(clips, len(info.categories), CPU))
    names = scored_names(dataset, "val")
    assert score_parses(parses, dataset, names, threshold=0.5) == pytest.approx(result.metrics)
    assert [len(parses[name].audio) for name in names] == [features.clips[name].segments for name in names]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(world: World) -> None:
    run(world, "one")
    run(world, "two")
    run(world, "other", config_of("han/signal", "seed=2"))
    assert same(weights(world, "one"), weights(world, "two"))
    assert not same(weights(world, "one"), weights(world, "other"))


@pytest.mark.parametrize("recipe", ["han/signal", "ecma/signal"])
def test_a_stopped_run_that_is_resumed_ends_as_if_it_had_never_stopped(world: World, recipe: str) -> None:
    config = config_of(recipe)
    whole = run(world, "whole", config)
    with pytest.raises(StopRequested):
        run(world, "stopped", config, reporter=StopAfter(world.root / "stopped", 3))
    assert len(of_type(messages(world, "stopped"), Epoch)) == 3
    (world.root / "stopped" / STOP_FILE).unlink()
    resumed = run(world, "stopped", config, resume=True)
    assert same(weights(world, "whole"), weights(world, "stopped"))
    assert (resumed.epoch, resumed.metrics) == (whole.epoch, whole.metrics)
    epochs = {name: of_type(messages(world, name), Epoch) for name in ("whole", "stopped")}
    assert [epoch.losses for epoch in epochs["stopped"]] == [epoch.losses for epoch in epochs["whole"]]


def test_a_run_that_was_stopped_in_its_first_epoch_resumes_from_the_start(world: World) -> None:
    run(world, "whole")
    with pytest.raises(StopRequested):
        run(world, "stopped", reporter=StopAfter(world.root / "stopped", 0))
    (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", resume=True)
    assert same(weights(world, "whole"), weights(world, "stopped"))


def test_a_run_is_not_resumed_on_other_labels(world: World) -> None:
    run(world)
    clip = next(iter(world.dataset.splits["train"]))
    reviewed = {clip: (Event(Modality.AUDIO, "Dog", 0, 2, State.PRESENT, "ann"),)}
    world.write(replace(world.dataset, reviewed=reviewed))
    with pytest.raises(CheckpointError, match="their labels changed"):
        run(world, resume=True)


def test_reviewed_cells_of_training_clips_change_what_is_learnt(world: World) -> None:
    run(world, "before")
    clip = next(iter(world.dataset.splits["train"]))
    absent = (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)
    world.write(replace(world.dataset, reviewed={clip: absent}))
    run(world, "after")
    assert not same(weights(world, "before"), weights(world, "after"))


def test_reviewed_cells_of_validation_clips_change_nothing_that_is_learnt(world: World) -> None:
    run(world, "before")
    clip = next(iter(world.dataset.splits["val"]))
    world.write(
        replace(world.dataset, reviewed={clip: (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)})
    )
    run(world, "after")
    assert same(weights(world, "before"), weights(world, "after"))


def without_labels(world: World, names: list[str]) -> Any:
    train = world.dataset.splits["train"] | dict.fromkeys(names, frozenset())
    return replace(world.dataset, splits=world.dataset.splits | {"train": train})


def test_clips_of_which_nothing_is_known_are_left_out_and_counted(world: World) -> None:
    names = list(world.dataset.splits["train"])
    world.write(without_labels(world, names[:4]))
    run(world, "with")
    (note,) = of_type(messages(world, "with"), Note)
    assert "4 of 24 train clips have no video-level label and nothing reviewed, and are left out" in note.text
    rest = {name: world.dataset.splits["train"][name] for name in names[4:]}
    world.write(replace(world.dataset, splits=world.dataset.splits | {"train": rest}))
    run(world, "without")
    assert same(weights(world, "with"), weights(world, "without"))


def test_a_clip_that_only_a_person_labelled_is_trained_on_what_they_said(world: World) -> None:
    names = list(world.dataset.splits["train"])
    present = (Event(Modality.AUDIO, "Dog", 0, 7, State.PRESENT, "ann"),)
    world.write(replace(without_labels(world, names), reviewed={names[0]: present}))
    run(world, config=config_of("han/signal", "epochs=40"))
    left_out, little = (note.text for note in of_type(messages(world), Note))
    assert "23 of 24 train clips" in left_out
    assert "1 of 24 train clips have no video-level label: only what was reviewed" in little
    parse = parses_of(world, names[:1])[names[0]]
    assert parse.audio[:7, 0].min() > 0.9
    # No one said that the others are absent: nothing drives them down.
    assert parse.video[1:].min() > 0.2


def parses_of(world: World, names: list[str]) -> dict[str, Parse]:
    model, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    store = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"])
    clips = {name: info.scaling.apply(clip) for name, clip in store.read(names).clips.items()}  # type: ignore[union-attr]
    return parse_clips(model, unlabelled_tensors(clips, len(info.categories), CPU))


def test_without_validation_clips_the_last_epoch_is_kept(world: World) -> None:
    world.write(
        replace(world.dataset, splits=world.dataset.splits | {"val": {}}, truth={}, complete=frozenset())
    )
    result = run(world)
    assert result.checkpoint.name == "last.safetensors"
    assert result.epoch == 6
    assert not (world.root / "run" / "best.safetensors").exists()
    assert any("last epoch is kept" in note.text for note in of_type(messages(world), Note))


def test_clips_without_features_are_left_out_and_counted(world: World) -> None:
    for name in list(world.dataset.splits["train"])[:3]:
        world.feature_file("signal-visual", name).unlink()
    run(world)
    (note,) = of_type(messages(world), Note)
    assert "3 of 24 train clips, 0 of 8 val clips" in note.text


def test_training_clips_without_any_features_are_an_error(world: World) -> None:
    for name in world.dataset.splits["train"]:
        world.feature_file("signal-audio", name).unlink()
    with pytest.raises(DatasetError, match="none of the 24 labelled train clips"):
        run(world)


def test_damaged_features_are_refused_before_the_first_step(world: World) -> None:
    world.feature_file("signal-audio", "val-03").write_bytes(b"")
    with pytest.raises(FeatureError, match=r"val-03\.npy"):
        run(world)
    assert not of_type(messages(world), Epoch)


def test_a_loss_that_is_lost_names_the_epoch_and_the_step(world: World) -> None:
    huge = np.full((8, 10), 3e38, np.float32)
    for name in world.dataset.splits["train"]:
        np.save(world.feature_file("signal-audio", name), huge)
        np.save(world.feature_file("signal-visual", name), huge)
    with pytest.raises(
        TrainingError, match=r"no longer a finite number \(.*epoch 1, step 1\): lower the learning"
    ):
        run(world, config=config_of("han/signal", "standardise=false"))


def test_e_cmanet_leaves_what_it_trained_on(world: World) -> None:
    run(world, config=config_of("ecma/signal"))
    with np.load(world.root / "run" / "supervision.npz", allow_pickle=False) as arrays:
        assert list(arrays["names"]) == list(world.dataset.splits["train"])
        assert arrays["mask"].dtype == np.bool_
        assert arrays["mask"].shape == (24, int(arrays["lengths"].max()), 3)
        assert arrays["teacher"].dtype == np.float16
        assert arrays["epoch"] == config_of("ecma/signal").training.epochs


def test_progress_counts_the_steps_of_the_whole_run(world: World) -> None:
    run(world)
    steps = [message for message in of_type(messages(world), Progress) if message.stage == "train"]
    assert (steps[-1].done, steps[-1].total) == (18, 18)


@pytest.mark.parametrize(
    ("overrides", "epoch", "expected"),
    [
        (("schedule.kind=constant",), 5, 1.0),
        (("schedule.kind=step", "every=10", "factor=0.1"), 10, 1.0),
        (("schedule.kind=step", "every=10", "factor=0.1"), 11, 0.1),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 5, 0.5),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 10, 1.0),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 35, 0.505),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 60, 0.01),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    overrides: tuple[str, ...], epoch: int, expected: float
) -> None:
    config = load_recipe("han/signal", ["epochs=60", "lr=1.0", *overrides], models=model_config_types())
    assert learning_rate(config, epoch) == pytest.approx(expected)
