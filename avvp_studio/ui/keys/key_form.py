"""The keys of one action: to take away, to record, and to take from another action."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from avvp_studio.ui.actions import MENUS, Actions
from avvp_studio.ui.buttons import tool_button
from avvp_studio.ui.keys.bindings import key_text
from avvp_studio.ui.keys.key_field import KeyField
from avvp_studio.ui.keys.keymap import Keymap
from avvp_studio.ui.shortcuts import Scope, scope_of

TAKEN = "{key} is the key of “{other}”, which would have no key left."
SHARED = "{key} is a key of “{other}”, which would keep {rest}."
ELSEWHERE = "In one part of the window ({scope}) {key} goes on to mean “{other}”."
INSIDE = "Elsewhere {key} goes on to mean “{other}”."
MENU = "{key} opens the menu {menu}. Choose another key."
SAME = "{key} is a key of this action already."
NO_ACTION = "Choose an action above to change its keys."
_CHIP = (
    "QToolButton { background: palette(button); border: 1px solid palette(mid); border-radius: 9px;"
    " padding: 1px 8px; } QToolButton:hover, QToolButton:focus { border-color: palette(highlight); }"
)
_MENU_KEYS = {f"Alt+{title[title.index('&') + 1].upper()}": title.replace("&", "") for title in MENUS}


class KeyForm(QWidget):
    """Changes take effect at once; a key that another action has is taken only when that is asked for."""

    changed = Signal()
    """The keys of the action were changed here."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self._bindings = actions.bindings
        self._name = ""
        self._key = ""
        self._title = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._tip = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._chips = QHBoxLayout()
        self._field = KeyField()
        self._use = QPushButton("Use")
        self._add = QPushButton("Add")
        self._reset = QPushButton("Reset")
        self._said = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._arrange()
        self._field.recorded.connect(self._on_recorded)
        self._use.clicked.connect(lambda: self._give((self._key,)))
        self._add.clicked.connect(lambda: self._give((*self._bindings.keymap.keys(self._name), self._key)))
        self._reset.clicked.connect(self._on_reset)
        self._bindings.changed.connect(self._show)
        self.set_action("")

    def _arrange(self) -> None:
        self._title.setProperty("role", "title")
        self._tip.setProperty("role", "muted")
        self._use.setToolTip("This key alone for the action")
        self._add.setToolTip("This key beside those that the action has")
        self._reset.setToolTip("The keys that the preset gives the action")
        self._chips.setSpacing(4)
        self._field.setFixedWidth(210)
        head, row, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        head.addWidget(self._title)
        head.addSpacing(12)
        head.addLayout(self._chips)
        head.addStretch(1)
        for part in (self._field, self._use, self._add, self._reset):
            part.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            if isinstance(part, QPushButton):
                part.setAutoDefault(False)
            row.addWidget(part)
        row.addStretch(1)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._tip)
        column.addLayout(row)
        self._said.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 2)
        self._said.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._said)

    @property
    def said(self) -> str:
        """What is said of the key that was pressed."""
        return self._said.text()

    def set_action(self, name: str) -> None:
        """Show the keys of an action; of none for an empty name."""
        self._name = name
        self._drop_key()
        self._show()

    def focus_field(self) -> None:
        self._field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show(self) -> None:
        name = self._name
        self._title.setText(self._actions.title(name) if name else NO_ACTION)
        self._tip.setText(self._actions.tip(name) if name else "")
        self._field.setEnabled(bool(name))
        self._reset.setEnabled(name in self._bindings.keymap.own)
        while (item := self._chips.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for key in self._bindings.keymap.keys(name) if name else ():
            self._chips.addWidget(self._chip(key))

    def _chip(self, key: str) -> QWidget:
        chip = tool_button(f"{key_text(key)}  ×", f"Take {key_text(key)} away")
        chip.setProperty("key", key)
        chip.setStyleSheet(_CHIP)
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chip.clicked.connect(lambda: self._remove(key))
        return chip

    def _remove(self, key: str) -> None:
        self._give(kept for kept in self._bindings.keymap.keys(self._name) if kept != key)

    def _give(self, keys: Iterable[str]) -> None:
        self._set(self._bindings.keymap.changed(self._name, keys))

    def _on_reset(self) -> None:
        self._set(self._bindings.keymap.reset(self._name))

    def _set(self, keymap: Keymap) -> None:
        self._drop_key()
        self._bindings.set_keymap(keymap)
        self.changed.emit()

    def _drop_key(self) -> None:
        self._key = ""
        self._field.clear()
        self._say("", is_free=False)

    def _on_recorded(self, key: str) -> None:
        self._key = key
        keymap, scope = self._bindings.keymap, scope_of(self._name)
        other = keymap.owner(key, scope)
        shown = key_text(key)
        if key in _MENU_KEYS:
            self._say(MENU.format(key=shown, menu=_MENU_KEYS[key]), is_free=False)
        elif other == self._name:
            self._say(SAME.format(key=shown), is_free=False)
            self._use.setEnabled(len(keymap.keys(other)) > 1)
        elif other:
            rest = " or ".join(key_text(kept) for kept in keymap.keys(other) if kept != key)
            sentence = SHARED if rest else TAKEN
            self._say(sentence.format(key=shown, other=self._actions.title(other), rest=rest), is_taken=True)
        else:
            self._say(self._elsewhere(key, scope))

    def _elsewhere(self, key: str, scope: Scope) -> str:
        """What else the key means, where another scope begins."""
        keymap, shown = self._bindings.keymap, key_text(key)
        if scope is not Scope.WINDOW:
            other = keymap.owner(key, Scope.WINDOW)
            return INSIDE.format(key=shown, other=self._actions.title(other)) if other else ""
        others = ((part, keymap.owner(key, part)) for part in Scope if part is not Scope.WINDOW)
        sentences = (
            ELSEWHERE.format(key=shown, scope=part.value, other=self._actions.title(other))
            for part, other in others
            if other
        )
        return " ".join(sentences)

    def _say(self, text: str, *, is_free: bool = True, is_taken: bool = False) -> None:
        self._said.setText(text)
        self._said.setProperty("role", "error" if is_taken or (text and not is_free) else "muted")
        self._said.style().unpolish(self._said)
        self._said.style().polish(self._said)
        self._use.setText("Take it" if is_taken else "Use")
        self._add.setText("Take and add" if is_taken else "Add")
        for button in (self._use, self._add):
            button.setEnabled(is_free)
