from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from trainer.__main__ import main
from trainer.annotations import Dataset, read_dataset, write_dataset
from trainer.labels import Event, Modality, State
from trainer.parses import Parse, ParseFile, read_parses, write_parses
from trainer.protocol import (
    FINISH_FILE,
    MESSAGES_FILE,
    STOP_FILE,
    Failed,
    Finished,
    Message,
    Started,
    Stopped,
    read_message,
)

SMALL = [
    argument
    for setting in ("model.width=16", "model.heads=2", "model.feedforward=16", "epochs=3", "lr=1e-2")
    for argument in ("--set", setting)
]

Run = Callable[..., tuple[int, str, str]]


class World(Protocol):
    root: Path
    folder: Path
    features: Path
    dataset: Any
    feature_file: Callable[[str, str], Path]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def train_arguments(
    world: World, *more: object, recipe: str = "han/signal", run_dir: str = "run"
) -> list[object]:
    places = ["--dataset", world.folder, "--features", world.features, "--run-dir", world.root / run_dir]
    return ["train", recipe, *places, "--device", "cpu", *more]


def messages(run_dir: Path) -> list[Message]:
    lines = (run_dir / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def is_one_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1


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


def test_a_checkpoint_parses_a_split_or_named_clips_as_training_did(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, "--parse", world.root / "all.npz"))
    checkpoint = world.root / "run" / "best.safetensors"
    base = ["parse", checkpoint, "--features", world.features, "--out", world.root / "some.npz"]
    assert run(*base, "--dataset", world.folder, "--split", "test")[0] == 0
    whole, some = (read_parses(world.root / name) for name in ("all.npz", "some.npz"))
    assert some.names == tuple(world.dataset.splits["test"])
    for name in some.names:
        np.testing.assert_allclose(some.clip(name).audio, whole.clip(name).audio, atol=1e-6)  # type: ignore[union-attr]
    code, out, _ = run(*base, "--clips", "val-01", "nowhere", "--run-dir", world.root / "parse")
    assert code == 0
    assert read_parses(world.root / "some.npz").names == ("val-01",)
    assert "1 of 2 clips have no features: nowhere" in out
    assert isinstance(messages(world.root / "parse")[-1], Finished)


def test_recipes_are_listed_for_people_and_for_programs(run: Run) -> None:
    code, text, _ = run("recipes")
    assert code == 0
    assert "ecma/llp/full" in text
    assert "66.1" in text
    listed = {entry["name"]: entry for entry in json.loads(run("recipes", "--json")[1])}
    assert listed["ecma/signal"]["features"] == ["signal-audio", "signal-visual"]
    assert listed["ecma/signal"]["summary"]


def test_the_stop_file_ends_a_run_and_resume_takes_it_up(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, run_dir="whole"))
    run_dir = world.root / "run"
    run_dir.mkdir()
    (run_dir / STOP_FILE).touch()
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, err) == (3, "")
    assert isinstance(messages(run_dir)[-1], Stopped)
    places = ["--dataset", world.folder, "--features", world.features, "--run-dir", run_dir]
    assert run("train", "--resume", *places)[0] == 0
    assert (run_dir / "last.safetensors").exists()
    metrics = [json.loads((world.root / name / "metrics.json").read_text()) for name in ("whole", "run")]
    assert metrics[0] == metrics[1]


def test_the_finish_file_ends_a_run_well_and_resume_takes_it_back(world: World, run: Run) -> None:
    run_dir, out = world.root / "run", world.root / "all.npz"
    run_dir.mkdir()
    (run_dir / FINISH_FILE).touch()
    code, text, err = run(*train_arguments(world, *SMALL, "--parse", out))
    assert (code, err) == (0, "")
    assert "note: finished early, after epoch 1 of 3" in text
    finished = messages(run_dir)[-1]
    assert isinstance(finished, Finished)
    assert read_parses(out).meta["epoch"] == 1
    assert run(*train_arguments(world, "--resume")[:1], *train_arguments(world, "--resume")[2:])[0] == 0
    assert not (run_dir / FINISH_FILE).exists()
    assert len(json.loads((run_dir / "metrics.json").read_text())["history"]) == 3


