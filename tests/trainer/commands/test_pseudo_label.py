"""`avvp-trainer pseudo-label` and `train --pseudo-labels`: from a generator, from folders, into a training."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import Run, is_one_line, messages
from tests.trainer.pairs import PARSER, Pair, make_pair, options
from trainer.__main__ import main
from trainer.annotations import write_dataset
from trainer.labels import Event, Modality, State
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.protocol import Finished
from trainer.supervision import soft_pseudo_labels
from trainer.texts import read_text_file, texts_path, write_texts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair with a trained generator in RUN/best.safetensors; not to be written to."""
    pair = make_pair(tmp_path_factory.mktemp("pair"))
    assert main(pair.pretraining("run")) == 0
    return pair


@pytest.fixture
def pair(made: Pair, tmp_path: Path) -> Pair:
    shutil.copytree(made.root, tmp_path / "pair")
    return replace(made, root=tmp_path / "pair")


def generator_arguments(pair: Pair, *more: object, out: str = "p.npz") -> list[object]:
    where = [*pair.places("target"), "--device", "cpu", "--out", pair.root / out]
    return ["pseudo-label", "generator", pair.root / "run" / "best.safetensors", *where, *more]


def train_arguments(pair: Pair, *more: object, run_dir: str = "parser") -> list[object]:
    where = [*pair.places("target"), "--run-dir", pair.root / run_dir, "--device", "cpu"]
    return ["train", "ear/llp/vggish", *where, *options("--set", PARSER), *more]


def cells(file: ParseFile, name: str) -> np.ndarray:
    parse = file.clip(name)
    assert parse is not None
    return np.stack([parse.audio, parse.visual])


def test_a_generator_labels_every_clip_of_another_dataset_and_says_how(pair: Pair, run: Run) -> None:
    code, _, err = run(*generator_arguments(pair, "--run-dir", pair.root / "job"))
    assert (code, err) == (0, "")
    assert isinstance(messages(pair.root / "job")[-1], Finished)
    file = read_parses(pair.root / "p.npz")
    assert file.categories == pair.target.categories
    assert file.names == tuple(name for clips in pair.target.splits.values() for name in clips)
    said = file.meta["pseudo_labels"]
    checkpoint = pair.root / "run" / "best.safetensors"
    assert said["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (said["recipe"], said["method"], said["kind"]) == ("ear/gen/full", "generator", "soft")
    assert said["texts"]["clip"][0] == f"A photo of {pair.target.categories[0].lower()}"
    code, text, _ = run("evaluate", pair.root / "p.npz", "--dataset", pair.folder("target"), "--split", "val")
    assert (code, "threshold 0.5 (strict), gate none" in text) == (0, True)


def test_labels_without_filter_are_what_the_generator_parses_with_its_thresholds(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair, "--threshold", 0.6, "--temperature", 1, "--unfiltered", out="soft.npz"))
    run(*generator_arguments(pair, "--threshold", 0.6, "--hard", out="hard.npz"))
    soft, hard = (read_parses(pair.root / f"{name}.npz") for name in ("soft", "hard"))
    for clips in pair.target.splits.values():
        for name, weak in clips.items():
            keep = np.array([category in weak for category in pair.target.categories])
            np.testing.assert_array_equal(cells(hard, name), (cells(soft, name) > 0.5) & keep)


def test_thresholds_are_those_of_an_earlier_file(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair))
    again = generator_arguments(pair, "--thresholds-of", pair.root / "p.npz", out="again.npz")
    assert run(*again)[0] == 0
    one, two = (read_parses(pair.root / name) for name in ("p.npz", "again.npz"))
    np.testing.assert_array_equal(one.audio, two.audio)
    assert two.meta["pseudo_labels"]["thresholds_from"] == str(pair.root / "p.npz")


