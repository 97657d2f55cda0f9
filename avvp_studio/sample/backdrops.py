"""Where a clip takes place: a painted backdrop that a camera drifts over, and strangers that mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avvp_studio.sample.drawing import HEIGHT, WIDTH, Canvas, Colour, colour, disc, line, polygon, turned
from avvp_studio.sample.scenes import DURATION, Scene

GROUND = 0.80
"""How far down the picture things stand, as a part of its height."""

_DRIFT = 5.0
"""Pixels that the camera may drift to either side: slowly, so that what moves still stands out."""
_MARGIN = 8
"""Pixels that the backdrop is larger on every side, for the camera to drift in."""
_FULL = (HEIGHT + 2 * _MARGIN, WIDTH + 2 * _MARGIN)
_HORIZON = _MARGIN + 0.72 * HEIGHT

Painter = Callable[[np.random.Generator, float], Canvas]


class Backdrop:
    """The backdrop of a scene and everything in front of it that is no event."""

    def __init__(self, scene: Scene) -> None:
        rng = np.random.default_rng((scene.seed, 2))
        painted = _PAINTERS[scene.backdrop](rng, float(rng.uniform(-7, 7)))
        grain = 3 * _grain(rng, blur=0.8) + 5 * _grain(rng, blur=9)
        self._painting = _toned(painted, grain, brightness=float(rng.uniform(0.92, 1.06)))
        self._drift = rng.uniform(-1, 1, 2) * _DRIFT
        self._sway = rng.uniform(0, 2 * np.pi)
        self._strangers = [_Stranger.random(rng) for _ in range(scene.strangers)]

    def draw(self, time: float) -> Canvas:
        """The picture at a time, for the acts to be drawn on."""
        place = self._drift * np.sin(self._sway + 2 * np.pi * time / (2.2 * DURATION))
        centre = (_FULL[1] / 2 + float(place[0]), _FULL[0] / 2 + float(place[1]))
        canvas = cv2.getRectSubPix(self._painting, (WIDTH, HEIGHT), centre).astype(np.uint8, copy=False)
        for stranger in self._strangers:
            stranger.draw(canvas, time)
        return canvas


@dataclass(frozen=True, slots=True)
class _Stranger:
    """A grey-toned shape that drifts through the picture."""

    corners: int
    radius: float
    start: tuple[float, float]
    speed: tuple[float, float]
    spin: float
    fill: Colour

    @staticmethod
    def random(rng: np.random.Generator) -> _Stranger:
        return _Stranger(
            corners=int(rng.choice((0, 3, 4, 6))),
            radius=float(rng.uniform(6, 15)),
            start=(float(rng.uniform(0, WIDTH)), float(rng.uniform(0.05, 0.6) * HEIGHT)),
            speed=(float(rng.uniform(8, 30) * rng.choice((-1, 1))), float(rng.uniform(-6, 6))),
            spin=float(rng.uniform(-1.5, 1.5)),
            fill=colour(rng.uniform(0, 360), rng.uniform(0.05, 0.25), rng.uniform(0.4, 0.85)),
        )

    def draw(self, canvas: Canvas, time: float) -> None:
        across = WIDTH + 2 * self.radius
        x = (self.start[0] + self.speed[0] * time) % across - self.radius
        y = self.start[1] + self.speed[1] * time
        if self.corners == 0:
            disc(canvas, (x, y), self.radius, self.fill)
            return
        angles = 2 * np.pi * np.arange(self.corners) / self.corners
        points = [(float(np.cos(angle)), float(np.sin(angle))) for angle in angles]
        polygon(canvas, turned(points, (x, y), self.spin * time, self.radius), self.fill)


def _grain(rng: np.random.Generator, *, blur: float) -> NDArray[np.float32]:
    """Spots of about `blur` pixels with unit deviation, (height, width)."""
    spots = cv2.GaussianBlur(rng.standard_normal(_FULL, dtype=np.float32), (0, 0), blur)
    return np.asarray(spots / spots.std(), np.float32)


def _toned(painting: Canvas, tones: NDArray[np.float32], *, brightness: float = 1.0) -> Canvas:
    """The painting made lighter by `tones` (height, width)."""
    return np.asarray(np.clip((painting + tones[..., None]) * brightness, 0, 255), np.uint8)


def _gradient(top: Colour, bottom: Colour) -> Canvas:
    rows = np.linspace(0, 1, _FULL[0], dtype=np.float32)[:, None, None]
    columns = np.ones((1, _FULL[1], 1), np.float32)
    mixed = (np.array(top, np.float32) * (1 - rows) + np.array(bottom, np.float32) * rows) * columns
    return np.asarray(np.rint(mixed), np.uint8)


def _ridge(rng: np.random.Generator, height: float, roughness: float) -> NDArray[np.float64]:
    """The corners of a range of hills whose mean height is `height` pixels from the top."""
    x = np.linspace(0, _FULL[1], 80)
    waves = sum(
        (np.sin(x * k / 90 + rng.uniform(0, 6)) * roughness / k for k in (1.0, 2.1, 3.7)), np.zeros_like(x)
    )
    top = np.stack((x, height + waves), axis=1)
    return np.concatenate((top, [(_FULL[1], _FULL[0]), (0, _FULL[0])]))


def _hills(rng: np.random.Generator, turn: float) -> Canvas:
    painting = _gradient(colour(205 + turn, 0.35, 0.9), colour(40 + turn, 0.12, 0.95))
    for step, height in enumerate((0.52, 0.63, 0.74)):
        fill = colour(150 - 22 * step + turn, 0.18 + 0.1 * step, 0.68 - 0.1 * step)
        polygon(painting, _ridge(rng, _MARGIN + height * HEIGHT, 20 - 5 * step), fill)
    return painting


def _wall(rng: np.random.Generator, turn: float) -> Canvas:
    """Bricks above a pavement."""
    painting = _gradient(colour(18 + turn, 0.3, 0.62), colour(18 + turn, 0.34, 0.5))
    tones = np.zeros(_FULL, np.float32)
    for number, y in enumerate(range(0, _FULL[0], 18)):
        for x in range(-20 * (number % 2), _FULL[1], 40):
            tones[y + 1 : y + 17, max(0, x + 1) : x + 39] = rng.normal(9, 7)
    ground = int(_HORIZON)
    tones[ground:] = 0
    tones[ground : ground + 3] = -30
    painting[ground:] = _gradient(colour(30, 0.06, 0.6), colour(30, 0.08, 0.42))[ground:]
    return _toned(painting, tones)


def _night(rng: np.random.Generator, turn: float) -> Canvas:
    painting = _gradient(colour(235 + turn, 0.6, 0.2), colour(255 + turn, 0.42, 0.42))
    for _ in range(90):
        place = (int(rng.uniform(0, _HORIZON - 20)), int(rng.uniform(0, _FULL[1])))
        painting[place] = colour(50, 0.1, float(rng.uniform(0.4, 0.9)))
    moon = (float(rng.uniform(0.2, 0.8) * _FULL[1]), float(rng.uniform(0.2, 0.3) * _FULL[0]))
    disc(painting, moon, 13, colour(50, 0.12, 0.9))
    polygon(painting, _ridge(rng, _HORIZON - 8, 14), colour(250 + turn, 0.4, 0.24))
    polygon(painting, _ridge(rng, _HORIZON + 8, 6), colour(245 + turn, 0.35, 0.17))
    return painting


def _room(rng: np.random.Generator, turn: float) -> Canvas:
    """A papered wall and a wooden floor."""
    hue = float(rng.choice((35, 95, 190, 260))) + turn
    painting = _gradient(colour(hue, 0.17, 0.82), colour(hue, 0.22, 0.68))
    painting[:, np.arange(_FULL[1]) // 14 % 2 == 0] -= 7
    ground = int(_HORIZON)
    painting[ground - 7 : ground] = colour(hue, 0.06, 0.9)
    painting[ground:] = _gradient(colour(26, 0.48, 0.5), colour(24, 0.5, 0.62))[ground:]
    for x in np.linspace(-60, _FULL[1] + 60, 15):
        foot = _FULL[1] / 2 + (x - _FULL[1] / 2) * 1.5
        line(painting, (x, ground), (foot, _FULL[0]), colour(24, 0.5, 0.4), 1)
    return painting


def _dunes(rng: np.random.Generator, turn: float) -> Canvas:
    painting = _gradient(colour(22 + turn, 0.28, 0.95), colour(45 + turn, 0.3, 0.98))
    disc(painting, (float(rng.uniform(0.2, 0.8) * _FULL[1]), 0.3 * _FULL[0]), 22, colour(48, 0.12, 1))
    for step, height in enumerate((0.58, 0.68, 0.78)):
        fill = colour(32 - 4 * step + turn / 2, 0.36 + 0.05 * step, 0.84 - 0.09 * step)
        polygon(painting, _ridge(rng, _MARGIN + height * HEIGHT, 15 - 3 * step), fill)
    return painting


def _sea(rng: np.random.Generator, turn: float) -> Canvas:
    painting = _gradient(colour(200 + turn, 0.22, 0.88), colour(190 + turn, 0.08, 0.97))
    middle, ground = int(_MARGIN + 0.55 * HEIGHT), int(_HORIZON + 4)
    water = _gradient(colour(196 + turn, 0.5, 0.62), colour(188 + turn, 0.4, 0.72))
    painting[middle:ground] = water[middle:ground]
    for _ in range(60):
        y, x = int(rng.uniform(middle + 3, ground - 3)), int(rng.uniform(0, _FULL[1] - 24))
        painting[y, x : x + int(rng.uniform(6, 24))] += 22
    polygon(painting, _ridge(rng, ground, 3), colour(42 + turn / 2, 0.25, 0.85))
    return painting


_PAINTERS: dict[str, Painter] = {
    "hills": _hills,
    "wall": _wall,
    "night": _night,
    "room": _room,
    "dunes": _dunes,
    "sea": _sea,
}
