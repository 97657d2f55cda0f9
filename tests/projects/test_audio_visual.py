"""Projects whose dense truth says only what is heard and seen at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from avvp_studio.domain.edit import mark
from avvp_studio.projects import ProjectError, create_project, export_project, load_vocabulary, snapshot_dataset
from tests.projects.steps import (
    CATEGORIES,
    TEST,
    TRAIN,
    VAL,
    A,
    V,
    bring,
    clips_of,
    create,
    open_store,
    small_dataset,
)
from trainer.annotations import AnnotationError, Dataset, read_dataset, write_dataset
from trainer.labels import Event, State


def audio_visual() -> Dataset:
    """Long names tell no duration, so that the segments of 9.05 s can be told apart."""
    return Dataset(
        CATEGORIES,
        {"train": {"one": frozenset({"Dog"})}, "val": {"two": frozenset({"Bell", "Dog"})}, "test": {}},
        truth={
            "one": (Event(A, "Dog", 0, 4.5), Event(V, "Dog", 0, 4.5)),
            "two": (Event(A, "Bell", 1, 9.05), Event(V, "Bell", 1, 9.05)),
        },
        complete=frozenset({"two"}),
        durations={"one": 12, "two": 9.05},
        audio_visual_only=True,
    )


def snapshot_of(root: Path) -> Dataset:
    with open_store(root) as store:
        return replace(snapshot_dataset(store), snapshot={})


def test_a_project_keeps_which_kind_of_truth_it_was_made_from(tmp_path: Path) -> None:
    create(tmp_path / "P", audio_visual())
    assert clips_of(tmp_path / "P")["two"].segments == 10
    assert snapshot_of(tmp_path / "P") == audio_visual()

    export_project(tmp_path / "P", "dataset", tmp_path / "out")
    create(tmp_path / "again", read_dataset(tmp_path / "out"))
    assert snapshot_of(tmp_path / "again") == audio_visual()


def test_what_a_person_says_of_one_modality_is_reviewed_and_leaves_the_truth_audio_visual(
    tmp_path: Path,
) -> None:
    create(tmp_path / "P", audio_visual())
    with open_store(tmp_path / "P") as store:
        said = {"modality": A, "category": "Bell", "onset": 3, "offset": 5, "state": State.ABSENT}
        store.apply("two", mark(store.events("two"), **said, author="ann"), "ann")

    dataset = snapshot_of(tmp_path / "P")
    assert dataset.truth["two"] == tuple(
        Event(m, "Bell", *times) for m in (A, V) for times in ((1, 3), (5, 9.05))
    )
    assert [(e.modality, e.onset, e.offset, e.state) for e in dataset.reviewed["two"]] == [
        (A, 3, 5, State.ABSENT)
    ]
    write_dataset(tmp_path / "out", dataset)


def test_an_import_says_the_kind_of_truth_of_a_project_that_has_none(tmp_path: Path) -> None:
    weak = replace(audio_visual(), truth={}, complete=frozenset(), audio_visual_only=False)
    create(tmp_path / "P", weak)
    write_dataset(tmp_path / "in", audio_visual())
    report = bring(tmp_path / "P", tmp_path / "in")
    assert any("scored as AV only" in line for line in report.lines)
    assert snapshot_of(tmp_path / "P").audio_visual_only


def test_two_kinds_of_truth_are_not_brought_together(tmp_path: Path) -> None:
    create(tmp_path / "P", small_dataset())
    before = snapshot_of(tmp_path / "P")
    write_dataset(tmp_path / "in", audio_visual())
    with pytest.raises(
        ProjectError, match=r"P: its dense truth is of each modality, and that of the import only"
    ):
        bring(tmp_path / "P", tmp_path / "in")
    assert snapshot_of(tmp_path / "P") == before
    assert {TRAIN, VAL, TEST} <= {*clips_of(tmp_path / "P")}


def test_llps_files_cannot_say_it_and_are_not_written(tmp_path: Path) -> None:
    create(tmp_path / "P", audio_visual())
    with pytest.raises(ProjectError, match=r"heard and seen at once.*export as a dataset folder"):
        export_project(tmp_path / "P", "llp", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_export_is_written_beside_the_published_file(tmp_path: Path) -> None:
    create(tmp_path / "P", audio_visual())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "unav100_annotations.json").write_text("{}")
    with pytest.raises(ProjectError, match=r"holds annotations \(unav100_annotations.json\)"):
        export_project(tmp_path / "P", "dataset", tmp_path / "out")


def test_an_eighth_of_unav_100_becomes_a_project_and_comes_back(shared_data: Path, tmp_path: Path) -> None:
    name = "unav100_annotations.json"
    published = json.loads((shared_data / "unav100" / name).read_text())
    published["database"] = dict([*published["database"].items()][::8])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(json.dumps(published))
    categories = load_vocabulary("unav100")
    dataset = read_dataset(tmp_path / "in", categories)
    create_project(
        tmp_path / "P", categories=categories, name="U", dataset=dataset, media=None, progress=lambda *_: None
    )
    assert snapshot_of(tmp_path / "P") == replace(dataset, findings=())
    report = bring(tmp_path / "P", tmp_path / "in" / name)
    assert (report.clips_added, report.clips_labelled) == (0, 0)


def test_a_damaged_file_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "unav100_annotations.json").write_text('{"database": {"a": {"subset": "dev"}}}')
    create(tmp_path / "P", audio_visual())
    with pytest.raises(AnnotationError, match=r"a: subset is 'dev'"):
        bring(tmp_path / "P", tmp_path / "in" / "unav100_annotations.json")
