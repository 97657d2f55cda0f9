from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trainer.annotations import labels_hash, read_dataset
from trainer.checkpoint import (
    CheckpointError,
    CheckpointInfo,
    build_model,
    load_checkpoint,
    load_state,
    model_config_types,
    save_state,
)
from trainer.config import Config, load_recipe
from trainer.dataset import DatasetError, clip_tensors, feature_rows, unlabelled_tensors
from trainer.device import prepare_torch
from trainer.engine import TrainingResult, train
from trainer.engine.loss_log import TrainingError
from trainer.engine.schedule import learning_rate
from trainer.features import FeatureError, Features, FeatureStore
from trainer.labels import PRESENT, Event, Modality, State, state_grid
from trainer.models.layers import Parser
from trainer.parses import Parse
from trainer.parsing import parse_clips
from trainer.protocol import (
    FINISH_FILE,
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
from trainer.supervision_files import read_supervision, supervision_path

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
    """Asks for a stop `steps` after the given epoch, as a person would with the stop file."""

    def __init__(self, run_dir: Path, epochs: int, steps: int = 2) -> None:
        super().__init__(run_dir)
        self._folder, self._epochs, self._steps = run_dir, epochs, steps

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Epoch):
            self._epochs -= 1

    @property
    def is_stop_requested(self) -> bool:
        if self._epochs <= 0:
            self._steps -= 1
            if self._steps < 0:
                (self._folder / STOP_FILE).touch()
        return super().is_stop_requested


class FinishAfter(Reporter):
    """Asks for the training to finish during the epoch after `epochs`."""

    def __init__(self, run_dir: Path, epochs: int) -> None:
        super().__init__(run_dir)
        self._folder, self._epochs = run_dir, epochs

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Epoch) and message.epoch == self._epochs:
            (self._folder / FINISH_FILE).touch()


def test_a_training_uses_as_many_threads_as_asked_for_and_else_leaves_a_core() -> None:
    prepare_torch(threads=3)
    assert torch.get_num_threads() == 3
    prepare_torch(processes=10_000)
    assert torch.get_num_threads() == 1


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
    features, parses = parsed(world, model, info, dataset.splits["val"])
    names = scored_names(dataset, "val")
    rule = info.config.prediction.rule()
    assert score_parses(parses, dataset, names, rule=rule) == pytest.approx(result.metrics)
    assert [len(parses[name].audio) for name in names] == features.lengths.tolist()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(world: World) -> None:
    run(world, "one")
    run(world, "two")
    run(world, "other", config_of("han/signal", "seed=2"))
    assert same(weights(world, "one"), weights(world, "two"))
    assert not same(weights(world, "one"), weights(world, "other"))


@pytest.mark.parametrize("recipe", ["han/signal", "coleaf/signal", "ecma/signal"])
def test_a_run_stopped_after_any_step_ends_as_if_it_had_never_stopped(world: World, recipe: str) -> None:
    config = config_of(recipe, "epochs=4", *(["mask_period=2"] if recipe == "ecma/signal" else []))
    whole = run(world, "whole", config)
    for epochs, steps in ((0, 1), (1, 0), (1, 2)):  # counted from where the run is taken up
        stopping = StopAfter(world.root / "stopped", epochs, steps)
        with pytest.raises(StopRequested):
            run(world, "stopped", config, reporter=stopping, resume=True)
        (world.root / "stopped" / STOP_FILE).unlink()
    resumed = run(world, "stopped", config, resume=True)
    assert same(weights(world, "whole"), weights(world, "stopped"))
    assert (resumed.epoch, resumed.metrics) == (whole.epoch, whole.metrics)
    told = [
        [(epoch.epoch, epoch.losses, epoch.metrics) for epoch in of_type(messages(world, name), Epoch)]
        for name in ("whole", "stopped")
    ]
    assert told[0] == told[1]
    for path in (world.root / "whole").glob("supervision/*.npz"):
        assert path.read_bytes() == (world.root / "stopped" / "supervision" / path.name).read_bytes()


def test_a_run_that_is_to_finish_ends_well_after_its_epoch_and_resumes_to_the_full_number(world: World) -> None:
    run(world, "whole")
    result = run(world, "early", reporter=FinishAfter(world.root / "early", 2))
    assert [epoch.epoch for epoch in of_type(messages(world, "early"), Epoch)] == [1, 2, 3]
    assert of_type(messages(world, "early"), Note)[-1].text == "finished early, after epoch 3 of 6"
    assert result.checkpoint.is_file()
    (world.root / "early" / FINISH_FILE).unlink()
    run(world, "early", resume=True)
    assert same(weights(world, "whole"), weights(world, "early"))


