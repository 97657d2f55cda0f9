"""Asks in which format labels are to be written, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.ui.path_field import PathField

_FORMATS = {
    "dataset": ("Dataset folder", "What the trainer reads: everything, the reviewed and the absent included."),
    "llp": ("LLP's own files", "What LLP's tools read: labels on whole seconds, no authors."),
}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Write the project's labels in `format` ("dataset" or "llp") into the folder `out`."""

    format: str
    out: Path


class ExportDialog(QDialog):
    """Emits a request, then closes."""

    requested = Signal(object)

    def __init__(self, project: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        self._project = project
        self._formats = QButtonGroup(self)
        self._names = list(_FORMATS)
        self._out = PathField("Destination", hint="A folder; files of the same names are replaced")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._export = self._buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self._arrange()
        self._formats.idToggled.connect(self._on_format_toggled)
        self._out.path_changed.connect(self._on_changed)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self.choose("dataset")

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 14)
        column.setSpacing(6)
        for i, (title, text) in enumerate(_FORMATS.values()):
            choice, explained = QRadioButton(title), QLabel(text, wordWrap=True)
            explained.setProperty("role", "muted")
            explained.setContentsMargins(22, 0, 0, 8)
            self._formats.addButton(choice, i)
            column.addWidget(choice)
            column.addWidget(explained)
        form = QFormLayout()
        form.addRow("Folder", self._out)
        column.addLayout(form)
        column.addStretch(1)
        column.addSpacing(10)
        column.addWidget(self._buttons)
        self.setMinimumWidth(500)

    def choose(self, name: str) -> None:
        self._formats.button(self._names.index(name)).setChecked(True)

    def request(self) -> ExportRequest:
        out = self._out.path
        assert out is not None
        return ExportRequest(self._names[self._formats.checkedId()], out)

    def set_destination(self, folder: Path) -> None:
        self._out.set_path(folder)

    def _on_format_toggled(self, index: int, is_on: bool) -> None:
        if is_on:
            self._out.set_path(self._project.parent / f"{self._project.name}-{self._names[index]}")

    def _on_changed(self) -> None:
        self._export.setEnabled(self._out.path is not None)

    def _on_accepted(self) -> None:
        self.requested.emit(self.request())
        self.accept()
