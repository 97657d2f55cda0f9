"""LLP as a project, and back."""

from __future__ import annotations

from pathlib import Path

from avvp_studio.projects import (
    create_project,
    export_project,
    load_vocabulary,
)
from tests.projects.steps import (
    open_store,
)
from trainer.annotations import read_dataset


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
