"""Annotations, media and parses brought into a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avvp_studio.domain.edit import Edit
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import (
    ProjectError,
)
from tests.projects.steps import (
    CATEGORIES,
    TEST,
    TRAIN,
    VAL,
    A,
    bring,
    clips_of,
    create,
    events_of,
    open_store,
    parses_of,
    say,
    small_dataset,
    sound,
)
from trainer.annotations import IMPORTED, AnnotationError, Dataset, write_dataset
from trainer.labels import Event, State
from trainer.parses import ParseError, ParseFile, read_parses, write_parses


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with video-level labels only; the full dataset lies beside it, in `all`."""
    write_dataset(tmp_path / "all", small_dataset())
    weak = replace(small_dataset(), truth={}, complete=frozenset(), reviewed={})
    create(tmp_path / "P", weak)
    return tmp_path / "P"


def test_imported_labels_reach_clips_that_nobody_labelled(project: Path, tmp_path: Path) -> None:
    report = bring(project, tmp_path / "all")

    assert (report.clips_added, report.clips_labelled) == (0, 3)
    assert clips_of(project)[TEST].is_complete
    assert Event(A, "Dog", 3, 5) in events_of(project, VAL)
    assert events_of(project, TRAIN) == (Event(A, "Dog", 2, 4, State.ABSENT, IMPORTED),)
    with open_store(project) as store:
        assert store.edited_clips() == {TRAIN, VAL}
    assert bring(project, tmp_path / "all").lines[0] == "nothing new"


def test_imported_labels_of_a_labelled_clip_can_be_undone(project: Path, tmp_path: Path) -> None:
    bring(project, tmp_path / "all" / "reviewed.csv")
    with open_store(project) as store:
        undone = store.undo(TRAIN, "ann")
        assert isinstance(undone, Edit)
        assert store.events(TRAIN) == ()


def test_what_a_person_said_is_kept_and_told(project: Path, tmp_path: Path) -> None:
    say(project, TRAIN, "Dog")
    before = events_of(project, TRAIN)
    report = bring(project, tmp_path / "all")

    assert events_of(project, TRAIN) == before
    kept = [finding.detail for finding in report.findings if "a person labelled" in finding.text]
    assert kept == [TRAIN]
    assert any("a person labelled" in line and TRAIN in line for line in report.lines)


def test_splits_video_labels_and_truth_of_the_project_are_kept(project: Path, tmp_path: Path) -> None:
    bring(project, tmp_path / "all")
    other = Dataset(
        CATEGORIES,
        {"train": {"free": frozenset({"Dog"}), TEST: frozenset({"Bell"})}, "val": {VAL: frozenset({"Dog"})}},
    )
    write_dataset(tmp_path / "other", other)
    report = bring(project, tmp_path / "other")

    assert clips_of(project)["free"].video_labels == {"Bell"}
    assert clips_of(project)[TEST].split == "test"
    told = {finding.detail: finding.text for finding in report.findings if finding.file == "project"}
    assert "video-level labels differ" in told["free"]
    assert "another split" in told[TEST]
    assert report.clips_labelled == 0


def test_new_clips_and_missing_video_labels_are_added(tmp_path: Path) -> None:
    sound(tmp_path / "media" / "free.wav")
    create(tmp_path / "P", media=tmp_path / "media")
    write_dataset(tmp_path / "all", small_dataset())

    report = bring(tmp_path / "P", tmp_path / "all" / "train.csv", tmp_path / "all" / "val.csv")
    assert (report.clips_added, report.clips_labelled) == (2, 1)
    clips = clips_of(tmp_path / "P")
    assert clips["free"].video_labels == {"Bell"}
    assert clips["free"].duration == 2.0
    assert list(clips) == ["free", TRAIN, VAL]


def test_imported_media_find_their_clips_and_others_become_clips(project: Path, tmp_path: Path) -> None:
    sound(tmp_path / "more" / "bbbbbbbbbbb.wav")
    sound(tmp_path / "more" / "free.wav", seconds=4)
    sound(tmp_path / "more" / "new.wav", seconds=3)
    report = bring(project, tmp_path / "more")

    assert (report.clips_added, report.media_found) == (1, 2)
    clips = clips_of(project)
    assert clips[VAL].media == tmp_path / "more" / "bbbbbbbbbbb.wav"
    assert clips["free"].segments == 4
    assert (clips["new"].split, clips["new"].duration) == ("train", 3.0)
    assert bring(project, tmp_path / "more").lines == ("nothing new",)


def test_imported_parses_get_the_projects_order_of_categories(project: Path, tmp_path: Path) -> None:
    turned = ("Bell", "Speech", "Dog")
    write_parses(tmp_path / "mine.npz", parses_of([TRAIN, VAL], turned))

    assert bring(project, tmp_path / "mine.npz").parses == ("mine.npz",)
    parses = read_parses(ProjectPaths(project).parses / "mine.npz")
    assert parses.categories == CATEGORIES
    parse = parses.clip(VAL)
    assert parse is not None
    assert [float(parse.video[CATEGORIES.index(name)]) for name in turned] == pytest.approx([0, 0.1, 0.2])
    # The same again is no news; another of that name gets one of its own.
    assert bring(project, tmp_path / "mine.npz").parses == ()
    write_parses(tmp_path / "mine.npz", parses_of([TEST]))
    assert bring(project, tmp_path / "mine.npz").parses == ("mine-2.npz",)


@pytest.mark.parametrize(
    ("parses", "said"),
    [
        (parses_of([TRAIN], ("Speech", "Dog", "Car")), "'Bell' is only in the project"),
        (parses_of(["stranger"]), "none of its 1 clips is in the project"),
    ],
)
def test_parses_that_do_not_fit_are_refused(
    project: Path, tmp_path: Path, parses: ParseFile, said: str
) -> None:
    write_parses(tmp_path / "mine.npz", parses)
    with pytest.raises(ProjectError, match=said):
        bring(project, tmp_path / "mine.npz")


def test_nothing_is_imported_by_halves(project: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"no parses")
    with pytest.raises(ParseError):
        bring(project, tmp_path / "all", tmp_path / "bad.npz")
    (tmp_path / "all" / "reviewed.csv").write_text("filename\n")
    write_parses(tmp_path / "good.npz", parses_of([TRAIN]))
    with pytest.raises(AnnotationError, match=r"reviewed\.csv:1"):
        bring(project, tmp_path / "all", tmp_path / "good.npz")

    assert events_of(project, VAL) == ()
    assert {path.name for path in project.iterdir()} == {"labels.sqlite"}
