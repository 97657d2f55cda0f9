"""The line at the foot of the window says what can be done next."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.hint_label import HintLabel
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State


@pytest.fixture
def label(qtbot: QtBot, workspace: Workspace, appearance: Appearance) -> HintLabel:
    owner = QMainWindow()
    made = HintLabel(workspace, Actions(owner, appearance))
    owner.setCentralWidget(made)
    qtbot.addWidget(owner)
    return made


def test_who_has_labelled_nothing_yet_is_told_how_to_begin(label: HintLabel, workspace: Workspace) -> None:
    assert label.text() == (
        "To begin: press the key beside a category to arm it, then drag along its lanes. Space plays."
    )
    workspace.mark(Modality.AUDIO, "Dog", 2.0, 5.0, State.PRESENT)
    assert label.text() == "The key beside a category, or /, arms one. Click to go there, drag to select."


def test_it_names_what_is_armed_and_what_a_drag_and_the_keys_do(label: HintLabel, workspace: Workspace) -> None:
    workspace.arm("Baby_cry")
    assert label.text().startswith("Armed: Baby cry. Drag right: heard or seen; left: not; with Shift: forget.")
    workspace.select((2.0, 4.5))
    assert label.text().startswith("Baby cry in 2–4.5 s: A heard, V seen, B both")
    workspace.arm(None)
    assert label.text().startswith("Selected: 2–4.5 s.")


def test_without_a_clip_it_is_silent(label: HintLabel, workspace: Workspace) -> None:
    workspace.close_project()
    assert label.text() == ""


def test_during_a_drag_it_says_what_letting_go_would_do(window: MainWindow, workspace: Workspace) -> None:
    label = window.statusBar().findChild(HintLabel)
    before = label.text()
    window.clip_view.timeline.drag_described.emit("Let go: Dog heard, 0:02 – 0:05.")
    assert label.text() == "Let go: Dog heard, 0:02 – 0:05."
    window.clip_view.timeline.drag_described.emit("")
    assert label.text() == before
