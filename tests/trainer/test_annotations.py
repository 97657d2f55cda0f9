"""Dataset folders: what they say, which oddities they survive, and which mistakes are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.annotations import (
    IMPORTED,
    AnnotationError,
    Dataset,
    Finding,
    feature_key,
    parse_llp_name,
    read_dataset,
    summarise,
    write_dataset,
)
from trainer.labels import Event, Modality, State

CATEGORIES = ("Speech", "Dog", "Frying_(food)")
A, V = Modality.AUDIO, Modality.VISUAL
WEAK, DENSE = "filename\tevent_labels\n", "filename\tonset\toffset\tevent_labels\n"
CLIP_COLUMNS = "filename\tduration\tcomplete\n"
REVIEWED = "filename\tmodality\tcategory\tonset\toffset\tstate\n"


def folder_of(root: Path, **files: str | bytes) -> Path:
    """A dataset folder with LLP's file names; an argument replaces a file, and "" removes it."""
    contents: dict[str, str | bytes] = {
        "categories.txt": "\n".join(CATEGORIES) + "\n",
        "AVVP_train.csv": WEAK + "aaaaaaaaaaa_0_10\tSpeech,Dog\n",
        "AVVP_val_pd.csv": WEAK + "bbbbbbbbbbb_0_10\tDog\n",
        "AVVP_test_pd.csv": WEAK + "ccccccccccc_20_30\tSpeech\n",
        "AVVP_eval_audio.csv": DENSE + "bbbbbbbbbbb_0_10\t0\t4\tDog\nccccccccccc_20_30\t2\t5\tSpeech\n",
        "AVVP_eval_visual.csv": DENSE + "bbbbbbbbbbb_0_10\t1\t3\tDog\nccccccccccc_20_30\t0\t10\tSpeech\n",
    }
    names = {
        "train": "AVVP_train.csv",
        "val": "AVVP_val_pd.csv",
        "test": "AVVP_test_pd.csv",
        "audio": "AVVP_eval_audio.csv",
        "visual": "AVVP_eval_visual.csv",
        "categories": "categories.txt",
        "reviewed": "reviewed.csv",
        "clips": "clips.csv",
        "own_audio": "audio_events.csv",
        "snapshot": "snapshot.json",
    }
    contents |= {names[key]: text for key, text in files.items()}
    for name, text in contents.items():
        if text:
            (root / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def texts_of(dataset: Dataset) -> list[str]:
    return [finding.text for finding in dataset.findings]


def test_llp_file_names_are_read_as_splits_truth_and_completeness(tmp_path: Path) -> None:
    dataset = read_dataset(folder_of(tmp_path))

    assert dataset.categories == CATEGORIES
    assert dataset.splits == {
        "train": {"aaaaaaaaaaa_0_10": frozenset({"Speech", "Dog"})},
        "val": {"bbbbbbbbbbb_0_10": frozenset({"Dog"})},
        "test": {"ccccccccccc_20_30": frozenset({"Speech"})},
    }
    assert dataset.truth["bbbbbbbbbbb_0_10"] == (Event(A, "Dog", 0, 4), Event(V, "Dog", 1, 3))
    assert dataset.complete == {"bbbbbbbbbbb_0_10", "ccccccccccc_20_30"}
    assert dataset.findings == ()


def test_without_dense_files_no_clip_is_complete(tmp_path: Path) -> None:
    dataset = read_dataset(folder_of(tmp_path, audio="", visual=""))
    assert dataset.complete == frozenset()
    assert dataset.truth == {}


def test_a_vocabulary_that_is_given_holds_against_the_folders_own(tmp_path: Path) -> None:
    dataset = read_dataset(folder_of(tmp_path), ("Dog", "Speech", "Frying_(food)"))
    assert dataset.categories == ("Dog", "Speech", "Frying_(food)")
    assert [finding.file for finding in dataset.findings] == ["categories.txt"]


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbffilename\tevent_labels\r\naaaaaaaaaaa_0_10\tSpeech, Dog\r\n\r\n"
    dataset = read_dataset(folder_of(tmp_path, train=text))
    assert dataset.splits["train"] == {"aaaaaaaaaaa_0_10": frozenset({"Speech", "Dog"})}


# Oddities that are survived


@pytest.mark.parametrize(
    ("rows", "events", "said"),
    [
        ("b\t3\t3\tDog", [], "empty range"),
        ("b\t9\t0\tDog", [], "inverted range"),
        ("b\t0\t4\tDog\nb\t0\t4\tDog", [(0, 4)], "the same row again"),
        ("b\t0\t4\tDog\nb\t2\t6\tDog", [(0, 6)], "overlap"),
        ("b\t0\t4\tDog\nb\t4\t6\tDog", [(0, 6)], "touch"),
        ("b\t0\t9\tDog\nb\t2\t4\tDog\nb\t3\t5\tDog", [(0, 9)], "overlap"),
        ("b\t0\t4\tDog\n12eWNawPekw_30_40\t4\t6\tDog", [(0, 4)], "belongs to no clip"),
        ("b\t0\t4\tDog\nb`\t4\t6\tDog", [(0, 4)], "ends in a stray character"),
        ("b\t0.5\t4.25\tDog", [(0.5, 4.25)], ""),
    ],
)
def test_odd_dense_rows_are_survived_and_told(
    tmp_path: Path, rows: str, events: list[tuple[float, float]], said: str
) -> None:
    rows = rows.replace("b\t", "bbbbbbbbbbb_0_10\t").replace("b`", "bbbbbbbbbbb_0_10`")
    dataset = read_dataset(folder_of(tmp_path, audio=DENSE + rows + "\nccccccccccc_20_30\t2\t5\tSpeech\n"))

    heard = [event for event in dataset.truth["bbbbbbbbbbb_0_10"] if event.modality is A]
    assert heard == [Event(A, "Dog", onset, offset) for onset, offset in events]
    odd = [text for text in texts_of(dataset) if "nothing is heard" not in text]
    assert all(said in text for text in odd)
    assert bool(odd) == bool(said)


def test_odd_clips_are_survived_and_told(tmp_path: Path) -> None:
    rows = "-aaaaaaaaaa_0_10\tDog,Dog\naaaaaaaaaaa_1.5_11.5\tDog\naaaaaaaaaaa_0_10\tDog\nclip\t\n"
    dataset = read_dataset(folder_of(tmp_path, train=WEAK + rows))

    assert dataset.splits["train"]["-aaaaaaaaaa_0_10"] == {"Dog"}
    assert dataset.splits["train"]["clip"] == frozenset()
    told = {finding.row: finding.text for finding in dataset.findings if finding.file == "AVVP_train.csv"}
    assert "begins with '-'" in told[2]
    assert "decimal times" in told[3]
    assert "YouTube id of another clip" in told[4]
    assert "no video-level label" in told[5]
    assert any("repeated" in text for text in texts_of(dataset))


def test_clips_without_rows_and_weak_labels_beside_the_truth_are_told(tmp_path: Path) -> None:
    visual = DENSE + "ccccccccccc_20_30\t0\t10\tDog\n"
    dataset = read_dataset(folder_of(tmp_path, visual=visual))

    assert "a val clip has no event: nothing is seen in it" in texts_of(dataset)
    (union,) = [finding for finding in dataset.findings if "union" in finding.text]
    assert union.file == "AVVP_test_pd.csv"
    assert union.detail == "1 of 1 clips, the first ccccccccccc_20_30"
    assert dataset.splits["test"]["ccccccccccc_20_30"] == {"Speech"}


def test_findings_of_a_kind_are_told_in_one_line() -> None:
    findings = [Finding("a.csv", row, "an empty range", f"clip{row}") for row in (4, 7, 9)]
    lines = summarise([*findings, Finding("b.csv", None, "odd")])
    assert lines == ["a.csv: 3 times: an empty range (first: row 4: clip4)", "b.csv: odd"]
    assert summarise(findings[:1]) == ["a.csv:4: an empty range: clip4"]


def test_our_dense_rows_win_over_llps_clip_by_clip(tmp_path: Path) -> None:
    own = DENSE + "bbbbbbbbbbb_0_10\t0.5\t3.5\tDog\n"
    dataset = read_dataset(folder_of(tmp_path, own_audio=own))
    assert Event(A, "Dog", 0.5, 3.5) in dataset.truth["bbbbbbbbbbb_0_10"]
    assert Event(A, "Dog", 0, 4) not in dataset.truth["bbbbbbbbbbb_0_10"]
    assert Event(A, "Speech", 2, 5) in dataset.truth["ccccccccccc_20_30"]


# Reviewed events, clips.csv, snapshot.json


def test_reviewed_events_come_back_as_a_persons(tmp_path: Path) -> None:
    rows = "aaaaaaaaaaa_0_10\taudio\tDog\t0\t2.5\tabsent\naaaaaaaaaaa_0_10\taudio\tDog\t2.5\t5\tabsent\n"
    dataset = read_dataset(folder_of(tmp_path, reviewed=REVIEWED + rows))
    # Touching is not overlapping: segment 2 was not looked at as a whole, and stays unseen.
    assert dataset.reviewed == {
        "aaaaaaaaaaa_0_10": (
            Event(A, "Dog", 0, 2.5, State.ABSENT, IMPORTED),
            Event(A, "Dog", 2.5, 5, State.ABSENT, IMPORTED),
        )
    }


def test_a_changed_dataset_no_longer_agrees_with_its_snapshot(tmp_path: Path) -> None:
    write_dataset(
        tmp_path, Dataset(CATEGORIES, {"train": {"clip": frozenset({"Dog"})}}, snapshot={"project": "P"})
    )
    read = read_dataset(tmp_path)
    assert read.snapshot["project"] == "P"
    assert read.snapshot["counts"]["train"] == 1
    assert "the labels were changed after this snapshot was written" not in texts_of(read)

    (tmp_path / "train.csv").write_text(WEAK + "clip\tSpeech\n")
    assert "the labels were changed after this snapshot was written" in texts_of(read_dataset(tmp_path))


# Mistakes that are refused


@pytest.mark.parametrize(
    ("file", "text", "place", "said"),
    [
        ("train", "filename\tlabels\nx\tDog\n", "AVVP_train.csv:1", ["'labels'", "filename<tab>event_labels"]),
        ("train", "filename,event_labels\nx,Dog\n", "AVVP_train.csv:1", ["commas", "tabs"]),
        ("train", "\n", "AVVP_train.csv:1", ["empty", "filename<tab>event_labels"]),
        ("train", WEAK + "x\n", "AVVP_train.csv:2", ["1 column instead of 2"]),
        ("train", WEAK + "x\tdog\n", "AVVP_train.csv:2", ["'dog'", "did you mean 'Dog'?"]),
        ("train", WEAK + "x\tSpeach,Cat\ny\tCat\n", "AVVP_train.csv:2", ["'Speech'?", "1 more row "]),
        ("train", WEAK + "\tDog\n", "AVVP_train.csv:2", ["filename is missing"]),
        ("train", WEAK + "x\tDog\nx\tSpeech\n", "AVVP_train.csv:3", ["other labels", "AVVP_train.csv:2"]),
        ("val", WEAK + "aaaaaaaaaaa_0_10\tDog\n", "AVVP_val_pd.csv:2", ["train split", "AVVP_train.csv:2"]),
        ("train", (WEAK + "x\tDög\n").encode("latin-1"), "AVVP_train.csv:2", ["UTF-8"]),
        ("train", WEAK.encode("utf-16"), "AVVP_train.csv:1", ["UTF-8"]),
        ("train", WEAK.encode("utf-16-le"), "AVVP_train.csv", ["UTF-16"]),
        ("audio", DENSE + "bbbbbbbbbbb_0_10\tzero\t4\tDog\n", "AVVP_eval_audio.csv:2", ["onset 'zero'"]),
        (
            "audio",
            DENSE + "bbbbbbbbbbb_0_10\t0\t-4\tDog\n",
            "AVVP_eval_audio.csv:2",
            ["offset '-4'", "0 or more"],
        ),
        ("audio", DENSE + "bbbbbbbbbbb_0_10\tnan\t4\tDog\n", "AVVP_eval_audio.csv:2", ["onset 'nan'"]),
        ("audio", DENSE + "bbbbbbbbbbb_0_10\t0\tinf\tDog\n", "AVVP_eval_audio.csv:2", ["offset 'inf'"]),
        ("audio", DENSE + "bbbbbbbbbbb_0_10\t0\t1e300\tDog\n", "AVVP_eval_audio.csv:2", ["offset '1e300'"]),
        ("audio", DENSE + "x\t0\t4\tDog\ny\t0\t4\tDog\n", "AVVP_eval_audio.csv", ["none of its 2 rows"]),
        ("visual", "", "AVVP_eval_visual.csv", ["no such file", "AVVP_eval_audio.csv needs it"]),
        ("categories", "", "categories.txt", ["no such file"]),
        ("categories", "Dog\nDog\n", "categories.txt:2", ["'Dog'", "row 1"]),
        ("categories", "Dog,Speech\n", "categories.txt:1", ["comma"]),
        (
            "reviewed",
            REVIEWED + "aaaaaaaaaaa_0_10\tsound\tDog\t0\t1\tabsent\n",
            "reviewed.csv:2",
            ["audio or visual"],
        ),
        (
            "reviewed",
            REVIEWED + "aaaaaaaaaaa_0_10\taudio\tDog\t0\t1\tno\n",
            "reviewed.csv:2",
            ["present or absent"],
        ),
        (
            "reviewed",
            REVIEWED
            + "aaaaaaaaaaa_0_10\taudio\tDog\t0\t3\tabsent\naaaaaaaaaaa_0_10\taudio\tDog\t2\t4\tpresent\n",
            "reviewed.csv:3",
            ["both present and absent", "row 2"],
        ),
        ("clips", CLIP_COLUMNS + "aaaaaaaaaaa_0_10\t0\tno\n", "clips.csv:2", ["duration '0'"]),
        ("clips", CLIP_COLUMNS + "aaaaaaaaaaa_0_10\t\t?\n", "clips.csv:2", ["yes or no"]),
        ("snapshot", "{", "snapshot.json:1", ["not JSON"]),
        ("snapshot", "[]", "snapshot.json:1", ["JSON object"]),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_to_do(
    tmp_path: Path, file: str, text: str | bytes, place: str, said: list[str]
) -> None:
    folder_of(tmp_path, **{file: text})
    with pytest.raises(AnnotationError) as error:
        read_dataset(tmp_path)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / place.split(':')[0]}{''.join(place.partition(':')[1:])}:")
    assert "\n" not in message
    for part in said:
        assert part in message


def test_many_wrong_rows_are_counted_and_the_first_is_shown(tmp_path: Path) -> None:
    rows = "".join(f"clip{number}\tCat\n" for number in range(40))
    with pytest.raises(AnnotationError, match=r"AVVP_train.csv:2: 'Cat'.* \(39 more rows of this file"):
        read_dataset(folder_of(tmp_path, train=WEAK + rows))


def test_a_folder_without_splits_and_one_that_is_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"train\.csv.*AVVP_train\.csv"):
        read_dataset(tmp_path)
    with pytest.raises(AnnotationError, match="no such folder"):
        read_dataset(tmp_path / "missing")


def test_a_folder_in_the_place_of_a_file_is_not_passed_over(tmp_path: Path) -> None:
    folder_of(tmp_path, train="")
    (tmp_path / "AVVP_train.csv").mkdir()
    with pytest.raises(AnnotationError, match=r"AVVP_train\.csv: cannot be read"):
        read_dataset(tmp_path)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    clip = {"train": {"clip": frozenset({"Dog"})}}
    for dataset, said in (
        (Dataset(CATEGORIES, {"train": {"a\tb": frozenset()}}), "tab"),
        (Dataset(CATEGORIES, {"train": {"a": frozenset({"Cat"})}}), "'Cat'"),
        (Dataset(CATEGORIES, {**clip, "val": {"clip": frozenset()}}), "two splits"),
        (Dataset(CATEGORIES, clip, reviewed={"other": (Event(A, "Dog", 0, 1),)}), "'other'"),
        (Dataset(CATEGORIES, clip, truth={"clip": (Event(A, "Dog", 0, 1, State.ABSENT),)}), "present events"),
        (Dataset(CATEGORIES, clip, complete=frozenset({"clip"})), "val and test"),
    ):
        with pytest.raises(AnnotationError, match=said):
            write_dataset(tmp_path / "out", dataset)
    assert not (tmp_path / "out").exists()


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    write_dataset(tmp_path, Dataset(CATEGORIES, {"train": {"clip": frozenset({"Dog"})}}))
    before = (tmp_path / "train.csv").read_text()
    (tmp_path / "train.csv.part").mkdir()
    with pytest.raises(OSError):
        write_dataset(tmp_path, Dataset(CATEGORIES, {"train": {"clip": frozenset({"Speech"})}}))
    assert (tmp_path / "train.csv").read_text() == before


def test_our_files_are_not_written_among_llps(tmp_path: Path) -> None:
    folder_of(tmp_path)
    with pytest.raises(AnnotationError, match=r"AVVP_train\.csv is here"):
        write_dataset(tmp_path, Dataset(CATEGORIES, {"train": {}}))


# Names


@pytest.mark.parametrize(
    ("name", "parts", "key"),
    [
        ("BjCEufrlXm4_20_30", ("BjCEufrlXm4", 20, 30), "BjCEufrlXm4"),
        ("-_aB_9_1_2-_30_40", ("-_aB_9_1_2-", 30, 40), "-_aB_9_1_2-"),
        ("AP0061o0Nvk_101.8_111.8", ("AP0061o0Nvk", 101.8, 111.8), "AP0061o0Nvk"),
        ("CSWQ_HzQ_10_20", None, "CSWQ_HzQ_10_20"),
        ("BjCEufrlXm4_30_20", None, "BjCEufrlXm4_30_20"),
        ("BjCEufrlXm4_0_99999999999", None, "BjCEufrlXm4_0_99999999999"),
        ("BjCEufrlXm4_20_30`", None, "BjCEufrlXm4_20_30`"),
        ("clip-001", None, "clip-001"),
    ],
)
def test_an_llp_name_tells_its_video_and_times(
    name: str, parts: tuple[str, float, float] | None, key: str
) -> None:
    assert parse_llp_name(name) == parts
    assert feature_key(name) == key
