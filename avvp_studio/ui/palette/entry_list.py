"""The list of the palette: one line an entry, with what was typed made bold and the key at the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from avvp_studio.ui.icons import pixmap
from avvp_studio.ui.palette.catalogue import Entry, Kind
from avvp_studio.ui.theme import Theme, mix

Index = QModelIndex | QPersistentModelIndex

ENTRY_ROLE = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 28
_ICONS = {Kind.ACTION: "chevron-right", Kind.CLIP: "film"}
_CHIP = 10
_ICON, _LEFT, _TEXT, _RIGHT, _GAP = 14, 10, 32, 12, 14
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class EntryModel(QAbstractListModel):
    """Entries in order; more of them can be appended while they are found."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def set_entries(self, entries: Sequence[Entry]) -> None:
        self.beginResetModel()
        self.entries = list(entries)
        self.endResetModel()

    def append(self, entries: Sequence[Entry]) -> None:
        if entries:
            first = len(self.entries)
            self.beginInsertRows(QModelIndex(), first, first + len(entries) - 1)
            self.entries.extend(entries)
            self.endInsertRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entries[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(filter(None, (entry.title, entry.reason or entry.note, entry.keys)))
            case value if value == ENTRY_ROLE:
                return entry
        return None


class EntryDelegate(QStyledItemDelegate):
    """Draws an Entry."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(ENTRY_ROLE)
        box: QRect = option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(mix(self.theme.accent, self.theme.raised, 0.28)))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(QRectF(box), 4, 4)
        self._draw_mark(painter, box, entry)
        right = self._draw_right(painter, box, entry.keys, self.theme.text_muted)
        right = self._draw_right(painter, box.adjusted(0, 0, right, 0), entry.reason or entry.note) + right
        self._draw_title(painter, box.adjusted(_TEXT, 0, right, 0), entry)
        painter.restore()

    def _draw_mark(self, painter: QPainter, box: QRect, entry: Entry) -> None:
        """The colour of a category, a sign for anything else."""
        if entry.kind is Kind.CATEGORY:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(entry.colour))
            top = box.top() + (box.height() - _CHIP) / 2
            painter.drawRoundedRect(QRectF(box.left() + _LEFT + 2, top, _CHIP, _CHIP), 3, 3)
        else:
            ratio = painter.device().devicePixelRatioF()
            mark = pixmap(_ICONS[entry.kind], self.theme.text_muted, _ICON, ratio)
            painter.drawPixmap(box.left() + _LEFT, box.top() + (box.height() - _ICON) // 2, mark)

    def _draw_right(self, painter: QPainter, box: QRect, text: str, colour: str = "") -> int:
        """Draw at the right end; returns by how much (below 0) that end moves to the left."""
        if not text:
            return 0
        painter.setPen(QColor(colour or self.theme.text_disabled))
        room = box.adjusted(0, 0, -_RIGHT, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | _MIDDLE, text)
        return -painter.fontMetrics().horizontalAdvance(text) - _GAP

    def _draw_title(self, painter: QPainter, room: QRect, entry: Entry) -> None:
        plain, bold = QFont(painter.font()), QFont(painter.font())
        bold.setBold(True)
        x = room.left()
        for is_typed, text in _runs(entry):
            painter.setFont(bold if is_typed else plain)
            colour = self.theme.text_disabled if entry.reason else self.theme.text
            painter.setPen(QColor(self.theme.accent if is_typed and not entry.reason else colour))
            left = room.right() - _RIGHT - x
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, left)
            painter.drawText(QRect(x, room.top(), left, room.height()), _MIDDLE, shown)
            x += painter.fontMetrics().horizontalAdvance(text)
            if x >= room.right() - _RIGHT:
                break


def _runs(entry: Entry) -> list[tuple[bool, str]]:
    """The title cut where typed letters begin and end."""
    runs: list[tuple[bool, str]] = []
    for i, letter in enumerate(entry.title):
        is_typed = i in entry.places
        if runs and runs[-1][0] == is_typed:
            runs[-1] = (is_typed, runs[-1][1] + letter)
        else:
            runs.append((is_typed, letter))
    return runs
