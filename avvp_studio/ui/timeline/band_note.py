"""What a band says where there is nothing to draw."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from avvp_studio.ui.timeline.arrangement import WAVEFORM
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.scene import Scene

_LEFT = 8


def paint_note(painter: QPainter, scene: Scene, band: Band, text: str) -> None:
    """At the left of the band, cut where there is no room. What a band above it says is not said again."""
    if text in said_above(scene, band):
        return
    area = QRectF(scene.view.left + _LEFT, band.top, scene.view.width - 2 * _LEFT, band.height)
    painter.setFont(scene.text)
    painter.setPen(QColor(scene.theme.text_muted))
    said = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(area.width()))
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, said)


def said_above(scene: Scene, band: Band) -> set[str]:
    """What the bands above one say in place of what they show."""
    notes = {**scene.media.notes, WAVEFORM: scene.note}
    return {notes.get(name, "") for name, other in scene.bands if other.top < band.top}
