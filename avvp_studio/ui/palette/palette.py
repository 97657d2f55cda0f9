"""The palette: type a few letters, and do what is found."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QListView, QVBoxLayout, QWidget

from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.palette.catalogue import Catalogue, Entry
from avvp_studio.ui.palette.entry_list import ROW_HEIGHT, EntryDelegate, EntryModel
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import Theme

_WIDTH, _ROWS, _TOP = 560, 12, 44
_MOST_CLIPS = 50
_STEP_S = 0.004
"""For how long clips are looked for at a time."""
NOTHING = "Nothing is called that."
_MOVES = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: _ROWS - 1,
    Qt.Key.Key_PageUp: 1 - _ROWS,
}


class Palette(QFrame):
    """Lies over the window while it has the focus; Escape or a click elsewhere takes it away."""

    def __init__(self, catalogue: Catalogue, appearance: Appearance, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self._window = window
        self._catalogue = catalogue
        self._entries = EntryModel()
        self._delegate = EntryDelegate(appearance.theme, self)
        self._field = SearchField(placeholderText="Type a part of an action, a category or a clip")
        self._list = QListView(uniformItemSizes=True)
        self._empty = QLabel(NOTHING)
        self._before: QWidget | None = None
        self._clips: Iterator[Entry | None] = iter(())
        self._clips_left = 0
        self._timer = QTimer(self, interval=0)
        self._column = QVBoxLayout(self)
        self._arrange()
        self._field.textEdited.connect(self._on_edited)
        self._field.installEventFilter(self)
        self._list.clicked.connect(self._on_clicked)
        self._timer.timeout.connect(self._find_clips)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus_changed)
        appearance.theme_changed.connect(self._set_theme)
        self._set_theme(appearance.theme)
        self.hide()

    def _arrange(self) -> None:
        self._field.setAccessibleName("Find anything")
        self._list.setAccessibleName("Found")
        self._list.setModel(self._entries)
        self._list.setItemDelegate(self._delegate)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._empty.setProperty("role", "muted")
        self._empty.setContentsMargins(8, 6, 8, 6)
        column = self._column
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self._field)
        column.addWidget(self._list)
        column.addWidget(self._empty)

    @property
    def entries(self) -> list[Entry]:
        """What is listed now."""
        return self._entries.entries

    def toggle(self) -> None:
        """Show it over the window, empty; or take it away."""
        if self.isVisible():
            self.leave()
            return
        self._before = self.window().focusWidget()
        self._field.clear()
        self._on_edited("")
        self.show()
        self.raise_()
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        """Take it away, and give the focus back."""
        self._timer.stop()
        self.hide()
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
            self._before = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        key = Qt.Key(event.key())
        if key in _MOVES:
            self._move(_MOVES[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self._list.currentIndex())
        elif key == Qt.Key.Key_Escape:
            self.leave()
        else:
            return key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)  # there is nowhere else to go
        return True

    def _on_edited(self, text: str) -> None:
        self._entries.set_entries(self._catalogue.find(text))
        self._clips = self._catalogue.find_clips(text)
        self._clips_left = _MOST_CLIPS
        self._timer.start()
        self._find_clips()
        self._list.scrollToTop()

    def _find_clips(self) -> None:
        end = time.perf_counter() + _STEP_S
        found: list[Entry] = []
        is_done = True
        for entry in self._clips:
            if entry is not None:
                found.append(entry)
            if len(found) >= self._clips_left:
                break
            if time.perf_counter() > end:
                is_done = False
                break
        self._clips_left -= len(found)
        self._entries.append(found)
        if is_done:
            self._timer.stop()
        if self._entries.entries and not self._list.currentIndex().isValid():
            self._list.setCurrentIndex(self._entries.index(0))
        self._fit(is_done=is_done)

    def _fit(self, *, is_done: bool) -> None:
        """As tall as what is listed, in the middle of the window's upper part."""
        rows = len(self._entries.entries)
        self._empty.setVisible(rows == 0 and is_done)
        self._list.setVisible(rows > 0)
        self._list.setFixedHeight(ROW_HEIGHT * min(rows, _ROWS))
        room = self._window.width()
        width = min(_WIDTH, room - 20)
        self._column.activate()
        self.setGeometry((room - width) // 2, _TOP, width, self._column.sizeHint().height())

    def _move(self, step: int) -> None:
        rows = len(self._entries.entries)
        if rows:
            now = self._list.currentIndex().row()
            wanted = (now + step) % rows if abs(step) == 1 else min(max(now + step, 0), rows - 1)
            self._list.setCurrentIndex(self._entries.index(wanted))

    def _on_clicked(self, index: QModelIndex) -> None:
        self._choose(index)

    def _choose(self, index: QModelIndex) -> None:
        if not index.isValid() or self._entries.entries[index.row()].reason:
            return
        entry = self._entries.entries[index.row()]
        self.leave()
        self._catalogue.choose(entry)

    def _on_focus_changed(self, before: QWidget | None, now: QWidget | None) -> None:
        if self.isVisible() and before is self._field and now is not None and now is not self._field:
            self._before = None  # the focus has gone where it was wanted
            self.leave()

    def _set_theme(self, theme: Theme) -> None:
        self._delegate.theme = theme
        self.setStyleSheet(
            f"#palette {{ background: {theme.raised}; border: 1px solid {theme.border}; border-radius: 8px; }}"
            f"#palette QListView {{ background: {theme.raised}; }}"
        )
