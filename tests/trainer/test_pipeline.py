"""The pipeline as one job: its stages, what is skipped, resumed and made anew, and what is said of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.pairs import Pair, make_pair
from tests.trainer.pipelines import StoppedAt, arguments, messages, notes, skipped, stages
from trainer.__main__ import main
from trainer.annotations import write_dataset
from trainer.labels import Event, Modality, State
from trainer.parses import read_parses, write_parses
from trainer.protocol import (
    MESSAGES_FILE,
    STOP_FILE,
    Epoch,
    Failed,
    Finished,
    Message,
    Progress,
    Stage,
    Started,
    Stopped,
)

STAGES = ("pre-train", "label", "train")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair with a pipeline in RUN that is done; not to be written to."""
    pair = make_pair(tmp_path_factory.mktemp("pair"))
    assert main(arguments(pair)) == 0
    return pair


@pytest.fixture
def pair(done: Pair, tmp_path: Path) -> Pair:
    """The same, to be written to; times of files are kept."""
    shutil.copytree(done.root, tmp_path / "pair")
    (tmp_path / "pair" / "run" / MESSAGES_FILE).unlink()
    return replace(done, root=tmp_path / "pair")


def weights(pair: Pair) -> dict[str, bytes]:
    """What the stages made, without when."""
    run = pair.root / "run"
    made = {name: (run / name / "metrics.json").read_bytes() for name in ("generator", "parser")}
    labels = read_parses(run / "labels" / "pseudo-labels.npz")
    return made | {"labels": labels.audio.tobytes() + labels.visual.tobytes()}


def test_three_stages_leave_two_runs_and_labels_and_say_where_all_is(done: Pair) -> None:
    run = done.root / "run"
    assert stages(done) == [(name, i, 3, False) for i, name in enumerate(STAGES, start=1)]
    said = messages(run)
    assert isinstance(said[0], Started)
    assert said[0].kind == "pipeline"
    last = said[-1]
    assert isinstance(last, Finished)
    assert {*last.outputs} == {"generator", "pseudo_labels", "checkpoint"}
    assert all(Path(path).is_file() for path in last.outputs.values())
    assert "val/segment/Type@AV" in last.metrics
    progress = {message.stage for message in said if isinstance(message, Progress)}
    assert progress == {"load", *STAGES}
    for name in ("generator", "parser"):
        assert (run / name / "config.toml").is_file()
        assert isinstance(messages(run / name)[-1], Finished)
        assert json.loads((run / name / "stage.json").read_text())["done"] is True


def test_epochs_of_the_generator_are_its_own_and_those_of_the_parser_are_told_twice(done: Pair) -> None:
    told = {
        folder: [message.losses.keys() for message in messages(folder) if isinstance(message, Epoch)]
        for folder in (done.root / "run" / name for name in ("generator", "parser", "."))
    }
    generator, parser, pipeline = told.values()
    assert (len(generator), len(parser)) == (2, 2)
    assert pipeline == parser != generator
    details = [message.detail for message in messages(done.root / "run") if isinstance(message, Progress)]
    assert any(detail.startswith("epoch 1 of 2: loss ") for detail in details)


def test_the_same_command_skips_all_that_is_done(pair: Pair) -> None:
    before = weights(pair)
    assert main(arguments(pair, "--parse", pair.root / "all.npz")) == 0
    assert skipped(pair) == [True, True, True]
    assert notes(pair).count("nothing that it is made of has changed") == 3
    last = messages(pair.root / "run")[-1]
    assert isinstance(last, Finished)
    assert last.metrics
    assert len(read_parses(pair.root / "all.npz").names) == 22
    assert weights(pair) == before
    assert sorted(path.name for path in (pair.root / "run").iterdir()) == [
        "generator",
        "labels",
        MESSAGES_FILE,
        "parser",
    ]


def touched(pair: Pair) -> None:
    path = next((pair.features("target") / "clip").glob("*.npy"))
    np.save(path, np.load(path)[:, ::-1].copy())