def test_the_metric_that_is_asked_for_chooses_the_best_checkpoint(world: World) -> None:
    result = run(world, config=config_of("han/signal", "select_by=event/V"))
    scores = [epoch.metrics["val/event/V"] for epoch in of_type(messages(world), Epoch)]
    assert result.epoch == 1 + int(np.argmax(scores))


def test_truth_that_is_audio_visual_only_chooses_by_what_can_be_scored(world: World) -> None:
    dataset = replace(world.dataset, audio_visual_only=True, truth=both_modalities(world.dataset.truth))
    shutil.rmtree(world.folder)
    world.write(dataset)
    result = run(world, config=config_of("ecma/signal"))
    epochs = of_type(messages(world), Epoch)
    assert set(epochs[0].metrics) == {"val/segment/AV", "val/event/AV"}
    assert result.epoch == 1 + int(np.argmax([epoch.metrics["val/segment/AV"] for epoch in epochs]))
    assert not any(key.startswith("mask/") for key in epochs[-1].supervision)
    assert any("segment/AV chooses the best checkpoint" in note.text for note in of_type(messages(world), Note))


def both_modalities(truth: dict[str, tuple[Event, ...]]) -> dict[str, tuple[Event, ...]]:
    heard = {
        name: [event for event in events if event.modality is Modality.AUDIO] for name, events in truth.items()
    }
    return {
        name: tuple(sorted(replace(event, modality=modality) for event in events for modality in Modality))
        for name, events in heard.items()
    }


def test_a_run_is_not_resumed_on_other_labels(world: World) -> None:
    run(world)
    clip = next(iter(world.dataset.splits["train"]))
    reviewed = {clip: (Event(Modality.AUDIO, "Dog", 0, 2, State.PRESENT, "ann"),)}
    world.write(replace(world.dataset, reviewed=reviewed))
    with pytest.raises(CheckpointError, match="their labels changed"):
        run(world, resume=True)


def test_a_state_that_does_not_fit_is_refused(world: World) -> None:
    run(world)
    path = world.root / "run" / "state.pt"
    for change in (
        {"trainee": {}},
        {"course": {"speed": 3}},
        {"course": {"epoch": "x"}},
        {"order": torch.zeros(3)},
    ):
        state = load_state(path)
        save_state(world.root / "run" / "state.pt", state | change)
        with pytest.raises(CheckpointError, match="does not fit this run; start a new one"):
            run(world, resume=True)
        save_state(path, state)


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
    model, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    _, parses = parsed(world, model, info, names[:1])
    parse = parses[names[0]]
    assert parse.audio[:7, 0].min() > 0.9
    # No one said that the others are absent: nothing drives them down.
    assert parse.video[1:].min() > 0.2


def parsed(
    world: World, model: Parser, info: CheckpointInfo, names: Iterable[str]
) -> tuple[Features, dict[str, Parse]]:
    features = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"]).read(names)
    rows = feature_rows(features, info.config.features, CPU, info.scaling)
    return features, parse_clips(model, unlabelled_tensors(rows, len(info.categories)))


@pytest.mark.parametrize("recipe", ["han/signal", "ecma/signal"])
def test_without_validation_clips_the_last_epoch_is_kept(world: World, recipe: str) -> None:
    world.write(
        replace(world.dataset, splits=world.dataset.splits | {"val": {}}, truth={}, complete=frozenset())
    )
    result = run(world, config=config_of(recipe))
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


def test_a_loss_that_diverges_stops_the_run_and_keeps_the_epochs_before(world: World) -> None:
    config = config_of("han/signal", "divergence=1.05", "lr=0.3", "dropout=0.5")
    with pytest.raises(TrainingError, match=r"diverges: its mean over epoch \d.*step \d+ was the first"):
        run(world, config=config)
    epochs = of_type(messages(world), Epoch)
    assert 1 <= len(epochs) < 6
    assert load_checkpoint(world.root / "run" / "last.safetensors", CPU)[1].epoch == len(epochs)
    run(world, "other", config_of("han/signal", "divergence=0", "lr=0.3", "dropout=0.5"))


