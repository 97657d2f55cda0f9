"""The main job, done in the real window with mouse and keyboard: correct, retrain, see, export."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState
from avvp_studio.projects import create_from_folders, create_project, export_project
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from avvp_studio.ui.export_dialog import ExportDialog
from avvp_studio.ui.jobs.launch_form import LaunchForm
from trainer.annotations import read_dataset
from trainer.labels import PRESENT, UNSEEN, Modality, state_grid
from trainer.parses import read_parses

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def project(sample: Path, tmp_path: Path) -> Path:
    dataset = read_dataset(sample)
    root = tmp_path / "project"
    create_project(
        root,
        categories=dataset.categories,
        name="Sample",
        dataset=dataset,
        media=sample / "media",
        progress=lambda *_: None,
    )
    return root


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Callable[[Path], Studio]]:
    """Start the studio on a project, as the program does; calling it again is a restart."""
    running: list[Studio] = []

    def stop() -> None:
        for studio in running:
            studio.window.close()
            studio.close()
            studio.window.deleteLater()
        running.clear()

    def start(root: Path) -> Studio:
        stop()
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        studio = Studio(qapp, settings, tmp_path / "home", theme="dark")
        running.append(studio)
        assert studio.open_project(root)
        studio.window.resize(1280, 800)
        studio.window.show()
        qtbot.waitExposed(studio.window)
        return studio

    yield start
    stop()


def press(
    qtbot: QtBot,
    studio: Studio,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press a key in the window, which has to be the active one for its shortcuts to work."""
    studio.window.activateWindow()
    qtbot.waitUntil(studio.window.isActiveWindow)
    qtbot.keyClick(studio.window.clip_view.timeline, key, modifiers)


def drag(qtbot: QtBot, studio: Studio, category: str, modality: Modality, *, begin: float, end: float) -> None:
    """Drag over a lane with the left button, from one time to another."""
    timeline = studio.window.clip_view.timeline
    here, there = (timeline.point(category, modality, t) for t in (begin, end))
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=here)
    for share in (0.3, 0.6, 1.0):
        qtbot.mouseMove(timeline, here + QPoint(round((there - here).x() * share), 0))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=there)


def stored(root: Path, clip: str, modality: Modality, category: str) -> list[int]:
    """The states of a lane, read from the database by another connection."""
    with Store.open(root / "labels.sqlite") as store:
        known = store.clip(clip)
        grid = state_grid(store.events(clip), store.categories(), known.segments, complete=known.is_complete)
        return list(grid[modality.axis, :, store.categories().index(category)])


def click_accept(qtbot: QtBot, dialog: QDialog) -> None:
    box = dialog.findChild(QDialogButtonBox)
    accept = next(b for b in box.buttons() if box.buttonRole(b) is QDialogButtonBox.ButtonRole.AcceptRole)
    qtbot.mouseClick(accept, Qt.MouseButton.LeftButton)


def train(qtbot: QtBot, studio: Studio, *, epochs: int) -> str:
    """Press Train…, fill in the form, start, and wait for the end. Returns the job's name."""
    before = {status.name for status in studio.jobs.statuses}
    studio.window.show_jobs()
    button = next(b for b in studio.job_panel.findChildren(QPushButton) if b.text() == "Train…")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(studio.window.findChildren(LaunchForm)), timeout=30_000)
    form = studio.window.findChildren(LaunchForm)[-1]
    names = [recipe.name for recipe in studio.recipes.recipes]
    form.choose(names.index("ecma/signal"))
    form.findChildren(QSpinBox)[0].setValue(epochs)
    click_accept(qtbot, form)

    def is_over() -> bool:
        new = [status for status in studio.jobs.statuses if status.name not in before]
        return any(status.kind == "train" for status in new) and all(s.state.is_over for s in new)

    qtbot.waitUntil(is_over, timeout=120_000)
    status = next(s for s in studio.jobs.statuses if s.kind == "train" and s.name not in before)
    assert status.state is JobState.FINISHED, status.error
    assert len(status.epochs) == epochs
    return status.name


