"""Lanes painted column by column: what their parsers believe and, where time is dense, their labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from avvp_studio.ui.theme import Theme, mix
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.content import (
    IS_ABSENT,
    IS_BY_PERSON,
    IS_PREDICTED,
    IS_PRESENT,
    Lane,
)
from avvp_studio.ui.timeline.curves import Columns, Steps
from avvp_studio.ui.timeline.inks import ink
from avvp_studio.ui.timeline.lane_style import level_y
from avvp_studio.ui.timeline.pixels import argb, picture
from avvp_studio.ui.timeline.raster import Flags, Raster
from avvp_studio.ui.timeline.scene import Scene
from trainer.labels import State

_BLOCK_EDGE = 2.0
_LOW = 16


def lane_pictures(scene: Scene, lanes: Sequence[Lane], height: int, grid: Steps, ratio: float) -> list[QImage]:
    """Of lanes of one modality and height: all are painted at once, which is many times quicker."""
    raster = _LanesRaster(scene, lanes, height, grid, ratio)
    if grid.is_dense:
        raster.add_labels()
    raster.add_beliefs()
    return raster.pictures()


def both_pictures(
    scene: Scene, pairs: Sequence[tuple[Lane, Lane]], height: int, grid: Steps, ratio: float
) -> list[QImage]:
    """Of the derived audio-visual rows."""
    theme, pixels = scene.theme, _Pixels(scene, len(pairs), height, grid, ratio)
    flags = pixels.columns.union(np.stack([audio.flags & visual.flags for audio, visual in pairs]))
    hatched, solid = (flags & IS_PREDICTED) > 0, (flags & IS_PRESENT) > 0
    top = pixels.px(2)
    tall = pixels.px(height) - 2 * top
    pixels.raster.bar(top, tall, argb(theme.audio_visual, 0.55), hatched, hatch=1)
    pixels.raster.frame(top, tall, argb(theme.audio_visual, 0.9), hatched)
    pixels.raster.bar(top, tall, argb(theme.audio_visual), solid)
    pixels.raster.frame(top, tall, argb(theme.present), solid)
    return pixels.pictures()


class _Pixels:
    """Pictures as wide as the time in view, in the device's pixels."""

    def __init__(self, scene: Scene, count: int, height: int, grid: Steps, ratio: float) -> None:
        self._ratio = ratio
        width = round(scene.view.width * ratio)
        self.raster = Raster(count, width, round(height * ratio))
        self.columns = Columns(grid, scene.view.left, width, ratio)

    def px(self, length: float) -> int:
        size = int(abs(length) * self._ratio + 0.5)
        return size if length >= 0 else -size

    def pictures(self) -> list[QImage]:
        return [picture(pixels, self._ratio) for pixels in self.raster.pixels]


