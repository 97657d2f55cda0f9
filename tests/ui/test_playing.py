"""The keys for playing ranges and for sound while scrubbing, on the window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from avvp_studio.player import Player
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace

Key, Ctrl, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Press = Callable[..., None]


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Press:
    """Types a key into whatever has the focus."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return lambda key, modifier: qtbot.keyClick(window.focusWidget() or window, key, modifier)


def played(qtbot: QtBot, player: Player) -> tuple[float, float]:
    """From where to where it plays; four times as fast as usual, for a test is not patient."""
    onset = player.position
    player.set_rate(4.0)
    positions: list[float] = []
    player.position_changed.connect(positions.append)
    qtbot.waitUntil(lambda: not player.is_playing)
    player.position_changed.disconnect(positions.append)
    return onset, max(positions)


def test_shift_space_plays_the_selection_once(
    press: Press, qtbot: QtBot, workspace: Workspace, player: Player
) -> None:
    player.seek(7.25)
    workspace.select((2.0, 3.0))
    press(Key.Key_Space, Shift)
    assert player.is_playing
    assert played(qtbot, player) == (2.0, 7.25)
    assert player.position == 7.25


def test_without_a_selection_it_plays_the_segment_at_the_playhead(
    press: Press, qtbot: QtBot, player: Player
) -> None:
    player.seek(4.6)
    press(Key.Key_Space, Shift)
    assert played(qtbot, player) == (4.0, 5.0)
    assert player.position == 4.6
    player.seek(10.0)
    press(Key.Key_Space, Shift)
    assert player.position == 9.0, "at the very end, the last one"


def test_ctrl_shift_space_plays_around_the_playhead_or_the_selection(
    press: Press, qtbot: QtBot, workspace: Workspace, player: Player
) -> None:
    player.seek(5.5)
    press(Key.Key_Space, Ctrl | Shift)
    assert played(qtbot, player) == (4.5, pytest.approx(6.5))
    assert player.position == 5.5
    workspace.select((0.0, 1.0))
    press(Key.Key_Space, Ctrl | Shift)
    assert player.position == 0.0
    press(Key.Key_Space, Ctrl | Shift)
    assert player.home == 5.5


def test_it_also_works_from_the_list_of_clips(press: Press, window: MainWindow, player: Player) -> None:
    window.library.findChild(QTableView, "clips").setFocus()
    player.seek(4.6)
    press(Key.Key_Space, Shift)
    assert (player.is_playing, player.position) == (True, 4.0)


def test_sound_while_scrubbing_is_off_until_it_is_chosen_and_then_kept(
    press: Press, make_window: Callable[[], MainWindow], window: MainWindow, settings: QSettings
) -> None:
    action = window.actions_by_name["scrub_sound"]
    assert not action.isChecked()
    press(Key.Key_M, Shift)
    assert action.isChecked()
    again = make_window()
    assert again.actions_by_name["scrub_sound"].isChecked()
    settings.setValue("player/scrub_sound", "?")
    assert make_window().actions_by_name["scrub_sound"].isEnabled()