def test_a_finished_run_is_not_trained_over_and_does_not_even_hear_of_it(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL))
    before = {path: path.read_bytes() for path in (world.root / "run").iterdir()}
    code, _, err = run(*train_arguments(world, *SMALL))
    assert code == 2
    assert is_one_line(err)
    assert "--resume" in err
    assert {path: path.read_bytes() for path in (world.root / "run").iterdir()} == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "epoch=3"], "there is no setting 'epoch'"),
        (["--set", "features.audio=clap"], "no feature set 'clap' (it has signal-audio, signal-visual)"),
        (["--device", "abacus"], "--device abacus: there is no such device"),
        (["--dataset", "nowhere"], "nowhere: there is no such folder"),
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    world: World, run: Run, more: list[object], message: str
) -> None:
    code, out, err = run(*train_arguments(world, *more))
    assert (code, message in err, is_one_line(err)) == (2, True, True), err
    assert "Traceback" not in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_that_is_not_there_is_said_with_the_way_out(world: World, run: Run) -> None:
    code, _, err = run(*train_arguments(world, "--device", "cuda"))
    assert code == 2
    assert is_one_line(err)
    assert "use --device cpu or auto" in err


def test_an_error_reaches_the_run_folder_too(world: World, run: Run) -> None:
    world.feature_file("signal-visual", "train-04").write_bytes(b"damaged")
    code, _, err = run(*train_arguments(world))
    assert code == 2
    failed = messages(world.root / "run")[-1]
    assert isinstance(failed, Failed)
    assert "signal-visual/train-04.npy" in failed.error
    assert err == f"error: {failed.error}\n"


