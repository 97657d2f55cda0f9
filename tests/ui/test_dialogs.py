"""The dialogs ask only for what can be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.ui.export_dialog import ExportDialog, ExportRequest
from avvp_studio.ui.new_project_dialog import NewProjectDialog, NewProjectRequest


@pytest.fixture
def dialog(qtbot: QtBot) -> NewProjectDialog:
    made = NewProjectDialog()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def field(dialog: QDialog, hint: str) -> QLineEdit:
    return next(line for line in dialog.findChildren(QLineEdit) if hint in line.placeholderText())


def button(dialog: QDialog, text: str) -> QPushButton:
    return next(found for found in dialog.findChildren(QPushButton) if found.text() == text)


def test_a_new_project_needs_a_folder(qtbot: QtBot, dialog: NewProjectDialog, tmp_path: Path) -> None:
    assert not button(dialog, "Create").isEnabled()
    field(dialog, "will be kept").setText(str(tmp_path / "new"))
    with qtbot.waitSignal(dialog.requested) as requested:
        qtbot.mouseClick(button(dialog, "Create"), Qt.MouseButton.LeftButton)
    assert requested.args == [NewProjectRequest(tmp_path / "new", "new", "llp", None, None)]


def test_a_folder_that_is_a_project_already_is_refused(dialog: NewProjectDialog, project_root: Path) -> None:
    field(dialog, "will be kept").setText(str(project_root))
    assert "is a project already" in dialog.problem
    assert not button(dialog, "Create").isEnabled()


def test_a_folder_that_is_not_there_is_named(dialog: NewProjectDialog, tmp_path: Path) -> None:
    field(dialog, "will be kept").setText(str(tmp_path / "new"))
    field(dialog, "folder of videos").setText(str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in dialog.problem


def test_a_vocabulary_can_come_from_a_file(dialog: NewProjectDialog, tmp_path: Path) -> None:
    vocabulary = tmp_path / "categories.txt"
    vocabulary.write_text("Dog\nCat\n")
    field(dialog, "will be kept").setText(str(tmp_path / "new"))
    dialog.findChild(QComboBox).setCurrentText("From a file…")
    assert "lists the categories" in dialog.problem
    field(dialog, "one category a line").setText(str(vocabulary))
    assert dialog.problem == ""
    assert dialog.request().vocabulary == str(vocabulary)


def test_any_vocabulary_can_be_typed(qtbot: QtBot, dialog: NewProjectDialog, tmp_path: Path) -> None:
    field(dialog, "will be kept").setText(str(tmp_path / "new"))
    dialog.findChild(QComboBox).setCurrentText("Any, typed here")
    typed = dialog.findChild(QPlainTextEdit)
    assert dialog.problem == "Type the categories, one a line."
    for line in ("Dog", "  Glass   breaking ", "", "Dog"):
        qtbot.keyClick(typed, Qt.Key.Key_Return)
        qtbot.keyClicks(typed, line)
    assert "'Dog' is there twice" in dialog.problem
    assert not button(dialog, "Create").isEnabled()
    for _ in range(3):
        qtbot.keyClick(typed, Qt.Key.Key_Backspace)
    assert dialog.request().vocabulary == ("Dog", "Glass breaking")
    qtbot.keyClicks(typed, "a, b")
    assert "holds a comma" in dialog.problem


def test_an_export_is_asked_for_with_format_and_folder(qtbot: QtBot, project_root: Path) -> None:
    dialog = ExportDialog(project_root)
    qtbot.addWidget(dialog)
    assert dialog.request() == ExportRequest("dataset", project_root.parent / "street-dataset")
    dialog.choose("llp")
    assert dialog.request() == ExportRequest("llp", project_root.parent / "street-llp")
    with qtbot.waitSignal(dialog.requested):
        qtbot.mouseClick(button(dialog, "Export"), Qt.MouseButton.LeftButton)


def test_an_export_without_a_folder_cannot_be_started(qtbot: QtBot, project_root: Path) -> None:
    dialog = ExportDialog(project_root)
    qtbot.addWidget(dialog)
    field(dialog, "same names").clear()
    assert not button(dialog, "Export").isEnabled()
