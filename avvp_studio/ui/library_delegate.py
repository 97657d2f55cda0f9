"""How one clip of the library is drawn: its name and split, below them its labels and its marks."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from avvp_studio.domain.project import Clip
from avvp_studio.ui.icons import pixmap
from avvp_studio.ui.library_model import CLIP_ROLE, CURRENT_ROLE, EDITED_ROLE
from avvp_studio.ui.names import display_name
from avvp_studio.ui.theme import Theme, mix

ROW_HEIGHT = 40
_MARK = 14
_NAME_LINE = QRect(12, 4, -22, 17)
_LABEL_LINE = QRect(12, 20, -22, 16)


class ClipDelegate(QStyledItemDelegate):
    """Draws a clip from the roles of ClipModel."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(160, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        clip: Clip = index.data(CLIP_ROLE)
        box: QRect = option.rect
        painter.save()
        self._draw_back(painter, box, option.state, is_current=index.data(CURRENT_ROLE))
        self._draw_name(painter, _line(box, _NAME_LINE), clip)
        self._draw_labels(painter, _line(box, _LABEL_LINE), clip, is_edited=index.data(EDITED_ROLE))
        painter.restore()

    def _draw_back(self, painter: QPainter, box: QRect, state: QStyle.StateFlag, *, is_current: bool) -> None:
        if is_current:
            painter.fillRect(box, QColor(mix(self.theme.accent, self.theme.surface, 0.2)))
            painter.fillRect(QRect(box.left(), box.top(), 3, box.height()), QColor(self.theme.accent))
        elif state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected):
            painter.fillRect(box, QColor(self.theme.raised))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(self.theme.accent))
            painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _draw_name(self, painter: QPainter, line: QRect, clip: Clip) -> None:
        badge = QFontMetrics(painter.font()).horizontalAdvance(clip.split)
        painter.setPen(QColor(self.theme.text_muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, clip.split)
        painter.setPen(QColor(self.theme.text))
        _draw_elided(painter, line.adjusted(0, 0, -badge - 8, 0), clip.name, Qt.TextElideMode.ElideMiddle)

    def _draw_labels(self, painter: QPainter, line: QRect, clip: Clip, *, is_edited: bool) -> None:
        marks = [("film-off", self.theme.text_muted)] if clip.media is None else []
        marks += [("edited", self.theme.accent)] if is_edited else []
        right = line.right() + 1
        for name, colour in marks:
            right -= _MARK
            mark = pixmap(name, colour, _MARK, painter.device().devicePixelRatioF())
            painter.drawPixmap(right, line.top() + 1, mark)
            right -= 4
        small = QFont(painter.font())
        small.setPixelSize(11)
        painter.setFont(small)
        painter.setPen(QColor(self.theme.text_muted))
        labels = ", ".join(map(display_name, sorted(clip.video_labels))) or "no labels"
        room = QRect(line.left(), line.top(), right - line.left() - 2, line.height())
        _draw_elided(painter, room, labels, Qt.TextElideMode.ElideRight)


def _line(box: QRect, inset: QRect) -> QRect:
    """A line of a row: `inset` gives left, top, (negative) right margin and height."""
    return QRect(
        box.left() + inset.left(), box.top() + inset.top(), box.width() + inset.width(), inset.height()
    )


def _draw_elided(painter: QPainter, room: QRect, text: str, mode: Qt.TextElideMode) -> None:
    elided = painter.fontMetrics().elidedText(text, mode, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
