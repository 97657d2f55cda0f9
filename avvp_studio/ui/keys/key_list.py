"""Every action with its keys, in the groups of the menus."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from avvp_studio.ui.actions import DIGITS, MENUS, SPECTROGRAM, Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.shortcuts import Scope, scope_of
from avvp_studio.ui.timeline.arrangement import BANDS

_NAME_ROLE = Qt.ItemDataRole.UserRole
_ACTION, _KEYS, _SCOPE = range(3)
_ROW_HEIGHT = 24
_SUBMENUS = {
    ">arm": tuple(f"arm_{digit}" for digit in DIGITS),
    ">band": tuple(f"band_{band}" for band in BANDS),
    ">spectrogram": SPECTROGRAM,
    ">theme": tuple(f"theme_{choice}" for choice in Appearance.CHOICES),
}


class KeyList(QTreeWidget):
    """Own keys are coloured. Filters by the words of a name or a key, and by where keys hold."""

    chosen = Signal(str)
    """The name of an action; empty for none."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self.setUniformRowHeights(True)
        self.setRootIsDecorated(False)
        self._actions = actions
        self._groups: list[QTreeWidgetItem] = []
        self._items: dict[str, QTreeWidgetItem] = {}
        self.setAccessibleName("Actions and their keys")
        self.setHeaderLabels(["Action", "Keys", "Holds"])
        self.setIndentation(12)
        self.setAllColumnsShowFocus(True)
        self._fill()
        self.show_keys()
        head = self.header()
        head.setStretchLastSection(False)
        head.setSectionResizeMode(_ACTION, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(_KEYS, QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(_SCOPE, QHeaderView.ResizeMode.ResizeToContents)
        self.currentItemChanged.connect(self._on_current_changed)
        actions.bindings.changed.connect(self.show_keys)

    @property
    def shown(self) -> list[str]:
        """The actions that pass the filter, in order."""
        return [name for name, item in self._items.items() if not item.isHidden()]

    def choose(self, name: str) -> None:
        self.setCurrentItem(self._items[name])

    def show_keys(self) -> None:
        """Write the keys in force into the list."""
        bindings, accent = self._actions.bindings, self.palette().color(QPalette.ColorRole.Accent)
        for name, item in self._items.items():
            item.setText(_KEYS, bindings.text(name) or "none")
            is_own = name in bindings.keymap.own
            item.setForeground(_KEYS, accent if is_own else self.palette().color(QPalette.ColorRole.Text))
            item.setToolTip(_KEYS, "Changed by you" if is_own else "")

    def filter(self, text: str, scope: Scope | None) -> None:
        """Show the actions whose name or keys have every word, and whose keys hold there."""
        words = text.casefold().split()
        for name, item in self._items.items():
            where = f"{item.text(_ACTION)} {item.text(_KEYS)} {self._actions.tip(name)}".casefold()
            is_there = scope is None or scope_of(name) is scope
            item.setHidden(not is_there or not all(word in where for word in words))
        for group in self._groups:
            group.setHidden(all(group.child(k).isHidden() for k in range(group.childCount())))
        current = self.currentItem()
        if current is None or current.isHidden():
            first = next(iter(self.shown), None)
            if first is not None:
                self.setCurrentItem(self._items[first])
            else:
                self.setCurrentIndex(QModelIndex())

    def _fill(self) -> None:
        bold = QFont(self.font())
        bold.setBold(True)
        muted = QColor(self.palette().color(QPalette.ColorRole.PlaceholderText))
        for title, entries in MENUS.items():
            group = QTreeWidgetItem(self, [title.replace("&", "")])
            self._groups.append(group)
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            group.setFont(_ACTION, bold)
            group.setExpanded(True)
            group.setSizeHint(_ACTION, QSize(0, _ROW_HEIGHT))
            for name in _names(entries):
                item = QTreeWidgetItem(group, [self._actions.title(name), "", scope_of(name).value])
                item.setData(_ACTION, _NAME_ROLE, name)
                item.setSizeHint(_ACTION, QSize(0, _ROW_HEIGHT))
                item.setToolTip(_ACTION, self._actions.tip(name))
                item.setForeground(_SCOPE, muted)
                self._items[name] = item

    def _on_current_changed(self, now: QTreeWidgetItem | None) -> None:
        self.chosen.emit(str(now.data(_ACTION, _NAME_ROLE) or "") if now is not None else "")


def _names(entries: str) -> list[str]:
    """The actions of a menu and of its submenus."""
    found: list[str] = []
    for name in entries.split():
        found += _SUBMENUS.get(name, ()) if name.startswith(">") else [name] if name != "-" else []
    return found
