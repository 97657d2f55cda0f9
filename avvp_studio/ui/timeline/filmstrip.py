"""Small pictures of the video along the time axis, without gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from avvp_studio.media.thumbnails import level_for, step, tiles
from avvp_studio.media.tiles import Tile
from avvp_studio.ui.theme import mix
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.band_media import BandMedia
from avvp_studio.ui.timeline.band_note import paint_note
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.view import TimeView

_MARGIN = 2
_NARROWEST = 8.0


def wanted_thumbnails(view: TimeView, height: float, media: BandMedia, duration: float) -> list[Tile]:
    """As many as fit side by side into a band of a height. At most a third of each is cut off."""
    room = max(_NARROWEST, (height - 2 * _MARGIN) * media.aspect)
    return tiles(level_for(room / view.pixels_per_second), view.onset, min(view.offset, duration))


def paint_filmstrip(painter: QPainter, scene: Scene, band: Band, ratio: float) -> None:
    """What is not there yet is shown by the nearest that is, or is a plain box."""
    view, media, duration = scene.view, scene.media, scene.content.duration
    note = media.notes.get("thumbnails", "")
    if note:
        paint_note(painter, scene, band, note)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    plain = QColor(mix(scene.theme.raised, scene.theme.surface, 0.5))
    for tile in wanted_thumbnails(view, band.height, media, duration):
        onset = tile.place * step(tile.level)
        left = round(view.x(onset) * ratio) / ratio
        right = round(view.x(min(onset + step(tile.level), duration)) * ratio) / ratio - 1
        box = QRectF(left, band.top + _MARGIN, max(1.0, right - left), band.height - 2 * _MARGIN - 1)
        pixels = media.thumbnails.get(tile)
        if pixels is None:
            pixels = _nearby(media.thumbnails, onset + step(tile.level) / 2)
        if pixels is None:
            painter.fillRect(box, plain)
        else:
            _draw_cropped(painter, box, pixels)
    painter.restore()


def _nearby(made: Mapping[Tile, NDArray[np.uint8]], time: float) -> NDArray[np.uint8] | None:
    """The finest picture whose step holds a time."""
    holding = (tile for tile in made if int(time / step(tile.level)) == tile.place)
    finest = min(holding, default=None, key=lambda tile: tile.level)
    return None if finest is None else made[finest]


def _draw_cropped(painter: QPainter, box: QRectF, pixels: NDArray[np.uint8]) -> None:
    """The middle of a picture, as high as the box; where the box is wider, at its left."""
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)
    shown = min(float(width), box.width() * height / box.height())
    target = QRectF(box.left(), box.top(), shown * box.height() / height, box.height())
    painter.drawImage(target, image, QRectF((width - shown) / 2, 0, shown, height))
