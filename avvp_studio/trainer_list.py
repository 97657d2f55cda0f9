"""What the trainer can list, asked of the trainer itself, in the background."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from avvp_studio.processes import command, environment


class TrainerList(QObject):
    """Runs a command of the trainer that prints a list as JSON; what is in that its children know.

    `what` names it to a person.
    """

    loaded = Signal()
    failed = Signal(str)

    def __init__(self, arguments: list[str], what: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_loaded = False
        self._what = what
        self._process = QProcess(self)
        program, *options = command("trainer", arguments)
        self._process.setProgram(program)
        self._process.setArguments(options)
        self._process.setProcessEnvironment(_qt_environment())
        self._process.finished.connect(self._on_finished)

    @property
    def is_asking(self) -> bool:
        return self._process.state() is not QProcess.ProcessState.NotRunning

    def load(self) -> None:
        """Ask, unless that is under way or done."""
        if not self.is_loaded:
            self.reload()

    def reload(self) -> None:
        """Ask anew, unless that is under way. What was told before holds until then."""
        if not self.is_asking:
            self._process.start()

    def shutdown(self) -> None:
        """End the question if it is still open."""
        if self.is_asking:
            self._process.finished.disconnect(self._on_finished)
            self._process.kill()
            self._process.waitForFinished(2000)

    def take(self, listed: list[dict[str, Any]]) -> None:
        """Hold what is listed. May raise ValueError, KeyError or TypeError for what is no such list."""
        raise NotImplementedError

    def _on_finished(self) -> None:
        try:
            self.take(json.loads(bytes(self._process.readAllStandardOutput().data())))
        except (ValueError, KeyError, TypeError):
            error = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
            reason = error.splitlines()[-1] if error else ""
            self.failed.emit(f"The trainer did not list its {self._what}: {reason}")
            return
        self.is_loaded = True
        self.loaded.emit()


def _qt_environment() -> QProcessEnvironment:
    variables = QProcessEnvironment()
    for name, value in environment().items():
        variables.insert(name, value)
    return variables
