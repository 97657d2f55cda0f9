"""Smooth shapes on a small picture: every place and radius may lie between pixels."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 240

Canvas = NDArray[np.uint8]
"""A picture (height, width, 3) in blue, green, red."""
Colour = tuple[int, int, int]
Point = tuple[float, float]

_SHIFT = 4
_SCALE = 1 << _SHIFT


def colour(hue: float, saturation: float, value: float) -> Colour:
    """A colour by its hue in degrees, and saturation and value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue / 360 % 1, _unit(saturation), _unit(value))
    return round(255 * blue), round(255 * green), round(255 * red)


def disc(canvas: Canvas, centre: Point, radius: float, fill: Colour) -> None:
    cv2.circle(canvas, _fixed(centre), _length(radius), fill, -1, cv2.LINE_AA, _SHIFT)


def ring(canvas: Canvas, centre: Point, radius: float, fill: Colour, width: float) -> None:
    cv2.circle(canvas, _fixed(centre), _length(radius), fill, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def oval(canvas: Canvas, centre: Point, radii: Point, fill: Colour, angle: float = 0) -> None:
    """An ellipse, turned by `angle` degrees."""
    axes = (_length(radii[0]), _length(radii[1]))
    cv2.ellipse(canvas, _fixed(centre), axes, angle, 0, 360, fill, -1, cv2.LINE_AA, _SHIFT)


def line(canvas: Canvas, start: Point, end: Point, fill: Colour, width: float) -> None:
    cv2.line(canvas, _fixed(start), _fixed(end), fill, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def polygon(canvas: Canvas, corners: Sequence[Point] | NDArray[np.float64], fill: Colour) -> None:
    cv2.fillPoly(canvas, [_fixed_all(corners)], fill, cv2.LINE_AA, _SHIFT)


def lines(canvas: Canvas, starts: NDArray[np.float64], ends: NDArray[np.float64], fill: Colour) -> None:
    """Many thin lines at once: `starts` and `ends` are (count, 2)."""
    cv2.polylines(
        canvas, list(_fixed_all(np.stack((starts, ends), axis=1))), False, fill, 1, cv2.LINE_AA, _SHIFT
    )


def shadow(canvas: Canvas, centre: Point, radii: Point, strength: float = 0.35) -> None:
    """A soft dark patch on the ground."""
    _blend(canvas, centre, radii, (0, 0, 0), strength)


def glow(canvas: Canvas, centre: Point, radius: float, light: Colour, strength: float) -> None:
    """Light around a point."""
    _blend(canvas, centre, (radius, radius), light, strength)


def turned(points: Sequence[Point], centre: Point, angle: float, scale: float = 1.0) -> NDArray[np.float64]:
    """Points around (0, 0), scaled, turned by `angle` radians and moved to `centre`."""
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    return np.asarray(points, np.float64) @ np.array(((cos, sin), (-sin, cos))) + centre


def _blend(canvas: Canvas, centre: Point, radii: Point, fill: Colour, strength: float) -> None:
    """Mix a colour in, strongest in the middle of an ellipse and fading to its rim."""
    width, height = max(2, round(2 * radii[0])), max(2, round(2 * radii[1]))
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
    if x0 >= x1 or y0 >= y1:
        return
    weight = _blob(width, height)[y0 - top : y1 - top, x0 - left : x1 - left] * np.float32(strength)
    patch = canvas[y0:y1, x0:x1]
    patch += ((np.array(fill, np.float32) - patch) * weight).astype(np.int16).astype(np.uint8)


@lru_cache(maxsize=512)
def _blob(width: int, height: int) -> NDArray[np.float32]:
    """1 in the middle, 0 at the rim of an ellipse, (height, width, 1)."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    blob = np.square(np.clip(1 - (x * x + y * y), 0, 1))
    return np.asarray(blob[..., None], np.float32)


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def _fixed(point: Point) -> tuple[int, int]:
    return round(point[0] * _SCALE), round(point[1] * _SCALE)


def _fixed_all(points: Sequence[Point] | NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.rint(np.asarray(points) * _SCALE), np.int32)


def _length(radius: float) -> int:
    return max(1, round(radius * _SCALE))
