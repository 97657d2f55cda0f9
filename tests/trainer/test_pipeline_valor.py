"""The pipeline of a parser that VALOR's labels teach: labels and a training, and no generator."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.paths import resource_path
from tests.planted_pairs import SETS
from tests.trainer.captioned import Captioned, make_captioned
from tests.trainer.pairs import options
from trainer.__main__ import main
from trainer.parses import read_parses
from trainer.protocol import MESSAGES_FILE, Finished, Message, Note, Progress, Stage, read_message

SMALL = ("model.width=8", "model.heads=2", "model.feedforward=8", "model.layers=1", "epochs=2", "batch=8")
SETTINGS = (*SMALL, "features.audio=clap512", 'features.visual=["clip"]')
"""Of valor/llp/vggish."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Captioned:
    """Clips of LLP's categories, without a run; not to be written to."""
    return make_captioned(tmp_path_factory.mktemp("llp"))


@pytest.fixture
def ours(made: Captioned, tmp_path: Path) -> Captioned:
    shutil.copytree(made.root, tmp_path / "world")
    return replace(made, root=tmp_path / "world")


def arguments(ours: Captioned, *more: object, recipe: str = "valor/llp/vggish") -> list[str]:
    where = [*ours.places, "--run-dir", ours.root / "run", "--device", "cpu"]
    return [str(x) for x in ["pipeline", recipe, *where, *options("--set", SETTINGS), *more]]