def test_a_newcomer_corrects_retrains_sees_the_change_and_exports(
    qtbot: QtBot, start: Callable[[Path], Studio], project: Path, tmp_path: Path
) -> None:
    studio = start(project)
    window, workspace = studio.window, studio.workspace
    clip = next(clip for clip in workspace.clips if clip.split == "train")
    workspace.open_clip(clip.name)
    assert workspace.tracks == ()

    # A first parser: its tracks appear.
    train(qtbot, studio, epochs=2)
    qtbot.waitUntil(lambda: len(workspace.tracks) == 1)

    # Arm the first candidate with its digit; drag right: heard. Drag left: not seen.
    category = workspace.candidates()[0]
    press(qtbot, studio, Qt.Key.Key_1)
    assert workspace.armed == category
    drag(qtbot, studio, category, Modality.AUDIO, begin=2.3, end=5.6)
    assert stored(project, clip.name, Modality.AUDIO, category) == [-1, -1, 1, 1, 1, 1, -1, -1, -1, -1]
    drag(qtbot, studio, category, Modality.VISUAL, begin=8.5, end=7.5)
    assert stored(project, clip.name, Modality.VISUAL, category) == [-1] * 7 + [0, 0] + [-1]

    # Undo with the keyboard, restart, redo.
    press(qtbot, studio, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert set(stored(project, clip.name, Modality.VISUAL, category)) == {UNSEEN}
    studio = start(project)
    window, workspace = studio.window, studio.workspace
    workspace.open_clip(clip.name)
    redo = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(qtbot, studio, Qt.Key.Key_Z, redo)
    assert stored(project, clip.name, Modality.VISUAL, category) == [-1] * 7 + [0, 0] + [-1]

    # Retrain: the run was given the corrections, and its tracks stand beside the old ones.
    name = train(qtbot, studio, epochs=3)
    given = read_dataset(project / "runs" / name / "dataset")
    assert {event.category for event in given.reviewed[clip.name]} == {category}
    qtbot.waitUntil(lambda: len(workspace.tracks) == 2)
    new, old = workspace.tracks
    assert new.parser != old.parser
    assert not np.array_equal(new.probabilities, old.probabilities)

    # Export, import again: the same labels, cell for cell.
    out = tmp_path / "exported"
    press(qtbot, studio, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(ExportDialog)
    dialog.set_destination(out)
    click_accept(qtbot, dialog)
    qtbot.waitUntil((out / "snapshot.json").exists, timeout=30_000)
    qtbot.waitUntil(lambda: not studio.tasks.is_busy)
    again = tmp_path / "again"
    dataset = read_dataset(out)
    create_project(
        again,
        categories=dataset.categories,
        name="Again",
        dataset=dataset,
        media=None,
        progress=lambda *_: None,
    )
    for known in workspace.clips:
        for modality in Modality:
            for each in dataset.categories:
                assert stored(again, known.name, modality, each) == stored(project, known.name, modality, each)

    # Training from the exported folder works without the studio.
    arguments = ["train", "ecma/signal", "--dataset", out, "--features", project / "features"]
    arguments += ["--run-dir", tmp_path / "run", "--set", "training.epochs=1", "--parse", tmp_path / "p.npz"]
    command = [sys.executable, "-m", "trainer", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    parses = read_parses(tmp_path / "p.npz")
    assert set(parses.names) == {known.name for known in workspace.clips}
    last = (tmp_path / "run" / "messages.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["type"] == "finished"
    assert PRESENT in stored(again, clip.name, Modality.AUDIO, category)


def test_a_training_goes_on_while_the_window_is_closed(
    qtbot: QtBot, start: Callable[[Path], Studio], project: Path
) -> None:
    studio = start(project)
    studio.window.train_requested.emit()
    qtbot.waitUntil(lambda: bool(studio.window.findChildren(LaunchForm)), timeout=30_000)
    form = studio.window.findChildren(LaunchForm)[-1]
    form.choose([recipe.name for recipe in studio.recipes.recipes].index("ecma/signal"))
    form.findChildren(QSpinBox)[0].setValue(5_000)  # epochs
    form.accept()
    qtbot.waitUntil(lambda: studio.jobs.is_busy, timeout=30_000)
    qtbot.waitUntil(lambda: any(s.kind == "train" and s.epochs for s in studio.jobs.statuses), timeout=120_000)

    studio = start(project)  # closed and opened again
    status = next(s for s in studio.jobs.statuses if s.kind == "train")
    assert status.epochs
    studio.jobs.stop(status.name)
    qtbot.waitUntil(
        lambda: studio.jobs.status(status.name).state.is_over,  # type: ignore[union-attr]
        timeout=60_000,
    )
    assert studio.jobs.status(status.name).state is JobState.STOPPED  # type: ignore[union-attr]


def test_a_real_clip_is_opened_labelled_and_exported(
    qtbot: QtBot, start: Callable[[Path], Studio], shared_data: Path, shared_media: Path, tmp_path: Path
) -> None:
    root, name = tmp_path / "llp", "BjCEufrlXm4_20_30"
    report = create_from_folders(
        root,
        vocabulary="llp",
        annotations=shared_data / "llp",
        media=shared_media,
        name="LLP",
        progress=lambda *_: None,
    )
    assert (report.clips, report.with_media) == (11_849, 1)
    studio = start(root)
    view = studio.window.clip_view
    studio.workspace.open_clip(name)
    qtbot.waitUntil(lambda: view.video.has_picture and studio.soundtrack.peaks is not None, timeout=30_000)

    categories = studio.workspace.candidates()
    assert set(categories) == {"Speech", "Dog"}
    press(qtbot, studio, Qt.Key(Qt.Key.Key_1.value + categories.index("Dog")))
    drag(qtbot, studio, "Dog", Modality.VISUAL, begin=1.5, end=7.5)

    out = tmp_path / "out"
    export_project(root, "llp", out)
    own = (shared_data / "llp" / "AVVP_eval_visual.csv").read_text()
    exported = read_dataset(out, studio.workspace.project.categories)  # type: ignore[union-attr]
    (event,) = exported.reviewed[name]
    assert (event.category, event.modality, event.onset, event.offset) == ("Dog", Modality.VISUAL, 1.0, 8.0)
    assert exported.splits.keys() == {"train", "val", "test"}
    assert {row.split("\t")[0] for row in (out / "AVVP_eval_visual.csv").read_text().splitlines()} <= {
        row.split("\t")[0] for row in own.splitlines()
    }
