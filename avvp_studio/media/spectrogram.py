"""How strong each frequency of a sound is over time, as pieces that can be made on their own."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader
from avvp_studio.media.tiles import Pixels, Tile, TileCache

COLUMNS = 256
"""Of one piece."""
ROWS = 128
HIGHEST_HZ = 16_000.0
FLOOR_DB = -120.0
"""What is as weak as this, or weaker, is 0 in the pieces; a full sine is 255."""
WINDOWS = (512, 1024, 2048, 4096)

_FACTOR = 4
"""So many times as long are the columns of the next level."""
_AT_ONCE = 1024
"""Windows that are transformed together."""
_READ_AT_ONCE = 1 << 17
"""Samples."""
_WINDOWS_A_COLUMN = 32
"""At most: they are enough for the mean of a long column."""
_WORTH_KEEPING_S = 20.0
"""Pieces of less sound are made as quickly as they are read."""
_MEL_BREAK_HZ = 700.0


class FrequencyScale(StrEnum):
    """How frequencies lie from bottom to top."""

    MEL = "mel"
    LINEAR = "linear"

    def hertz(self, share: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The frequencies at heights from 0 (foot) to 1 (top)."""
        share = np.asarray(share, np.float64)
        if self is FrequencyScale.LINEAR:
            return share * HIGHEST_HZ
        return np.asarray(_MEL_BREAK_HZ * np.expm1(share * np.log1p(HIGHEST_HZ / _MEL_BREAK_HZ)))


