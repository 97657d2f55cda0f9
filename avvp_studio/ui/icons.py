"""The studio's own icons: line drawings in one stroke, recoloured by the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from avvp_studio.paths import resource_path
from avvp_studio.ui.theme import Theme

_SIZES = (14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 64)
"""Pixel sizes that are drawn ahead, so that an icon is sharp at 1x, 1.5x and 2x."""


def icon(name: str, theme: Theme, colour: str | None = None) -> QIcon:
    """The icon `name` in a colour, the theme's text colour by default; disabled, it is paler."""
    return _icon(name, colour or theme.text, theme.text_disabled)


def pixmap(name: str, colour: str, side: int, ratio: float = 1.0) -> QPixmap:
    """The icon as a picture, `side` logical pixels wide, for painting into a widget of that pixel ratio."""
    picture = QPixmap(_pixmap(name, colour, round(side * ratio)))
    picture.setDevicePixelRatio(ratio)
    return picture


def application_icon() -> QIcon:
    """The mark of the program itself, in its own colours."""
    return QIcon(str(resource_path("icons/studio.svg")))


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    drawn = QIcon()
    for side in _SIZES:
        drawn.addPixmap(_pixmap(name, colour, side), QIcon.Mode.Normal)
        drawn.addPixmap(_pixmap(name, disabled, side), QIcon.Mode.Disabled)
    return drawn


@lru_cache(maxsize=2048)
def _pixmap(name: str, colour: str, side: int) -> QPixmap:
    drawing = resource_path(f"icons/{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, side, side))
    return picture
