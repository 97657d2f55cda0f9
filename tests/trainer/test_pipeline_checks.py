"""What a pipeline refuses before its first stage, and what it does not take for a change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.pairs import Pair, make_pair
from tests.trainer.pipelines import arguments, messages, skipped, stages
from trainer.__main__ import main
from trainer.annotations import write_dataset
from trainer.jobs import alone_in
from trainer.labels import Event, Modality, State
from trainer.protocol import MESSAGES_FILE, STOP_FILE, Failed, Message, Reporter, Started, Stopped
from trainer.texts import read_text_file, texts_path, write_texts


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair with a pipeline in RUN that is done; not to be written to."""
    pair = make_pair(tmp_path_factory.mktemp("pair"))
    assert main(arguments(pair)) == 0
    return pair


@pytest.fixture
def pair(done: Pair, tmp_path: Path) -> Pair:
    """The same, to be written to. Its files are newer."""
    shutil.copytree(done.root, tmp_path / "pair", copy_function=shutil.copyfile)
    (tmp_path / "pair" / "run" / MESSAGES_FILE).unlink()
    return replace(done, root=tmp_path / "pair")


@pytest.fixture
def fresh(pair: Pair) -> Pair:
    """The same without a run."""
    shutil.rmtree(pair.root / "run")
    return pair


def narrower(folder: Path) -> None:
    for file in folder.glob("*.npy"):
        np.save(file, np.load(file)[:, :5])


def narrower_features(pair: Pair) -> None:
    narrower(pair.features("target") / "clip")


def narrower_texts(pair: Pair) -> None:
    path = texts_path(pair.features("target"), "clip")
    texts = read_text_file(path)
    path.unlink()
    write_texts(pair.features("target"), "clip", replace(texts, features=texts.features[:, :5]))


def no_video_labels(pair: Pair) -> None:
    splits = {**pair.target.splits, "train": dict.fromkeys(pair.target.splits["train"], frozenset[str]())}
    write_dataset(pair.folder("target"), replace(pair.target, splits=splits))


def no_dense_truth(pair: Pair) -> None:
    shutil.rmtree(pair.folder("source"))
    write_dataset(pair.folder("source"), pair.target)


def damaged_feature(pair: Pair) -> None:
    file = next((pair.features("target") / "clap512").glob("*.npy"))
    file.write_bytes(file.read_bytes()[:-7])


def no_features_of_val(pair: Pair) -> None:
    for name in pair.target.splits["val"]:
        next((pair.features("target") / "clip").glob(f"{name[:11]}*")).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damaged_feature, "1 feature file cannot be used"),
        (narrower_features, "clip has 5 columns, and 8 where the generator is trained"),
        (narrower_texts, "the text features of clip have 5 columns and the segments 8"),
        (no_video_labels, "none of the 10 train clips has a video-level label"),
        (no_dense_truth, "none of the 10 train clips has dense truth"),
        (no_features_of_val, "no validation clip has complete truth and features"),
    ],
)
def test_what_a_later_stage_would_refuse_is_said_before_the_first(
    fresh: Pair, capsys: pytest.CaptureFixture[str], change: Callable[[Pair], None], message: str
) -> None:
    change(fresh)
    code, err = main(arguments(fresh)), capsys.readouterr().err
    assert (code, err.count("\n"), message in err) == (2, 1, True), err
    assert stages(fresh) == []
    assert isinstance(messages(fresh.root / "run")[-1], Failed)
    assert [path.name for path in (fresh.root / "run").iterdir()] == [MESSAGES_FILE]


def test_a_setting_of_the_generator_that_cannot_be_is_told_by_its_own_option(
    fresh: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(fresh, "--set-generator", "model.nope=1")) == 2
    assert "ear/gen/full: --set-generator model.nope=1: there is no setting" in capsys.readouterr().err


def test_a_pair_that_was_copied_and_reviewed_in_test_clips_is_not_trained_again(pair: Pair) -> None:
    name = next(iter(pair.target.splits["test"]))
    seen = (Event(Modality.VISUAL, pair.target.categories[0], 0, 3, State.PRESENT, "ann"),)
    truth = {**pair.target.truth, name: ()}
    write_dataset(pair.folder("target"), replace(pair.target, truth=truth, reviewed={name: seen}))
    assert main(arguments(pair)) == 0
    assert skipped(pair) == [True, True, True]


def test_features_of_test_clips_are_labelled_again_and_not_trained_again(pair: Pair) -> None:
    name = next(iter(pair.target.splits["test"]))
    file = next((pair.features("target") / "clip").glob(f"{name[:11]}*"))
    np.save(file, np.load(file)[::-1])
    assert main(arguments(pair)) == 0
    assert skipped(pair) == [True, False, True]


def test_a_run_folder_in_which_another_job_works_is_left_alone(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    run = pair.root / "run"
    stage = run / "generator"
    going_on = ["train", "--resume", *pair.places("source"), "--run-dir", str(stage), "--device", "cpu"]
    with alone_in(run), alone_in(stage):
        (run / STOP_FILE).touch()  # meant for who is at work
        told = (stage / MESSAGES_FILE).read_text()
        for command in (arguments(pair), going_on):
            assert main(command) == 2
            err = capsys.readouterr().err
            assert (err.count("\n"), "another job is at work there" in err) == (1, True)
        assert messages(run) == []
        assert (run / STOP_FILE).exists()
        assert (stage / MESSAGES_FILE).read_text() == told
    assert main(arguments(pair)) == 0


def test_a_training_does_not_begin_in_the_folder_of_a_pipeline(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(pair.pretraining("run")) == 2
    assert "holds a pipeline; give another --run-dir" in capsys.readouterr().err
    assert sorted(os.listdir(pair.root / "run")) == ["generator", "labels", "parser"]


def test_a_stop_that_is_asked_for_at_the_very_start_is_not_forgotten(
    fresh: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, send = fresh.root / "run", Reporter.send

    def sent(reporter: Reporter, message: Message) -> None:
        send(reporter, message)
        if isinstance(message, Started):
            (run / STOP_FILE).touch()

    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "send", sent)
        assert main(arguments(fresh)) == 3
    assert isinstance(messages(run)[-1], Stopped)
    assert stages(fresh) == []
