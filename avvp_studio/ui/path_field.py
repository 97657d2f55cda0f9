"""A line for a folder or a file, with a button that browses for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


class PathField(QWidget):
    """Holds a path, typed or chosen; None while the line is empty."""

    path_changed = Signal()

    def __init__(self, title: str, *, hint: str = "", is_file: bool = False) -> None:
        super().__init__()
        self._title = title
        self._is_file = is_file
        self.line = QLineEdit(placeholderText=hint)
        self.line.textChanged.connect(self.path_changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        browse = QPushButton("Browse…", autoDefault=False)
        browse.clicked.connect(self._on_browse_clicked)
        row.addWidget(browse)
        self.setFocusProxy(self.line)

    @property
    def path(self) -> Path | None:
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path) -> None:
        self.line.setText(str(path))

    def _on_browse_clicked(self) -> None:
        start = str(self.path or Path.home())
        if self._is_file:
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, start)
        else:
            chosen = QFileDialog.getExistingDirectory(self, self._title, start)
        if chosen:
            self.line.setText(chosen)
