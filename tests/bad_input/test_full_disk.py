"""Disks that are full."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState
from avvp_studio.studio import Studio
from avvp_studio.ui.export_dialog import ExportRequest
from avvp_studio.ui.new_project_dialog import NewProjectRequest
from tests.bad_input.steps import (
    error_in,
    fill,
    make_project,
    mark,
    open_clip,
    order,
    settle,
    shown,
    stored,
    train,
)


def test_on_a_full_disk_nothing_is_shown_that_is_not_stored_and_everything_works_again_later(
    qtbot: QtBot, studio: Studio, disk: Path, files: Path, tmp_path: Path
) -> None:
    root = make_project(disk, files)
    open_clip(qtbot, studio, root)
    assert mark(studio)
    filler = fill(disk)
    for _ in range(50):  # what room the write-ahead log has left
        if not mark(studio, "Cat") or not studio.workspace.undo():
            break
    assert "the disk is full; free some space" in error_in(studio)
    assert shown(studio) == stored(root)

    studio.workspace.step_clip(1)  # its waveform cannot be kept
    settle(qtbot, studio)
    assert "could not be kept" in studio.soundtrack.note
    assert studio.soundtrack.peaks is not None
    assert not list((root / "peaks").glob("*.part"))

    order(qtbot, studio, 1)
    assert "the training could not be written" in error_in(studio)
    assert not list((root / "runs").glob("*"))

    for request in (
        lambda: studio.window.export_requested.emit(ExportRequest("dataset", disk / "out")),
        lambda: studio.window.new_project_requested.emit(
            NewProjectRequest(
                root=disk / "new", name="New", vocabulary="llp", annotations=None, media=tmp_path / "disk/media"
            )
        ),
    ):
        request()
        qtbot.waitUntil(lambda: not studio.tasks.is_busy)
        assert "free some space" in error_in(studio)
    assert {path.name for path in disk.iterdir()} == {"media", "project", "filler"}

    filler.unlink()
    studio.workspace.step_clip(-1)
    assert mark(studio, "Car")
    assert "Car" in stored(root)
    assert stored(root) == shown(studio)


def test_a_training_that_fills_the_disk_says_so_and_leaves_no_half_files(
    qtbot: QtBot, studio: Studio, disk: Path, files: Path
) -> None:
    root = make_project(disk, files)
    open_clip(qtbot, studio, root)
    assert mark(studio)
    fill(disk, leave=300_000)
    status = train(qtbot, studio)[0]
    assert status.state is JobState.FAILED
    assert "the disk is full" in error_in(studio)
    assert not list(root.rglob("*.part"))
    assert stored(root) == {"Dog"}


def test_a_first_start_on_a_full_disk_says_what_it_lacks(
    qtbot: QtBot, qapp: QApplication, disk: Path, tmp_path: Path
) -> None:
    fill(disk)
    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, settings, disk / "home", theme="dark")
    studio.open_sample()
    assert "No space left on device" in error_in(studio)
    assert not studio.jobs.is_busy
    studio.window.close()
    studio.close()
    studio.window.deleteLater()
