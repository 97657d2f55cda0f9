"""The spectrogram of the sound, as it is in view."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.spectrogram import COLUMNS, FLOOR_DB, HIGHEST_HZ, ROWS, Analysis, FrequencyScale
from avvp_studio.media.tiles import Tile
from avvp_studio.ui.theme import Theme, translucent
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.band_media import BandMedia, Tiles
from avvp_studio.ui.timeline.band_note import paint_note
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.view import TimeView
from avvp_studio.ui.timeline.waveform import gain_of
from avvp_studio.ui.timeline.wording import frequency_text

_LOUDEST_DB = -20.0
"""What a sound that fills its waveform seldom exceeds in any one row."""
_DARK = ("#30206e", "#7b2d87", "#d45568", "#fba45f", "#fdf4c4")
_LIGHT = ("#cfe2ee", "#7db0d0", "#3d7ab0", "#2c4888", "#191a40")
"""From the weakest to the strongest; silence is the colour of the panel."""
_MARKS_HZ = (250.0, 1000.0, 4000.0, 8000.0, 12000.0)


def wanted_pieces(view: TimeView, media: BandMedia, duration: float) -> list[Tile]:
    """The pieces in view, in a level that suits the zoom."""
    level = media.analysis.level(1 / view.pixels_per_second)
    return media.analysis.tiles(level, view.onset, min(view.offset, duration))


def frequency_at(scene: Scene, band: Band, y: float) -> float:
    """In hertz, at a height on the widget."""
    share = (band.bottom - y) / band.height
    return float(scene.media.analysis.scale.hertz(min(max(0.0, share), 1.0)))


def paint_spectrogram(painter: QPainter, scene: Scene, band: Band, ratio: float) -> None:
    view, media, duration = scene.view, scene.media, scene.content.duration
    note = media.notes.get("spectrogram", "")
    if note:
        paint_note(painter, scene, band, note)
        return
    pieces = wanted_pieces(view, media, duration)
    if pieces:
        _paint_pieces(painter, scene, band, pieces, ratio)
    _paint_marks(painter, scene, band)


def _paint_pieces(painter: QPainter, scene: Scene, band: Band, pieces: list[Tile], ratio: float) -> None:
    view, media = scene.view, scene.media
    per_column = media.analysis.hop(pieces[0].level) / SAMPLE_RATE
    begin = pieces[0].place * COLUMNS
    first = int(view.onset / per_column) - begin
    last = int(np.ceil(min(view.offset, scene.content.duration) / per_column)) - begin
    strip = _strip(media.spectrogram, media.analysis, pieces)[:, first:last]
    left, right = (view.x((begin + column) * per_column) for column in (first, first + strip.shape[1]))
    width = round((right - left) * ratio)
    if strip.shape[1] > width > 0:  # else it is made wider, which Qt does smoothly
        starts = np.arange(width) * strip.shape[1] // width
        strip = np.maximum.reduceat(strip, starts, axis=1)
    gain = gain_of(scene.peaks) if scene.peaks is not None else 1.0
    colours = colour_table(scene.theme, _LOUDEST_DB - 20 * np.log10(gain), media.range_db)
    pixels = np.ascontiguousarray(colours[strip[::-1]])
    image = QImage(pixels.data, pixels.shape[1], ROWS, pixels.shape[1] * 4, QImage.Format.Format_RGB32)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(left, band.top, right - left, band.height - 1), image)
    painter.restore()


def colour_table(theme: Theme, loudest_db: float, range_db: float) -> NDArray[np.uint32]:
    """A colour for each of the 256 strengths; rounded, so that the table is made once for a sound."""
    return _colour_table(theme.surface, theme.is_dark, round(loudest_db, 1), float(range_db))


@lru_cache(maxsize=16)
def _colour_table(surface: str, is_dark: bool, loudest_db: float, range_db: float) -> NDArray[np.uint32]:
    stops = [QColor(colour) for colour in (surface, *(_DARK if is_dark else _LIGHT))]
    decibels = FLOOR_DB * (1 - np.arange(256) / 255)
    share = np.clip(1 - (loudest_db - decibels) / range_db, 0, 1)
    share[0] = 0.0
    places = np.linspace(0, 1, len(stops))
    red, green, blue = (
        np.rint(np.interp(share, places, [getattr(stop, name)() for stop in stops])).astype(np.uint32)
        for name in ("red", "green", "blue")
    )
    return np.asarray(np.uint32(0xFF000000) | red << 16 | green << 8 | blue, np.uint32)


def _strip(made: Tiles, analysis: Analysis, pieces: list[Tile]) -> NDArray[np.uint8]:
    """The pieces side by side; for those that are not there yet, what a coarser level has of them."""
    return np.concatenate([_piece(made, analysis, tile) for tile in pieces], axis=1)


def _piece(made: Tiles, analysis: Analysis, tile: Tile) -> NDArray[np.uint8]:
    for up in range(4):
        factor = analysis.hop(tile.level + up) // analysis.hop(tile.level)
        coarser = made.get(Tile(tile.level + up, tile.place // factor))
        if coarser is not None:
            width = COLUMNS // factor
            start = tile.place % factor * width
            return np.repeat(coarser[:, start : start + width], factor, axis=1)
    return np.zeros((ROWS, COLUMNS), np.uint8)


def _paint_marks(painter: QPainter, scene: Scene, band: Band) -> None:
    """A few frequencies at the left, each with a short line."""
    metrics = QFontMetricsF(scene.figures)
    scale, lowest = scene.media.analysis.scale, float(band.bottom)
    painter.setFont(scene.figures)
    for hertz in _MARKS_HZ:
        y = band.bottom - _share(scale, hertz) * band.height
        text, half = frequency_text(hertz), metrics.height() / 2
        if y + half > lowest or y - half < band.top:
            continue
        plate = QRectF(scene.view.left + 1, y - half, metrics.horizontalAdvance(text) + 12, 2 * half)
        painter.fillRect(plate, translucent(scene.theme.surface, 0.66))
        painter.setPen(QPen(QColor(scene.theme.text), 1))
        painter.drawLine(QLineF(plate.left(), y, plate.left() + 4, y))
        painter.drawText(plate.adjusted(7, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
        lowest = y - half


def _share(scale: FrequencyScale, hertz: float) -> float:
    """How high a frequency lies, from 0 to 1."""
    shares = np.linspace(0, 1, 257)
    return float(np.interp(hertz, scale.hertz(shares), shares)) if hertz < HIGHEST_HZ else 1.0


def paint_frequency(painter: QPainter, scene: Scene, band: Band, x: float, y: float) -> None:
    """Beside the mouse: a line across, and how high the tone is."""
    theme, metrics = scene.theme, QFontMetricsF(scene.figures)
    text = frequency_text(frequency_at(scene, band, y))
    painter.fillRect(QRectF(scene.view.left, round(y), scene.view.width, 1), translucent(theme.text, 0.35))
    width, height = metrics.horizontalAdvance(text) + 10, metrics.height() + 2
    left = x + 8 if x + 8 + width < scene.view.left + scene.view.width else x - 8 - width
    top = min(max(float(band.top), y - height - 2), band.bottom - height)
    flag = QRectF(left, top, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.hover))
    painter.drawRoundedRect(flag, 3, 3)
    painter.setFont(scene.figures)
    painter.setPen(QColor(theme.text))
    painter.drawText(flag, Qt.AlignmentFlag.AlignCenter, text)
