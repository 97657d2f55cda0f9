"""Who does not see the window hears what happens in it, and can name every part of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from avvp_studio.ui.announcing import Announcing, announce
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State


@pytest.fixture
def timeline(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def told(workspace: Workspace, timeline: QWidget) -> list[str]:
    said: list[str] = []
    Announcing(workspace, timeline, said.append)
    return said


def test_arming_and_selecting_are_told(workspace: Workspace, told: list[str], timeline: QWidget) -> None:
    workspace.arm("Baby_cry")
    workspace.select((1.0, 2.5))
    assert told == ["Baby cry armed", "Selected from 1 to 2.5 seconds"]
    assert timeline.accessibleDescription() == "Baby cry armed. Selected from 1 to 2.5 seconds."
    workspace.arm(None)
    workspace.select(None)
    assert told[2:] == ["Nothing armed"]
    assert timeline.accessibleDescription() == "Nothing armed. Nothing selected."


def test_an_edit_is_told_and_so_is_taking_it_back(workspace: Workspace, told: list[str]) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 0.0, 2.0, State.PRESENT)
    text = workspace.undo_text
    workspace.undo()
    workspace.redo()
    assert told == [f"Done: {text}", f"Undone: {text}", f"Done: {text}"]


def test_of_several_edits_each_that_is_taken_back_or_made_again_is_told(
    workspace: Workspace, told: list[str]
) -> None:
    for category in ("Dog", "Car"):
        workspace.mark(Modality.AUDIO, category, 0.0, 2.0, State.PRESENT)
    dog, car = (said.removeprefix("Done: ") for said in told)
    told.clear()
    for step in (workspace.undo, workspace.undo, workspace.redo, workspace.redo):
        step()
    assert told == [f"Undone: {car}", f"Undone: {dog}", f"Done: {dog}", f"Done: {car}"]


def test_another_clip_is_told_by_its_name_only(workspace: Workspace, told: list[str]) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 0.0, 2.0, State.PRESENT)
    told.clear()
    workspace.open_clip("beta_10_20")
    workspace.open_clip("alpha_0_10")
    workspace.close_project()
    assert told == ["Clip beta_10_20", "Clip alpha_0_10", "No clip is open"]


def test_a_screen_reader_may_run(timeline: QWidget) -> None:
    QAccessible.setActive(True)
    try:
        announce(timeline, "Dog armed")
    finally:
        QAccessible.setActive(False)


def name(widget: QWidget) -> str:
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton | QLabel) else "")


def is_used(widget: QWidget) -> bool:
    """Whether a person can do something with it; the bar of tabs has names of its own."""
    kinds = (QAbstractButton, QComboBox, QLineEdit, QAbstractScrollArea)
    is_inside = isinstance(widget, QScrollBar | QTabBar) or widget.objectName().startswith("qt_")
    return not is_inside and (widget.focusPolicy() != Qt.FocusPolicy.NoFocus or isinstance(widget, kinds))


def test_every_part_that_can_be_used_has_a_name(window: MainWindow) -> None:
    assert [
        f"{type(widget).__name__} in {type(widget.parent()).__name__}"
        for widget in window.findChildren(QWidget)
        if widget.isVisible() and is_used(widget) and not name(widget)
    ] == []


def test_the_tab_key_goes_once_around_from_left_to_right(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    start = window.clip_view.timeline
    start.setFocus()
    seen: list[str] = []
    for _ in range(30):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        if window.focusWidget() is start:
            break
        seen.append(name(window.focusWidget()))
    library = ["Filter the library", "Sorted by: Order of the project", "Split", "Status", "Clips"]
    assert [found for found in seen if found in library] == library
    assert seen[-1] == "Find category"
    assert len(seen) == len(set(seen))
