"""The sound of the clip, one band a channel, from its peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import mix
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.band_note import paint_note
from avvp_studio.ui.timeline.pixels import opacities, picture
from avvp_studio.ui.timeline.scene import Scene

_MARGIN = 4
_WHOLE = 500
_HIGHEST_GAIN = 8.0
"""A quiet sound is drawn up to this much taller; beyond, silence would look like noise."""


def paint_waveform(painter: QPainter, scene: Scene, band: Band, ratio: float) -> None:
    """One line per device pixel from the lowest to the highest sample."""
    view = scene.view
    area = QRectF(view.left, band.top, view.width, band.height).adjusted(0, _MARGIN, 0, -_MARGIN)
    if scene.peaks is None or scene.peaks.is_silent:
        paint_note(painter, scene, band, scene.note)
        return
    offset = min(view.offset, scene.peaks.duration)
    width = round((offset - view.onset) * view.pixels_per_second * ratio)
    if width < 1:
        return
    channels = scene.peaks.columns(view.onset, offset, width) * gain_of(scene.peaks)
    height = area.height() / len(channels)
    middles = [(index + 0.5) * height for index in range(len(channels))]
    painter.setPen(QPen(QColor(mix(scene.theme.waveform, scene.theme.surface, 0.45)), 1))
    right = area.left() + width / ratio
    painter.drawLines([QLineF(area.left(), area.top() + y, right, area.top() + y) for y in middles])
    covered = np.zeros((round(area.height() * ratio), width), np.float32)
    for peaks, middle in zip(channels, middles, strict=True):
        covered += _coverage(peaks, middle * ratio, (height / 2 - 1) * ratio, covered.shape[0])
    pixels = opacities(scene.theme.waveform)[np.rint(255 * covered).astype(np.uint8)]
    painter.drawImage(area.topLeft(), picture(pixels, ratio))


def gain_of(peaks: Peaks) -> float:
    """How much taller a sound is drawn than it is, so that its loudest moment fills the band."""
    loudest = float(np.abs(peaks.columns(0.0, peaks.duration, _WHOLE)).max(initial=0.0))
    return min(_HIGHEST_GAIN, max(1.0, 0.95 / loudest)) if loudest > 0 else 1.0


def _coverage(peaks: NDArray[np.float32], middle: float, scale: float, height: int) -> NDArray[np.float32]:
    """How much of each pixel (H, W) lies between the lowest and the highest sample; silence fills one."""
    lowest, highest = np.clip(peaks.T, -1, 1) * scale
    tops, feet = middle - highest - 0.5, middle - lowest + 0.5
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(np.clip(np.minimum(feet, rows + 1) - np.maximum(tops, rows), 0, 1), np.float32)
