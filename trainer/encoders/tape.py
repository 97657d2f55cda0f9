"""The rows of a feature set of one file as they are made: those of long files are on the disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile, TemporaryFile

import numpy as np

from trainer.encoders.encoding import Rows

_IN_MEMORY = 1 << 24
"""Bytes of a set that are kept in memory: of eight rows a second of 2048 numbers, four minutes."""
_AT_ONCE = 256
"""Items that are copied at once."""


class Tape:
    """Rows of items, each by its number; all have the same shape. Not for several threads at once."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - as long as the tape is there
        self._shape: tuple[int, ...] = (0,)
        self.is_finite = True
        """Whether all are numbers."""

    def __del__(self) -> None:
        self._file.close()

    def put(self, number: int, rows: Rows) -> None:
        """Keep the rows of an item."""
        self._shape = rows.shape
        self.is_finite &= bool(np.isfinite(rows).all())
        self._file.seek(number * rows.nbytes)
        self._file.write(rows.tobytes())

    def rows(self, order: Sequence[int]) -> Rows:
        """The rows of items one after the other in this order, in which items may come again."""
        count, *rest = self._shape
        shape = (len(order) * count, *rest)
        if 4 * math.prod(shape) <= _IN_MEMORY:
            return np.concatenate(list(self._parts(order)))
        with TemporaryFile() as file:
            for part in self._parts(order):
                file.write(part.tobytes())
            file.flush()
            return np.memmap(file, np.float32, "r", shape=shape)

    def _parts(self, order: Sequence[int]) -> Iterator[Rows]:
        size = 4 * math.prod(self._shape)
        for begin in range(0, len(order), _AT_ONCE):
            numbers = order[begin : begin + _AT_ONCE]
            first, last = min(numbers), max(numbers)
            self._file.seek(first * size)
            held = np.frombuffer(self._file.read((last + 1 - first) * size), np.float32)
            yield np.concatenate(held.reshape(-1, *self._shape)[np.array(numbers) - first])
