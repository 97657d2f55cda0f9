"""A paragraph of small rounded words, each with a dot of its colour."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from avvp_studio.ui.theme import Theme

_HEIGHT, _GAP, _PAD, _DOT = 20, 5, 8, 7


class Chips(QWidget):
    """Shows words that wrap like text; takes as many lines as they need."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._words: tuple[tuple[str, str], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word, _ in self._words)

    def set_words(self, words: Sequence[tuple[str, str]]) -> None:
        """Show (word, colour) pairs."""
        self._words = tuple(words)
        self.setAccessibleName(", ".join(self.words))
        self.updateGeometry()
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(max(self.width(), 120)))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HEIGHT if self._words else 0)

    def heightForWidth(self, width: int) -> int:
        boxes = self._boxes(width)
        return boxes[-1].bottom() + 1 if boxes else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for (word, colour), box in zip(self._words, self._boxes(self.width()), strict=True):
                painter.setPen(QPen(QColor(self._theme.border)))
                painter.setBrush(QColor(self._theme.raised))
                painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), _HEIGHT / 2, _HEIGHT / 2)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(colour))
                dot = QRectF(box.left() + _PAD, box.center().y() - _DOT / 2 + 0.5, _DOT, _DOT)
                painter.drawEllipse(dot)
                painter.setPen(QColor(self._theme.text))
                room = box.adjusted(_PAD + _DOT + 5, 0, -_PAD + 2, 0)
                text = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, room.width())
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _boxes(self, width: int) -> list[QRect]:
        boxes: list[QRect] = []
        x = y = 0
        for word, _ in self._words:
            needed = self.fontMetrics().horizontalAdvance(word) + 2 * _PAD + _DOT + 5
            needed = min(needed, max(width, 40))
            if x and x + needed > width:
                x, y = 0, y + _HEIGHT + _GAP
            boxes.append(QRect(x, y, needed, _HEIGHT))
            x += needed + _GAP
        return boxes