@dataclass(frozen=True)
class Analysis:
    """How the sound is taken apart: a long window tells tones apart, a short one moments."""

    window: int = 2048
    scale: FrequencyScale = FrequencyScale.MEL

    def hop(self, level: int) -> int:
        """Samples from one column to the next."""
        return int(self.window // 4 * _FACTOR**level)

    def seconds(self, level: int) -> float:
        """How long a piece lasts."""
        return COLUMNS * self.hop(level) / SAMPLE_RATE

    def level(self, seconds_per_pixel: float) -> int:
        """The coarsest level that has a column for each pixel."""
        level = 0
        while self.hop(level + 1) <= seconds_per_pixel * SAMPLE_RATE:
            level += 1
        return level

    def tiles(self, level: int, onset: float, offset: float) -> list[Tile]:
        """The pieces of a stretch of time."""
        length = self.seconds(level)
        first, last = max(0, int(onset / length)), max(0, int(np.ceil(offset / length)))
        return [Tile(level, place) for place in range(first, last)]


class SpectrogramMaker:
    """Pieces (ROWS, COLUMNS) of one file, the lowest frequency first. Each column is the mean of its time."""

    def __init__(self, path: Path, analysis: Analysis, cache: TileCache) -> None:
        self._path = path
        self._analysis = analysis
        self._cache = cache
        self._kind = f"spectrogram-{analysis.scale}-{analysis.window}"
        self._reader: AudioReader | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def make(self, tile: Tile, should_stop: Callable[[], bool]) -> Pixels:
        is_kept = self._analysis.seconds(tile.level) >= _WORTH_KEEPING_S
        kept = self._cache.read(self._kind, self._path, tile) if is_kept else None
        made = _unpacked(kept) if kept is not None else None
        if made is None:
            made = _decibels(self._power(tile, should_stop))
            if is_kept:
                self._cache.write(self._kind, self._path, tile, zlib.compress(made.tobytes()))
        return made

    def _power(self, tile: Tile, should_stop: Callable[[], bool]) -> NDArray[np.float32]:
        window, hop = self._analysis.window, self._analysis.hop(tile.level)
        step = min(hop, max(window // 2, hop // _WINDOWS_A_COLUMN))
        windows = hop // step  # of each column
        # The windows of a column lie around its middle.
        first = tile.place * COLUMNS * hop - (window - step) // 2
        power = np.zeros((COLUMNS, ROWS), np.float32)
        done = 0
        for block in self._windows(first, step, COLUMNS * windows, should_stop):
            columns = np.arange(done, done + len(block)) // windows
            starts = np.flatnonzero(np.diff(columns, prepend=-1))
            power[columns[starts]] += np.add.reduceat(block, starts, axis=0)
            done += len(block)
        return np.asarray(power.T / np.float32(windows), np.float32)

    def _windows(
        self, first: int, step: int, count: int, should_stop: Callable[[], bool]
    ) -> Iterator[NDArray[np.float32]]:
        """The power (windows, ROWS) of `count` windows from the sample `first` on, some at a time."""
        if self._reader is None:
            self._reader = AudioReader(self._path)
        window, channels = self._analysis.window, self._reader.channels
        rest = np.zeros((channels, max(0, -first)), np.int16)
        ahead = window - step
        for block in self._reader.blocks(max(0, first) / SAMPLE_RATE, length=_READ_AT_ONCE):
            if should_stop():
                raise InterruptedError(f"the spectrogram of {self._path.name} is not wanted any more")
            rest = np.concatenate((rest, block), axis=1)
            ready = min(count, (rest.shape[1] - max(0, ahead)) // step)
            if ready > 0:
                yield self._mean_power(rest[:, : ahead + ready * step], step)
                rest, count = rest[:, ready * step :], count - ready
            if count <= 0:
                return
        left = min(count, -(-rest.shape[1] // step))
        if left > 0:
            padded = np.zeros((channels, ahead + left * step), np.int16)
            padded[:, : rest.shape[1]] = rest[:, : padded.shape[1]]
            yield self._mean_power(padded, step)

    def _mean_power(self, samples: NDArray[np.int16], step: int) -> NDArray[np.float32]:
        """Over the channels, so that what is opposite in them is still heard."""
        analysis = self._analysis
        bank, shape = _filters(analysis), _window(analysis.window)
        parts = []
        count = (samples.shape[1] - analysis.window) // step + 1
        for start in range(0, count, _AT_ONCE):
            end = min(count, start + _AT_ONCE)
            piece = samples[:, start * step : (end - 1) * step + analysis.window]
            framed = np.lib.stride_tricks.sliding_window_view(piece, analysis.window, axis=1)[:, ::step]
            spectrum = np.fft.rfft(framed * shape, axis=2)
            power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
            parts.append(power[:, : len(bank)] @ bank)
        return np.concatenate(parts)


def _unpacked(data: bytes) -> Pixels | None:
    """None where it is damaged."""
    try:
        return np.frombuffer(zlib.decompress(data), np.uint8).reshape(ROWS, COLUMNS)
    except (ValueError, zlib.error):
        return None


def _decibels(power: NDArray[np.float32]) -> Pixels:
    decibels = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return np.clip(np.rint(255 * (1 - decibels / FLOOR_DB)), 0, 255).astype(np.uint8)


@lru_cache(maxsize=len(WINDOWS))
def _window(size: int) -> NDArray[np.float32]:
    """Such that a full sine has the power 1."""
    shape = np.hanning(size + 1)[:-1]
    return np.asarray(shape * (2 / shape.sum() / 32768), np.float32)


@lru_cache(maxsize=2 * len(WINDOWS))
def _filters(analysis: Analysis) -> NDArray[np.float32]:
    """(frequencies, ROWS): how much of each frequency belongs to each row. Each row has a peak of 1."""
    spacing = SAMPLE_RATE / analysis.window
    frequencies = np.arange(int(HIGHEST_HZ / spacing) + 2) * spacing
    edges = analysis.scale.hertz((np.arange(-1, ROWS + 1) + 0.5) / ROWS)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    # Where rows lie closer than frequencies, a row takes from its neighbours: none is empty.
    low, high = np.minimum(low, middle - spacing), np.maximum(high, middle + spacing)
    rising = (frequencies[:, None] - low) / (middle - low)
    falling = (high - frequencies[:, None]) / (high - middle)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, 1), np.float32)
