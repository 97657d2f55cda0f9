"""What changes from picture to picture, and its rhythm."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.encoders.looks import (
    CELLS,
    COLOURS,
    DIRECTIONS,
    PICTURE_RATE,
    Array,
    Picture,
    colour_names,
    in_cells,
    whereabouts,
)

_CHANGED = 14
"""Bytes by which a pixel changes where something moves."""
_STILL = 0.0004
"""Two pictures whose mean difference is smaller are the same: what remains is the codec's noise."""

_RHYTHMIC = (0, 2, 4, 7, 8)
"""Columns of `motion`: change, brightness, height of what moves, flow across and down."""
_RATE_EDGES = np.array([0.4, 0.9, 1.6, 2.6, 5.1])
"""Hz."""
_LAGS = slice(2, 16)
"""Pictures: a beat of 0.2 to 1.5 seconds."""

MOTION_WIDTH = 18 + 2 * CELLS + DIRECTIONS
MOVING_WIDTH = COLOURS
RHYTHM_WIDTH = len(_RHYTHMIC) * (len(_RATE_EDGES) - 1 + 2)


def motion(before: Picture, after: Picture) -> tuple[Array, Array]:
    """How much moves where and which way (MOTION_WIDTH,), and the colours of what does (MOVING_WIDTH,)."""
    one, other = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (before, after))
    change = cv2.absdiff(before, after).max(axis=2)  # of colours too: red may be as light as grey
    mean = float(change.mean()) / 255
    if mean < _STILL:
        return np.zeros(MOTION_WIDTH, np.float32), np.zeros(MOVING_WIDTH, np.float32)
    is_changed = cv2.blur(change, (3, 3)) > _CHANGED
    brighter = (float(other.mean()) - float(one.mean())) / 255
    flow = cv2.calcOpticalFlowFarneback(
        one, other, np.zeros((*one.shape, 2), np.float32), 0.5, 2, 9, 2, 5, 1.1, 0
    )
    row = np.concatenate(
        [
            [4 * np.sqrt(mean), 2 * np.sqrt(is_changed.mean()), 10 * brighter],
            whereabouts(np.where(is_changed, change, 0).astype(np.float32)),
            _flow_row(np.asarray(flow, np.float32)),
            2 * np.sqrt(in_cells(is_changed.astype(np.float32))),
        ]
    )
    shares = np.bincount(colour_names(after)[is_changed], minlength=COLOURS) / is_changed.size
    return row.astype(np.float32), (2 * np.sqrt(shares)).astype(np.float32)


def _flow_row(flow: Array) -> Array:
    """Mean flow, that of the camera, sizes, divergence and rotation; directions; sizes in the cells."""
    across, down = flow[..., 0], flow[..., 1]
    camera = np.median(flow.reshape(-1, 2), axis=0)
    speed, angle = cv2.cartToPolar(across, down)
    own_speed = np.hypot(across - camera[0], down - camera[1])
    direction = (angle * (DIRECTIONS / (2 * np.pi)) + 0.5).astype(np.intp) % DIRECTIONS
    ways = np.bincount(direction.ravel(), weights=speed.ravel(), minlength=DIRECTIONS) / speed.size
    grows = np.gradient(across, axis=1) + np.gradient(down, axis=0)
    turns = np.gradient(down, axis=1) - np.gradient(across, axis=0)
    sizes = [speed.mean(), own_speed.mean(), speed.std(), np.percentile(speed, 98) / 4]
    signed = [across.mean(), down.mean(), camera[0] / 2, camera[1] / 2]
    bent = [10 * grows.mean(), 4 * np.abs(grows).mean(), 4 * np.abs(turns).mean()]
    cells = in_cells(np.asarray(speed, np.float32))
    return np.concatenate(
        [
            _compressed(np.array(signed)),
            np.sqrt(sizes),
            _compressed(np.array(bent)),
            np.sqrt(ways),
            np.sqrt(cells),
        ]
    ).astype(np.float32)


def _compressed(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def rhythm(rows: Array, seconds: int) -> Array:
    """(seconds, RHYTHM_WIDTH): how strongly and how regularly motion comes and goes around each second."""
    columns = rows[:, _RHYTHMIC]
    around = _windows(columns, seconds, 3)
    around = around - around.mean(axis=1, keepdims=True)
    window = np.hanning(around.shape[1] + 2)[1:-1, None]
    spectrum = np.abs(np.fft.rfft(around * window, axis=1)) * (2 / window.sum())
    rates = np.fft.rfftfreq(around.shape[1], 1 / PICTURE_RATE)
    places = np.searchsorted(rates, _RATE_EDGES)
    bands = [2 * np.sqrt((spectrum[:, first:last] ** 2).sum(axis=1)) for first, last in pairwise(places)]
    power = np.abs(np.fft.rfft(around, 2 * around.shape[1], axis=1)) ** 2
    echo = np.fft.irfft(power, axis=1)
    lags = (echo / (echo[:, :1] + 0.05))[:, _LAGS]
    strength = np.clip(lags.max(axis=1), 0, 1)
    lag = (lags.argmax(axis=1) + _LAGS.start) / PICTURE_RATE
    return np.concatenate([*bands, strength, lag * strength], axis=1).astype(np.float32)


def _windows(rows: Array, seconds: int, length: int) -> Array:
    before = (length - 1) * PICTURE_RATE // 2
    padded = np.pad(rows, ((before, before), (0, 0)), mode="edge")
    return np.stack([padded[i * PICTURE_RATE : (i + length) * PICTURE_RATE] for i in range(seconds)])