def test_what_nobody_foresaw_is_a_traceback_in_the_log_and_one_sentence_in_the_run(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("trainer.engine.train", broken)
    code, _, err = run(*train_arguments(world))
    assert code == 1
    assert "Traceback" in err
    failed = messages(world.root / "run")[-1]
    assert isinstance(failed, Failed)
    assert "ZeroDivisionError: a bug" in failed.error


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 90.0 GiB for an array"),
    ],
    ids=["cuda", "cpu", "numpy"],
)
@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("engine.trainee.Trainee.step", "for batches of 12: use smaller ones (--set training.batch=6)"),
        ("engine.training_data.feature_rows", "for the features and the parser: use another --device"),
    ],
)
def test_too_little_memory_is_told_with_what_to_do(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, where: str, advice: str
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"trainer.{where}", full)
    code, out, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err), "Traceback" in out) == (2, True, False)
    assert advice in err
    assert not list((world.root / "run").glob("*.safetensors*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["train", "--dataset", "d", "--features", "f", "--run-dir", "{tmp}/r"], "say which recipe"),
        (
            ["train", "--resume", "--dataset", "d", "--features", "f", "--run-dir", "{tmp}/r"],
            "no run to resume",
        ),
        (
            ["parse", "no.safetensors", "--features", "f", "--clips", "a", "--out", "o"],
            "there is no such checkpoint",
        ),
        (["evaluate", "no.npz", "--dataset", "d", "--split", "val"], "there is no such parse file"),
        (
            ["extract", "--encoder", "signal", "--media", "nowhere", "--out", "f"],
            "nowhere: there is no such folder",
        ),
        (["extract", "--encoder", "signal", "--list", "no.tsv", "--out", "f"], "no.tsv: No such file"),
    ],
)
def test_every_command_refuses_bad_input_in_one_line(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, _, err = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (code, message in err, is_one_line(err)) == (2, True, True), err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\tpath\na\ta.mp4\n", "list.tsv:1: the header needs the columns filename and path"),
        ("filename\tpath\na\n", "list.tsv:2: a row needs a filename and a path"),
        ("filename\tpath\tduration\na\ta.mp4\tlong\n", "list.tsv:2: the duration 'long' is no number"),
    ],
)
def test_a_list_of_media_that_is_no_list_is_refused(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.tsv").write_text(text)
    code, _, err = run(
        "extract", "--encoder", "signal", "--list", tmp_path / "list.tsv", "--out", tmp_path / "out"
    )
    assert (code, message in err) == (2, True), err


def test_parses_and_datasets_of_other_categories_do_not_meet(world: World, run: Run) -> None:
    out = world.root / "all.npz"
    run(*train_arguments(world, *SMALL, "--parse", out))
    text = (world.folder / "categories.txt").read_text()
    (world.folder / "categories.txt").write_text("\n".join(text.split()[::-1]) + "\n")
    code, _, err = run("evaluate", out, "--dataset", world.folder, "--split", "val")
    assert code == 2
    assert "category 1 is 'Car' here and 'Dog' there" in err
    checkpoint = world.root / "run" / "best.safetensors"
    code, _, err = run(
        "parse", checkpoint, "--features", world.features, "--dataset", world.folder, "--out", out
    )
    assert code == 2
    assert "are not those of" in err


def test_a_split_without_truth_cannot_be_scored(world: World, run: Run) -> None:
    out = world.root / "all.npz"
    run(*train_arguments(world, *SMALL, "--parse", out))
    code, _, err = run("evaluate", out, "--dataset", world.folder, "--split", "train")
    assert code == 2
    assert "no clip of the train split has complete dense truth" in err


def test_a_parse_of_llp_scores_as_the_published_evaluation_code_says(
    shared_data: Path, tmp_path: Path, run: Run
) -> None:
    """The video-level labels in every second of both modalities: golden numbers of LLP's validation split."""
    folder = shared_data / "llp"
    categories = (folder / "llp_classes.txt").read_text().split()
    dataset = read_dataset(folder, categories)
    parses = {}
    for name, labels in dataset.splits["val"].items():
        video = np.array([category in labels for category in categories], np.float32)
        parses[name] = Parse(np.tile(video, (10, 1)), np.tile(video, (10, 1)), video)
    write_parses(tmp_path / "weak.npz", ParseFile.from_clips(parses, categories))
    code, out, _ = run("evaluate", tmp_path / "weak.npz", "--dataset", folder, "--split", "val", "--json")
    assert code == 0
    expected = (77.075, 58.654, 52.073, 62.600, 71.534, 63.849, 53.475, 44.149, 53.824, 61.121)
    assert list(json.loads(out)["metrics"].values()) == pytest.approx(expected, abs=1e-3)


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "1 damaged"),
        (lambda path: np.save(path, np.array([{"a": 1}]), allow_pickle=True), "never loaded"),
        (lambda path: np.save(path, np.zeros((8, 9), np.float32)), "9 columns"),
        (lambda path: np.save(path, np.zeros((8, 10), np.int64)), "wrong type"),
    ],
    ids=["truncated", "pickled", "width", "type"],
)
def test_features_that_cannot_be_used_leave_nothing_but_what_was_said(
    world: World, run: Run, make: Callable[[Path], object], message: str
) -> None:
    make(world.feature_file("signal-visual", "val-04"))
    code, out, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err), "Traceback" in out) == (2, True, False)
    assert "signal-visual/val-04.npy" in err
    assert message in err
    assert [path.name for path in (world.root / "run").iterdir()] == ["messages.jsonl"]


def test_a_training_that_bad_input_ended_can_be_started_again_as_it_was(world: World, run: Run) -> None:
    file = world.feature_file("signal-visual", "val-04")
    content = file.read_bytes()
    file.write_bytes(content[:-7])
    assert run(*train_arguments(world, *SMALL))[0] == 2
    file.write_bytes(content)
    assert run(*train_arguments(world, *SMALL))[0] == 0
    assert run(*train_arguments(world, *SMALL))[0] == 2


