"""The keys that accept predictions and say many things at once, on a real project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from avvp_studio.domain.edit import Edit
from avvp_studio.player import Player
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Event, Modality, State

Ctrl, Shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
Press = Callable[..., None]


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Press:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    def type_key(key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        qtbot.keyClick(window.focusWidget(), key, modifier)

    return type_key


def said(workspace: Workspace, category: str, modality: Modality) -> list[tuple[float, float, str]]:
    """The parser of these tests predicts a car, heard and seen, from 2 to 5 s."""
    lane = [event for event in workspace.events if (event.category, event.modality) == (category, modality)]
    return [(event.onset, event.offset, event.state.value) for event in lane]


def hint(window: MainWindow) -> str:
    return window.statusBar().currentMessage()


def test_g_accepts_the_segment_here_in_both_modalities(press, workspace, player: Player) -> None:
    workspace.arm("Car")
    player.seek(3.5)
    press("g")
    assert said(workspace, "Car", AUDIO) == said(workspace, "Car", VISUAL) == [(3.0, 4.0, "present")]
    assert workspace.undo_text == "accept predictions of Car, 3–4 s"


def test_g_accepts_what_is_predicted_within_the_selection(press, workspace) -> None:
    workspace.arm("Car")
    workspace.select((3.0, 9.0))
    press("g")
    assert said(workspace, "Car", AUDIO) == [(3.0, 5.0, "present")]


def test_shift_g_accepts_the_whole_event_and_ctrl_g_all_of_the_category(press, workspace, player) -> None:
    workspace.arm("Car")
    player.seek(4.5)
    press("g", Shift)
    assert said(workspace, "Car", VISUAL) == [(2.0, 5.0, "present")]
    press("z", Ctrl)
    player.seek(9.0)
    press("g", Ctrl)
    assert said(workspace, "Car", VISUAL) == [(2.0, 5.0, "present")]


def test_where_nothing_is_predicted_nothing_is_accepted_and_that_is_said(
    press, workspace, player, window
) -> None:
    press("g")
    assert hint(window).startswith("Arm a category first")
    workspace.arm("Dog")
    player.seek(3.5)
    press("g")
    assert hint(window).startswith("Nothing to accept")
    workspace.show_parsers([])
    press("g", Shift)
    assert hint(window).startswith("There is nothing to accept: no parser is shown")
    assert workspace.events == ()


def test_accepting_never_takes_a_label_away(press, workspace) -> None:
    mine = Event(AUDIO, "Car", 3.0, 4.0, State.ABSENT, "anna")
    workspace.apply(Edit((), (mine,), "begin"))
    press("g", Ctrl | Shift)
    assert said(workspace, "Car", AUDIO) == [
        (2.0, 3.0, "present"),
        (3.0, 4.0, "absent"),
        (4.0, 5.0, "present"),
    ]


def test_ctrl_shift_g_accepts_all_shown_categories_in_the_selection_in_one_edit(press, workspace) -> None:
    workspace.select((0.0, 3.0))
    press("g", Ctrl | Shift)
    assert said(workspace, "Car", AUDIO) == said(workspace, "Car", VISUAL) == [(2.0, 3.0, "present")]
    press("z", Ctrl)
    assert workspace.events == ()


def test_n_says_that_what_is_not_labelled_is_absent(press, workspace) -> None:
    workspace.arm("Car")
    press("g", Ctrl)
    press("n")
    assert said(workspace, "Car", AUDIO) == [
        (0.0, 2.0, "absent"),
        (2.0, 5.0, "present"),
        (5.0, 10.0, "absent"),
    ]
    assert said(workspace, "Dog", AUDIO) == []
    assert workspace.undo_text == "mark the rest of Car absent, 0–10 s"


def test_shift_n_says_so_of_all_shown_categories_in_the_selection(press, workspace, window) -> None:
    workspace.select((0.0, 4.0))
    press("n", Shift)
    for category in window.shown_rows.rows:
        assert said(workspace, category, VISUAL) == [(0.0, 4.0, "absent")]
    assert "Baby_cry" not in {event.category for event in workspace.events}
    press("n", Shift)
    assert hint(window).startswith("Nothing is left to say here")


def test_forgetting_everything_asks_for_a_selection_and_cuts_labels_at_its_ends(
    press, workspace, window
) -> None:
    workspace.apply(Edit((), (Event(AUDIO, "Car", 1.0, 9.0, State.PRESENT, "anna"),), "begin"))
    press(Qt.Key.Key_Delete, Ctrl)
    assert hint(window) == "Select what to forget first; Ctrl+A selects the whole clip"
    workspace.select((3.0, 5.0))
    press(Qt.Key.Key_Delete, Ctrl)
    assert said(workspace, "Car", AUDIO) == [(1.0, 3.0, "present"), (5.0, 9.0, "present")]
    assert hint(window) == "This changed labels by anna. Ctrl+Z takes it back."
    assert workspace.undo_text == "forget Car, 3–5 s"
    press(Qt.Key.Key_Delete, Ctrl)
    assert hint(window).startswith("Nothing to forget")
