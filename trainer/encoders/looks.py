"""What a single picture looks like: its colours, edges and texture, and what stands out from a background."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]
"""(height, width, 3) bytes blue, green, red."""

PICTURE_RATE = 10
"""Pictures a second, taken in the middle of equal parts of it."""
WIDTH, HEIGHT = 160, 120
"""Pixels of a picture, whatever its shape is in the file."""

GRID = 3
"""Pictures are divided into GRID x GRID cells."""
CELLS = GRID * GRID
HUES, GREYS = 12, 6
COLOURS = 2 * HUES + GREYS
"""Named colours: each hue dark and light, and greys."""
DIRECTIONS = 8
_PATTERNS = 10
_COLOURFUL = 2600
"""Saturation times value (bytes) from which a pixel has a hue."""
_STANDS_OUT = 22
"""Bytes by which a pixel differs from the background where something is in front of it."""

LOOK_WIDTH = 2 * COLOURS + 5 * CELLS + DIRECTIONS * (CELLS + 1) + _PATTERNS
FOREGROUND_WIDTH = 6 + COLOURS + DIRECTIONS + CELLS


def look(picture: Picture) -> Array:
    """(LOOK_WIDTH,) of a picture; shares are given as roots, so that what is small still counts."""
    names = colour_names(picture)
    cell = _cells(*names.shape)
    counts = np.bincount((names + COLOURS * cell).ravel(), minlength=CELLS * COLOURS)
    colours = counts.reshape(CELLS, COLOURS) / (names.size / CELLS)
    grey = _grey(picture)
    light = np.asarray(grey / np.float32(255), np.float32)
    edges = _edges(grey, cell)
    lab = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2LAB), (GRID, GRID), interpolation=cv2.INTER_AREA)
    means = cv2.resize(light, (GRID, GRID), interpolation=cv2.INTER_AREA)
    squares = cv2.resize(light**2, (GRID, GRID), interpolation=cv2.INTER_AREA)
    sharp = cv2.resize(cv2.Laplacian(light, cv2.CV_32F) ** 2, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.concatenate(
        [
            np.sqrt(colours.mean(axis=0)),
            np.sqrt(colours.max(axis=0)),
            lab.ravel().astype(np.float32) / 64 - 2,
            4 * np.sqrt(np.maximum(squares - means**2, 0)).ravel(),
            np.log10(sharp.ravel() + 1e-5) / 2 + 1.5,
            2 * np.sqrt(edges.mean(axis=0)),
            2 * np.sqrt(edges).ravel(),
            np.sqrt(_patterns(light)),
        ]
    ).astype(np.float32)


def colour_names(picture: Picture) -> NDArray[np.intp]:
    """(height, width) of numbers below COLOURS."""
    planes = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
    hue, saturation, value = (plane.astype(np.intp) for plane in planes)
    named = hue * HUES // 180 * 2 + (value > 140)
    return np.where(saturation * value > _COLOURFUL, named, 2 * HUES + value * GREYS // 256)


def background(pictures: list[Picture]) -> Picture:
    """What is there most of the time: the median of some pictures that are spread over a clip."""
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def spread(count: int) -> list[int]:
    """The numbers of some of so many pictures, spread evenly over them."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, 25))]


def foreground(picture: Picture, behind: Picture) -> Array:
    """(FOREGROUND_WIDTH,) of what stands out from the background: where it is, its colours, its edges."""
    difference = cv2.blur(cv2.absdiff(picture, behind).max(axis=2), (3, 3))
    mask = difference > _STANDS_OUT
    share = mask.mean()
    result = np.zeros(FOREGROUND_WIDTH, np.float32)
    if share < 0.001:
        return result
    names, cell = colour_names(picture), _cells(*mask.shape)
    colours = np.bincount(names[mask], minlength=COLOURS) / mask.size
    grey = _grey(picture)
    edges = _edges(grey, np.where(mask, 0, 1))[0]
    coverage = np.bincount(cell[mask], minlength=CELLS) / (mask.size / CELLS)
    contrast = difference[mask].mean() / 128
    return np.concatenate(
        [
            np.array([np.sqrt(share)]),
            whereabouts(mask.astype(np.float32)),
            np.array([contrast]),
            2 * np.sqrt(colours),
            2 * np.sqrt(edges / share / CELLS),
            np.sqrt(coverage),
        ]
    ).astype(np.float32)


def whereabouts(weights: Array) -> Array:
    """Centre (x, y) in [-1, 1] and spread (x, y) of weights over a picture; zeros where there are none."""
    total = float(weights.sum())
    if total <= 0:
        return np.zeros(4, np.float32)
    height, width = weights.shape
    result = []
    for axis, length in ((0, width), (1, height)):
        places = np.linspace(-1, 1, length)
        along = weights.sum(axis=axis) / total
        centre = float(along @ places)
        result.append((centre, float(np.sqrt(max(along @ (places - centre) ** 2, 0)))))
    return np.array([result[0][0], result[1][0], result[0][1], result[1][1]], np.float32)


def in_cells(values: Array) -> Array:
    """(CELLS,): the mean in each cell."""
    return np.asarray(cv2.resize(values, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32).ravel()


def _grey(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _edges(grey: NDArray[np.uint8], cell: NDArray[np.intp]) -> Array:
    """(CELLS, DIRECTIONS): the strength of the edges of each direction in each cell."""
    across, down = cv2.spatialGradient(grey)
    strength, angle = cv2.cartToPolar(across.astype(np.float32), down.astype(np.float32))
    direction = (angle * (DIRECTIONS / np.pi) + 0.5).astype(np.intp) % DIRECTIONS
    place = (direction + DIRECTIONS * cell).ravel()
    sums = np.bincount(place, weights=strength.ravel() / 1020, minlength=CELLS * DIRECTIONS)
    return (sums.reshape(CELLS, DIRECTIONS) / (grey.size / CELLS)).astype(np.float32)


def _patterns(light: Array) -> Array:
    """Shares of local binary patterns by how many of eight neighbours are lighter; last, the uneven ones."""
    small = cv2.resize(light, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    middle = small[1:-1, 1:-1] + 0.01
    height, width = small.shape
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    lighter = np.stack([small[y : y + height - 2, x : x + width - 2] > middle for y, x in ring])
    turns = (lighter != np.roll(lighter, 1, axis=0)).sum(axis=0)
    pattern = np.where(turns <= 2, lighter.sum(axis=0), _PATTERNS - 1)
    return (np.bincount(pattern.ravel(), minlength=_PATTERNS) / pattern.size).astype(np.float32)


@lru_cache
def _cells(height: int, width: int) -> NDArray[np.intp]:
    """The number of the cell that each pixel is in."""
    rows, columns = np.arange(height) * GRID // height, np.arange(width) * GRID // width
    return (rows[:, None] * GRID + columns[None, :]).astype(np.intp)