def reviewed(pair: Pair) -> None:
    name = next(iter(pair.target.splits["train"]))
    seen = (Event(Modality.VISUAL, pair.target.categories[0], 0, 3, State.PRESENT, "ann"),)
    write_dataset(pair.folder("target"), replace(pair.target, reviewed={name: seen}))


def lost(pair: Pair) -> None:
    (pair.root / "run" / "labels" / "pseudo-labels.npz").unlink()


def damaged(pair: Pair) -> None:
    (pair.root / "run" / "parser" / "stage.json").write_text("{")


def other_labels(pair: Pair) -> None:
    path = pair.root / "run" / "labels" / "pseudo-labels.npz"
    labels = read_parses(path)
    write_parses(path, replace(labels, audio=labels.visual))


def damaged_generator(pair: Pair) -> None:
    last = messages(pair.root / "run" / "generator")[-1]
    assert isinstance(last, Finished)
    (pair.root / "run" / "generator" / Path(last.outputs["checkpoint"]).name).write_bytes(b"damaged")


@pytest.mark.parametrize(
    ("change", "more", "wanted", "note"),
    [
        (None, ["--set", "lr=2e-2"], [True, True, False], "for optimiser.lr changed"),
        (None, ["--set", "labels.temperature=1"], [True, False, False], "for labels.temperature changed"),
        (None, ["--threshold", "0.5"], [True, False, False], "for --threshold changed"),
        (None, ["--set-generator", "model.layers=2"], [False, False, False], "for model.layers changed"),
        (None, ["--seed", "7"], [False, False, False], "for training.seed changed"),
        (touched, [], [True, False, False], "for features changed"),
        (reviewed, [], [True, False, False], "for dataset changed"),
        (damaged, [], [True, True, False], "for its stage.json changed"),
        (
            other_labels,
            [],
            [True, False, True],
            "its pseudo-labels.npz, which is not the one that was made",
        ),
        (damaged_generator, [], [False, False, True], "which is not the one that was made, changed"),
    ],
)
def test_a_stage_of_other_inputs_is_made_anew_and_what_it_was_is_kept(
    pair: Pair, change: Callable[[Pair], None] | None, more: list[str], wanted: list[bool], note: str
) -> None:
    if change is not None:
        change(pair)
    assert main(arguments(pair, *more)) == 0
    assert skipped(pair) == wanted
    assert note in notes(pair)
    for name, is_skipped in zip(("generator", "labels", "parser"), wanted, strict=True):
        assert (pair.root / "run" / f"{name}.1").exists() is not is_skipped
    assert main(arguments(pair, *more)) == 0
    assert skipped(pair) == [*wanted, True, True, True]


def test_labels_that_are_gone_are_made_again_the_same_and_the_parser_still_holds(pair: Pair) -> None:
    before = weights(pair)
    lost(pair)
    assert main(arguments(pair)) == 0
    assert skipped(pair) == [True, False, True]
    assert weights(pair) == before


@pytest.fixture
def fresh(done: Pair, tmp_path: Path) -> Pair:
    """A pair without any run."""
    shutil.copytree(done.root, tmp_path / "pair", ignore=shutil.ignore_patterns("run"))
    return replace(done, root=tmp_path / "pair")


@pytest.mark.parametrize(
    ("at", "wanted", "stopped"),
    [
        (lambda m: isinstance(m, Epoch) and m.epoch == 1, [False, False, False], "generator"),
        (lambda m: isinstance(m, Stage) and m.name == "label", [True, False, False], "labels"),
        (lambda m: isinstance(m, Started) and m.recipe == "ear/llp/vggish" and m.kind == "train",
         [True, True, False], "parser"),
    ],
    ids=STAGES,
)  # fmt: skip
def test_a_pipeline_that_was_stopped_goes_on_by_the_same_command_to_the_same_end(
    done: Pair,
    fresh: Pair,
    monkeypatch: pytest.MonkeyPatch,
    at: Callable[[Message], bool],
    wanted: list[bool],
    stopped: str,
) -> None:
    run = fresh.root / "run"
    with monkeypatch.context() as patch:
        StoppedAt(patch, run, STOP_FILE, at)
        assert main(arguments(fresh)) == 3
    assert isinstance(messages(run)[-1], Stopped)
    assert isinstance(messages(run / stopped)[-1], Stopped)
    (run / MESSAGES_FILE).unlink()
    assert main(arguments(fresh)) == 0
    assert skipped(fresh) == wanted
    assert weights(fresh) == weights(done)
    assert not any(run.glob("*.1"))


