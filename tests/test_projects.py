"""Projects as a whole: made, added to, exported, and made again from what was exported."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from avvp_studio.domain.edit import Edit, mark
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import (
    CreateReport,
    ImportReport,
    ProjectError,
    create_project,
    export_project,
    import_files,
    load_vocabulary,
    snapshot_dataset,
)
from avvp_studio.store import Store
from trainer.annotations import IMPORTED, AnnotationError, Dataset, merged, read_dataset, write_dataset
from trainer.labels import Event, Modality, State, segment_count, state_grid
from trainer.parses import Parse, ParseError, ParseFile, read_parses, write_parses

CATEGORIES = ("Speech", "Dog", "Bell")
A, V = Modality.AUDIO, Modality.VISUAL
TRAIN, VAL, TEST = "aaaaaaaaaaa_0_10", "bbbbbbbbbbb_20_30", "ccccccccccc_0_10"


def small_dataset() -> Dataset:
    return Dataset(
        CATEGORIES,
        {
            "train": {TRAIN: frozenset({"Dog"}), "free": frozenset({"Bell"})},
            "val": {VAL: frozenset({"Dog"})},
            "test": {TEST: frozenset({"Speech"})},
        },
        truth={VAL: (Event(A, "Dog", 0, 5), Event(V, "Dog", 1, 3))},
        complete=frozenset({VAL, TEST}),
        reviewed={
            TRAIN: (Event(A, "Dog", 2, 4, State.ABSENT, IMPORTED),),
            VAL: (Event(A, "Dog", 2, 3, State.ABSENT, IMPORTED),),
        },
    )


def create(root: Path, dataset: Dataset | None = None, media: Path | None = None) -> CreateReport:
    return create_project(
        root, categories=CATEGORIES, name="P", dataset=dataset, media=media, progress=lambda *_: None
    )


def bring(root: Path, *files: Path) -> ImportReport:
    return import_files(root, files, progress=lambda *_: None)


def open_store(root: Path) -> Store:
    return Store.open(ProjectPaths(root).database)


def clips_of(root: Path) -> dict[str, Clip]:
    with open_store(root) as store:
        return {clip.name: clip for clip in store.clips()}


def events_of(root: Path, clip: str) -> tuple[Event, ...]:
    with open_store(root) as store:
        return store.events(clip)


def say(root: Path, clip: str, category: str, state: State = State.PRESENT, person: str = "ann") -> None:
    """A person marks seconds 1 to 3 of what is heard in a clip."""
    with open_store(root) as store:
        said = {"modality": A, "category": category, "onset": 1, "offset": 3, "state": state}
        store.apply(clip, mark(store.events(clip), **said, author=person), person)


def sound(path: Path, seconds: float = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(8000 * seconds), np.float32), 8000)
    return path


def parses_of(names: Sequence[str], categories: Sequence[str] = CATEGORIES) -> ParseFile:
    columns = np.tile(np.arange(len(categories), dtype=np.float32) / 10, (10, 1))
    return ParseFile.from_clips({name: Parse(columns, columns, columns[0]) for name in names}, categories)


# New projects


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


# Export, and projects made from exports


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
            onset, offset = sorted(draw(st.lists(st.integers(0, int(duration * 1000)), min_size=2, max_size=2)))
            edit = mark(
                events,
                modality=draw(st.sampled_from(tuple(Modality))),
                category=draw(st.sampled_from(CATEGORIES)),
                onset=onset / 1000,
                offset=(offset + (offset == onset)) / 1000,
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


# Import


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


# The real files


def test_llp_becomes_a_project_and_comes_back_from_its_exports(
    shared_data: Path, shared_media: Path, tmp_path: Path
) -> None:
    categories = load_vocabulary("llp")
    dataset = read_dataset(shared_data / "llp", categories)
    stages = set()
    report = create_project(
        tmp_path / "P",
        categories=categories,
        name="LLP",
        dataset=dataset,
        media=shared_media,
        progress=lambda stage, done, total: stages.add(stage),
    )
    assert (report.clips, report.with_media) == (11849, 1)
    assert stages == {"clips", "store"}
    with open_store(tmp_path / "P") as store:
        real = store.clip("BjCEufrlXm4_20_30")
    assert real.media is not None
    assert real.media.name == "BjCEufrlXm4_20_30.mp4"

    for file_format in ("dataset", "llp"):
        assert export_project(tmp_path / "P", file_format, tmp_path / file_format).losses == ()
        again = read_dataset(tmp_path / file_format)
        assert (again.splits, again.truth) == (dataset.splits, dataset.truth)
        assert (again.complete, again.categories) == (dataset.complete, dataset.categories)
