"""Projects made of annotations and media."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from avvp_studio.domain.project import Clip
from avvp_studio.projects import (
    ProjectError,
    create_project,
    load_vocabulary,
)
from tests.projects.steps import (
    CATEGORIES,
    TRAIN,
    VAL,
    A,
    V,
    clips_of,
    create,
    events_of,
    open_store,
    small_dataset,
    sound,
)
from trainer.annotations import IMPORTED
from trainer.labels import Event, State


def test_a_project_holds_what_the_dataset_says_and_finds_its_media(tmp_path: Path) -> None:
    linked = sound(tmp_path / "media" / "aaaaaaaaaaa.wav")
    report = create(tmp_path / "P", small_dataset(), tmp_path / "media")

    assert (report.clips, report.with_media, report.unreadable) == (4, 1, ())
    clips = clips_of(tmp_path / "P")
    assert clips[TRAIN] == Clip(TRAIN, "train", linked, 10, 10, frozenset({"Dog"}), is_complete=False)
    assert clips[VAL] == Clip(VAL, "val", None, 10, 10, frozenset({"Dog"}), is_complete=True)
    assert clips["free"].duration == 10
    # What was reviewed holds against the dense truth, which is cut around it.
    assert events_of(tmp_path / "P", VAL) == (
        Event(A, "Dog", 0, 2),
        Event(A, "Dog", 2, 3, State.ABSENT, IMPORTED),
        Event(A, "Dog", 3, 5),
        Event(V, "Dog", 1, 3),
    )
    with open_store(tmp_path / "P") as store:
        assert store.edited_clips() == {TRAIN, VAL}


def test_the_duration_of_a_clip_with_a_free_name_is_that_of_its_media(tmp_path: Path) -> None:
    sound(tmp_path / "media" / "free.wav", seconds=3.5)
    create(tmp_path / "P", small_dataset(), tmp_path / "media")
    assert (clips_of(tmp_path / "P")["free"].duration, clips_of(tmp_path / "P")["free"].segments) == (3.5, 4)


def test_an_event_beyond_the_end_of_its_clip_is_cut_and_told(tmp_path: Path) -> None:
    dataset = replace(small_dataset(), truth={VAL: (Event(A, "Dog", 8, 30),)}, reviewed={})
    report = create(tmp_path / "P", dataset)
    assert events_of(tmp_path / "P", VAL) == (Event(A, "Dog", 8, 10),)
    assert [finding.text for finding in report.findings] == [
        "an event goes on beyond the end of its clip, cut there"
    ]


def test_without_annotations_every_media_file_becomes_a_clip_to_train_on(tmp_path: Path) -> None:
    sound(tmp_path / "media" / "one.wav")
    sound(tmp_path / "media" / "more" / "two.flac", seconds=1.5)
    broken = tmp_path / "media" / "broken.mp4"
    broken.write_text("not a video")

    report = create(tmp_path / "P", media=tmp_path / "media")
    assert (report.clips, report.with_media) == (2, 2)
    clips = clips_of(tmp_path / "P")
    assert {(c.name, c.split, c.duration, c.segments) for c in clips.values()} == {
        ("one", "train", 2.0, 2),
        ("two", "train", 1.5, 2),
    }
    ((path, reason),) = report.unreadable
    assert path == broken
    assert "broken.mp4" in reason


def test_a_clip_whose_media_cannot_be_read_stays_without_them(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "free.mp4").write_text("not a video")
    report = create(tmp_path / "P", small_dataset(), tmp_path / "media")
    assert [path.name for path, _ in report.unreadable] == ["free.mp4"]
    assert clips_of(tmp_path / "P")["free"].media is None


def test_a_project_and_the_media_beside_it_can_move_together(tmp_path: Path) -> None:
    sound(tmp_path / "here" / "media" / "one.wav")
    create(tmp_path / "here" / "P", media=tmp_path / "here" / "media")
    (tmp_path / "here").rename(tmp_path / "there")
    assert clips_of(tmp_path / "there" / "P")["one"].media == tmp_path / "there" / "media" / "one.wav"


def test_an_empty_folder_becomes_a_project_and_any_other_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert create(tmp_path / "empty", small_dataset()).clips == 4

    sound(tmp_path / "full" / "mine.wav")
    with pytest.raises(ProjectError, match="not empty"):
        create(tmp_path / "full", small_dataset())
    with pytest.raises(ProjectError, match="a project here already"):
        create(tmp_path / "empty", small_dataset())
    with pytest.raises(ProjectError, match="this is a file"):
        create(tmp_path / "full" / "mine.wav", small_dataset())
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.wav"]


def test_a_folder_without_media_makes_no_project(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    with pytest.raises(ProjectError, match="no video or sound file"):
        create(tmp_path / "P", media=tmp_path / "media")
    (tmp_path / "media" / "a.mp4").write_text("text")
    with pytest.raises(ProjectError, match="none of its 1 media files can be read"):
        create(tmp_path / "P", media=tmp_path / "media")
    assert not (tmp_path / "P").exists()


def test_a_creation_that_stops_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "store" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_project(
            tmp_path / "P", categories=CATEGORIES, name="P", dataset=small_dataset(), media=None, progress=stop
        )
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_program_left_behind_goes_with_the_next_creation(tmp_path: Path) -> None:
    leftover = tmp_path / ".P.new-4194305"  # beyond the largest process number there is
    leftover.mkdir()
    alive = tmp_path / f".P.new-{os.getppid()}"
    alive.mkdir()
    create(tmp_path / "P", small_dataset())
    assert {path.name for path in tmp_path.iterdir()} == {"P", alive.name}


def test_a_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(ProjectError, match=r"needs about 2 MB, and 0 MB are free"):
        create(tmp_path / "P", small_dataset())
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="the disk refused") as error:
        create(tmp_path / "file" / "P", small_dataset())
    assert "\n" not in str(error.value)


def test_annotations_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="other categories"):
        create(tmp_path / "P", replace(small_dataset(), categories=("Dog", "Speech", "Bell")))


def test_vocabularies_are_known_by_name_or_read_from_a_file(tmp_path: Path) -> None:
    assert load_vocabulary("llp")[::24] == ("Speech", "Clapping")
    (tmp_path / "mine.txt").write_text("Dog\nBell\n")
    assert load_vocabulary(str(tmp_path / "mine.txt")) == ("Dog", "Bell")
    with pytest.raises(ProjectError, match=r"neither a vocabulary \(.*llp.*\) nor a file"):
        load_vocabulary("lpp")
