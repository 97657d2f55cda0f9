"""Audio-visual truth: UnAV-100's own file, our file for it, and the numbers that it is scored by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import metrics
from trainer.annotations import (
    UNAV_FILES,
    AnnotationError,
    Dataset,
    labels_hash,
    read_dataset,
    write_dataset,
)
from trainer.labels import Event, Modality, segment_count, state_grid
from trainer.scoring import scored_names
from trainer.tables import summarise

A, V = Modality.AUDIO, Modality.VISUAL
(UNAV_FILE,) = UNAV_FILES.values()
DOG, BELL = {"label": "dog barking", "label_id": 1}, {"label": "bell", "label_id": 0}
TRAIN, VAL, TEST = "72f67ednp7w", "-Rjmgv0O_p0", "8WSesSOfBrE"


def database() -> dict[str, Any]:
    return {
        TRAIN: {
            "duration": 47.68,
            "subset": "train",
            "annotations": [{"segment": [13.01, 15.78316], **DOG}, {"segment": [0, 47.68], **BELL}],
        },
        VAL: {"duration": 39.05, "subset": "validation", "annotations": [{"segment": [0.5, 2], **DOG}]},
        TEST: {"duration": 12, "subset": "test", "annotations": [{"segment": [3, 12], **BELL}]},
    }


def write_unav(folder: Path, videos: object) -> Path:
    (folder / UNAV_FILE).write_text(json.dumps({"version": "unav100", "database": videos}))
    return folder


def both(category: str, onset: float, offset: float) -> tuple[Event, Event]:
    return Event(A, category, onset, offset), Event(V, category, onset, offset)


def test_the_published_file_is_read_from_a_folder_as_it_is(tmp_path: Path) -> None:
    dataset = read_dataset(write_unav(tmp_path, database()))

    assert dataset.categories == ("bell", "dog barking")
    assert dataset.splits == {
        "train": {TRAIN: frozenset({"bell", "dog barking"})},
        "val": {VAL: frozenset({"dog barking"})},
        "test": {TEST: frozenset({"bell"})},
    }
    assert dataset.durations == {TRAIN: 47.68, VAL: 39.05, TEST: 12}
    assert dataset.truth[VAL] == both("dog barking", 0.5, 2)
    assert dataset.audio_visual_only
    assert any("scored as AV only" in finding.text for finding in dataset.findings)


def test_the_truth_of_train_videos_is_kept_for_who_asks_and_is_never_complete(tmp_path: Path) -> None:
    dataset = read_dataset(write_unav(tmp_path, database()))

    assert dataset.truth[TRAIN][0] == Event(A, "bell", 0, 47.68)
    assert dataset.complete == {VAL, TEST}
    assert scored_names(dataset, "train") == []
    assert dataset.reviewed == {}


def test_a_video_has_a_segment_for_every_second_that_it_begins(tmp_path: Path) -> None:
    dataset = read_dataset(write_unav(tmp_path, database()))
    assert dataset.segments == {TRAIN: 48, VAL: 40, TEST: 12}
    # Elsewhere a duration may be that of a media file, padded at its end.
    assert replace(dataset, audio_visual_only=False).segments[VAL] == segment_count(39.05) == 39


def test_a_vocabulary_that_is_given_holds_for_unav_too(tmp_path: Path) -> None:
    folder = write_unav(tmp_path, database())
    assert read_dataset(folder, ("dog barking", "cat", "bell")).categories == ("dog barking", "cat", "bell")
    (folder / "categories.txt").write_text("dog barking\nbell\n")
    assert read_dataset(folder).categories == ("dog barking", "bell")
    with pytest.raises(AnnotationError, match=r"'dog barking' is not one of the 1 categories"):
        read_dataset(folder, ("bell",))


def test_what_a_person_reviewed_stands_beside_the_published_file(tmp_path: Path) -> None:
    rows = f"filename\tmodality\tcategory\tonset\toffset\tstate\n{TRAIN}\tvisual\tbell\t0\t4\tabsent\n"
    (tmp_path / "reviewed.csv").write_text(rows)
    assert [*read_dataset(write_unav(tmp_path, database())).reviewed] == [TRAIN]


def test_our_audio_visual_rows_win_over_the_published_ones_video_by_video(tmp_path: Path) -> None:
    rows = f"filename\tonset\toffset\tevent_labels\n{VAL}\t1\t3\tdog barking\n"
    (tmp_path / "audio_visual_events.csv").write_text(rows)
    dataset = read_dataset(write_unav(tmp_path, database()))
    assert dataset.truth[VAL] == both("dog barking", 1, 3)
    assert dataset.truth[TEST] == both("bell", 3, 12)


# Our own file


def test_audio_visual_truth_is_written_as_one_row_an_event_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    dataset = read_dataset(write_unav(tmp_path / "in", database()))
    write_dataset(tmp_path / "out", dataset)

    lines = (tmp_path / "out" / "audio_visual_events.csv").read_text().splitlines()
    assert lines[0] == "filename\tonset\toffset\tevent_labels"
    assert f"{TRAIN}\t13.01\t15.783\tdog barking" in lines
    assert len(lines) == 5
    assert not (tmp_path / "out" / "audio_events.csv").exists()
    check_same(read_dataset(tmp_path / "out"), dataset)


def check_same(read: Dataset, dataset: Dataset) -> None:
    for name in ("categories", "splits", "truth", "complete", "reviewed", "durations", "audio_visual_only"):
        assert getattr(read, name) == getattr(dataset, name), name
    assert read.segments == dataset.segments
    assert labels_hash(read) == labels_hash(dataset) == read.snapshot["sha256"]


def test_a_dataset_of_another_kind_replaces_the_files_of_the_first(tmp_path: Path) -> None:
    clips = {"train": {}, "val": {"a": frozenset({"Dog"})}, "test": {}}
    truth = {"a": both("Dog", 0, 2)}
    for audio_visual_only in (False, True, False):
        dataset = Dataset(
            ("Dog",), clips, truth, frozenset({"a"}), durations={"a": 9}, audio_visual_only=audio_visual_only
        )
        write_dataset(tmp_path, dataset)
        check_same(read_dataset(tmp_path), dataset)


def test_audio_visual_truth_in_one_modality_is_not_written(tmp_path: Path) -> None:
    dataset = Dataset(
        ("Dog",), {"val": {"a": frozenset()}}, {"a": both("Dog", 0, 2)[:1]}, audio_visual_only=True
    )
    with pytest.raises(AnnotationError, match="a: an event of audio-visual truth is in one modality only"):
        write_dataset(tmp_path, dataset)


@pytest.mark.parametrize("name", ["audio_events.csv", "AVVP_eval_visual.csv"])
def test_two_kinds_of_truth_in_one_folder_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("filename\tonset\toffset\tevent_labels\n")
    with pytest.raises(AnnotationError, match=rf"{UNAV_FILE}: .* {name} .*keep one kind"):
        read_dataset(write_unav(tmp_path, database()))


def test_our_files_are_not_written_beside_the_published_one(tmp_path: Path) -> None:
    dataset = read_dataset(write_unav(tmp_path, database()))
    with pytest.raises(AnnotationError, match=f"{UNAV_FILE} is here"):
        write_dataset(tmp_path, dataset)


# Oddities and damage


@pytest.mark.parametrize(
    ("segments", "kept", "said"),
    [
        ([[3, 3]], [], "an empty range, left out"),
        ([[5, 3], [6, 7]], [(6, 7)], "an inverted range, left out"),
        ([[3, 12.5]], [(3, 12.5)], "beyond the end of its video"),
        ([[1, 4], [3, 6]], [(1, 6)], "overlap, counted as one event"),
        ([], [], "no video-level label"),
    ],
)
def test_odd_annotations_are_survived_and_told(
    tmp_path: Path, segments: list[list[float]], kept: list[tuple[float, float]], said: str
) -> None:
    videos = database()
    videos[TEST]["annotations"] = [{"segment": segment, **BELL} for segment in segments]
    dataset = read_dataset(write_unav(tmp_path, videos))

    assert dataset.truth.get(TEST, ()) == tuple(Event(m, "bell", *times) for m in Modality for times in kept)
    assert TEST in dataset.complete
    assert any(said in finding.text for finding in dataset.findings)


def test_label_ids_that_are_missing_are_told(tmp_path: Path) -> None:
    dataset = read_dataset(write_unav(tmp_path, {VAL: database()[VAL]}))
    assert dataset.categories == ("dog barking",)
    assert any("shifts the indices" in finding.text for finding in dataset.findings)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((), [], "no object 'database'"),
        ((VAL,), 3, f"{VAL}: 3 is not an object"),
        ((VAL, "subset"), "dev", f"{VAL}: subset is 'dev'; write train, validation or test"),
        ((VAL, "subset"), None, f"{VAL}: subset is None"),
        ((VAL, "duration"), 0, f"{VAL}: duration is 0; write seconds, more than 0"),
        ((VAL, "duration"), "39", f"{VAL}: duration is '39'"),
        ((VAL, "duration"), float("nan"), f"{VAL}: duration is nan"),
        ((VAL, "duration"), 10**400, f"{VAL}: duration is 1000"),
        ((VAL, "annotations"), {}, f"{VAL}: annotations is"),
        ((VAL, "annotations", 0), "x", f"{VAL}, annotation 1: 'x' is not an object"),
        (
            (VAL, "annotations", 0, "segment"),
            [1],
            f"{VAL}, annotation 1: segment is [1]; write [onset, offset]",
        ),
        ((VAL, "annotations", 0, "segment"), [-1, 2], "segment is [-1, 2]"),
        ((VAL, "annotations", 0, "segment"), [0, float("inf")], "segment is [0, inf]"),
        ((VAL, "annotations", 0, "segment"), [True, 2], "segment is [True, 2]"),
        ((VAL, "annotations", 0, "segment"), [0, 1e300], "segment is [0, 1e+300]"),
        ((VAL, "annotations", 0, "label"), "", "label is ''; write the name of a category"),
        ((VAL, "annotations", 0, "label"), "dog, barking", "label is 'dog, barking'"),
        ((VAL, "annotations", 0, "label"), "bell", "annotation 1: 'bell' has label_id 1 here and 0 before"),
        ((VAL, "annotations", 0, "label"), "cat", "label_id 1 is 'cat' here and 'dog barking' before"),
        ((VAL, "annotations", 0, "label_id"), "1", "label_id is '1'; write the index"),
        ((VAL, "annotations", 0, "label_id"), -1, "label_id is -1"),
    ],
)
def test_damage_is_refused_with_the_video_and_the_field(
    tmp_path: Path, place: tuple[str | int, ...], value: object, said: str
) -> None:
    videos: Any = database()
    inner = videos
    for key in place[:-1]:
        inner = inner[key]
    if place:
        inner[place[-1]] = value
    with pytest.raises(AnnotationError) as error:
        read_dataset(write_unav(tmp_path, videos if place else value))
    assert str(error.value).startswith(f"{tmp_path / UNAV_FILE}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_field_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    videos = database()
    del videos[VAL]["duration"]
    with pytest.raises(AnnotationError, match=f"{VAL}: duration is missing; write seconds"):
        read_dataset(write_unav(tmp_path, videos))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: not JSON"),
        ('{"database": {', ":1: not JSON"),
        ("[1]", ":1: not a JSON object"),
        ('{"database": {"a": {}, "a": {}}}', "'a' is given twice"),
        ("[" * 100_000, "not JSON as it should be"),
        ('{"database": ' + "9" * 5000 + "}", "not JSON as it should be"),
    ],
)
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / UNAV_FILE).write_text(text)
    with pytest.raises(AnnotationError) as error:
        read_dataset(tmp_path)
    assert said in str(error.value)


# The real file


@pytest.fixture(scope="module")
def unav(shared_data: Path) -> Dataset:
    return read_dataset(shared_data / "unav100")


def test_unav_100_has_the_published_counts(unav: Dataset, shared_data: Path) -> None:
    assert [len(clips) for clips in unav.splits.values()] == [6489, 2134, 2167]
    assert unav.categories == tuple((shared_data / "unav100" / "unav100_classes.txt").read_text().splitlines())
    assert len(unav.categories) == 100
    events = [sum(len(unav.truth[name]) for name in clips) // 2 for clips in unav.splits.values()]
    # 18,123 / 6,036 / 5,900 annotations, two of which touch.
    assert events == [18123, 6035, 5900]
    durations = np.array([*unav.durations.values()])
    assert (durations.min(), durations.max()) == (10, 60)
    assert durations.mean() == pytest.approx(42.15, abs=0.005)
    assert sum(len(labels) > 1 for clips in unav.splits.values() for labels in clips.values()) == 4366
    assert len(unav.complete) == 2134 + 2167
    assert len(summarise(unav.findings)) < 5


def test_unav_100_comes_back_from_our_own_files(unav: Dataset, tmp_path: Path) -> None:
    write_dataset(tmp_path, unav)
    check_same(read_dataset(tmp_path), unav)


@pytest.mark.parametrize(("split", "subset"), [("val", "validation"), ("test", "test")])
def test_scores_of_unav_100_are_those_of_its_only_recipe(
    unav: Dataset, shared_data: Path, split: str, subset: str
) -> None:
    """UWAV's: one-second segments, T = ceil(duration), audio-visual only, the mean over videos."""
    names = [*unav.splits[split]]
    lengths = np.array([unav.segments[name] for name in names])
    truth = np.zeros((len(names), 2, lengths.max(), len(unav.categories)), bool)
    for cells, name, length in zip(truth, names, lengths, strict=True):
        cells[:, :length] = state_grid(unav.truth[name], unav.categories, length, complete=True) == 1
    labels = np.array(
        [[category in unav.splits[split][name] for category in unav.categories] for name in names]
    )
    # A category that is not a label of a video is neither true nor predicted there, and does not count.
    columns = np.argsort(~labels, axis=1, kind="stable")[:, None, None, : labels.sum(axis=1).max()]
    weak = np.broadcast_to(labels[:, None, None, :], truth.shape)
    shifted = np.concatenate([np.zeros_like(truth[:, :, :1]), truth[:, :, :-1]], axis=2)
    i, _, t, c = np.ogrid[tuple(map(slice, truth.shape))]
    golden = json.loads((shared_data / "llp" / "golden_metrics.json").read_text())

    for pattern, predicted in {
        "weak_everywhere": weak,
        "gt_shift_right_1s": shifted,
        "modular_pattern": ((7 * i + 3 * c + 5 * t) % 4 != 0) & weak,
    }.items():
        few = (np.take_along_axis(cells, columns, axis=3) for cells in (predicted, truth))
        found = metrics.scores(*few, np.arange(truth.shape[2]) < lengths[:, None])
        expected = golden[f"unav100/{subset}/{pattern}"]
        assert found["segment/AV"] == pytest.approx(expected["AV_Seg"], abs=1e-4), pattern
        assert found["event/AV"] == pytest.approx(expected["AV_Evn"], abs=1e-4), pattern
