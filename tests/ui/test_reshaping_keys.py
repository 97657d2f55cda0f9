"""The keys that change labels, on a real project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from avvp_studio.domain.edit import Edit
from avvp_studio.player import Player
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Event, Modality, State

Key, Ctrl, Shift, Alt = (
    Qt.Key,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
Press = Callable[..., None]


def dog(onset: float, offset: float, modality: Modality = AUDIO, author: str = "yola") -> Event:
    return Event(modality, "Dog", onset, offset, State.PRESENT, author)


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow, workspace: Workspace) -> Press:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    workspace.arm("Dog")

    def type_key(key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        qtbot.keyClick(window.focusWidget(), key, modifier)

    return type_key


@pytest.fixture
def label(workspace: Workspace) -> Callable[..., None]:
    """Gives the clip labels."""

    def put(*events: Event) -> None:
        assert workspace.apply(Edit((), events, "begin"))

    return put


def spans(workspace: Workspace, modality: Modality = AUDIO) -> list[tuple[float, float]]:
    return [(event.onset, event.offset) for event in workspace.events if event.modality is modality]


def hint(window: MainWindow) -> str:
    return window.statusBar().currentMessage()


def test_s_splits_at_the_border_nearest_to_the_playhead(press, label, workspace, player) -> None:
    label(dog(2, 6), dog(2, 6, VISUAL))
    player.seek(3.7)
    press("s")
    assert spans(workspace) == spans(workspace, VISUAL) == [(2.0, 4.0), (4.0, 6.0)]
    press("z", Ctrl)
    assert spans(workspace) == spans(workspace, VISUAL) == [(2.0, 6.0)]


def test_s_in_free_mode_splits_at_the_playhead(press, label, workspace, player, window) -> None:
    label(dog(2, 3))
    player.seek(2.4)
    press("s")
    assert hint(window).startswith("Nothing to split")
    press("f")
    press("s")
    assert spans(workspace) == [(2.0, 2.4), (2.4, 3.0)]


def test_shift_s_merges_the_label_here_with_the_next(press, label, workspace, player) -> None:
    label(dog(1, 2), dog(4, 5), dog(7, 8))
    player.seek(1.5)
    press("s", Shift)
    assert spans(workspace) == [(1.0, 5.0), (7.0, 8.0)]


def test_shift_s_merges_what_is_selected_but_never_over_what_says_otherwise(
    press, label, workspace, window
) -> None:
    absent = Event(AUDIO, "Dog", 5, 6, State.ABSENT, "yola")
    label(dog(1, 2), dog(3, 4), absent, dog(7, 8))
    workspace.select((0, 10))
    press("s", Shift)
    assert spans(workspace) == [(1.0, 4.0), (5.0, 6.0), (7.0, 8.0)]
    workspace.select((5, 8))
    press("s", Shift)
    assert hint(window).startswith("Nothing to merge")


def test_e_lets_the_nearest_label_reach_the_segment_at_the_playhead(press, label, workspace, player) -> None:
    label(dog(3, 4))
    player.seek(6.5)
    press("e")
    assert spans(workspace) == [(3.0, 7.0)]
    player.seek(1.2)
    press("e")
    assert spans(workspace) == [(1.0, 7.0)]


def test_e_in_free_mode_reaches_the_playhead_itself(press, label, workspace, player, window) -> None:
    label(dog(3, 4))
    window.actions_by_name["free"].trigger()
    player.seek(6.5)
    press("e")
    assert spans(workspace) == [(3.0, 6.5)]
    player.seek(5.0)
    press("e")
    assert hint(window).startswith("The label reaches here already")


def test_a_comma_and_a_full_stop_nudge_the_onset_and_with_shift_the_offset(
    press, label, workspace, player
) -> None:
    label(dog(3, 5))
    player.seek(3.5)
    press(",")
    assert spans(workspace) == [(2.0, 5.0)]
    press(".")
    press(">")
    assert spans(workspace) == [(3.0, 6.0)]
    press("<")
    press("<")
    assert spans(workspace) == [(3.0, 4.0)]


def test_a_label_that_is_nudged_away_from_the_playhead_stays_the_one_that_is_meant(
    press, label, workspace, player, window
) -> None:
    label(dog(0, 1), dog(3, 5))
    player.seek(3.5)
    for _ in range(4):
        press(Key.Key_Right, Alt)
    assert spans(workspace) == [(0.0, 1.0), (7.0, 9.0)]
    for _ in range(3):
        press(Key.Key_Right, Alt)
    assert spans(workspace) == [(0.0, 1.0), (8.0, 10.0)]
    assert hint(window) == "The label cannot go farther that way"
    player.seek(0.5)
    press(Key.Key_Right, Alt)
    assert spans(workspace) == [(1.0, 2.0), (8.0, 10.0)]


def test_in_free_mode_a_nudge_is_ten_milliseconds(press, label, workspace, player) -> None:
    label(dog(3, 5))
    player.seek(3.5)
    press("f")
    press(".")
    press(">")
    assert spans(workspace) == [(3.01, 5.01)]
    press("f")
    press(".")
    assert spans(workspace) == [(4.0, 5.01)]


def test_a_label_far_away_is_not_nudged(press, label, workspace, player, window) -> None:
    label(dog(0, 1))
    player.seek(8.0)
    press(".")
    assert spans(workspace) == [(0.0, 1.0)]
    assert hint(window).startswith("The armed category has no label here")


def test_copying_between_modalities_takes_the_label_here_or_what_is_selected(
    press, label, workspace, player
) -> None:
    label(dog(1, 3), dog(6, 8), Event(VISUAL, "Dog", 2, 9, State.ABSENT, "yola"))
    player.seek(1.5)
    press("v", Ctrl | Alt)
    assert spans(workspace, VISUAL) == [(1.0, 3.0), (3.0, 9.0)]
    workspace.select((7, 9))
    press("a", Ctrl | Alt)
    assert spans(workspace) == [(1.0, 3.0), (6.0, 7.0), (7.0, 9.0)]
    assert [event.state for event in workspace.events if event.onset == 7.0] == [State.ABSENT]


def test_copying_what_the_other_modality_says_already_is_no_edit(press, label, workspace, player) -> None:
    label(dog(1, 3), dog(1, 3, VISUAL))
    player.seek(1.5)
    press("v", Ctrl | Alt)
    assert workspace.undo_text == "begin"


def test_changing_a_label_of_another_person_says_so(press, label, workspace, player, window) -> None:
    label(dog(1, 3, author="anna"), dog(5, 6))
    player.seek(1.5)
    press(">")
    assert spans(workspace) == [(1.0, 4.0), (5.0, 6.0)]
    assert hint(window) == "This changed labels by anna. Ctrl+Z takes it back."
    player.seek(5.5)
    press(">")
    window.statusBar().clearMessage()
    workspace.select((0.0, 2.0))
    press("a", Shift)
    assert hint(window) == ""


def test_the_mouse_does_to_labels_what_it_asked_for(press, label, workspace, window, qtbot, player) -> None:
    label(dog(2, 5))
    timeline = window.clip_view.timeline
    end = timeline.point("Dog", AUDIO, 5.0) - QPoint(2, 0)
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=end)
    qtbot.mouseMove(timeline, timeline.point("Dog", AUDIO, 7.9))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=timeline.point("Dog", AUDIO, 7.9))
    assert spans(workspace) == [(2.0, 8.0)]
    middle = timeline.point("Dog", AUDIO, 3.0)
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseDClick(timeline, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=middle)
    assert player.is_playing
    assert player.position == pytest.approx(2.0, abs=0.2)


def test_the_free_mode_is_found_again(make_window: Callable[[], MainWindow], player: Player) -> None:
    make_window().actions_by_name["free"].trigger()
    again = make_window()
    assert again.actions_by_name["free"].isChecked()
    assert again.labelling.subject.is_free


def test_in_free_mode_i_and_o_select_from_and_to_the_playhead(press, workspace, player) -> None:
    press("f")
    player.seek(2.25)
    press("i")
    player.seek(4.5)
    press("o")
    assert workspace.selection == (2.25, 4.5)