def test_finish_ends_the_training_under_way_and_no_other(fresh: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fresh.root / "run"
    with monkeypatch.context() as patch:
        StoppedAt(patch, run, "finish", lambda m: isinstance(m, Stage) and m.name == "pre-train")
        StoppedAt(patch, run, "finish", lambda m: isinstance(m, Progress) and m.stage == "pre-train")
        assert main(arguments(fresh)) == 0
    epochs = {
        name: len([m for m in messages(run / name) if isinstance(m, Epoch)]) for name in ("generator", "parser")
    }
    assert epochs == {"generator": 1, "parser": 2}


def test_a_generator_that_is_there_needs_no_source(fresh: Pair, done: Pair) -> None:
    checkpoint = done.root / "run" / "generator" / "best.safetensors"
    if not checkpoint.is_file():
        checkpoint = checkpoint.with_name("last.safetensors")
    assert main(arguments(fresh, by=str(checkpoint))) == 0
    assert stages(fresh) == [("label", 1, 2, False), ("train", 2, 2, False)]
    ours, theirs = (read_parses(pair.root / "run/labels/pseudo-labels.npz") for pair in (fresh, done))
    np.testing.assert_array_equal(ours.audio, theirs.audio)


def test_a_stage_that_fails_says_so_in_both_folders(fresh: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(fresh, "--set-generator", "lr=1e30")) == 1
    err = capsys.readouterr().err
    for folder in (fresh.root / "run", fresh.root / "run" / "generator"):
        failed = messages(folder)[-1]
        assert isinstance(failed, Failed)
        assert f"error: {failed.error}\n" == err


@pytest.mark.parametrize(
    ("more", "recipe", "message"),
    [
        ([], "han/signal", "han/signal is not taught by pseudo-labels and needs no pipeline"),
        (["--set", "labels.generator=han/signal"], "ear/llp/vggish", "trains no generator of pseudo-labels"),
        (["--set", 'labels.generator=""'], "ear/llp/vggish", "names no recipe of a generator"),
        (["--set", "features.audio=vggish"], "ear/llp/vggish", "there is no feature set 'vggish'"),
        (["--threshold", "2"], "ear/llp/vggish", "is no number between 0 and 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    fresh: Pair, capsys: pytest.CaptureFixture[str], more: list[str], recipe: str, message: str
) -> None:
    given = arguments(fresh, *more, recipe=recipe)
    if recipe == "han/signal":
        given = given[: given.index("--set")]
    code, err = main(given), capsys.readouterr().err
    assert (code, err.count("\n"), message in err) == (2, 1, True), err
    assert not (fresh.root / "run" / "generator").exists()


def test_a_target_without_truth_asks_for_a_threshold(fresh: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(fresh.folder("target"), replace(fresh.target, truth={}, complete=frozenset()))
    assert main(arguments(fresh)) == 2
    assert "--threshold" in capsys.readouterr().err
    assert main(arguments(fresh, "--threshold", "0.4")) == 0
    said = read_parses(fresh.root / "run/labels/pseudo-labels.npz").meta["pseudo_labels"]
    assert said["thresholds_from"] == "probability 0.4"


def test_a_run_folder_of_a_training_is_left_alone(fresh: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    run = fresh.root / "run"
    run.mkdir()
    (run / "config.toml").write_text("x")
    assert main(arguments(fresh)) == 2
    assert "holds a training" in capsys.readouterr().err
    assert [path.name for path in run.iterdir()] == ["config.toml"]
