"""The pieces of a picture of the open clip, made in the background as they are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from avvp_studio.media.errors import MediaError
from avvp_studio.media.tiles import Pixels, Tile, TileMaker
from avvp_studio.tasks import Task, Tasks

_KEPT = 256
"""Pieces: some 30 MB, whatever they show. More only where more are in view."""


class Tiling(QObject):
    """One piece is made at a time. What is not wanted any more is not made."""

    changed = Signal()
    """There is a piece more, or none any more."""

    def __init__(self, parent: QObject | None = None, *, after: threading.Event | None = None) -> None:
        """Nothing is made before `after` is set, which is waited for only briefly."""
        super().__init__(parent)
        self._workshop = Tasks(self, threads=1, after=after)  # so a maker is used by one thread only
        self._maker: TileMaker | None = None
        self._made: OrderedDict[Tile, Pixels] = OrderedDict()
        self._wanted: tuple[Tile, ...] = ()
        self._task: Task | None = None
        self._making: Tile | None = None
        self._is_dropped = threading.Event()
        self._problem = ""

    @property
    def made(self) -> Mapping[Tile, Pixels]:
        """The pieces that there are. It is always the same mapping."""
        return self._made

    @property
    def problem(self) -> str:
        """Why no more are made; empty when all is well."""
        return self._problem

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    def open(self, maker: TileMaker | None) -> None:
        """Go on with another file, or with none; this closes the maker in the end."""
        self._drop()
        if self._maker is not None:
            self._workshop.run(self._maker.close)
        self._maker, self._wanted, self._problem = maker, (), ""
        self._made.clear()
        self.changed.emit()

    def want(self, tiles: Sequence[Tile]) -> None:
        """Have these, the most urgent first, and none that was wanted before."""
        self._wanted = tuple(tiles)
        for tile in self._wanted:
            if tile in self._made:
                self._made.move_to_end(tile)
        if self._making is not None and self._making not in self._wanted:
            self._drop()
        if self._task is None:
            self._make_next()

    def shutdown(self) -> None:
        """Stop everything, and wait briefly for it."""
        self.open(None)
        self._workshop.shutdown()

    def _drop(self) -> None:
        self._is_dropped.set()
        if self._task is not None:
            self._task.cancel()
        self._task = self._making = None

    def _make_next(self) -> None:
        tile = next((tile for tile in self._wanted if tile not in self._made), None)
        if tile is None or self._maker is None or self._problem:
            return
        self._making, self._is_dropped = tile, threading.Event()
        self._task = self._workshop.run(
            self._maker.make, tile, self._is_dropped.is_set, done=self._on_made, failed=self._on_failed
        )

    def _on_made(self, pixels: Pixels) -> None:
        assert self._making is not None
        self._made[self._making] = pixels
        self._task = self._making = None
        while len(self._made) > max(_KEPT, len(self._wanted)):
            self._made.popitem(last=False)
        self.changed.emit()
        if self._task is None:
            self._make_next()

    def _on_failed(self, error: Exception) -> None:
        self._task = self._making = None
        self._problem = str(error)  # the player says it too, and more loudly
        self.changed.emit()
        if not isinstance(error, MediaError):
            raise error
