"""The window under the hand: real keys on a real project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from avvp_studio.player import Player
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.search_field import SearchField
from avvp_studio.workspace import Workspace
from trainer.labels import Event, Modality, State

Key, Ctrl, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Press = Callable[..., None]


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Press:
    """Types a key into whatever has the focus."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    def type_key(key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        qtbot.keyClick(window.focusWidget() or window, key, modifier)

    return type_key


def spans(workspace: Workspace, modality: Modality) -> list[tuple[str, float, float, State]]:
    found = [event for event in workspace.events if event.modality is modality]
    return [(event.category, event.onset, event.offset, event.state) for event in found]


def test_the_keys_work_from_the_start(press: Press, window: MainWindow, workspace: Workspace) -> None:
    assert window.focusWidget() is window.clip_view.timeline
    press("1")
    assert workspace.armed == "Speech"


def test_digits_arm_the_candidates_in_the_order_shown_and_put_them_down(
    press: Press, workspace: Workspace
) -> None:
    assert workspace.candidates() == ("Speech", "Dog", "Car")
    press("3")
    assert workspace.armed == "Car"
    press("2")
    assert workspace.armed == "Dog"
    press("2")
    assert workspace.armed is None


def test_a_digit_beyond_the_candidates_says_so(press: Press, window: MainWindow, workspace: Workspace) -> None:
    press("9")
    assert workspace.armed is None
    assert "no candidate 9" in window.statusBar().currentMessage()


def test_marking_without_an_armed_category_says_what_to_do(
    press: Press, window: MainWindow, workspace: Workspace
) -> None:
    press(Key.Key_A)
    assert workspace.events == ()
    assert "Arm a category first" in window.statusBar().currentMessage()


def test_a_marks_heard_in_the_segment_at_the_playhead(
    press: Press, workspace: Workspace, player: Player
) -> None:
    player.seek(3.4)
    press("2")
    press(Key.Key_A)
    assert workspace.events == (Event(Modality.AUDIO, "Dog", 3.0, 4.0, State.PRESENT, "yola"),)


def test_v_and_shift_mark_over_the_selection(press: Press, workspace: Workspace) -> None:
    workspace.select((2.0, 5.0))
    press("2")
    press(Key.Key_V)
    press(Key.Key_A, Shift)
    assert spans(workspace, Modality.VISUAL) == [("Dog", 2.0, 5.0, State.PRESENT)]
    assert spans(workspace, Modality.AUDIO) == [("Dog", 2.0, 5.0, State.ABSENT)]


def test_b_marks_both_in_one_undoable_edit(press: Press, workspace: Workspace) -> None:
    press("2")
    press(Key.Key_B)
    assert len(workspace.events) == 2
    assert workspace.undo_text == "mark Dog heard and seen 0–1 s"
    press(Key.Key_Z, Ctrl)
    assert workspace.events == ()
    press(Key.Key_Y, Ctrl)
    assert len(workspace.events) == 2
    press(Key.Key_Z, Ctrl)
    press(Key.Key_Z, Ctrl | Shift)
    assert len(workspace.events) == 2


def test_delete_forgets_both_modalities_of_the_armed_category(press: Press, workspace: Workspace) -> None:
    press("2")
    press(Key.Key_B)
    press(Key.Key_Delete)
    assert workspace.events == ()


def test_escape_puts_the_category_down_first_and_the_selection_next(press: Press, workspace: Workspace) -> None:
    workspace.select((2.0, 5.0))
    press("1")
    press(Key.Key_Escape)
    assert (workspace.armed, workspace.selection) == (None, (2.0, 5.0))
    press(Key.Key_Escape)
    assert workspace.selection is None


def test_i_and_o_select_whole_segments(press: Press, workspace: Workspace, player: Player) -> None:
    player.seek(2.3)
    press(Key.Key_I)
    assert workspace.selection == (2.0, 3.0)
    player.seek(5.7)
    press(Key.Key_O)
    assert workspace.selection == (2.0, 6.0)
    press(Key.Key_A, Ctrl)
    assert workspace.selection == (0.0, 10.0)


def test_the_arrows_step_frames_segments_and_five_seconds(press: Press, player: Player) -> None:
    player.seek(2.4)
    press(Key.Key_Right, Shift)
    assert player.position == 3.0
    press(Key.Key_Left, Shift)
    assert player.position == 2.0
    press(Key.Key_Right)
    assert player.position == pytest.approx(2.0 + player.frame_duration, abs=0.002)
    press(Key.Key_Right, Ctrl)
    assert player.position == pytest.approx(7.0 + player.frame_duration, abs=0.002)
    press(Key.Key_Home)
    assert player.position == 0.0
    press(Key.Key_Left, Ctrl)
    assert player.position == 0.0