def messages(ours: Captioned) -> list[Message]:
    lines = (ours.root / "run" / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def stages(ours: Captioned) -> list[tuple[str, int, int, bool]]:
    told = (message for message in messages(ours) if isinstance(message, Stage))
    return [(stage.name, stage.number, stage.stages, stage.skipped) for stage in told]


def notes(ours: Captioned) -> str:
    return "\n".join(message.text for message in messages(ours) if isinstance(message, Note))


def test_it_labels_and_trains_without_a_source(ours: Captioned) -> None:
    assert main(arguments(ours, "--parse", ours.root / "all.npz")) == 0
    assert stages(ours) == [("label", 1, 2, False), ("train", 2, 2, False)]
    last = messages(ours)[-1]
    assert isinstance(last, Finished)
    assert {*last.outputs} == {"pseudo_labels", "checkpoint", "parses"}
    assert {m.stage for m in messages(ours) if isinstance(m, Progress)} == {"load", "label", "train", "parse"}
    assert not (ours.root / "run" / "generator").exists()
    assert len(read_parses(ours.root / "all.npz").names) == 24


def test_its_labels_are_those_of_the_command(ours: Captioned) -> None:
    assert main(arguments(ours)) == 0
    out = ours.root / "p.npz"
    assert main(["pseudo-label", "valor", *ours.places, "--out", str(out)]) == 0
    one, two = read_parses(out), read_parses(ours.root / "run" / "labels" / "pseudo-labels.npz")
    np.testing.assert_array_equal(one.audio, two.audio)
    np.testing.assert_array_equal(one.visual, two.visual)
    assert one.meta["pseudo_labels"] == two.meta["pseudo_labels"]


def change_threshold(text: str) -> str:
    return text.replace("A photo of a dog.\t4\t14", "A photo of a dog.\t4\t-100")


def reword(text: str) -> str:
    """Other words, and the same thresholds: nothing is other that labels are made by."""
    return text.replace("A photo of a dog.", "A dog.")


@pytest.mark.parametrize(
    ("more", "wanted", "note"),
    [
        ([], [True, True], "nothing that it is made of has changed"),
        (["--set", "lr=2e-2"], [True, False], "for optimiser.lr changed"),
        (["--set", "labels.filtered=false"], [False, False], "for labels.filtered changed"),
        (change_threshold, [False, False], "for thresholds changed"),
        (reword, [True, True], "nothing that it is made of has changed"),
    ],
)
def test_a_stage_is_made_anew_where_its_inputs_changed(
    ours: Captioned, more: list[str] | Callable[[str], str], wanted: list[bool], note: str
) -> None:
    assert main(arguments(ours)) == 0
    before = len(stages(ours))
    if callable(more):
        captions = ours.root / "mine.tsv"
        captions.write_text(more(resource_path("vocabularies/llp.captions.tsv").read_text()))
        more = ["--captions", str(captions)]
    assert main(arguments(ours, *more)) == 0
    assert [skipped for *_, skipped in stages(ours)[before:]] == wanted
    assert note in notes(ours)


def test_categories_without_thresholds_need_truth_or_captions_that_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("Thing", "Other", "Third")
    ours = make_captioned(tmp_path, names)
    assert main(arguments(ours)) == 0
    said = read_parses(tmp_path / "run" / "labels" / "pseudo-labels.npz").meta["pseudo_labels"]
    assert said["thresholds_from"] == "best F-score of segments on val"
    ours.write(truth={}, complete=frozenset())
    assert main(arguments(ours)) == 2
    err = capsys.readouterr().err
    assert "give with --captions a file that has thresholds" in err
    header = "category\taudio\tvisual\taudio_threshold\tvisual_threshold"
    lines = (header, *(f"{name}\theard\tseen\t0\t5" for name in names))
    (tmp_path / "mine.tsv").write_text("\n".join(lines))
    assert main(arguments(ours, "--captions", tmp_path / "mine.tsv")) == 0


def test_any_parser_of_pseudo_labels_can_be_taught_so(ours: Captioned) -> None:
    small = options("--set", ("model.temporal_layers=1", "model.erm_layers=1", "model.event_width=4"))
    given = arguments(ours, *small, "--set", "labels.generator=valor", recipe="ear/llp/vggish")
    given.remove("model.layers=1")
    i = next(i for i, x in enumerate(given) if x == "--set" and given[i + 1] == "--set")
    del given[i]
    assert main(given) == 0
    labels = read_parses(ours.root / "run" / "labels" / "pseudo-labels.npz")
    assert labels.meta["pseudo_labels"]["kind"] == "soft"


def thresholds_that_change_no_label(text: str) -> str:
    return text.replace("A photo of a dog.\t4\t14", "A photo of a dog.\t4\t14.000001")


def test_link_is_trained_anew_where_only_the_thresholds_that_it_reads_changed(ours: Captioned) -> None:
    assert main(arguments(ours, recipe="link/llp/full")) == 0
    assert main(arguments(ours, recipe="link/llp/full")) == 0
    assert [skipped for *_, skipped in stages(ours)] == [False, False, True, True]
    before = read_parses(ours.root / "run" / "labels" / "pseudo-labels.npz")
    captions = ours.root / "mine.tsv"
    text = resource_path("vocabularies/llp.captions.tsv").read_text()
    captions.write_text(thresholds_that_change_no_label(text))
    assert main(arguments(ours, "--captions", captions, recipe="link/llp/full")) == 0
    after = read_parses(ours.root / "run" / "labels" / "pseudo-labels.npz")
    np.testing.assert_array_equal(before.visual, after.visual)
    assert [skipped for *_, skipped in stages(ours)][4:] == [False, False]


def test_link_is_labelled_by_its_joint_features_and_needs_valor(
    ours: Captioned, capsys: pytest.CaptureFixture[str]
) -> None:
    (ours.features / "clap512").rename(ours.features / "heard")
    (ours.features / "texts" / "clap512.npz").rename(ours.features / "texts" / "heard.npz")
    sets = ["--set", "features.audio=heard", "--set", 'features.joint=["heard","clip"]']
    assert main(arguments(ours, *sets, recipe="link/llp/full")) == 0
    labels = read_parses(ours.root / "run" / "labels" / "pseudo-labels.npz")
    assert labels.meta["pseudo_labels"]["features"] == ["heard", "clip"]
    assert "texts" in (ours.root / "run" / "parser" / "stage.json").read_text()
    capsys.readouterr()
    assert main(arguments(ours, *sets, "--set", "labels.generator=ear/gen/full", recipe="link/llp/full")) == 2
    assert "needs a generator of pseudo-labels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "recipe", "message"),
    [
        (["--source", "x", "--source-features", "y"], "valor/llp/vggish", "for which nothing is trained"),
        (["--threshold", "0.5"], "valor/llp/vggish", "--threshold is a generator's probability"),
        (["--captions", "nope"], "valor/llp/vggish", "nope: there are no such captions"),
        (["--set-generator", "lr=1"], "valor/llp/vggish", "--source is not there: leave out"),
        ([], "uwav/llp/vggish", "needs a generator of pseudo-labels: give --source and --source-features"),
        (["--captions", "llp"], "uwav/llp/vggish", "--captions are VALOR's"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    ours: Captioned, capsys: pytest.CaptureFixture[str], more: list[str], recipe: str, message: str
) -> None:
    code, err = main(arguments(ours, *more, recipe=recipe)), capsys.readouterr().err
    assert (code, err.count("\n"), message in err) == (2, 1, True), err
    assert not (ours.root / "run" / "labels").exists()


@pytest.mark.parametrize("name", SETS)
def test_texts_that_are_not_there_are_missed_before_the_first_stage(
    ours: Captioned, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (ours.features / "texts" / f"{name}.npz").unlink()
    assert main(arguments(ours)) == 2
    assert "avvp-trainer texts" in capsys.readouterr().err
    assert stages(ours) == []