def test_every_epoch_leaves_what_it_trained_on(world: World) -> None:
    run(world, config=config_of("ecma/signal", "dropout=0", "visual_dropout=0", "epochs=3"))
    found = [read_supervision(supervision_path(world.root / "run", epoch)) for epoch in (1, 2, 3)]
    assert [supervision.epoch for supervision in found] == [1, 2, 3]
    last = found[-1]
    assert last.names == (*world.dataset.splits["train"], *world.dataset.splits["val"])
    assert (last.trained, last.categories) == (24, world.dataset.categories)
    clip = last.clip("train-05")
    length = int(last.lengths[5])
    assert clip["teacher"].shape == (2, length, 3)
    assert clip["mask"].dtype == np.bool_
    assert np.abs(found[0].clip("train-05")["student"] - clip["student"]).max() > 0.05


def test_the_supervision_of_training_clips_is_what_their_own_step_used(world: World) -> None:
    config = config_of("ecma/signal", "dropout=0", "visual_dropout=0", "epochs=1", "batch=24")
    run(world, config=config)  # one step, with fresh weights
    kept = read_supervision(supervision_path(world.root / "run", 1))
    torch.manual_seed(config.training.seed)
    model = build_model(config, 3, {"signal-audio": 10, "signal-visual": 10})
    _, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    _, parses = parsed(world, model, info, world.dataset.splits["train"])
    for name, parse in parses.items():
        np.testing.assert_allclose(kept.clip(name)["student"][0], parse.audio, atol=0.5 / 255 + 1e-6)
        np.testing.assert_allclose(kept.clip(name)["student"][1], parse.visual, atol=0.5 / 255 + 1e-6)


def test_the_supervision_of_validation_clips_is_that_of_the_kept_weights_and_is_scored(world: World) -> None:
    run(world, config=config_of("ecma/signal", "epochs=8", "mask_gamma=0.5"))
    kept = read_supervision(supervision_path(world.root / "run", 8))
    model, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    names = list(world.dataset.splits["val"])
    features = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"]).read(names)
    rows = feature_rows(features, info.config.features, CPU, info.scaling)
    clips = clip_tensors(world.dataset, "val", rows)
    (batch,) = clips.batches()
    made = model.supervision(batch)
    marked = true = hit = 0
    for i, (name, length) in enumerate(zip(names, clips.lengths.tolist(), strict=True)):
        clip = kept.clip(name)
        np.testing.assert_allclose(clip["teacher"], made["teacher"][i, :, :length], atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(clip["pairs"], made["pairs"][i, :length])
        truth = state_grid(world.dataset.truth.get(name, ()), world.dataset.categories, length) == PRESENT
        both = truth.all(axis=0)
        marked, true = marked + clip["pairs"].sum(), true + both.sum()
        hit += (clip["pairs"] & both).sum()
    scores = of_type(messages(world), Epoch)[-1].supervision
    assert scores["pairs/cells"] == marked > 0
    assert scores["pairs/precision"] == pytest.approx(100 * hit / marked)
    assert scores["pairs/recall"] == pytest.approx(100 * hit / true)
    assert json.loads((world.root / "run" / "metrics.json").read_text())["history"][-1]["supervision"] == scores


@pytest.mark.parametrize(("keep", "epochs"), [("2", [2, 4, 5]), ("0", [5])])
def test_supervision_is_kept_as_often_as_asked_and_always_at_the_end(
    world: World, keep: str, epochs: list[int]
) -> None:
    run(world, config=config_of("ecma/signal", "epochs=5", f"keep_supervision={keep}"))
    found = sorted((world.root / "run" / "supervision").iterdir())
    assert [path.name for path in found] == [f"epoch-{epoch:04}.npz" for epoch in epochs]


def test_a_parser_that_trains_on_labels_alone_leaves_no_supervision(world: World) -> None:
    run(world)
    assert not (world.root / "run" / "supervision").exists()
    assert of_type(messages(world), Epoch)[-1].supervision == {}


def test_reviewed_cells_of_scored_clips_are_counted_and_refused_as_labels(world: World) -> None:
    said = (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)
    world.write(replace(world.dataset, reviewed={"val-01": said, "test-02": said, "train-00": said}))
    run(world)
    (note,) = of_type(messages(world), Note)
    assert note.text.startswith("10 reviewed cells of 2 val and test clips are refused as training labels")
    assert "val-01; test-02" in note.text


def test_an_epoch_tells_how_fast_it_was_and_what_memory_it_took(world: World) -> None:
    run(world)
    epoch = of_type(messages(world), Epoch)[-1]
    assert epoch.clips_per_s > 10
    assert 50 < epoch.peak_memory_mb < 100_000


def test_a_checkpoint_names_the_labels_that_it_was_trained_on(world: World) -> None:
    run(world)
    _, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    assert info.labels == labels_hash(read_dataset(world.folder))


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
