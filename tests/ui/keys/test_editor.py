"""The editor of keys under the hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QMainWindow, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.keys.bindings import Bindings
from avvp_studio.ui.keys.editor import KeyEditor
from avvp_studio.ui.keys.key_field import KeyField
from avvp_studio.ui.keys.keymap import Keymap
from avvp_studio.ui.keys_sheet import KeysSheet

Key, Ctrl, Shift, Alt = (
    Qt.Key,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def editor(qtbot: QtBot, actions: Actions, owner: QMainWindow) -> KeyEditor:
    made = KeyEditor(actions, owner)
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def button(editor: QWidget, text: str) -> QPushButton:
    return next(found for found in editor.findChildren(QPushButton) if found.text() == text)


def record(qtbot: QtBot, editor: KeyEditor, name: str, key: Qt.Key | str, modifier=Qt.NoModifier) -> None:
    editor.list.choose(name)
    qtbot.mouseClick(editor.findChild(KeyField), Qt.MouseButton.LeftButton)
    qtbot.keyClick(editor.findChild(KeyField), key, modifier)


def click(qtbot: QtBot, editor: KeyEditor, text: str) -> None:
    qtbot.mouseClick(button(editor, text), Qt.MouseButton.LeftButton)


def test_a_free_key_is_recorded_and_used_in_place_of_the_others(
    qtbot: QtBot, editor: KeyEditor, bindings: Bindings
) -> None:
    record(qtbot, editor, "loop", Key.Key_F7, Ctrl)
    assert bindings.keymap.keys("loop") == ("R", "Ctrl+L")  # nothing before it is asked for
    click(qtbot, editor, "Use")
    assert bindings.keymap.keys("loop") == ("Ctrl+F7",)


def test_a_key_can_be_added_beside_the_others_and_each_taken_away(
    qtbot: QtBot, editor: KeyEditor, bindings: Bindings
) -> None:
    record(qtbot, editor, "mute", Key.Key_Return)
    click(qtbot, editor, "Add")
    assert bindings.keymap.keys("mute") == ("M", "Return")
    chip = next(found for found in editor.findChildren(QToolButton) if found.property("key") == "M")
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert bindings.keymap.keys("mute") == ("Return",)


def test_a_key_of_another_action_is_taken_only_after_saying_whose_it_is(
    qtbot: QtBot, editor: KeyEditor, bindings: Bindings
) -> None:
    record(qtbot, editor, "mute", Key.Key_Space)
    assert editor.form.said == "Space is the key of “Play”, which would have no key left."
    assert bindings.keymap.keys("play") == ("Space",)
    click(qtbot, editor, "Take it")
    assert (bindings.keymap.keys("mute"), bindings.keymap.keys("play")) == (("Space",), ())


def test_it_says_which_keys_the_other_action_would_keep(qtbot: QtBot, editor: KeyEditor) -> None:
    record(qtbot, editor, "mute", Key.Key_L, Ctrl)
    assert editor.form.said == "Ctrl+L is a key of “Loop”, which would keep R."


def test_it_says_where_else_the_key_means_something_else(qtbot: QtBot, editor: KeyEditor) -> None:
    record(qtbot, editor, "forget_labels", Key.Key_M)
    assert editor.form.said == "Elsewhere M goes on to mean “Mute”."
    record(qtbot, editor, "forget", Key.Key_Backspace)
    assert editor.form.said == "Backspace is a key of this action already."
    assert not button(editor, "Add").isEnabled()


def test_keys_that_open_menus_cannot_be_used(qtbot: QtBot, editor: KeyEditor) -> None:
    record(qtbot, editor, "mute", Key.Key_F, Alt)
    assert editor.form.said == "Alt+F opens the menu File. Choose another key."
    assert not button(editor, "Use").isEnabled()


def test_a_sign_is_recorded_as_the_sign_and_tab_leaves_the_field(
    qtbot: QtBot, editor: KeyEditor, bindings: Bindings
) -> None:
    record(qtbot, editor, "mute", "!", Shift)
    click(qtbot, editor, "Use")
    assert bindings.keymap.keys("mute") == ("!",)
    record(qtbot, editor, "mute", Key.Key_Shift, Shift)  # alone it is no key
    assert not button(editor, "Use").isEnabled()
    qtbot.keyClick(editor.findChild(KeyField), Key.Key_Tab)
    assert not editor.findChild(KeyField).hasFocus()


def test_one_action_and_all_of_them_can_be_reset(qtbot: QtBot, editor: KeyEditor, bindings: Bindings) -> None:
    bindings.set_keymap(Keymap("elan").changed("mute", ("F6",)).changed("play", ("F7",)))
    editor.list.choose("mute")
    click(qtbot, editor, "Reset")
    assert bindings.keymap == Keymap("elan").changed("play", ("F7",))
    click(qtbot, editor, "Reset all")
    assert bindings.keymap == Keymap("elan")
    assert not button(editor, "Reset all").isEnabled()


def test_actions_are_found_by_words_by_keys_and_by_where_they_hold(qtbot: QtBot, editor: KeyEditor) -> None:
    field = editor.findChild(QLineEdit)
    assert field.hasFocus()
    everything = editor.list.shown
    qtbot.keyClicks(field, "ctrl+0")
    assert editor.list.shown == ["zoom_fit"]
    field.clear()
    qtbot.keyClicks(field, "back frame")
    assert editor.list.shown == ["frame_back"]
    qtbot.keyClicks(field, "xyz")
    assert editor.list.shown == []
    assert editor.said == "No action is called that or has such a key."
    field.clear()
    assert (editor.list.shown, editor.said) == (everything, "")
    scopes = next(box for box in editor.findChildren(QComboBox) if box.accessibleName() == "Where keys hold")
    scopes.setCurrentText("List of labels")
    assert editor.list.shown == ["forget_labels"]


def test_the_editor_lists_every_action(editor: KeyEditor, actions: Actions) -> None:
    assert sorted(editor.list.shown) == sorted(actions)


def test_a_preset_is_chosen_with_the_keys(qtbot: QtBot, editor: KeyEditor, bindings: Bindings) -> None:
    presets = next(box for box in editor.findChildren(QComboBox) if box.accessibleName() == "Preset")
    qtbot.keyClick(presets, Key.Key_Down)
    assert bindings.keymap.preset == "elan"
    qtbot.keyClick(presets, Key.Key_Down)
    assert bindings.keymap.preset == "editor"


def test_import_and_export_say_what_came_of_them(editor: KeyEditor, bindings: Bindings, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    editor.import_from(path)
    assert editor.said == f"{path}: No such file or directory; no key was changed"
    path.write_text('[keys]\nfly = ["F"]\nmute = ["F6"]')
    editor.import_from(path)
    assert editor.said.endswith("actions that there are not: fly.")
    assert bindings.keymap.keys("mute") == ("F6",)
    path.write_text("[keys")
    editor.import_from(path)
    assert f"{path}: " in editor.said
    assert bindings.keymap.keys("mute") == ("F6",)
    editor.export_to(path)
    assert editor.said == f"The keys were written to {path}."
    editor.export_to(tmp_path / "missing" / "keys.toml")
    assert "No such file" in editor.said


def test_an_open_sheet_follows_the_keys(
    qtbot: QtBot, actions: Actions, owner: QMainWindow, bindings: Bindings
) -> None:
    sheet = KeysSheet(actions, owner)
    qtbot.addWidget(sheet)
    bindings.set_keymap(Keymap().changed("mute", ("Ctrl+F9",)))
    assert "Ctrl+F9" in {label.text() for label in sheet.findChildren(QLabel)}


def test_the_headings_stand_over_the_cells(editor: KeyEditor) -> None:
    shown = editor.list
    column = 2
    left, width = shown.header().sectionPosition(column), shown.header().sectionSize(column)

    def first_ink(picture: QImage, top: int, height: int, left: int) -> int:
        back = picture.pixel(left + 1, top + height // 2)
        xs = range(left + 1, left + width)
        return (
            next(x for x in xs if any(picture.pixel(x, top + y) != back for y in range(5, height - 5))) - left
        )

    heading = first_ink(shown.header().grab().toImage(), 0, shown.header().height(), left)
    row = shown.visualItemRect(shown.topLevelItem(0).child(1))
    cell = first_ink(shown.viewport().grab().toImage(), row.top(), row.height(), left)
    assert abs(heading - cell) <= 1
