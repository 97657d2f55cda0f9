"""Features of moving pictures, second by second: looks, motion, and what stands out from the clip.

All scales are constants, chosen so that common values lie in about [-1, 1]; nothing is fitted to data.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile

import cv2
import numpy as np

from trainer.encoders.looks import (
    FOREGROUND_WIDTH,
    HEIGHT,
    LOOK_WIDTH,
    PICTURE_RATE,
    Array,
    Picture,
    background,
    foreground,
    look,
    spread,
)
from trainer.encoders.looks import WIDTH as PICTURE_WIDTH
from trainer.encoders.motion import MOTION_WIDTH, MOVING_WIDTH, RHYTHM_WIDTH, motion, rhythm

_LOOKED_AT = 2
"""Every so many pictures are looked at closely; all of them are for motion."""
_SMALL = (80, 60)
"""Pixels, across and down, of pictures in which motion is looked for."""
_IN_MEMORY = 1 << 26
"""Bytes of small pictures; more of them, after about a quarter of an hour, are put on the disk."""
_PLACES = 5
"""Columns of a foreground (its share, centre and spread) whose change within a second counts too."""

WIDTH = 2 * LOOK_WIDTH + 3 * MOTION_WIDTH + MOVING_WIDTH + RHYTHM_WIDTH + FOREGROUND_WIDTH + _PLACES


@dataclass(eq=False)
class Film:
    """The pictures of a clip, described one after the other, so that a long one need not fit into memory."""

    looks: list[Array] = field(default_factory=list)
    motions: list[Array] = field(default_factory=list)
    moving: list[Array] = field(default_factory=list)
    smalls: _Smalls = field(default_factory=lambda: _Smalls())
    _latest: tuple[Picture, Picture] | None = None

    @property
    def end(self) -> float:
        """Seconds."""
        return len(self.motions) / PICTURE_RATE

    def add_all(self, pictures: Iterable[Picture]) -> Film:
        for picture in pictures:
            self.add(picture)
        return self

    def add(self, picture: Picture) -> None:
        is_new = self._latest is None or self._latest[0] is not picture
        small = _shrunk(picture) if is_new or self._latest is None else self._latest[1]
        moved = motion(self._latest[1] if self._latest else small, small)
        if len(self.motions) % _LOOKED_AT == 0:
            self.looks.append(look(picture))
            self.smalls.append(small)
        self.motions.append(moved[0])
        self.moving.append(moved[1])
        self._latest = picture, small


class _Smalls:
    """Small pictures, which are looked at again when the film is over: those of long films are on the disk."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - as long as the film is there
        self._count = 0

    def __del__(self) -> None:
        self._file.close()

    def append(self, picture: Picture) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(picture.tobytes())
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Picture:
        shape = (_SMALL[1], _SMALL[0], 3)
        if not 0 <= number < self._count:
            raise IndexError(number)
        self._file.seek(number * math.prod(shape))
        return np.frombuffer(self._file.read(math.prod(shape)), np.uint8).reshape(shape)


def picture_features(film: Film, seconds: int) -> Array:
    """(seconds, WIDTH) of a clip. Its last picture is held to the end of its second; later ones are black."""
    black = look(np.zeros((HEIGHT, PICTURE_WIDTH, 3), np.uint8))
    looks = _of_seconds(
        film.looks, seconds, LOOK_WIDTH, rate=PICTURE_RATE // _LOOKED_AT, beyond=black, hold=True
    )
    motions = _of_seconds(film.motions, seconds, MOTION_WIDTH, rate=PICTURE_RATE)
    moving = _of_seconds(film.moving, seconds, MOVING_WIDTH, rate=PICTURE_RATE)
    fronts = _of_seconds(
        _fronts(film.smalls), seconds, FOREGROUND_WIDTH, rate=PICTURE_RATE // _LOOKED_AT, hold=True
    )
    look_means, motion_means = looks.mean(axis=1), motions.mean(axis=1)
    shown = max(1, min(seconds, int(np.ceil(film.end))))
    features = np.concatenate(
        [
            look_means,
            2 * (look_means - np.median(look_means[:shown], axis=0)),
            motion_means,
            motions.std(axis=1),
            motion_means - np.median(motion_means[:shown], axis=0),
            moving.mean(axis=1),
            rhythm(motions.reshape(-1, MOTION_WIDTH), seconds),
            fronts.mean(axis=1),
            2 * fronts[:, :, :_PLACES].std(axis=1),
        ],
        axis=1,
    )
    return np.asarray(np.clip(features, -4, 4), np.float32)


def _shrunk(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, _SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def _fronts(smalls: _Smalls) -> list[Array]:
    if not len(smalls):
        return []
    behind = background([smalls[i] for i in spread(len(smalls))])
    return [foreground(smalls[i], behind) for i in range(len(smalls))]


def _of_seconds(
    rows: list[Array], seconds: int, width: int, *, rate: int, beyond: Array | None = None, hold: bool = False
) -> Array:
    """(seconds, rate, width), cut or filled up with `beyond` (zeros); `hold` repeats the last row first."""
    filled = np.zeros((seconds * rate, width), np.float32)
    if beyond is not None:
        filled[:] = beyond
    count = min(len(rows), len(filled))
    if count:
        filled[:count] = rows[:count]
        if hold:
            filled[count : -(-count // rate) * rate] = rows[count - 1]
    return filled.reshape(seconds, rate, width)
