"""What a key event says: which key it is, and whether it types something."""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

_Modifier = Qt.KeyboardModifier
_COMMANDS = _Modifier.ControlModifier | _Modifier.AltModifier | _Modifier.MetaModifier


def key_of(event: QKeyEvent) -> str:
    """The key as keymaps write it. Shift counts only where it is not needed to type the sign."""
    modifiers = event.modifiers() & ~(_Modifier.KeypadModifier | _Modifier.GroupSwitchModifier)
    text = event.text()
    if text.isprintable() and text.strip() and not text.isalpha():
        modifiers &= ~_Modifier.ShiftModifier
    code = QKeyCombination(modifiers, Qt.Key(event.key()))
    return QKeySequence(code).toString(QKeySequence.SequenceFormat.PortableText)


def types_text(event: QKeyEvent) -> bool:
    """Whether a text field makes something of it: not with Ctrl, Alt or Meta, and no function key."""
    if Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35:
        return False
    held = event.modifiers() & _COMMANDS
    is_alt_gr = held == _Modifier.ControlModifier | _Modifier.AltModifier and event.text().isprintable()
    return held == _Modifier.NoModifier or (is_alt_gr and event.text() != "")
