"""The palette under the hand: typed letters on a real project."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel, QLineEdit, QListView
from pytestqt.qtbot import QtBot

from avvp_studio.domain.project import Clip
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.palette.catalogue import NOT_FOR, Kind
from avvp_studio.ui.palette.palette import NOTHING, Palette
from avvp_studio.workspace import Workspace

Key, Ctrl, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Ask = Callable[[str], list[str]]


@pytest.fixture
def palette(qtbot: QtBot, window: MainWindow) -> Palette:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.focusWidget(), Key.Key_P, Ctrl | Shift)
    found = window.findChild(Palette)
    assert found.isVisible()
    return found


@pytest.fixture
def ask(qtbot: QtBot, palette: Palette) -> Ask:
    """Types into the palette; returns the titles that it lists."""

    def type_text(text: str) -> list[str]:
        field = palette.findChild(QLineEdit)
        field.selectAll()
        qtbot.keyClicks(field, text)
        return [entry.title for entry in palette.entries]

    return type_text


def press(qtbot: QtBot, palette: Palette, key: Qt.Key) -> None:
    qtbot.keyClick(palette.findChild(QLineEdit), key)


def test_it_lists_every_action_before_anything_is_typed(palette: Palette, window: MainWindow) -> None:
    listed = {entry.name for entry in palette.entries if entry.kind is Kind.ACTION}
    assert listed == set(window.actions_by_name) - NOT_FOR


def test_enter_does_what_was_found_and_gives_the_keys_back(
    ask: Ask, qtbot: QtBot, palette: Palette, window: MainWindow
) -> None:
    assert ask("mut")[0] == "Mute"
    press(qtbot, palette, Key.Key_Return)
    assert window.actions_by_name["mute"].isChecked()
    assert not palette.isVisible()
    assert window.focusWidget() is window.clip_view.timeline


def test_an_action_that_moves_the_focus_keeps_it(
    ask: Ask, qtbot: QtBot, palette: Palette, window: MainWindow
) -> None:
    ask("filter")
    press(qtbot, palette, Key.Key_Return)
    assert window.library.isAncestorOf(window.focusWidget())


def test_what_was_done_last_comes_first_also_after_a_restart(
    ask: Ask, qtbot: QtBot, palette: Palette, make_window: Callable[[], MainWindow]
) -> None:
    for text in ("loop", "mute"):
        ask(text)
        press(qtbot, palette, Key.Key_Return)
        palette.toggle()
    assert [entry.name for entry in palette.entries[:2]] == ["mute", "loop"]
    palette.leave()
    again = make_window().findChild(Palette)
    again.toggle()
    assert [entry.name for entry in again.entries[:2]] == ["mute", "loop"]


def test_arrows_choose_and_escape_leaves_at_once(
    ask: Ask, qtbot: QtBot, palette: Palette, workspace: Workspace
) -> None:
    titles = ask("o")
    listed = palette.findChild(QListView)
    press(qtbot, palette, Key.Key_Down)
    press(qtbot, palette, Key.Key_Down)
    assert listed.currentIndex().data() == titles[2]
    press(qtbot, palette, Key.Key_Up)
    press(qtbot, palette, Key.Key_Up)
    press(qtbot, palette, Key.Key_Up)
    assert listed.currentIndex().data() == palette.entries[-1].title
    workspace.arm("Dog")
    press(qtbot, palette, Key.Key_Escape)
    assert not palette.isVisible()
    assert workspace.armed == "Dog"


def test_a_category_is_armed(ask: Ask, qtbot: QtBot, palette: Palette, workspace: Workspace) -> None:
    assert ask("viol")[0] == "Violin"
    press(qtbot, palette, Key.Key_Return)
    assert workspace.armed == "Violin"


def test_a_clip_is_opened_with_a_click(ask: Ask, qtbot: QtBot, palette: Palette, workspace: Workspace) -> None:
    assert ask("gamma_0") == ["gamma_0_4"]
    listed = palette.findChild(QListView)
    place = listed.visualRect(listed.currentIndex()).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert workspace.clip.name == "gamma_0_4"


def test_what_cannot_be_done_now_says_why_and_stays(
    ask: Ask, qtbot: QtBot, palette: Palette, workspace: Workspace
) -> None:
    ask("undo")
    assert palette.entries[0].reason == "nothing to undo"
    press(qtbot, palette, Key.Key_Return)
    assert palette.isVisible()
    workspace.close_project()
    ask("export")
    assert palette.entries[0].reason == "open a project first"


def test_letters_are_text_there_and_no_commands(
    ask: Ask, qtbot: QtBot, palette: Palette, workspace: Workspace
) -> None:
    workspace.arm("Dog")
    assert ask("a v b 1 zzz") == []
    press(qtbot, palette, Key.Key_PageDown)
    assert (workspace.armed, workspace.events, workspace.clip.name) == ("Dog", (), "alpha_0_10")
    assert [part.isVisible() for part in palette.findChildren(QLabel) if part.text() == NOTHING] == [True]


def test_a_click_elsewhere_takes_it_away(qtbot: QtBot, palette: Palette, window: MainWindow) -> None:
    qtbot.mouseClick(window.clip_view.timeline, Qt.MouseButton.LeftButton)
    window.library.focus_search()
    assert not palette.isVisible()
    assert window.library.isAncestorOf(window.focusWidget())


def test_keys_in_force_stand_beside_the_actions(ask: Ask, palette: Palette, window: MainWindow) -> None:
    window.bindings.set_keymap(window.bindings.keymap.changed("mute", ("F6",)))
    ask("mute")
    assert palette.entries[0].keys == "F6"


def test_among_100_000_clips_no_letter_makes_one_wait(
    qtbot: QtBot, palette: Palette, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = tuple(Clip(f"clip_{i:06}_x", "train", None, 10.0, 10, frozenset()) for i in range(100_000))
    monkeypatch.setattr(type(workspace), "clips", property(lambda _: clips))
    field = palette.findChild(QLineEdit)
    qtbot.keyClicks(field, "c")  # reads the names, once
    waits = []
    for letter in "lip 099999 x":
        start = time.perf_counter()
        qtbot.keyClick(field, letter)
        waits.append(time.perf_counter() - start)
    assert sorted(waits)[len(waits) // 2] < 0.1  # a whole scan in Python needs several times that
    qtbot.waitUntil(lambda: [entry.title for entry in palette.entries] == ["clip_099999_x"])
    field.clear()
    qtbot.keyClicks(field, "x 9 8 7 6 5")  # the first that has all of these comes after 56,789 that have not
    qtbot.waitUntil(lambda: len(palette.entries) == 50)
    qtbot.wait(30)
    assert len(palette.entries) == 50
    field.clear()
    qtbot.keyClicks(field, "clip")
    qtbot.waitUntil(lambda: sum(entry.kind is Kind.CLIP for entry in palette.entries) == 50)


def test_a_disabled_action_is_paler_and_the_chosen_one_has_a_ground(ask: Ask, palette: Palette) -> None:
    ask("undo")
    image: QImage = palette.findChild(QListView).viewport().grab().toImage()
    colours = {image.pixelColor(x, 6).name() for x in range(4, 200)}
    assert colours != {QColor(palette.findChild(QListView).palette().base().color()).name()}
