"""Asks what a new project is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.paths import ProjectPaths, resource_path
from avvp_studio.projects import ProjectError, typed_categories
from avvp_studio.ui.path_field import PathField

_TYPED, _FROM_FILE = "typed", "file"


@dataclass(frozen=True, slots=True)
class NewProjectRequest:
    """What to make. `vocabulary`: the name of one that comes with the studio, a file's path, or categories."""

    root: Path
    name: str
    vocabulary: str | tuple[str, ...]
    annotations: Path | None
    media: Path | None


class NewProjectDialog(QDialog):
    """Emits a request that can be carried out as far as can be seen from here, then closes."""

    requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self._form = QFormLayout()
        self._name = QLineEdit(placeholderText="The folder's name, if empty")
        self._vocabulary = QComboBox()
        self._vocabulary_file = PathField("Vocabulary", hint="A file with one category a line", is_file=True)
        self._typed = QPlainTextEdit(placeholderText="One category a line: Dog, Violin, Glass breaking …")
        self._typed.setFixedHeight(92)
        self._typed.setTabChangesFocus(True)
        self._typed.setAccessibleName("Categories, one a line")
        self._annotations = PathField("Annotations", hint="Optional: a dataset folder, or LLP's own files")
        self._media = PathField("Videos", hint="Optional: a folder of videos")
        self._root = PathField("Project folder", hint="Where the project will be kept")
        self._problem = QLabel(wordWrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._create = self._buttons.addButton("Create", QDialogButtonBox.ButtonRole.AcceptRole)
        self._fill_vocabularies()
        self._arrange()
        self._connect()
        self._on_changed()

    def _fill_vocabularies(self) -> None:
        for file in sorted(resource_path("vocabularies").glob("*.txt")):
            count = len(file.read_text(encoding="utf-8").split("\n")) - 1
            self._vocabulary.addItem(f"{file.stem.upper()} ({count} categories)", file)
        self._vocabulary.addItem("Any, typed here", _TYPED)
        self._vocabulary.addItem("From a file…", _FROM_FILE)

    def _arrange(self) -> None:
        form = self._form
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(14)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Project folder", self._root)
        form.addRow("Name", self._name)
        form.addRow("Categories", self._vocabulary)
        form.addRow("", self._typed)
        form.addRow("", self._vocabulary_file)
        form.addRow("Annotations", self._annotations)
        form.addRow("Videos", self._media)
        self._problem.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 14)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self._problem)
        column.addStretch(1)
        column.addWidget(self._buttons)
        self.setMinimumWidth(520)

    def _connect(self) -> None:
        for field in (self._root, self._vocabulary_file, self._annotations, self._media):
            field.path_changed.connect(self._on_changed)
        self._vocabulary.currentIndexChanged.connect(self._on_changed)
        self._typed.textChanged.connect(self._on_changed)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    @property
    def problem(self) -> str:
        """What still stands in the way; empty when nothing does."""
        root = self._root.path
        if root is None:
            return "Choose where the project will be kept."
        if ProjectPaths(root).database.exists():
            return f"{root} is a project already: choose another folder, or open it."
        if root.is_file():
            return f"{root} is a file: choose a folder."
        if problem := self._vocabulary_problem():
            return problem
        for title, field in (("annotations", self._annotations), ("videos", self._media)):
            if field.path is not None and not field.path.is_dir():
                return f"The folder of {title} is not there: {field.path}"
        return ""

    def _vocabulary_problem(self) -> str:
        chosen, file = self._vocabulary.currentData(), self._vocabulary_file.path
        if chosen == _FROM_FILE and (file is None or not file.is_file()):
            return "Choose the file that lists the categories."
        if chosen == _TYPED:
            try:
                typed_categories(self._typed.toPlainText())
            except ProjectError as error:
                return str(error)
        return ""

    def _chosen_vocabulary(self) -> str | tuple[str, ...]:
        chosen = self._vocabulary.currentData()
        if chosen == _TYPED:
            return typed_categories(self._typed.toPlainText())
        return str(self._vocabulary_file.path) if chosen == _FROM_FILE else Path(chosen).stem

    def request(self) -> NewProjectRequest:
        root = self._root.path
        assert root is not None
        return NewProjectRequest(
            root=root,
            name=self._name.text().strip() or root.resolve().name,
            vocabulary=self._chosen_vocabulary(),
            annotations=self._annotations.path,
            media=self._media.path,
        )

    def _on_changed(self) -> None:
        chosen = self._vocabulary.currentData()
        self._form.setRowVisible(self._typed, chosen == _TYPED)
        self._form.setRowVisible(self._vocabulary_file, chosen == _FROM_FILE)
        self._problem.setText(self.problem)
        self._create.setEnabled(not self.problem)

    def _on_accepted(self) -> None:
        self.requested.emit(self.request())
        self.accept()
