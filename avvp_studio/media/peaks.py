"""The outline of a sound: lowest and highest sample of each stretch, at several scales."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader, Samples
from trainer.parses import NPZ_DAMAGE

_VERSION = 1
_FACTOR = 4
_FINEST, _COARSEST = 16, 256
_MOST_BINS = 1_500_000
"""The finest scale is chosen by the length of the sound, so that its memory stays within some 12 MB."""
_BLOCKS_AT_ONCE = 64
"""So often, in seconds of sound, what was measured is looked through for whether it can be coarser."""
_SILENCE = 4 / 32768
"""What stays below this (-78 dB) is called silent: lossy codecs leave a little noise."""

Scale = NDArray[np.int16]
"""Minima and maxima: (channels, bins, 2)."""


class Peaks:
    """The outline of one file's sound."""

    def __init__(self, finest: Scale, samples_per_bin: int, samples: int) -> None:
        self._samples_per_bin = samples_per_bin
        self._samples = samples
        self._scales = [finest]
        while self._scales[-1].shape[1] > _FACTOR:
            self._scales.append(_coarser(self._scales[-1]))

    @property
    def duration(self) -> float:
        """Where the sound ends, in seconds."""
        return self._samples / SAMPLE_RATE

    @property
    def channels(self) -> int:
        return int(self._scales[0].shape[0])

    @property
    def is_silent(self) -> bool:
        top = self._scales[-1]
        return not top.size or int(np.abs(top.astype(np.int32)).max()) <= _SILENCE * 32768

    @classmethod
    def measure(
        cls,
        path: Path,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Callable[[float], object] = lambda _: None,
    ) -> Peaks:
        """Decode a file's sound (some 600 times as fast as it plays). Raises a MediaError.

        Raises InterruptedError when `should_stop()` says so. `progress` is told how many seconds are done.
        """
        reader = AudioReader(path)
        try:
            bins, size = [np.zeros((reader.channels, 0, 2), np.int16)], _FINEST
            rest = np.zeros((reader.channels, 0), np.int16)
            samples = 0
            for block in reader.blocks(length=SAMPLE_RATE):
                if should_stop():
                    raise InterruptedError(f"the outline of {path.name} is not wanted any more")
                samples += block.shape[1]
                block = np.concatenate((rest, block), axis=1)
                whole = block.shape[1] // _COARSEST * _COARSEST
                bins.append(_outline(block[:, :whole], size))
                rest = block[:, whole:]
                if len(bins) > _BLOCKS_AT_ONCE:
                    finest, size = _within_memory(np.concatenate(bins, axis=1), size)
                    bins = [finest]
                    progress(samples / SAMPLE_RATE)
            bins.append(_outline(rest, size))
            return cls(*_within_memory(np.concatenate(bins, axis=1), size), samples)
        finally:
            reader.close()

    def columns(self, onset: float, offset: float, width: int) -> NDArray[np.float32]:
        """Minima and maxima (channels, width, 2) in [-1, 1] of the `width` equal parts of [onset, offset).

        One column per pixel: neighbours are made to touch, so that a filled outline has no gaps.
        Outside the sound, columns are zero.
        """
        columns = np.zeros((self.channels, width, 2), np.float32)
        scale, size = self._scale_for((offset - onset) * SAMPLE_RATE / max(width, 1))
        edges = np.linspace(onset, offset, width + 1) * (SAMPLE_RATE / size)
        first = np.floor(edges[:-1]).astype(np.int64)
        last = np.maximum(np.ceil(edges[1:]).astype(np.int64), first + 1)
        inside = np.flatnonzero((last > 0) & (first < scale.shape[1]))
        if not inside.size:
            return columns
        low = np.clip(first[inside], 0, scale.shape[1] - 1)
        high = np.clip(last[inside], low + 1, scale.shape[1])
        columns[:, inside] = _reduce_ranges(scale, low, high).astype(np.float32) / 32768
        _connect(columns[:, inside[0] : inside[-1] + 1])
        return columns

    def save(self, cache: Path, source: Path) -> None:
        """Keep the outline; `source` is the file it was measured from. Written whole or not at all."""
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(
                    file,
                    key=_key(source),
                    finest=self._scales[0],
                    lengths=np.array((self._samples_per_bin, self._samples)),
                )
            os.replace(part, cache)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, cache: Path, source: Path) -> Peaks | None:
        """What was kept for `source`; None when there is none, it is damaged, or the file has changed."""
        try:
            with cache.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if not np.array_equal(arrays["key"], _key(source)):
                    return None
                samples_per_bin, samples = arrays["lengths"]
                return cls(arrays["finest"], int(samples_per_bin), int(samples))
        except NPZ_DAMAGE:
            return None

    def _scale_for(self, samples_per_column: float) -> tuple[Scale, int]:
        """The coarsest scale with at least two bins a column, and how many samples are in its bins."""
        size, chosen = self._samples_per_bin, 0
        while chosen + 1 < len(self._scales) and size * _FACTOR * 2 <= samples_per_column:
            size, chosen = size * _FACTOR, chosen + 1
        return self._scales[chosen], size


def _outline(samples: Samples, size: int) -> Scale:
    """Minima and maxima of each `size` samples, also of what is left at the end."""
    starts = np.arange(0, samples.shape[1], size)
    if not starts.size:
        return np.zeros((samples.shape[0], 0, 2), np.int16)
    # reduceat is some twenty times as fast as reshape and min
    low = np.minimum.reduceat(samples, starts, axis=1)
    return np.stack((low, np.maximum.reduceat(samples, starts, axis=1)), axis=2)


def _coarser(scale: Scale) -> Scale:
    starts = np.arange(0, scale.shape[1], _FACTOR)
    low = np.minimum.reduceat(scale[:, :, 0], starts, axis=1)
    return np.stack((low, np.maximum.reduceat(scale[:, :, 1], starts, axis=1)), axis=2)


def _within_memory(scale: Scale, size: int) -> tuple[Scale, int]:
    while scale.shape[1] > _MOST_BINS and size < _COARSEST:
        scale, size = _coarser(scale), size * _FACTOR
    return scale, size


def _reduce_ranges(scale: Scale, low: NDArray[np.int64], high: NDArray[np.int64]) -> Scale:
    """Minima and maxima over bins [low, high) for each pair; the ranges may overlap."""
    # Every second result of reduceat over (low, high, low, high, ...) is wanted. A bin is added at the end
    # because an index may not be the length itself.
    first, last = low[0], high[-1]
    pairs = np.stack((low, high), axis=1).ravel() - first
    padded = np.concatenate((scale[:, first:last], scale[:, last - 1 : last]), axis=1)
    minima = np.minimum.reduceat(padded[:, :, 0], pairs, axis=1)[:, ::2]
    return np.stack((minima, np.maximum.reduceat(padded[:, :, 1], pairs, axis=1)[:, ::2]), axis=2)


def _connect(columns: NDArray[np.float32]) -> None:
    """Lengthen columns in place until each touches the one before it."""
    low, high = columns[..., 0].copy(), columns[..., 1].copy()
    columns[:, 1:, 0] = np.minimum(low[:, 1:], high[:, :-1])
    columns[:, 1:, 1] = np.maximum(high[:, 1:], low[:, :-1])


def _key(source: Path) -> NDArray[np.int64]:
    status = source.stat()
    return np.array((_VERSION, status.st_size, status.st_mtime_ns), np.int64)
