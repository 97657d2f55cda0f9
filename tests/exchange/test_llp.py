"""LLP's own files: what its tools find in them, and what is said of the rest."""

from __future__ import annotations

import csv
from pathlib import Path

from avvp_studio.exchange import llp
from trainer.annotations import IMPORTED, Dataset
from trainer.labels import Event, Modality, State, state_grid

A, V = Modality.AUDIO, Modality.VISUAL
TRAIN, VAL, TEST = "aaaaaaaaaaa_0_10", "bbbbbbbbbbb_0_10", "-_ccccccccc_5.5_15.5"
CATEGORIES = ("Speech", "Dog")


def dataset() -> Dataset:
    return Dataset(
        CATEGORIES,
        {
            "train": {TRAIN: frozenset({"Dog", "Speech"}), "unlabelled_": frozenset()},
            "val": {VAL: frozenset({"Dog"})},
            "test": {TEST: frozenset({"Speech"})},
        },
        truth={
            VAL: (Event(A, "Dog", 0.5, 2.25), Event(A, "Dog", 2.5, 4), Event(V, "Dog", 1, 3)),
            TRAIN: (Event(A, "Dog", 1, 2),),
        },
        complete=frozenset({VAL, TEST}),
        reviewed={
            TRAIN: (Event(V, "Dog", 0, 5, State.ABSENT, IMPORTED), Event(V, "Speech", 0, 5, author=IMPORTED)),
            VAL: (Event(A, "Dog", 2.25, 2.5, State.ABSENT, IMPORTED),),
        },
        durations={"unlabelled_": 12.5},
    )


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t"))


def test_llps_tools_find_whole_seconds_of_val_and_test_clips_and_labelled_clips_only(tmp_path: Path) -> None:
    llp.write(tmp_path, dataset())

    assert rows(tmp_path / "AVVP_eval_audio.csv") == [
        ["filename", "onset", "offset", "event_labels"],
        [VAL, "0", "4", "Dog"],
    ]
    assert rows(tmp_path / "AVVP_eval_visual.csv")[1:] == [[VAL, "1", "3", "Dog"]]
    assert rows(tmp_path / "AVVP_train.csv") == [["filename", "event_labels"], [TRAIN, "Speech,Dog"]]
    assert rows(tmp_path / "AVVP_test_pd.csv")[1:] == [[TEST, "Speech"]]


def test_the_segments_that_llps_rows_cover_are_those_of_the_exact_events(tmp_path: Path) -> None:
    llp.write(tmp_path, dataset())
    onset, offset = (int(cell) for cell in rows(tmp_path / "AVVP_eval_audio.csv")[1][1:3])

    heard = [event for event in dataset().truth[VAL] if event.modality is A]
    exact = state_grid(heard, CATEGORIES, 10, complete=True)
    assert (exact == state_grid([Event(A, "Dog", onset, offset)], CATEGORIES, 10, complete=True)).all()


def test_what_llps_files_cannot_hold_is_counted_and_said(tmp_path: Path) -> None:
    where = "only in audio_events.csv and visual_events.csv"
    assert llp.write(tmp_path, dataset()) == (
        "2 absent labels are only in reviewed.csv",
        "1 present label of the train split is only in reviewed.csv",
        f"1 dense event of the train split is {where}",
        f"2 dense events not of whole seconds are widened to them; the exact times are {where}",
        "1 clip without video-level label is only in train.csv, val.csv or test.csv",
        "1 duration that no name tells is only in clips.csv",
        "1 clip not named <YouTube id>_<start>_<end> is known to LLP's tools by the first 11 characters alone",
    )


def test_of_a_dataset_that_llp_could_have_made_nothing_is_lost_and_no_file_is_added(tmp_path: Path) -> None:
    plain = Dataset(
        CATEGORIES,
        {"train": {TRAIN: frozenset({"Dog"})}, "val": {VAL: frozenset({"Dog"})}, "test": {}},
        truth={VAL: (Event(A, "Dog", 0, 4),)},
        complete=frozenset({VAL}),
    )
    assert llp.write(tmp_path, plain) == ()
    beside = {path.name for path in tmp_path.iterdir() if not path.name.startswith("AVVP_")}
    assert beside == {"categories.txt", "reviewed.csv", "snapshot.json"}


def test_without_dense_truth_no_dense_file_claims_that_nothing_is_there(tmp_path: Path) -> None:
    llp.write(tmp_path, Dataset(CATEGORIES, {"val": {VAL: frozenset({"Dog"})}}))
    assert not (tmp_path / "AVVP_eval_audio.csv").exists()
    assert llp.read(tmp_path).complete == frozenset()


def test_the_real_files_come_back_row_for_row_but_for_their_oddities(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "llp"
    categories = tuple((source / "llp_classes.txt").read_text().split())
    read = llp.read(source, categories)
    assert llp.write(tmp_path, read) == ()

    again = llp.read(tmp_path)
    assert (again.splits, again.truth, again.complete) == (read.splits, read.truth, read.complete)
    for name in ("AVVP_train.csv", "AVVP_val_pd.csv"):
        ours, theirs = rows(tmp_path / name), rows(source / name)
        assert [row[0] for row in ours] == [row[0] for row in theirs]
        assert [set(row[1].split(",")) for row in ours] == [set(row[1].split(",")) for row in theirs]
    theirs = {tuple(row) for row in rows(source / "AVVP_eval_visual.csv")}
    ours = {tuple(row) for row in rows(tmp_path / "AVVP_eval_visual.csv")}
    assert len(ours - theirs) == 2  # three pairs of rows that touch, two of them with one row in common
