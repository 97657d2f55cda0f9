"""What is shown of a threshold while the mouse is on its line, or moves it."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import SetThreshold, Wish
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.threshold_lines import line_of
from avvp_studio.ui.timeline.wording import threshold_text
from trainer.labels import Modality

_BESIDE = 14
"""Pixels from the mouse to its flag."""


def paint_threshold_hand(painter: QPainter, scene: Scene, hover: Place | None, ghost: Wish | None) -> None:
    """The line under the hand, with what it stands for in a flag beside it."""
    if hover is None:
        return
    if isinstance(ghost, SetThreshold):
        _paint(painter, scene, hover.x, ghost.modality, ghost.category, ghost.parser)
    elif ghost is None and hover.threshold is not None and hover.modality is not None and hover.category:
        _paint(painter, scene, hover.x, hover.modality, hover.category, hover.threshold.parser)


def _paint(painter: QPainter, scene: Scene, x: float, modality: Modality, category: str, parser: str) -> None:
    found, grid = line_of(scene, modality, category, parser), scene.grid
    if found is None or grid is None:
        return
    line, y = found
    painter.setPen(QPen(QColor(scene.theme.accent), 2))
    painter.drawLine(QLineF(max(grid.edges[0], scene.view.left), y, grid.edges[-1], y))
    text = threshold_text(line.track)
    size = QFontMetricsF(scene.figures).size(0, text)
    width, height = size.width() + 12, scene.sizes.line + 4
    is_left = x + _BESIDE + width > scene.view.left + scene.view.width
    left = max(scene.view.left + 2, x - _BESIDE - width) if is_left else x + _BESIDE
    # Under the line there is no room for it in the lowest lane, and over it none in the highest.
    top = max(float(scene.bands.bottom), y - height - 3)
    flag = QRectF(round(left), round(top), width, height)
    painter.setPen(QPen(QColor(scene.theme.accent), 1))
    painter.setBrush(QColor(scene.theme.raised))
    painter.drawRoundedRect(flag.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setFont(scene.figures)
    painter.setPen(QColor(scene.theme.text))
    painter.drawText(flag, Qt.AlignmentFlag.AlignCenter, text)
