"""Labels written, and projects made from what was written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avvp_studio.domain.edit import mark
from avvp_studio.domain.project import Clip
from avvp_studio.projects import (
    ProjectError,
    export_project,
    snapshot_dataset,
)
from tests.projects.steps import (
    CATEGORIES,
    TRAIN,
    VAL,
    A,
    clips_of,
    create,
    events_of,
    open_store,
    say,
    small_dataset,
)
from trainer.annotations import IMPORTED, merged, read_dataset, write_dataset
from trainer.labels import Event, Modality, State, segment_count, state_grid


@st.composite
def labelled_clips(draw: st.DrawFn) -> list[tuple[Clip, list[Event]]]:
    clips = []
    for number in range(draw(st.integers(1, 4))):
        split = draw(st.sampled_from(("train", "val", "test")))
        name = draw(st.sampled_from((f"{number:011d}_0_10", f"clip {number}")))
        duration = 10.0 if "_" in name and draw(st.booleans()) else draw(st.integers(900, 20_000)) / 1000
        labels = draw(st.frozensets(st.sampled_from(CATEGORIES)))
        is_complete = split != "train" and draw(st.booleans())
        events: list[Event] = []
        for _ in range(draw(st.integers(0, 6))):
            author = draw(st.sampled_from(("", "ann", "bob")))
            states = (State.PRESENT, State.UNSEEN) if not author else tuple(State)
            times = st.integers(0, int(duration * 1000))
            onset, offset = sorted(draw(st.lists(times, min_size=2, max_size=2, unique=True)))
            edit = mark(
                events,
                modality=draw(st.sampled_from(tuple(Modality))),
                category=draw(st.sampled_from(CATEGORIES)),
                onset=onset / 1000,
                offset=offset / 1000,
                state=draw(st.sampled_from(states)),
                author=author,
            )
            events = list(edit.applied_to(events))
        clip = Clip(name, split, None, duration, segment_count(duration), labels, is_complete)
        clips.append((clip, events))
    return clips


@pytest.mark.parametrize("file_format", ["dataset", "llp"])
@settings(deadline=None, max_examples=20)
@given(content=labelled_clips())
def test_a_project_made_from_an_export_is_the_same_cell_for_cell(
    file_format: str, content: list[tuple[Clip, list[Event]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, out, again = (Path(folder, name) for name in ("P", "out", "again"))
        create(root)
        with open_store(root) as store:
            store.add_clips([clip for clip, _ in content], {clip.name: events for clip, events in content})
        export_project(root, file_format, out)
        create(again, read_dataset(out))

        ours, theirs = clips_of(root), clips_of(again)
        assert theirs == ours
        for name, clip in ours.items():
            before, after = events_of(root, name), events_of(again, name)
            assert (_grid(clip, after) == _grid(clip, before)).all()
            reviewed = [replace(event, author=IMPORTED) for event in before if event.author]
            assert [event for event in after if event.author] == reviewed
            assert _said(after, "") == _said(before, "")


def _grid(clip: Clip, events: Sequence[Event]) -> np.ndarray:
    return state_grid(events, CATEGORIES, clip.segments, complete=clip.is_complete)


def _said(events: Sequence[Event], author: str) -> tuple[Event, ...]:
    return merged(event for event in events if event.author == author)


def test_an_export_tells_what_its_format_could_not_hold(tmp_path: Path) -> None:
    create(tmp_path / "P", small_dataset())
    say(tmp_path / "P", TRAIN, "Bell")

    report = export_project(tmp_path / "P", "llp", tmp_path / "out")
    assert report.losses == (
        "2 absent labels are only in reviewed.csv",
        "1 present label of the train split is only in reviewed.csv",
        "1 duration that no name tells is only in clips.csv",
        "1 clip not named <YouTube id>_<start>_<end> is known to LLP's tools by the first 11 characters alone",
        "who made the labels (ann) is only in the project",
    )
    assert report.counts == {"train": 2, "val": 1, "test": 1, "truth_events": 3, "reviewed_events": 3}
    assert set(report.files) == {path.name for path in (tmp_path / "out").iterdir()}


def test_the_snapshot_of_a_training_holds_the_labels_of_now(tmp_path: Path) -> None:
    create(tmp_path / "P", small_dataset())
    say(tmp_path / "P", VAL, "Bell")
    say(tmp_path / "P", TRAIN, "Bell")
    with open_store(tmp_path / "P") as store:
        dataset = snapshot_dataset(store)

    assert Event(A, "Bell", 1, 3) in dataset.truth[VAL]  # a complete clip: scored as corrected
    assert TRAIN not in dataset.truth
    assert Event(A, "Bell", 1, 3, author="ann") in dataset.reviewed[TRAIN]
    assert dataset.snapshot["project"] == "P"


def test_a_new_export_replaces_an_earlier_one_of_any_format(tmp_path: Path) -> None:
    create(tmp_path / "P", small_dataset())
    export_project(tmp_path / "P", "dataset", tmp_path / "out")
    (tmp_path / "out" / "notes.md").write_text("mine")
    report = export_project(tmp_path / "P", "llp", tmp_path / "out")

    assert {path.name for path in (tmp_path / "out").iterdir()} == {*report.files, "notes.md"}
    assert read_dataset(tmp_path / "out").splits == small_dataset().splits


def test_annotations_that_no_export_wrote_are_not_overwritten(tmp_path: Path) -> None:
    create(tmp_path / "P", small_dataset())
    write_dataset(tmp_path / "source", small_dataset())
    before = (tmp_path / "source" / "train.csv").read_text()
    say(tmp_path / "P", TRAIN, "Bell")
    for file_format in ("dataset", "llp"):
        with pytest.raises(ProjectError, match=r"holds annotations \(.*\.csv\) that no export wrote"):
            export_project(tmp_path / "P", file_format, tmp_path / "source")
    assert (tmp_path / "source" / "train.csv").read_text() == before
    with pytest.raises(ProjectError, match="this is a file"):
        export_project(tmp_path / "P", "llp", tmp_path / "source" / "train.csv")
    with pytest.raises(ProjectError, match="choose dataset or llp"):
        export_project(tmp_path / "P", "coco", tmp_path / "out")


def test_an_export_of_no_project_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        export_project(tmp_path / "missing", "dataset", tmp_path / "out")
    assert not (tmp_path / "out").exists()
