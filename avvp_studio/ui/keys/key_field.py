"""A field that takes the next key that is pressed, whatever it is, but Tab."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from avvp_studio.ui.keys.bindings import key_text
from avvp_studio.ui.keys.keymap import canonical
from avvp_studio.ui.keys.pressed import key_of

_TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class KeyField(QLineEdit):
    """Tab stays what moves the focus, so that nobody is caught in here."""

    recorded = Signal(str)
    """A key, as keymaps write it."""

    def __init__(self) -> None:
        super().__init__(readOnly=True, placeholderText="Click here and press the key")
        self.setAccessibleName("New key")

    def event(self, event: QEvent) -> bool:
        is_key = event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if not is_key or not isinstance(event, QKeyEvent) or event.key() in _TABS:
            return bool(super().event(event))
        event.accept()
        key = canonical(key_of(event))
        if event.type() is QEvent.Type.KeyPress and key:
            self.setText(key_text(key))
            self.recorded.emit(key)
        return True
