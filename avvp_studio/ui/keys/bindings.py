"""The keys in force: kept in the settings, told to whoever shows or obeys them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QKeySequence

from avvp_studio.ui.keys.keymap import Keymap, read_keymap
from trainer.whole_files import written_whole

_SETTING = "keys"
_MOST_BYTES = 1_000_000
"""Of a file of keys; a larger one is something else."""


class Bindings(QObject):
    """Holds a keymap. Settings that cannot be read give the usual keys, and say so in `problem`."""

    changed = Signal()

    def __init__(self, settings: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._keymap = Keymap()
        self.problem = ""
        stored = settings.value(_SETTING, "") if settings is not None else ""
        try:
            self._keymap, _ = read_keymap(str(stored))
        except ValueError as error:
            self.problem = f"Your keys could not be read from the settings ({error}): the usual keys hold"

    @property
    def keymap(self) -> Keymap:
        return self._keymap

    def set_keymap(self, keymap: Keymap) -> None:
        self._keymap = keymap
        if self._settings is not None:
            self._settings.setValue(_SETTING, keymap.text())
        self.changed.emit()

    def sequences(self, name: str) -> list[QKeySequence]:
        return [QKeySequence(key) for key in self._keymap.keys(name)]

    def text(self, name: str) -> str:
        """The keys of an action for a person to read; empty when it has none."""
        return " or ".join(map(key_text, self._keymap.keys(name)))

    def first_text(self, name: str) -> str:
        """The first of them."""
        return next(map(key_text, self._keymap.keys(name)), "")

    def export_to(self, path: Path) -> None:
        """Write the keys to a file. Raises OSError."""
        with written_whole(path) as place:
            place.write_text(self._keymap.text(), encoding="utf-8")

    def import_from(self, path: Path) -> tuple[str, ...]:
        """Take the keys of a file; returns what in it names no action. Raises ValueError, OSError."""
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path}: this is no file of keys, it is too large")
        try:
            keymap, unknown = read_keymap(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: this is no file of keys, it is not text; no key was changed") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}; no key was changed") from error
        self.set_keymap(keymap)
        return unknown


def key_text(key: str) -> str:
    """A key for a person to read, in the words of the platform."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
