"""Pictures: painted once, or made of an array of colours."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

Colour = int
"""0xAARRGGBB, premultiplied."""


@lru_cache(maxsize=512)
def argb(colour: str, alpha: float = 1.0) -> Colour:
    """A colour as it lies in a picture."""
    opaque = QColor(colour)
    red, green, blue = (round(part * alpha) for part in (opaque.red(), opaque.green(), opaque.blue()))
    return round(255 * alpha) << 24 | red << 16 | green << 8 | blue


@lru_cache(maxsize=8)
def opacities(colour: str) -> NDArray[np.uint32]:
    """A colour from clear (0) to opaque (255)."""
    return np.array([argb(colour, share / 255) for share in range(256)], np.uint32)


def picture(pixels: NDArray[np.uint32], ratio: float) -> QImage:
    """The pixels (H, W) of a device, which the picture keeps alive."""
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    return image


def painted(size: QSize, ratio: float, paint: Callable[[QPainter], object]) -> QPixmap:
    """What is painted must fill it."""
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    if not picture.isNull():
        with QPainter(picture) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(painter)
    return picture
