"""The sound of the clip, one band a channel, from its peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import mix
from avvp_studio.ui.timeline.rows import Band
from avvp_studio.ui.timeline.scene import Scene

_MARGIN = 4
_WHOLE = 500
_HIGHEST_GAIN = 8.0
"""A quiet sound is drawn up to this much taller; beyond, silence would look like noise."""


def paint_waveform(painter: QPainter, scene: Scene, band: Band, ratio: float) -> None:
    """One line per device pixel from the lowest to the highest sample."""
    view = scene.view
    area = QRectF(view.left, band.top, view.width, band.height).adjusted(0, _MARGIN, 0, -_MARGIN)
    if scene.peaks is None:
        painter.setFont(scene.text)
        painter.setPen(QColor(scene.theme.text_muted))
        painter.drawText(area.adjusted(8, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, scene.note)
        return
    offset = min(view.offset, scene.peaks.duration)
    width = round((offset - view.onset) * view.pixels_per_second * ratio)
    if width < 1:
        return
    channels = scene.peaks.columns(view.onset, offset, width)
    gain = gain_of(scene.peaks)
    height = area.height() / len(channels)
    for index, peaks in enumerate(channels * gain):
        strip = QRectF(area.left(), area.top() + index * height, area.width(), height)
        _paint_channel(painter, scene, peaks, strip, ratio)


def gain_of(peaks: Peaks) -> float:
    """How much taller a sound is drawn than it is, so that its loudest moment fills the band."""
    loudest = float(np.abs(peaks.columns(0.0, peaks.duration, _WHOLE)).max(initial=0.0))
    return min(_HIGHEST_GAIN, max(1.0, 0.95 / loudest)) if loudest > 0 else 1.0


def _paint_channel(
    painter: QPainter, scene: Scene, peaks: NDArray[np.float32], band: QRectF, ratio: float
) -> None:
    middle, scale = band.center().y(), band.height() / 2 - 1
    painter.setPen(QPen(QColor(mix(scene.theme.waveform, scene.theme.surface, 0.45)), 1))
    painter.drawLine(QLineF(band.left(), middle, band.left() + len(peaks) / ratio, middle))
    painter.setPen(QPen(QColor(scene.theme.waveform), 1 / ratio))
    tops = middle - np.clip(peaks[:, 1], -1, 1) * scale
    bottoms = middle - np.clip(peaks[:, 0], -1, 1) * scale
    xs = band.left() + (np.arange(len(peaks)) + 0.5) / ratio
    painter.drawLines(
        [
            QLineF(x, top, x, max(bottom, top + 0.5))
            for x, top, bottom in zip(xs.tolist(), tops.tolist(), bottoms.tolist(), strict=True)
        ]
    )
