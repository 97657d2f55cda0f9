"""Human labels: present is a solid block, absent a hollow box crossed out, unseen nothing at all."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap, QPolygonF

from avvp_studio.ui.theme import Theme, mix, translucent
from trainer.labels import State

_RADIUS = 3.0
_SMALLEST_BOX = 5.0
_CLOSEST_STROKES = 40.0
_LOW = 12.0
"""Pixels: in lower boxes there is no room for marks."""
_PEN = 1.5


def paint_present(
    painter: QPainter,
    theme: Theme,
    hue: str,
    box: QRectF,
    *,
    seen_from: float = 0.0,
    is_ghost: bool = False,
) -> None:
    """A solid block with a strong outline and, where there is room, a check mark where it is in view."""
    if box.width() < _SMALLEST_BOX:
        painter.fillRect(box, QColor(theme.present))
        return
    outline = QPen(QColor(theme.present), 1.5)
    if is_ghost:
        outline.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(outline)
    painter.setBrush(translucent(hue, 0.35) if is_ghost else QColor(mix(hue, theme.surface, 0.6)))
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
    left = max(box.left(), seen_from)
    if box.right() - left >= 20 and box.height() >= _LOW:
        _paint_check(painter, theme, QPointF(left + 11, box.center().y()))


def paint_absent(painter: QPainter, theme: Theme, box: QRectF, pitch: float, *, is_ghost: bool = False) -> None:
    """A hollow box, struck through once per `pitch` pixels: a segment, or more where segments are narrow."""
    colour = QColor(theme.present if is_ghost else mix(theme.absent, theme.text, 0.75))
    if box.width() < _SMALLEST_BOX:
        painter.fillRect(QRectF(box.left(), box.center().y() - 0.5, box.width(), 1), colour)
        return
    box = box.adjusted(1.5, 1.5, -1.5, -1.5)
    pen = QPen(colour, 1)
    if is_ghost:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, _RADIUS, _RADIUS)
    if box.height() < _LOW - 3:
        painter.drawLine(QLineF(box.left(), box.center().y(), box.right(), box.center().y()))
        return
    # Strokes at 45 degrees: drawn from corner to corner of a wide segment they would look like a curve.
    count = max(1, round(box.width() / max(pitch, box.height(), _CLOSEST_STROKES)))
    width, half = box.width() / count, min(box.height() / 2 - 2, box.width() / count / 2)
    middle = box.center().y()
    stroke = _stroke(colour.name(), half, painter.device().devicePixelRatioF())
    for index in range(count):
        x = box.left() + (index + 0.5) * width
        painter.drawPixmap(QPointF(x - half - _PEN, middle - half - _PEN), stroke)


@lru_cache(maxsize=64)
def _stroke(colour: str, half: float, ratio: float) -> QPixmap:
    """One stroke as a picture: copied many times quicker than drawn."""
    side = 2 * (half + _PEN)
    picture = QPixmap(QSize(math.ceil(side), math.ceil(side)) * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colour), _PEN, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QLineF(_PEN, side - _PEN, side - _PEN, _PEN))
    return picture


def paint_ghost(painter: QPainter, theme: Theme, hue: str, box: QRectF, pitch: float, *, state: State) -> None:
    """What a drag would leave behind: the label itself, dashed, over what is there now."""
    painter.fillRect(box.adjusted(0, 1, 0, -1), translucent(theme.surface, 0.75))
    if state is State.PRESENT:
        paint_present(painter, theme, hue, box, is_ghost=True)
    elif state is State.ABSENT:
        paint_absent(painter, theme, box, pitch, is_ghost=True)
    else:
        painter.setPen(QPen(QColor(theme.text_muted), 1, Qt.PenStyle.DotLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(1.5, 1.5, -1.5, -1.5), _RADIUS, _RADIUS)


def paint_person_mark(painter: QPainter, theme: Theme, corner: QPointF) -> None:
    """A small corner that says: a person set this label, it did not come with a file."""
    x, y = corner.x(), corner.y()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(QColor(theme.accent)))
    painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(x - 6, y), QPointF(x, y + 6)]))


def _paint_check(painter: QPainter, theme: Theme, middle: QPointF) -> None:
    x, y = middle.x(), middle.y()
    pen = QPen(QColor(theme.present), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPolyline([QPointF(x - 4, y + 0.5), QPointF(x - 1.5, y + 3), QPointF(x + 4, y - 3)])