def test_features_of_no_clip_are_explained_by_the_first_file_that_is_not_there(world: World, run: Run) -> None:
    for file in world.feature_file("signal-visual", "val-04").parent.glob("*.npy"):
        file.rename(file.with_name(f"x{file.name}"))
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err)) == (2, True)
    assert "signal-visual: 0)" in err
    assert str(world.feature_file("signal-visual", "train-00")) in err


def test_a_folder_in_place_of_a_parse_file_is_refused_before_the_training(world: World, run: Run) -> None:
    code, out, err = run(*train_arguments(world, *SMALL, "--parse", world.root))
    assert (code, is_one_line(err), "epoch" in out) == (2, True, False)
    assert f"{world.root}: is a folder" in err


def test_features_that_are_all_zeros_train_and_are_named(world: World, run: Run) -> None:
    np.save(world.feature_file("signal-visual", "train-03"), np.zeros((8, 10), np.float32))
    np.save(world.feature_file("signal-audio", "train-03"), np.ones((8, 10), np.float32))
    code, out, _ = run(*train_arguments(world, *SMALL, "--parse", world.root / "all.npz"))
    assert code == 0
    assert out.count("note: 1 feature files are all zeros: signal-visual/train-03.npy") == 2


def test_a_folder_that_cannot_be_written_is_named(world: World, run: Run) -> None:
    (world.root / "file").touch()
    code, _, err = run(*train_arguments(world, *SMALL, run_dir="file/run"))
    assert (code, is_one_line(err)) == (2, True)
    assert "file/run" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "han/signal"\n[training]\nepoch = 3\n', "there is no setting 'training.epoch'"),
        ('base = "han/signal"\n[training]\nselect_by = "accuracy"\n', "it is one of segment/A"),
        ('base = "han/signal"\n[training]\nprecision = "half"\n', "precision is one of 'float32', 'bfloat16'"),
        ('base = "han/signal"\n[training]\ndivergence = -1\n', "divergence is at least 0, not -1.0"),
        ('base = "han/signal"\n[training\n', "cannot be read as a recipe"),
    ],
)
def test_a_recipe_that_says_what_cannot_be_is_refused(world: World, run: Run, text: str, message: str) -> None:
    (world.root / "own.toml").write_text(text)
    code, _, err = run(*train_arguments(world, recipe=str(world.root / "own.toml")))
    assert (code, is_one_line(err), message in err) == (2, True, True), err


def test_an_empty_train_split_is_refused(world: World, run: Run) -> None:
    splits = {**world.dataset.splits, "train": {}}
    write_dataset(world.folder, Dataset(world.dataset.categories, splits))
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err)) == (2, True)
    assert "the train split is empty" in err


def test_a_review_of_a_clip_of_no_split_trains_nothing_and_is_said(world: World, run: Run) -> None:
    reviewed = world.folder / "reviewed.csv"
    reviewed.write_text(reviewed.read_text() + "stranger\taudio\tDog\t0\t1\tpresent\n")
    code, out, _ = run(*train_arguments(world, *SMALL))
    assert code == 0
    assert any("reviewed.csv" in line and "stranger" in line for line in out.splitlines())


def test_a_process_that_is_terminated_keeps_its_last_epoch(world: World) -> None:
    run_dir = world.root / "run"
    settings = [*SMALL, "--set", "epochs=100000"]
    command = [sys.executable, "-m", "trainer", *map(str, train_arguments(world, *settings))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (run_dir / "last.safetensors").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (3, "")
    assert isinstance(messages(run_dir)[-1], Stopped)


def test_listing_recipes_does_not_wait_for_torch() -> None:
    code = "import sys; from trainer.__main__ import main; main(['recipes']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