def test_bad_input_is_one_line_that_says_what_to_do(pair: Pair, run: Run) -> None:
    def refused(arguments: list[object], message: str) -> None:
        code, _, err = run(*arguments)
        assert (code, is_one_line(err), message in err) == (2, True, True), err

    run(*generator_arguments(pair))
    refused(generator_arguments(pair), "p.npz: is already there")
    refused(generator_arguments(pair, "--threshold", 1, out="x.npz"), "'1' is no number between 0 and 1")
    write_dataset(pair.folder("target"), replace(pair.target, truth={}, complete=frozenset()))
    refused(generator_arguments(pair, out="x.npz"), "--threshold")
    assert run(*generator_arguments(pair, "--threshold", 0.5, out="x.npz"))[0] == 0
    (pair.features("target") / "texts" / "clip.npz").unlink()
    refused(generator_arguments(pair, "--threshold", 0.5, out="y.npz"), "avvp-trainer texts")
    parser = pair.root / "parser"
    run(*train_arguments(pair, "--pseudo-labels", pair.root / "p.npz"))
    arguments = generator_arguments(pair, "--threshold", 0.5, out="y.npz")
    arguments[2] = next(parser.glob("*.safetensors"))
    refused(arguments, "no generator of pseudo-labels")


def test_labels_go_to_a_published_folder_and_come_back(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair, "--hard"))
    for layout in ("valor", "uwav"):
        folder, out = pair.root / layout, pair.root / f"{layout}.npz"
        to = ["pseudo-label", "to-folder", pair.root / "p.npz", "--layout", layout, "--out", folder]
        assert run(*to)[0] == 0
        code, _, err = run(*to)
        assert (code, "already holds labels" in err) == (2, True)
        back = ["pseudo-label", "from-folder", folder, "--dataset", pair.folder("target"), "--out", out]
        assert run(*back)[0] == 0
        one, two = read_parses(pair.root / "p.npz"), read_parses(out)
        assert (one.names, two.meta["pseudo_labels"]["method"]) == (two.names, layout)
        np.testing.assert_array_equal(one.audio, two.audio)
        np.testing.assert_array_equal(one.visual, two.visual)


def test_texts_of_another_encoder_are_refused(pair: Pair, run: Run) -> None:
    path = texts_path(pair.features("target"), "clip")
    texts = read_text_file(path)
    path.unlink()
    write_texts(pair.features("target"), "clip", replace(texts, features=texts.features[:, :5]))
    code, _, err = run(*generator_arguments(pair))
    assert (code, is_one_line(err), "the text features of clip have 5 columns" in err) == (2, True, True), err


def test_a_file_of_no_clips_makes_no_folder(pair: Pair, run: Run) -> None:
    write_parses(pair.root / "none.npz", ParseFile.from_clips({}, pair.target.categories))
    out = pair.root / "folder"
    code, _, err = run("pseudo-label", "to-folder", pair.root / "none.npz", "--layout", "uwav", "--out", out)
    assert (code, is_one_line(err), "holds no clips" in err, out.exists()) == (2, True, True, False), err


def test_uwav_logits_become_soft_labels_by_its_thresholds(pair: Pair, run: Run) -> None:
    rng, root = np.random.default_rng(1), pair.root / "uwav" / "LLP_Dataset"
    name, count = next(iter(pair.target.splits["train"])), len(pair.target.categories)
    logits = rng.normal(size=(2, 10, count)).astype(np.float32)
    thresholds = np.linspace(-1, 1, 2 * count, dtype=np.float32).reshape(2, count)
    for axis, letter in enumerate("av"):
        (root / f"{letter}_segmentwise_logits").mkdir(parents=True)
        np.save(root / f"{letter}_segmentwise_logits" / f"{name[:11]}.npy", logits[axis])
        np.save(root / f"{letter}_classwise_threhsolds.npy", thresholds[axis])
    out = pair.root / "soft.npz"
    where = ["--dataset", pair.folder("target"), "--out", out]
    code, text, _ = run("pseudo-label", "from-folder", root.parent, *where)
    assert (code, "21 of 22 clips have no pseudo-labels" in text) == (0, True)
    weak = pair.target.splits["train"][name]
    labels = np.array([category in weak for category in pair.target.categories], np.float32)
    wanted = soft_pseudo_labels(logits, thresholds, labels, temperature=2.0)
    np.testing.assert_allclose(cells(read_parses(out), name), wanted, atol=1e-6)


