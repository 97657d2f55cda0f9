"""Which rows the window shows: by choice, by search, in the order of hands; found again at the next start."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.timeline.gestures.wishes import Reorder, Resize, Widen
from avvp_studio.workspace import Workspace
from tests.ui.conftest import CATEGORIES
from trainer.labels import Modality, State

ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


def rows(window: MainWindow) -> tuple[str, ...]:
    return window.clip_view.content.rows


def press(window: MainWindow, key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(window.clip_view.timeline, key, keys)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (Qt.Key.Key_1, ("Speech", "Dog", "Car")),
        (Qt.Key.Key_2, CATEGORIES),
        (Qt.Key.Key_3, ("Speech", "Dog")),
        (Qt.Key.Key_4, ("Car",)),
        (Qt.Key.Key_5, ("Violin",)),
        (Qt.Key.Key_6, ("Violin",)),
    ],
)
def test_a_key_chooses_the_rows(window: MainWindow, workspace: Workspace, key: Qt.Key, shown: tuple) -> None:
    workspace.mark(Modality.AUDIO, "Violin", 0, 2, State.PRESENT)
    press(window, Qt.Key.Key_3, CONTROL)
    press(window, key, CONTROL)
    assert rows(window) == (shown if key is not Qt.Key.Key_1 else ("Speech", "Dog", "Car", "Violin"))


def test_a_row_stays_while_one_works_on_it_and_goes_when_one_chooses_anew(
    window: MainWindow, workspace: Workspace
) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 0, 2, State.PRESENT)
    press(window, Qt.Key.Key_5, CONTROL)
    workspace.undo()
    assert rows(window) == ("Dog",)
    press(window, Qt.Key.Key_3, CONTROL)
    press(window, Qt.Key.Key_5, CONTROL)
    assert rows(window) == ()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # the list of matches is a popup
def test_another_clip_has_rows_of_its_own(window: MainWindow, workspace: Workspace) -> None:
    assert "Car" in rows(window)
    workspace.open_clip("beta_10_20")
    assert rows(window) == ("Baby_cry",)
    assert window.clip_view.rows == ("Baby_cry",)


def test_what_is_typed_filters_the_rows_until_it_is_cleared(qtbot: QtBot, window: MainWindow) -> None:
    before, search = rows(window), window.clip_view.row_bar._search
    qtbot.keyClicks(search, "bab")
    assert rows(window) == ("Baby_cry",)
    search.clear()
    assert rows(window) == before


def test_the_armed_row_is_pinned_and_moved_by_keys(window: MainWindow, workspace: Workspace) -> None:
    workspace.arm("Dog")
    press(window, Qt.Key.Key_Down, ALT)
    assert rows(window) == ("Speech", "Car", "Dog")
    press(window, Qt.Key.Key_Up, ALT)
    press(window, Qt.Key.Key_Up, ALT)
    assert rows(window) == ("Dog", "Speech", "Car")
    workspace.arm("Car")
    press(window, Qt.Key.Key_P)
    assert rows(window) == ("Car", "Dog", "Speech")
    assert window.clip_view.rows == rows(window)  # the digits follow what is seen
    press(window, Qt.Key.Key_P)
    assert rows(window) == ("Dog", "Speech", "Car")


def test_without_an_armed_category_a_hint_says_what_to_do(window: MainWindow) -> None:
    before = rows(window)
    press(window, Qt.Key.Key_P)
    assert rows(window) == before
    assert "Arm" in window.statusBar().currentMessage()


def test_rows_grow_by_key_and_are_usual_again(window: MainWindow, workspace: Workspace) -> None:
    timeline = window.clip_view.timeline
    workspace.arm("Dog")
    before = timeline.row_height("Dog"), timeline.row_height("Speech")
    press(window, Qt.Key.Key_Equal, CONTROL | ALT)
    assert timeline.row_height("Dog") > before[0]
    press(window, Qt.Key.Key_0, CONTROL | ALT)
    assert (timeline.row_height("Dog"), timeline.row_height("Speech")) == before


def test_the_arrangement_is_found_again_at_the_next_start(
    make_window: Callable[[], MainWindow], workspace: Workspace
) -> None:
    window = make_window()
    ask = window.clip_view.timeline.arrange_requested.emit
    for name in ("rows_all", "lanes_heat", "lanes_compact"):
        window.actions_by_name[name].trigger()
    ask(Reorder("Car", "Speech"))
    ask(Resize(140, ("Dog",)))
    ask(Resize(90, band="waveform"))
    ask(Widen(260))
    window.close()
    again = make_window()
    assert rows(again)[0] == "Car"
    assert len(rows(again)) == len(CATEGORIES)
    arrangement = again.clip_view.timeline._arrangement
    assert (arrangement.is_heat, arrangement.is_stacked, arrangement.is_compact) == (True, False, True)
    assert (arrangement.rows, arrangement.heights) == ({"Dog": 140}, {"waveform": 90})
    assert arrangement.column == 260
    assert again.actions_by_name["lanes_heat"].isChecked()
    assert again.actions_by_name["rows_all"].isChecked()


def test_the_chooser_says_what_is_shown_and_how_many_each_choice_would_show(window: MainWindow) -> None:
    bar = window.clip_view.row_bar
    assert bar._chooser.text() == "Candidates  3"
    bar._fill_choices()
    entries = {action.text().partition("\t")[0]: action for action in bar._choices.actions()}
    assert list(entries) == [
        "Candidates  3", "All categories  5", "Video label  2", "Predicted  1", "Edited  0", "Disagreeing  0",
    ]  # fmt: skip
    entries["All categories  5"].trigger()
    assert rows(window) == CATEGORIES
    assert bar._chooser.text() == "All categories  5"
