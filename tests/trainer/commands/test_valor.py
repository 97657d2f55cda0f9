"""`avvp-trainer pseudo-label valor`: labels by captions, against the rule written out cell by cell."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.captioned import SCALES, Captioned, make_captioned
from tests.trainer.commands.steps import Run, is_one_line, messages
from trainer.captions import read_captions
from trainer.labels import Event, Modality, State
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.protocol import Finished, Note
from trainer.pseudo_labels import searched_thresholds
from trainer.scoring import score_parses, scored_names
from trainer.texts import read_text_file, texts_path, write_texts

OTHERS = tuple(f"Thing{i:02}" for i in range(6))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Captioned:
    """Clips of LLP's categories; not to be written to."""
    return make_captioned(tmp_path_factory.mktemp("llp"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Captioned:
    """Clips of categories that no captions have; not to be written to."""
    return make_captioned(tmp_path_factory.mktemp("other"), OTHERS)


def copied(made: Captioned, folder: Path) -> Captioned:
    shutil.copytree(made.root, folder / "copy")
    return replace(made, root=folder / "copy")


def arguments(made: Captioned, out: Path, *more: object) -> list[object]:
    return ["pseudo-label", "valor", *made.places, "--out", out, *more]


def cells(file: ParseFile, name: str) -> np.ndarray:
    parse = file.clip(name)
    assert parse is not None
    return np.stack([parse.audio, parse.visual])


def weak_labels(made: Captioned, name: str) -> np.ndarray:
    weak = next(clips[name] for clips in made.dataset.splits.values() if name in clips)
    return np.array([not weak or category in weak for category in made.dataset.categories])


def notes(folder: Path) -> str:
    return "\n".join(message.text for message in messages(folder) if isinstance(message, Note))


@pytest.mark.parametrize("unfiltered", [False, True])
def test_labels_are_ones_where_logits_exceed_the_published_thresholds(
    made: Captioned, run: Run, tmp_path: Path, unfiltered: bool
) -> None:
    out = tmp_path / "p.npz"
    code, _, err = run(*arguments(made, out, *(["--unfiltered"] if unfiltered else [])))
    assert (code, err) == (0, "")
    file = read_parses(out)
    assert file.names == tuple(name for clips in made.dataset.splits.values() for name in clips)
    thresholds = read_captions("llp").threshold_rows(made.dataset.categories)
    for name, logits in made.logits.items():
        wanted = logits > thresholds[:, None]
        keep = np.ones(len(wanted[0, 0]), bool) if unfiltered else weak_labels(made, name)
        np.testing.assert_array_equal(cells(file, name), wanted & keep)
    assert {0.0, 1.0} == {*np.unique(file.audio), *np.unique(file.visual)}


def test_the_file_says_how_it_was_made(made: Captioned, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "p.npz"
    assert run(*arguments(made, out, "--run-dir", tmp_path / "job"))[0] == 0
    assert isinstance(messages(tmp_path / "job")[-1], Finished)
    said = read_parses(out).meta["pseudo_labels"]
    assert (said["method"], said["kind"], said["filtered"]) == ("valor", "hard", True)
    assert said["thresholds"]["visual"][:4] == [20, 15, 18, 14]
    assert said["thresholds"]["audio"][:6] == [0, 0, 1, 4, 6, -2]
    assert said["thresholds_from"] == "captions llp"
    assert said["captions"] == "llp"
    assert [said["scales"][m] for m in ("audio", "visual")] == pytest.approx(SCALES)
    assert said["features"] == ["clap512", "clip"]
    assert said["texts"]["clip"][1] == "A photo of a car."
    assert "other captions" not in notes(tmp_path / "job")


def test_the_file_is_scored_and_shown_as_any_parse(made: Captioned, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "p.npz"
    run(*arguments(made, out))
    code, text, _ = run("evaluate", out, "--dataset", made.folder, "--split", "val")
    assert (code, "threshold 0.5 (strict), gate none" in text) == (0, True)


def test_soft_labels_are_probabilities_above_one_half_where_hard_ones_are_one(
    made: Captioned, run: Run, tmp_path: Path
) -> None:
    for name, more in (("hard", []), ("soft", ["--soft", "--temperature", 3])):
        assert run(*arguments(made, tmp_path / f"{name}.npz", *more))[0] == 0
    hard, soft = (read_parses(tmp_path / f"{name}.npz") for name in ("hard", "soft"))
    np.testing.assert_array_equal(soft.audio > 0.5, hard.audio > 0)
    np.testing.assert_array_equal(soft.visual > 0.5, hard.visual > 0)
    thresholds = read_captions("llp").threshold_rows(made.dataset.categories)
    name, logits = next(iter(made.logits.items()))
    wanted = weak_labels(made, name) / (1 + np.exp(-(logits - thresholds[:, None]) / 3))
    np.testing.assert_allclose(cells(soft, name), wanted, atol=1e-5)


def test_other_categories_get_thresholds_that_are_searched_on_val_and_a_note(
    other: Captioned, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "p.npz"
    assert run(*arguments(other, out, "--run-dir", tmp_path))[0] == 0
    assert "searched on val: llp tells none of 6 of 6 categories (Thing00;" in notes(tmp_path)
    said = read_parses(out).meta["pseudo_labels"]
    assert said["thresholds_from"] == "best F-score of segments on val"
    logits = {name: found.astype(np.float32) for name, found in other.logits.items()}
    wanted = searched_thresholds(logits, other.dataset).values
    found = np.array([said["thresholds"][m] for m in ("audio", "visual")])
    told = np.isfinite(wanted)
    np.testing.assert_allclose(found[told], wanted[told], atol=1e-4)
    least = np.min([x.min(axis=1) for x in logits.values()], axis=0) - 1
    np.testing.assert_allclose(found[wanted == -np.inf], least[wanted == -np.inf], atol=1e-4)


def test_searched_thresholds_make_better_labels_than_the_video_level_label_everywhere(
    other: Captioned, run: Run, tmp_path: Path
) -> None:
    run(*arguments(other, tmp_path / "p.npz"))
    run(*arguments(other, tmp_path / "all.npz", "--threshold", "-1000", "-1000"))
    names = scored_names(other.dataset, "test")
    ours, everywhere = (
        score_parses(
            {name: file.clip(name) for name in names},  # type: ignore[misc]
            other.dataset,
            names,
            rule=file.rule,
        )["segment/Type@AV"]
        for file in (read_parses(tmp_path / f"{name}.npz") for name in ("p", "all"))
    )
    assert ours > everywhere + 5


def test_llp_can_be_searched_too(made: Captioned, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "p.npz"
    assert run(*arguments(made, out, "--thresholds", "val", "--run-dir", tmp_path))[0] == 0
    said = read_parses(out).meta["pseudo_labels"]
    assert said["thresholds_from"] == "best F-score of segments on val"
    text = notes(tmp_path)
    assert "thresholds are searched on val" in text
    # Ten clips do not show all of 25 categories.
    assert "theirs is the median of the others" in text
    assert np.isfinite([said["thresholds"][m] for m in ("audio", "visual")]).all()


def test_thresholds_are_two_logits_or_those_of_an_earlier_file(
    other: Captioned, run: Run, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.npz", tmp_path / "2.npz"
    assert run(*arguments(other, first, "--threshold", "2", "-3.5"))[0] == 0
    said = read_parses(first).meta["pseudo_labels"]
    assert said["thresholds"] == {"audio": [2.0] * 6, "visual": [-3.5] * 6}
    assert said["thresholds_from"] == "logits 2 (audio) and -3.5 (visual)"
    assert run(*arguments(other, second, "--thresholds-of", first))[0] == 0
    np.testing.assert_array_equal(read_parses(first).audio, read_parses(second).audio)


def test_captions_of_ones_own_bring_their_thresholds(other: Captioned, run: Run, tmp_path: Path) -> None:
    lines = ["category\taudio\tvisual\taudio_threshold\tvisual_threshold"]
    lines += [f"{category}\theard\tseen\t{i}\t{2 * i}" for i, category in enumerate(OTHERS)]
    (tmp_path / "mine.tsv").write_text("\n".join(lines))
    more = ["--captions", tmp_path / "mine.tsv", "--run-dir", tmp_path]
    assert run(*arguments(other, tmp_path / "p.npz", *more))[0] == 0
    said = read_parses(tmp_path / "p.npz").meta["pseudo_labels"]
    assert said["thresholds"] == {"audio": [0, 1, 2, 3, 4, 5], "visual": [0, 2, 4, 6, 8, 10]}
    assert said["captions"] == str(tmp_path / "mine.tsv")
    text = "text features of clip are of other captions than those of"
    assert text in notes(tmp_path)
    assert "'A photo of thing00', not 'seen'" in notes(tmp_path)


def test_other_feature_sets_may_be_named(made: Captioned, run: Run, tmp_path: Path) -> None:
    ours = copied(made, tmp_path)
    for before, after in (("clap512", "heard"), ("clip", "seen")):
        (ours.features / before).rename(ours.features / after)
        texts = ours.features / "texts"
        (texts / f"{before}.npz").rename(texts / f"{after}.npz")
    code, _, err = run(*arguments(ours, tmp_path / "p.npz"))
    assert (code, is_one_line(err), "there is no feature set 'clap512'" in err) == (2, True, True)
    sets = ["--features-audio", "heard", "--features-visual", "seen"]
    assert run(*arguments(ours, tmp_path / "p.npz", *sets))[0] == 0
    run(*arguments(made, tmp_path / "q.npz"))
    np.testing.assert_array_equal(
        read_parses(tmp_path / "p.npz").visual, read_parses(tmp_path / "q.npz").visual
    )


def test_what_a_person_reviewed_corrects_the_filter_of_train_clips(
    made: Captioned, run: Run, tmp_path: Path
) -> None:
    ours = copied(made, tmp_path)
    name, weak = next((n, w) for n, w in ours.dataset.splits["train"].items() if w)
    gone = sorted(weak)[0]
    absent = tuple(Event(m, gone, 0, 10, State.ABSENT, "ann") for m in Modality)
    ours.write(reviewed={name: absent})
    assert run(*arguments(ours, tmp_path / "p.npz", "--threshold", "-200", "-200"))[0] == 0
    found = cells(read_parses(tmp_path / "p.npz"), name).any(axis=(0, 1))
    assert {ours.dataset.categories[i] for i in np.flatnonzero(found)} == weak - {gone}


def test_captions_that_bring_no_thresholds_are_not_compared_and_not_told(
    made: Captioned, run: Run, tmp_path: Path
) -> None:
    ours = copied(made, tmp_path)
    path = texts_path(ours.features, "clip")
    texts = read_text_file(path)
    write_texts(ours.features, "clip", replace(texts, captions=tuple(f"my {x}" for x in texts.captions)))
    usual, first = tmp_path / "usual", tmp_path / "p0.npz"
    assert run(*arguments(ours, first, "--run-dir", usual))[0] == 0
    assert "text features of clip are of other captions than those of llp" in notes(usual)
    others = (
        ["--thresholds", "val"],
        ["--thresholds", "val-unfiltered"],
        ["--threshold", 2, 15],
        ["--thresholds-of", first],
    )
    for i, more in enumerate(others, start=1):
        out, job = tmp_path / f"p{i}.npz", tmp_path / f"job{i}"
        assert run(*arguments(ours, out, *more, "--run-dir", job))[0] == 0
        assert "other captions" not in notes(job)
        said = read_parses(out).meta["pseudo_labels"]
        assert "captions" not in said
        assert said["texts"]["clip"][1] == "my A photo of a car."


def test_unfiltered_labels_are_nearer_to_the_truth_by_thresholds_that_were_searched_without_the_filter(
    tmp_path: Path, run: Run
) -> None:
    ours = make_captioned(tmp_path, OTHERS, width=64)
    usual, alone = tmp_path / "usual.npz", tmp_path / "alone.npz"
    assert run(*arguments(ours, usual, "--unfiltered"))[0] == 0
    assert run(*arguments(ours, alone, "--unfiltered", "--thresholds", "val-unfiltered"))[0] == 0
    assert read_parses(alone).meta["pseudo_labels"]["thresholds_from"] == (
        "best F-score of segments on val, by no video-level labels"
    )
    names = scored_names(ours.dataset, "test")
    scores = [
        score_parses(
            {name: file.clip(name) for name in names},  # type: ignore[misc]
            ours.dataset,
            names,
            rule=file.rule,
        )["segment/Type@AV"]
        for file in map(read_parses, (alone, usual))
    ]
    assert scores[0] > scores[1] + 5


def test_a_segment_of_zeros_is_like_nothing(made: Captioned, run: Run, tmp_path: Path) -> None:
    ours = copied(made, tmp_path)
    name = next(iter(ours.dataset.splits["test"]))
    path = next((ours.features / "clap512").glob(f"{name[:11]}*"))
    np.save(path, np.load(path) * (np.arange(10) != 3)[:, None])
    assert run(*arguments(ours, tmp_path / "p.npz", "--unfiltered"))[0] == 0
    audio, visual = cells(read_parses(tmp_path / "p.npz"), name)
    assert not audio[3].any()
    assert audio.any()
    assert visual[3].any()


def test_clips_without_features_are_told_and_left_out(made: Captioned, run: Run, tmp_path: Path) -> None:
    ours = copied(made, tmp_path)
    name = next(iter(ours.dataset.splits["train"]))
    next((ours.features / "clip").glob(f"{name[:11]}*")).unlink()
    assert run(*arguments(ours, tmp_path / "p.npz", "--run-dir", tmp_path))[0] == 0
    assert f"1 of 24 clips have no features, and get no pseudo-labels: {name}" in notes(tmp_path)
    assert name not in read_parses(tmp_path / "p.npz").names


def test_bad_input_is_one_line_that_says_what_to_do(
    made: Captioned, other: Captioned, run: Run, tmp_path: Path
) -> None:
    def refused(given: list[object], message: str) -> None:
        code, _, err = run(*given)
        assert (code, is_one_line(err), message in err) == (2, True, True), err

    out = tmp_path / "p.npz"
    run(*arguments(made, out))
    refused(arguments(made, out), "p.npz: is already there")
    out = tmp_path / "q.npz"
    refused(arguments(made, out, "--captions", "nope"), "nope: there are no such captions")
    refused(arguments(other, out, "--thresholds", "published"), "search them with --thresholds val")
    refused(arguments(made, out, "--features-audio", "clip"), "are both 'clip'")
    refused(arguments(made, out, "--features-visual", "../clip"), "'../clip' names no feature set")
    refused(arguments(made, out, "--threshold", "2"), "expected 2 arguments")
    refused(arguments(made, out, "--threshold", "2", "x"), "'x' is no number")
    refused(arguments(made, out, "--threshold", "1", "2", "--thresholds", "val"), "not allowed with")
    ours = copied(other, tmp_path)
    ours.write(truth={}, complete=frozenset())
    refused(arguments(ours, out), "give two logits with --threshold, such as 2 15")
    path = texts_path(ours.features, "clip")
    texts = read_text_file(path)
    path.unlink()
    refused(arguments(ours, out, "--threshold", "2", "15"), "avvp-trainer texts")
    write_texts(ours.features, "clip", replace(texts, features=texts.features[:, :5]))
    refused(arguments(ours, out, "--threshold", "2", "15"), "the text features of clip have 5 columns")
    assert not out.exists()


def test_thresholds_of_a_generator_are_not_those_of_valor(made: Captioned, run: Run, tmp_path: Path) -> None:
    out, theirs = tmp_path / "p.npz", tmp_path / "generated.npz"
    run(*arguments(made, out))
    file = read_parses(out)
    said = {**file.meta["pseudo_labels"], "method": "generator"}
    write_parses(theirs, replace(file, meta={**file.meta, "pseudo_labels": said}))
    code, _, err = run(*arguments(made, tmp_path / "q.npz", "--thresholds-of", theirs))
    assert (code, is_one_line(err), "of the logits of generator, which have another scale" in err) == (
        2,
        True,
        True,
    )
