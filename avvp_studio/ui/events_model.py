"""The labels of one clip as a table model."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor

from avvp_studio.domain.edit import difference
from avvp_studio.ui.icons import icon
from avvp_studio.ui.names import display_name
from avvp_studio.ui.theme import Theme
from trainer.labels import Event, Modality, State

Index = QModelIndex | QPersistentModelIndex

SENSES = {Modality.AUDIO: "heard", Modality.VISUAL: "seen"}
HEADINGS = ("", "Category", "From", "To", "State", "By")
TIME_COLUMNS = (2, 3)
CATEGORY_COLUMN = 1

# What each column is sorted by; within it, labels stay by category and time.
_ORDERS: tuple[Callable[[Event], Any], ...] = (
    lambda event: event.modality,
    lambda event: display_name(event.category).casefold(),
    lambda event: event.onset,
    lambda event: event.offset,
    lambda event: event.state,
    lambda event: event.author,
)


_FEW = 64
"""Changes that are made one by one."""


def seconds_text(seconds: float) -> str:
    """Seconds with as many decimals as they have, up to three."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


class EventsModel(QAbstractTableModel):
    """One row a label: by category and within it by time, until a column is chosen to sort by."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._given: tuple[Event, ...] = ()
        self._events: list[Event] = []
        self._column = CATEGORY_COLUMN
        self._is_descending = False
        self._key = cmp_to_key(self._compare)

    @property
    def events(self) -> list[Event]:
        return self._events

    def set_events(self, events: Iterable[Event]) -> None:
        """Where few are others than before, only their rows are: those that are chosen stay so, and in view."""
        before, self._given = self._given, tuple(events)
        gone, come = difference(before, self._given)
        if len(gone) + len(come) > _FEW:
            self._set_all(self._given)
            return
        for event in gone:
            row = bisect_left(self._events, self._key(event), key=self._key)
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._events[row]
            self.endRemoveRows()
        for event in come:
            row = bisect_left(self._events, self._key(event), key=self._key)
            self.beginInsertRows(QModelIndex(), row, row)
            self._events.insert(row, event)
            self.endInsertRows()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._is_descending = column, order is Qt.SortOrder.DescendingOrder
        self._key = cmp_to_key(self._compare)
        self._set_all(self._events)

    def _set_all(self, events: Iterable[Event]) -> None:
        self.beginResetModel()
        self._events = sorted(events, key=_place)
        self._events.sort(key=_ORDERS[self._column], reverse=self._is_descending)
        self.endResetModel()

    def _compare(self, event: Event, other: Event) -> int:
        """Below 0 where a label stands above another."""
        order = _ORDERS[self._column]
        one, two = order(event), order(other)
        if one == two:
            one, two = _place(event), _place(other)
        elif self._is_descending:
            one, two = two, one
        return int(one > two) - int(one < two)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self._events:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._events) - 1, 0))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self._events)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        event = self._events[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(event, index.column())
            case Qt.ItemDataRole.DecorationRole if index.column() == 0:
                is_audio = event.modality is Modality.AUDIO
                colour = self._theme.audio if is_audio else self._theme.visual
                return icon(event.modality.value, self._theme, colour)
            case Qt.ItemDataRole.ForegroundRole if event.state is State.ABSENT:
                return QBrush(QColor(self._theme.text_muted))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(index.column())
            case Qt.ItemDataRole.ToolTipRole:
                return _tool_tip(event)
        return None

    def _text(self, event: Event, column: int) -> str:
        cells = (
            "",
            display_name(event.category),
            seconds_text(event.onset),
            seconds_text(event.offset),
            event.state.value,
            event.author or "file",
        )
        return cells[column]


def _place(event: Event) -> tuple[str, float, Modality]:
    return event.category, event.onset, event.modality


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in TIME_COLUMNS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _tool_tip(event: Event) -> str:
    sense = SENSES[event.modality] if event.state is State.PRESENT else f"not {SENSES[event.modality]}"
    span = f"{seconds_text(event.onset)} to {seconds_text(event.offset)} s"
    return f"{display_name(event.category)} {sense}, {span}\nsaid by {event.author or 'the file it came with'}"
