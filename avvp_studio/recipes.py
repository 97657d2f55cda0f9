"""The trainer's recipes, asked of the trainer itself, in the background."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from avvp_studio.domain.job import Recipe
from avvp_studio.processes import command, environment


class RecipeCatalogue(QObject):
    """Runs `python -m trainer recipes --json` once and holds what it lists."""

    loaded = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.recipes: tuple[Recipe, ...] = ()
        self._process = QProcess(self)
        program, *arguments = command("trainer", ["recipes", "--json"])
        self._process.setProgram(program)
        self._process.setArguments(arguments)
        self._process.setProcessEnvironment(_qt_environment())
        self._process.finished.connect(self._on_finished)

    def load(self) -> None:
        """Ask, unless that is under way or done."""
        if not self.recipes and self._process.state() is QProcess.ProcessState.NotRunning:
            self._process.start()

    def shutdown(self) -> None:
        """End the question if it is still open."""
        if self._process.state() is not QProcess.ProcessState.NotRunning:
            self._process.finished.disconnect(self._on_finished)
            self._process.kill()
            self._process.waitForFinished(2000)

    def _on_finished(self) -> None:
        try:
            listed = json.loads(bytes(self._process.readAllStandardOutput().data()))
            self.recipes = tuple(map(_recipe, listed))
        except (ValueError, KeyError, TypeError):
            error = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
            self.failed.emit(f"The trainer did not list its recipes: {error.splitlines()[-1] if error else ''}")
            return
        self.loaded.emit()


def _recipe(entry: dict[str, Any]) -> Recipe:
    """A recipe out of an entry of the list."""
    return Recipe(
        name=entry["name"],
        summary=entry["summary"],
        features=tuple(entry["features"]),
        source=entry["source"],
        published=tuple(entry["published"]),
        epochs=entry["epochs"],
        labels=entry["labels"],
    )


def _qt_environment() -> QProcessEnvironment:
    variables = QProcessEnvironment()
    for name, value in environment().items():
        variables.insert(name, value)
    return variables