class _LanesRaster(_Pixels):
    def __init__(self, scene: Scene, lanes: Sequence[Lane], height: int, grid: Steps, ratio: float) -> None:
        super().__init__(scene, len(lanes), height, grid, ratio)
        self._scene, self._lanes, self._grid = scene, lanes, grid
        self._hue = scene.hue(lanes[0].modality)
        self._parts = scene.rows.style.parts(height)
        self._flags = self.columns.union(np.stack([shown.flags for shown in lanes]))

    def add_labels(self) -> None:
        """Where a segment is a few pixels wide: boxes without corners, hollow and struck through for absent."""
        theme, raster, band = self._scene.theme, self.raster, self._parts.labels
        top, height = self.px(band.top), self.px(band.height)
        absent, by_person = self._are(IS_ABSENT), self._are(IS_BY_PERSON)
        struck = mix(theme.absent, theme.text, 0.75)
        for strength, where in ((0.45, absent & ~by_person), (1.0, absent & by_person)):
            raster.frame(top + 1, height - 2, argb(struck, strength), where)
            raster.bar(top + height // 2, 1, argb(struck, strength), where)
        present = self._are(IS_PRESENT)
        raster.bar(top + 1, height - 2, argb(mix(self._hue, theme.surface, 0.6)), present)
        raster.frame(top + 1, height - 2, argb(theme.present), present, thickness=self.px(1))

    def add_beliefs(self) -> None:
        """The newest parser's lies on top."""
        style = self._scene.rows.style
        blocks = None if style.has_bands else self._blocks()
        for place in reversed(range(len(self._parts.beliefs))):
            values = self.columns.highest(
                np.stack([shown.tracks[place].probabilities for shown in self._lanes])
            )
            where = np.isfinite(values)
            values[~where] = 0
            if style.is_heat:
                self._add_heat(self._parts.beliefs[place], values, where)
            else:
                self._add_curve(place, values, where, blocks)
        for place, band in enumerate(self._parts.verdicts):
            self._add_verdict(place, band)

    def _add_curve(self, place: int, values: NDArray[np.float32], where: Flags, blocks: Flags | None) -> None:
        """A block has the hue of the curve: across it the line has the colour of labels."""
        theme, band = self._scene.theme, self._parts.beliefs[place]
        if blocks is not None and band.height < _LOW:
            where &= ~blocks  # a label that is hardly taller than a line must stay whole
        lowest, highest = (level_y(band, level) * self._ratio for level in (0.0, 1.0))
        heights = np.rint(lowest + values * (highest - lowest)).astype(np.int16)
        inked = ink(theme, place, self._hue)
        if place == 0 or blocks is None:
            free = where if blocks is None else where & ~blocks
            fill = self._hue if place == 0 else inked.colour
            self.raster.fill(heights, self.px(band.bottom), argb(fill, 0.2), free)
        self.raster.steps(
            heights,
            where,
            argb(inked.colour, 0.95),
            thickness=self.px(1.5 if inked.is_newest and not self._grid.is_dense else 1),
            dashes=() if self._grid.is_dense else [self.px(length) for length in inked.dashes],
            on=blocks,
            colour_on=argb(theme.present),
        )

    def _add_heat(self, band: Band, values: NDArray[np.float32], where: Flags) -> None:
        shades = _shades(self._scene.theme, self._hue)
        self.raster.band(
            self.px(band.top), self.px(band.height), shades[(values * 255).astype(np.uint8)], where
        )

    def _add_verdict(self, place: int, band: Band) -> None:
        """Solid for the newest parser, hatched for the others."""
        colour = self._hue if place == 0 else ink(self._scene.theme, place).colour
        where = self._are(IS_PREDICTED << place)
        self.raster.bar(self.px(band.top), max(1, self.px(band.height)), argb(colour), where, hatch=place)

    def _are(self, bit: int) -> Flags:
        return np.asarray((self._flags & np.uint16(bit)) > 0)

    def _blocks(self) -> Flags:
        """The columns inside the blocks of labels that say present."""
        if self._grid.is_dense:
            return self._are(IS_PRESENT)
        inside, view = np.zeros(self._flags.shape, dtype=bool), self._scene.view
        for columns, shown in zip(inside, self._lanes, strict=True):
            for label in shown.labels:
                if label.state is State.PRESENT and label.is_within(view.onset, view.offset):
                    left = view.x(label.onset) + _BLOCK_EDGE - view.left
                    right = view.x(label.offset) - _BLOCK_EDGE - view.left
                    columns[max(0, self.px(left)) : max(0, self.px(right))] = True
        return inside


@lru_cache(maxsize=32)
def _shades(theme: Theme, hue: str) -> NDArray[np.uint32]:
    """From nearly the ground through the hue to nearly the colour of text; ever farther from the ground."""
    low, high, middle = mix(hue, theme.sunken, 0.08), mix(hue, theme.text, 0.35), 0.7
    shares = np.arange(256) / 255
    colours = [
        mix(hue, low, share / middle) if share < middle else mix(high, hue, (share - middle) / (1 - middle))
        for share in shares
    ]
    return np.array([argb(colour) for colour in colours], np.uint32)
