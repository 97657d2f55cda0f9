"""`avvp-trainer parse` and `evaluate`: of a training's own checkpoint and parses, and of LLP."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import SMALL, Run, is_one_line, messages, train_arguments
from tests.trainer.conftest import World
from trainer.annotations import read_dataset
from trainer.parses import Parse, ParseFile, read_parses, write_parses
from trainer.protocol import Finished
from trainer.supervision_files import read_supervision


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


def test_what_a_parser_makes_of_parsed_clips_is_written_beside_their_parses(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, recipe="ecma/signal"))
    base = parsing(world, "--split", "test")
    assert run(*base, "--supervision", world.root / "made.npz", "--run-dir", world.root / "parse")[0] == 0
    made, parses = read_supervision(world.root / "made.npz"), read_parses(world.root / "some.npz")
    assert (made.names, made.trained) == (tuple(world.dataset.splits["test"]), 0)
    for name in made.names:
        np.testing.assert_allclose(made.clip(name)["student"][0], parses.clip(name).audio, atol=0.6 / 255)  # type: ignore[union-attr]
    assert messages(world.root / "parse")[-1].outputs == {  # type: ignore[attr-defined]
        "parses": str(world.root / "some.npz"),
        "supervision": str(world.root / "made.npz"),
    }


def test_a_parser_that_makes_nothing_says_so_and_writes_its_parses_alone(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL))
    code, out, _ = run(*parsing(world, "--split", "test", "--supervision", world.root / "made.npz"))
    assert code == 0
    assert f"han/signal makes nothing to train on of clips without labels: {world.root}/made.npz is not" in out
    assert "supervision:" not in out
    assert not (world.root / "made.npz").exists()
    assert (world.root / "some.npz").is_file()


def test_supervision_is_not_written_over_parses_nor_over_a_folder(world: World, run: Run) -> None:
    out = world.root / "some.npz"
    code, _, err = run(*parsing(world, "--supervision", world.root / "x" / ".." / "some.npz"))
    assert (code, f"{out}: --out and --supervision are two files" in err) == (2, True)
    code, _, err = run(*parsing(world, "--supervision", world.root))
    assert (code, f"{world.root}: is a folder" in err) == (2, True)


def test_what_no_parse_wrote_is_not_written_over(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL, recipe="ecma/signal"))
    base, made = parsing(world, "--split", "test"), world.root / "made.npz"
    trained_on = next((world.root / "run" / "supervision").iterdir())
    for path, message in (
        (world.root / "run" / "last.safetensors", "is the checkpoint"),
        (trained_on, "is what a run trained on"),
        (world.folder / "categories.txt", "is already there, and is no supervision file"),
    ):
        before = path.read_bytes()
        code, _, err = run(*base, "--supervision", path)
        assert (code, is_one_line(err), f"{path}: {message}" in err) == (2, True, True), err
        assert path.read_bytes() == before
    assert not (world.root / "some.npz").exists()
    assert [run(*base, "--supervision", made)[0] for _ in range(2)] == [0, 0]
    code, _, err = run(*base, "--out", world.root / "run" / "last.safetensors")
    assert (code, "is the checkpoint" in err) == (2, True)


def parsing(world: World, *more: object) -> list[object]:
    places = ["--dataset", world.folder, "--features", world.features, "--out", world.root / "some.npz"]
    return ["parse", world.root / "run" / "last.safetensors", *places, "--device", "cpu", *more]


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
