"""The whole clip in one thin band: where anything is labelled or predicted, and which part is in view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QRegion

from avvp_studio.ui.theme import translucent
from avvp_studio.ui.timeline.arrangement import MINIMAP
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.place import Place, Zone
from avvp_studio.ui.timeline.ruler import clock
from avvp_studio.ui.timeline.scene import Scene
from trainer.labels import MODALITIES, PRESENT, Modality

_MARGIN = 2
_LEAST = 0.4
"""How strong one category is drawn; as many as there are at once anywhere are drawn full."""
_PALE = 0.4
_SLIMMEST = 6.0
"""Pixels of the window, however little is in view."""


class Minimap:
    """Keeps the picture of the clip: while the view moves only the window on it is painted anew."""

    def __init__(self) -> None:
        self._picture: QPixmap | None = None
        self._of: tuple[object, ...] = ()

    def paint(self, painter: QPainter, scene: Scene, band: Band, ratio: float) -> None:
        left, width = round(scene.view.left), round(scene.view.width)
        size = QSize(width, band.height - 1)
        of = (scene.content, scene.theme, size, ratio)
        if self._picture is None or self._of != of:
            self._picture, self._of = _picture(scene, size, ratio), of
        painter.drawPixmap(QRect(left, band.top, width, band.height - 1), self._picture)
        window = window_box(scene, band)
        if scene.view.is_whole:
            return
        veil = translucent(scene.theme.window, 0.55)
        painter.fillRect(QRectF(left, band.top, window.left() - left, size.height()), veil)
        painter.fillRect(QRectF(window.right(), band.top, left + width - window.right(), size.height()), veil)
        painter.setPen(QPen(QColor(scene.theme.accent), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(window.adjusted(0.75, 0.75, -0.75, -0.75), 2, 2)


def window_box(scene: Scene, band: Band) -> QRectF:
    """What is in view, within the band."""
    whole = scene.view.fitted()
    left, right = whole.x(scene.view.onset), whole.x(scene.view.offset)
    if right - left < _SLIMMEST:
        left = min(max(whole.left, (left + right - _SLIMMEST) / 2), whole.left + whole.width - _SLIMMEST)
        right = left + _SLIMMEST
    return QRectF(left, band.top, right - left, band.height - 1)


def clip_beside_minimap(painter: QPainter, scene: Scene, area: QRect) -> None:
    """Paint within an area only, and not on the minimap: there, a place is another time."""
    band = scene.bands.by_name.get(MINIMAP, Band(0, 0))
    minimap = QRegion(area.left(), band.top, area.width(), band.height)
    painter.setClipRegion(QRegion(area) - minimap)


def paint_on_minimap(painter: QPainter, scene: Scene, playhead: float, hover: Place | None) -> None:
    """The playhead where it is in the whole clip, and what time the mouse is at."""
    band = scene.bands.by_name.get(MINIMAP)
    if band is None:
        return
    x = round(scene.view.fitted().x(playhead))
    painter.fillRect(QRectF(x - 0.5, band.top, 1.5, band.height - 1), QColor(scene.theme.playhead))
    if hover is not None and hover.band == MINIMAP and hover.zone is Zone.BAND:
        _paint_time(painter, scene, band, hover.x, hover.time)


def moment_strips(scene: Scene, time: float) -> tuple[QRect, ...]:
    """What a playhead covers of the minimap, if there is one."""
    band = scene.bands.by_name.get(MINIMAP)
    return () if band is None else (QRect(round(scene.view.fitted().x(time)) - 2, band.top, 5, band.height),)


def _paint_time(painter: QPainter, scene: Scene, band: Band, x: float, time: float) -> None:
    """The time under the mouse, beside it."""
    painter.fillRect(QRectF(round(x), band.top, 1, band.height - 1), translucent(scene.theme.text, 0.4))
    painter.setFont(scene.figures)
    text = clock(time)
    width = painter.fontMetrics().horizontalAdvance(text) + 8
    left = x + 4 if x + 4 + width < scene.view.left + scene.view.width else x - 4 - width
    box = QRectF(left, band.top + 1, width, band.height - 3)
    painter.fillRect(box, translucent(scene.theme.hover, 0.9))
    painter.setPen(QColor(scene.theme.text))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def counts(
    content: TimelineContent, modality: Modality, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many categories are labelled, and predicted by the newest parser, in each of `width` parts."""
    labelled = (content.states[modality.axis] == PRESENT).sum(axis=1).astype(np.float64)
    predicted = np.zeros(content.segments)
    if content.tracks:
        told = content.tracks[0].predicted[modality.axis, : content.segments].sum(axis=1)
        predicted[: len(told)] = told
    edges = np.arange(width + 1) * content.extent / width
    first = np.minimum(edges[:-1].astype(np.int64), content.segments - 1)
    last = np.clip(np.ceil(edges[1:] - 1e-9).astype(np.int64), first + 1, content.segments)
    return _highest(labelled, first, last), _highest(predicted, first, last)


def _highest(
    values: NDArray[np.float64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The highest value of each range."""
    pairs = np.stack((first, last), axis=1).ravel()
    return np.asarray(np.maximum.reduceat(np.append(values, 0.0), pairs)[::2])


def _picture(scene: Scene, size: QSize, ratio: float) -> QPixmap:
    """Sound above, picture below; predictions pale over the whole height, labels full in the middle."""
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor(scene.theme.sunken))
    with QPainter(picture) as painter:
        half = (size.height() - 2 * _MARGIN) / 2
        for place, modality in enumerate(MODALITIES):
            lane = QRectF(0, _MARGIN + place * half, size.width(), half - 0.5)
            labelled, predicted = counts(scene.content, modality, max(1, size.width()))
            most = max(labelled.max(initial=1.0), predicted.max(initial=1.0))
            _draw_strengths(painter, lane, predicted / most, scene.hue(modality), _PALE)
            inner = lane.adjusted(0, half * 0.2, 0, -half * 0.2)
            _draw_strengths(painter, inner, labelled / most, scene.hue(modality), 1.0)
    return picture


def _draw_strengths(
    painter: QPainter, lane: QRectF, shares: NDArray[np.float64], hue: str, strength: float
) -> None:
    colour = QColor(hue)
    alpha = np.where(shares > 0, strength * (_LEAST + (1 - _LEAST) * shares), 0.0)
    pixels = np.empty((1, len(shares), 4), np.uint8)
    pixels[..., :3] = (colour.blue(), colour.green(), colour.red())
    pixels[..., 3] = np.rint(255 * alpha)
    image = QImage(pixels.data, len(shares), 1, len(shares) * 4, QImage.Format.Format_ARGB32)
    painter.drawImage(lane, image)
