"""Where the focus is decides first what a key means: text in a text field, or a part's own action."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.keys.pressed import key_of, types_text
from avvp_studio.ui.shortcuts import Scope


class FocusKeys(QObject):
    """Follows the focus. Keys typed in a text field never trigger an action; the keys of a part of the window
    go before those of the window.
    """

    def __init__(self, parts: Mapping[Scope, QWidget], actions: Actions, parent: QObject) -> None:
        super().__init__(parent)
        self._parts = parts
        self._actions = actions
        self._is_text = False
        self._scope: Scope | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus_changed)

    def _on_focus_changed(self, before: QWidget | None, now: QWidget | None) -> None:
        if before is not None:
            before.removeEventFilter(self)
        if now is None:
            return
        parts = self._parts.items()
        self._is_text = takes_text(now)
        self._scope = next((scope for scope, part in parts if part is now or part.isAncestorOf(now)), None)
        if self._is_text or self._scope is not None:
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_override = event.type() is QEvent.Type.ShortcutOverride
        if not isinstance(event, QKeyEvent) or not (is_override or event.type() is QEvent.Type.KeyPress):
            return False
        if self._is_text and types_text(event):
            if is_override:
                event.accept()
            return is_override
        name = self._actions.bindings.keymap.owner(key_of(event), self._scope) if self._scope else ""
        if not name or not self._actions[name].isEnabled():
            return False
        event.accept()
        if not is_override and not event.isAutoRepeat():
            self._actions[name].trigger()
        return True


def takes_text(widget: QWidget) -> bool:
    """Whether keys that are typed into a widget are text."""
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox):
        return not widget.isReadOnly()
    return False
