"""The labels of a project as files for training and for other tools."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.exchange import llp as llp_format
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects.errors import ProjectError, project_errors, staged_folder
from avvp_studio.projects.snapshot import authors, snapshot_dataset
from avvp_studio.store import Store
from trainer.annotations import LLP_FILES, OWN_FILES, SNAPSHOT_FILE, UNAV_FILES, AnnotationError

FORMATS = ("dataset", "llp")


@dataclass(frozen=True)
class ExportReport:
    """The files that were written, how much is in them, and what the format could not hold, in words."""

    files: tuple[str, ...]
    counts: dict[str, int]
    losses: tuple[str, ...]


def export_project(root: Path, format: str, out: Path) -> ExportReport:  # noqa: A002 the command line's word
    """Write the labels of a project to the folder `out`, in one of FORMATS; an earlier export is replaced.

    Raises ProjectError; then `out` is as it was.
    """
    if format not in FORMATS:
        raise ProjectError(f"{format!r} is not a format; choose {' or '.join(FORMATS)}")
    out = out.absolute()
    _check_replaceable(out)
    with project_errors(root), Store.open(ProjectPaths(root).database) as store:
        dataset = snapshot_dataset(store)
        people = authors(event for events in store.all_events().values() for event in events)
    losses: list[str] = []
    with staged_folder(out, where=out if out.is_dir() else out.parent) as staging:
        try:
            if format == "llp":
                losses += llp_format.write(staging, dataset)
            else:
                dataset_format.write(staging, dataset)
        except AnnotationError as error:
            raise ProjectError(f"{root}: cannot be exported: {error}") from error
        files = tuple(sorted(path.name for path in staging.iterdir()))
        _publish(staging, out)
    if people:
        losses.append(f"who made the labels ({', '.join(sorted(people))}) is only in the project")
    splits = {split: len(clips) for split, clips in dataset.splits.items()}
    labels = {"truth_events": dataset.truth, "reviewed_events": dataset.reviewed}
    counts = splits | {what: sum(map(len, events.values())) for what, events in labels.items()}
    return ExportReport(files, counts, tuple(losses))


def _check_replaceable(out: Path) -> None:
    """Only an export may be replaced: annotations that came from elsewhere are nobody's to overwrite."""
    if out.exists() and not out.is_dir():
        raise ProjectError(f"{out}: this is a file; choose a folder to export to")
    foreign = [*UNAV_FILES.values()]
    if not _is_export(out):
        foreign += [*OWN_FILES.values(), *LLP_FILES.values()]
    for name in foreign:
        if (out / name).exists():
            raise ProjectError(f"{out}: holds annotations ({name}) that no export wrote; choose another folder")


def _is_export(out: Path) -> bool:
    try:
        return "project" in json.loads((out / SNAPSHOT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _publish(staging: Path, out: Path) -> None:
    if not out.exists():
        os.replace(staging, out)
        return
    names = {path.name for path in staging.iterdir()}
    for name in {*OWN_FILES.values(), *LLP_FILES.values()} - names:
        (out / name).unlink(missing_ok=True)
    # The snapshot goes last: its hash tells whether the files beside it are all its own.
    for name in sorted(names, key=lambda name: name == SNAPSHOT_FILE):
        os.replace(staging / name, out / name)