def test_a_parser_is_trained_on_pseudo_labels_and_resumed_without_the_option(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair))
    code, _, err = run(*train_arguments(pair))
    assert (code, is_one_line(err)) == (2, True)
    assert "--pseudo-labels" in err
    assert "pipeline" in err
    assert run(*train_arguments(pair, "--pseudo-labels", pair.root / "p.npz"))[0] == 0
    parser = pair.root / "parser"
    copy = parser / "pseudo-labels.npz"
    assert copy.read_bytes() == (pair.root / "p.npz").read_bytes()
    (pair.root / "p.npz").unlink()
    resume = ["train", "--resume", *pair.places("target"), "--run-dir", parser, "--device", "cpu"]
    assert run(*resume)[0] == 0
    code, _, err = run(*resume, "--pseudo-labels", copy)
    assert (code, "leave out --pseudo-labels" in err) == (2, True)


def test_pseudo_labels_that_lie_in_the_run_folder_are_not_written_over(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair, "--hard", out="parser/pseudo-labels.npz"))
    run(*generator_arguments(pair))
    kept = pair.root / "parser" / "pseudo-labels.npz"
    before = kept.read_bytes()
    code, _, err = run(*train_arguments(pair, "--pseudo-labels", pair.root / "p.npz"))
    assert (code, is_one_line(err), f"{kept}: is there already" in err) == (2, True, True), err
    assert kept.read_bytes() == before
    assert run(*train_arguments(pair, "--pseudo-labels", kept))[0] == 0
    assert kept.read_bytes() == before


def test_pseudo_labels_are_refused_by_a_recipe_that_has_no_use_for_them(pair: Pair, run: Run) -> None:
    run(*generator_arguments(pair))
    arguments = [*train_arguments(pair), "--pseudo-labels", pair.root / "p.npz"]
    arguments = ["train", "han/signal", *arguments[2:8], "--pseudo-labels", pair.root / "p.npz"]
    code, _, err = run(*arguments)
    assert (code, is_one_line(err)) == (2, True)
    assert "han/signal is taught by video-level labels: leave out --pseudo-labels" in err


def test_what_a_person_reviewed_overrides_the_pseudo_labels_in_training(pair: Pair, run: Run) -> None:
    """Pseudo-labels that say of one category nowhere, and a person who heard it in every segment."""
    category = pair.target.categories[0]
    run(*generator_arguments(pair))
    file = read_parses(pair.root / "p.npz")
    audio = file.audio.copy()
    audio[:, 0] = 0
    write_parses(pair.root / "p.npz", replace(file, audio=audio))
    heard = (Event(Modality.AUDIO, category, 0, 10, State.PRESENT, "ann"),)
    settings, found = options("--set", ("epochs=10", "warm_up=0")), {}
    for name, reviewed in (("plain", {}), ("corrected", dict.fromkeys(pair.target.splits["train"], heard))):
        write_dataset(pair.folder("target"), replace(pair.target, reviewed=reviewed))
        labels = ["--pseudo-labels", pair.root / "p.npz"]
        assert run(*train_arguments(pair, *settings, *labels, run_dir=name))[0] == 0
        out, last = pair.root / f"{name}.npz", pair.root / name / "last.safetensors"
        assert run("parse", last, *pair.places("target"), "--out", out)[0] == 0
        found[name] = read_parses(out).audio[:, 0].mean()
    assert found["corrected"] > found["plain"] + 0.2


def test_recipes_say_what_teaches_them(run: Run) -> None:
    listed = {entry["name"]: entry["labels"] for entry in json.loads(run("recipes", "--json")[1])}
    assert (listed["ear/gen/full"], listed["ear/llp/vggish"], listed["han/signal"]) == (
        "dense",
        "pseudo",
        "video",
    )
    text = run("recipes")[1]
    assert "generator, reads clap512, clip, taught by dense audio-visual truth and text features" in text
    assert "taught by pseudo-labels" in text
