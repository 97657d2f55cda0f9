"""Changed keys, text fields and parts with keys of their own, with real keys in the real window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QSpinBox, QTableView, QTextEdit
from pytestqt.qtbot import QtBot

from avvp_studio.player import Player
from avvp_studio.ui.hint_label import HintLabel
from avvp_studio.ui.keys.editor import KeyEditor
from avvp_studio.ui.keys.keymap import Keymap
from avvp_studio.ui.keys_sheet import KeysSheet
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State

Key, Ctrl = Qt.Key, Qt.KeyboardModifier.ControlModifier
NO_MODIFIER = Qt.KeyboardModifier.NoModifier
Press = Callable[..., None]


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Press:
    """Types a key into whatever has the focus."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    def type_key(key: Qt.Key | str, modifier: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        qtbot.keyClick(window.focusWidget() or window, key, modifier)

    return type_key


def test_a_changed_key_works_at_once_and_the_old_one_no_more(press: Press, window: MainWindow) -> None:
    window.bindings.set_keymap(Keymap().changed("mute", ("F6",)))
    press(Key.Key_M)
    assert not window.actions_by_name["mute"].isChecked()
    press(Key.Key_F6)
    assert window.actions_by_name["mute"].isChecked()


def test_in_the_preset_of_elan_ctrl_space_plays(press: Press, window: MainWindow, player: Player) -> None:
    window.bindings.set_keymap(Keymap("elan"))
    press(Key.Key_Space, Ctrl)
    assert player.is_playing


def test_every_text_names_the_keys_in_force(window: MainWindow, workspace: Workspace) -> None:
    window.bindings.set_keymap(
        Keymap().changed("search_category", ("F2",)).changed("play", ("P",)).changed("arm_1", ("F3",))
    )
    assert window.statusBar().findChild(HintLabel).text().endswith("P plays.")
    field = window.clip_view.row_bar.findChild(QLineEdit)
    assert field.placeholderText() == "Find category  ( F2 )"
    window.actions_by_name["heard"].trigger()
    assert "or F2 to find it" in window.statusBar().currentMessage()
    window.actions_by_name["arm_9"].trigger()
    assert "no candidate 9" in window.statusBar().currentMessage()


@pytest.mark.parametrize("make", [QLineEdit, QTextEdit, QSpinBox])
def test_typing_in_any_field_is_typing_whatever_the_keys_are(
    press: Press, window: MainWindow, player: Player, workspace: Workspace, make: type
) -> None:
    keymap = Keymap().changed("play", ("Return",)).changed("next_clip", ("Down", "5"))
    window.bindings.set_keymap(keymap.changed("mute", ("F6",)))
    workspace.arm("Dog")
    field = make(window)
    field.show()
    field.setFocus()
    for key in (Key.Key_Return, Key.Key_Down, "5", Key.Key_Escape, Key.Key_PageDown):
        press(key)
    assert not player.is_playing
    assert (workspace.clip.name, workspace.armed) == ("alpha_0_10", "Dog")
    press(Key.Key_J, Ctrl)  # what types nothing is a command there, too
    press(Key.Key_F6)
    assert not window.actions_by_name["side"].isChecked()
    assert window.actions_by_name["mute"].isChecked()
    window.clip_view.timeline.setFocus()
    press(Key.Key_Return)
    assert player.is_playing


def test_a_field_that_cannot_be_typed_in_leaves_the_keys_alone(
    press: Press, window: MainWindow, player: Player
) -> None:
    field = QLineEdit(window, readOnly=True)
    field.show()
    field.setFocus()
    press(Key.Key_Space)
    assert player.is_playing


def test_in_the_list_of_labels_its_own_keys_go_first(
    press: Press, window: MainWindow, workspace: Workspace
) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 2.0, 5.0, State.PRESENT)
    workspace.mark(Modality.AUDIO, "Car", 2.0, 5.0, State.PRESENT)
    workspace.arm("Dog")
    workspace.select((0.0, 10.0))
    window.bindings.set_keymap(Keymap().changed("forget_labels", ("X",)))
    table = window.events_panel.findChild(QTableView)
    table.setFocus()
    table.selectRow(next(row for row in (0, 1) if workspace.events[row].category == "Car"))
    press(Key.Key_X)
    assert [event.category for event in workspace.events] == ["Dog"]
    press(Key.Key_Delete)  # here the key of the window, as the list has let go of it
    assert workspace.events == ()


def test_ctrl_k_opens_the_editor_and_the_sheet_leads_there_too(
    press: Press, qtbot: QtBot, window: MainWindow
) -> None:
    press(Key.Key_K, Ctrl)
    window.findChild(KeyEditor).close()
    press("?")
    sheet = window.findChild(KeysSheet)
    sheet.edit_requested.emit()
    assert window.findChildren(KeyEditor)[-1].isVisible()


def test_keys_that_cannot_be_read_are_told_once_and_the_usual_ones_hold(
    settings: QSettings, make_window: Callable[[], MainWindow]
) -> None:
    settings.setValue("keys", "preset = 'emacs'")
    window = make_window()
    assert "there is no preset 'emacs'" in window.message_bar.text
    assert window.bindings.keymap == Keymap()


def test_a_key_that_stays_down_goes_on_stepping_but_plays_and_pauses_once(
    press: Press, window: MainWindow, player: Player
) -> None:
    def hold(key: Qt.Key, text: str) -> None:
        for is_repeat in (False, True, True, True):
            QTest.simulateEvent(window.focusWidget(), True, key, NO_MODIFIER, text, is_repeat)

    hold(Key.Key_Space, " ")
    assert player.is_playing
    player.pause()
    hold(Key.Key_L, "l")
    assert player.rate == 1.0
    player.pause()
    player.seek(0.0)
    hold(Key.Key_Right, "")
    assert player.position == pytest.approx(4 * player.frame_duration)


def test_a_sheet_that_is_open_comes_to_the_front_instead_of_a_second_one(window: MainWindow) -> None:
    for name, kind in (("keys", KeysSheet), ("edit_keys", KeyEditor)):
        for _ in range(2):
            window.actions_by_name[name].trigger()
        assert len([sheet for sheet in window.findChildren(kind) if sheet.isVisible()]) == 1
        window.findChild(kind).close()