def test_space_plays_and_pauses(press: Press, window: MainWindow, player: Player) -> None:
    press(Key.Key_Space)
    assert player.is_playing
    assert window.actions_by_name["play"].isChecked()
    press(Key.Key_Space)
    assert not player.is_playing
    assert not window.actions_by_name["play"].isChecked()


def test_brackets_step_the_rate(press: Press, player: Player) -> None:
    press("]")
    assert player.rate == 1.25
    press("[")
    press("[")
    assert player.rate == 0.75


def test_r_loops_the_selection_and_follows_it(press: Press, workspace: Workspace, player: Player) -> None:
    workspace.select((2.0, 5.0))
    press(Key.Key_R)
    assert player.loop == (2.0, 5.0)
    workspace.select((6.0, 7.0))
    assert player.loop == (6.0, 7.0)
    workspace.select(None)
    assert player.loop == (0.0, 10.0)
    press(Key.Key_L, Ctrl)
    assert player.loop is None


def test_page_keys_go_from_clip_to_clip(press: Press, workspace: Workspace) -> None:
    press(Key.Key_PageDown)
    assert workspace.clip.name == "beta_10_20"
    press(Key.Key_Down, Ctrl)
    assert workspace.clip.name == "gamma_0_4"
    press(Key.Key_PageUp)
    assert workspace.clip.name == "beta_10_20"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # the list of matches is a popup
def test_slash_finds_any_category_and_enter_arms_it(
    press: Press, qtbot: QtBot, window: MainWindow, workspace: Workspace
) -> None:
    press("/")
    field = window.focusWidget()
    assert isinstance(field, SearchField)
    qtbot.keyClicks(field, "viol")
    press(Key.Key_Return)
    assert workspace.armed == "Violin"
    assert window.focusWidget() is window.clip_view.timeline
    qtbot.waitUntil(lambda: field.text() == "")
    press(Key.Key_Escape)
    press("4")
    assert workspace.armed == "Violin"  # it has got a row, and so a digit


def test_typing_in_a_field_is_typing_and_nothing_else(
    press: Press, qtbot: QtBot, window: MainWindow, workspace: Workspace, player: Player
) -> None:
    press(Key.Key_F, Ctrl)
    field = window.focusWidget()
    qtbot.keyClicks(field, "a v1 jkl/?mr[]b-=")
    assert field.text() == "a v1 jkl/?mr[]b-="
    press(Key.Key_Delete)
    press(Key.Key_Home)
    press(Key.Key_A, Ctrl)
    assert not player.is_playing
    assert workspace.armed is None
    assert workspace.selection is None
    assert workspace.events == ()


def test_the_keys_also_work_from_the_list_of_clips(
    press: Press, window: MainWindow, workspace: Workspace, player: Player
) -> None:
    window.library.findChild(QTableView, "clips").setFocus()
    press("2")
    press(Key.Key_A)
    press(Key.Key_Space)
    assert spans(workspace, Modality.AUDIO) == [("Dog", 0.0, 1.0, State.PRESENT)]
    assert player.is_playing


def test_the_rows_keep_their_digits_while_one_labels(press: Press, workspace: Workspace) -> None:
    workspace.arm("Violin")
    press(Key.Key_A)
    assert workspace.candidates().index("Violin") == 2
    press(Key.Key_Escape)
    press("3")
    assert workspace.armed == "Car"


def test_m_mutes(press: Press, window: MainWindow) -> None:
    press(Key.Key_M)
    assert window.actions_by_name["mute"].isChecked()
    press(Key.Key_M)
    assert not window.actions_by_name["mute"].isChecked()


def test_the_question_mark_shows_the_keys(press: Press, qtbot: QtBot, window: MainWindow) -> None:
    press("?")
    sheets = [child for child in window.children() if type(child).__name__ == "KeysSheet"]
    assert len(sheets) == 1
    sheets[0].close()


def test_a_key_shows_every_category(press: Press, window: MainWindow) -> None:
    press(Key.Key_2, Ctrl)
    assert window.clip_view.content.rows == ("Speech", "Dog", "Baby_cry", "Violin", "Car")


def test_after_a_search_of_the_library_the_keys_are_for_the_clip(
    press: Press, qtbot: QtBot, window: MainWindow, workspace: Workspace
) -> None:
    press(Key.Key_F, Ctrl)
    qtbot.keyClicks(window.focusWidget(), "beta")
    press(Key.Key_Return)
    press("1")
    assert (workspace.clip.name, workspace.armed) == ("beta_10_20", "Baby_cry")
