"""Encodes one file: what is read of it becomes items, batches of items become rows, rows become features."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from trainer.encoders.encoding import (
    Branch,
    ClipBranch,
    Encoder,
    EncoderError,
    PictureIntake,
    Rows,
    SegmentBranch,
    SoundIntake,
)
from trainer.encoders.media import Source, shown
from trainer.encoders.pictures import black
from trainer.encoders.reading import Reading
from trainer.encoders.tape import Tape

Given = NDArray[np.generic]

_OUT_OF_MEMORY = ("allocate memory", "out of memory", "ALLOC_FAILED")
"""What torch says of memory that is used up, on whatever device."""


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """The arrays of one file by feature set, float32 and finite, and what a person should know of it.

    Those of long files are on the disk, mapped into memory. `seconds`: T. A set that is asked for and not there
    can have no features of this file; a note says why.
    """

    features: Mapping[str, Rows]
    seconds: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Item:
    """What a segment branch is to encode next of a file; `place` takes its rows, one array for each set."""

    branch: SegmentBranch
    content: Given
    place: Callable[[tuple[Rows, ...]], None]


class FileEncoder:
    """Encodes files one by one, each by itself: for who has other ways than `extract` to go over many."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._branches = branches_of(encoders)

    def encode(
        self, source: Source, duration: float | None = None, sets: Collection[str] | None = None
    ) -> Encoded:
        """The features of a file, of all sets or of some, (T * rate, width) each. Raises EncoderError.

        T is that of `duration` (seconds); without it the file's own length counts. What is not there counts as
        silence and as black pictures.
        """
        under_way = FileUnderWay(self._branches, source, duration, sets)
        batches: dict[int, Batches] = {}
        for item in under_way.items():
            batches.setdefault(id(item.branch), Batches(item.branch)).add(item)
        for rest in batches.values():
            rest.flush()
        return under_way.encoded()


def branches_of(encoders: Sequence[Encoder]) -> tuple[Branch, ...]:
    return tuple(branch for encoder in encoders for branch in encoder.branches)


def segment_branches(branches: Sequence[Branch]) -> list[SegmentBranch]:
    """Those of the branches that encode batches."""
    return [branch for branch in branches if not hasattr(branch, "begin")]


class Batches:
    """Gathers items of a segment branch, of any files, and encodes them as soon as there are enough."""

    def __init__(self, branch: SegmentBranch) -> None:
        self._branch = branch
        self._items: list[Item] = []

    def add(self, item: Item) -> None:
        self._items.append(item)
        if len(self._items) == self._branch.batch:
            self._infer()

    def flush(self) -> None:
        """Encode what is there; the batch is filled up, as always."""
        if self._items:
            self._infer()

    def _infer(self) -> None:
        items, self._items = self._items, []
        contents = [item.content for item in items]
        contents += [np.zeros_like(contents[0])] * (self._branch.batch - len(items))
        try:
            rows = self._branch.infer(np.stack(contents))
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and not any(text in str(error) for text in _OUT_OF_MEMORY):
                raise
            raise EncoderError(
                f"there is not enough memory to encode {self._branch.sets[0].name}, {len(contents)} items at "
                "once: close what else uses it, or choose another --device or a smaller model"
            ) from error
        for place, item in enumerate(items):
            # Copies: a row must not keep its whole batch in memory.
            item.place(tuple(np.array(part[place], np.float32) for part in rows))


class FileUnderWay:
    """One file on its way through the branches that make the wanted `sets` (all, if None).

    One thread reads `items`; their rows may be placed by others, in any order. `on_complete` is called once,
    by whichever thread is the last: then `encoded` can be asked for.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        source: Source,
        duration: float | None,
        sets: Collection[str] | None = None,
        on_complete: Callable[[FileUnderWay], None] = lambda _: None,
    ) -> None:
        self._sets, self._source, self._on_complete = sets, source, on_complete
        wanted = [branch for branch in branches if any(self._is_wanted(made.name) for made in branch.sets)]
        self._takers = [_taker(branch, self._settle) for branch in wanted]
        self.reading = Reading(source, [branch.intake for branch in wanted], duration)
        self._pending, self._lock = 1, threading.Lock()  # one is the reading itself

    def _is_wanted(self, features: str) -> bool:
        return self._sets is None or features in self._sets

    def items(self, is_ended: Callable[[], bool] = lambda: False) -> Iterator[Item]:
        """Read the file; what is to be encoded comes in the order of time. Raises EncoderError.

        Once `is_ended`, it stops in the middle, and is never complete.
        """
        try:
            for number, given in self.reading:
                if is_ended():
                    return
                yield from self._begun(self._takers[number].take(given))
            for number, picture in self.reading.held:
                yield from self._begun(self._takers[number].hold(picture))
            for taker in self._takers:
                yield from self._begun(taker.finish(self.reading.seconds))
        except MemoryError as error:
            name = shown(self._source)
            raise EncoderError(f"{name}: there is not enough memory for it; give fewer --jobs") from error
        except (av.error.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise EncoderError(
                f"{shown(self._source)}: cannot be read to its end ({reason}); get it again"
            ) from error
        self._settle()

    def _begun(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            with self._lock:
                self._pending += 1
            yield item

    def _settle(self) -> None:
        with self._lock:
            self._pending -= 1
            is_complete = self._pending == 0
        if is_complete:
            self._on_complete(self)

    def encoded(self) -> Encoded:
        """The features, once everything is in its place. Raises EncoderError where they are no numbers."""
        features: dict[str, Rows] = {}
        notes = list(self.reading.notes)
        for taker in self._takers:
            for made, rows in zip(taker.branch.sets, taker.rows(), strict=False):
                if rows is None:
                    raise EncoderError(f"{shown(self._source)}: {made.name} has features that are no numbers")
                if self._is_wanted(made.name):
                    features[made.name] = rows
            notes += taker.notes
        return Encoded(features, self.reading.seconds, tuple(notes))


class _SegmentTaker:
    """What a segment branch is given of one file, and what it makes of it; what comes again is encoded once."""

    def __init__(self, branch: SegmentBranch, settle: Callable[[], None]) -> None:
        self.branch, self._settle = branch, settle
        self.notes: list[str] = []
        intake = branch.intake
        self._rate = intake.rate if isinstance(intake, PictureIntake) else 1
        self._latest: list[Given] = []
        self._group: list[Given] = []
        self._given: Given | None = None
        self._prepared: Given | None = None
        self._order: list[int] = []
        self._tapes = [Tape() for _ in branch.sets]
        self._items = 0

    def take(self, given: Given) -> Iterator[Item]:
        """The item that this completes, if any."""
        if given is not self._given or self._prepared is None:
            self._given, self._prepared = given, self.branch.prepare(given)
        self._group.append(self._prepared)
        if len(self._group) == self._rate:
            yield from self._completed()

    hold = take

    def _completed(self) -> Iterator[Item]:
        group, self._group = self._group, []
        if not (self._latest and all(a is b for a, b in zip(group, self._latest, strict=True))):
            number, self._items, self._latest = self._items, self._items + 1, group
            content = np.stack(group) if isinstance(self.branch.intake, PictureIntake) else group[0]
            yield Item(self.branch, content, lambda rows: self._place(number, rows))
        self._order.append(self._items - 1)

    def _place(self, number: int, rows: tuple[Rows, ...]) -> None:
        for tape, part in zip(self._tapes, rows, strict=True):
            tape.put(number, part)
        self._settle()

    def finish(self, seconds: int) -> Iterator[Item]:
        """The items that fill it up: the last picture holds to the end of its second, then it is black."""
        intake = self.branch.intake
        if isinstance(intake, SoundIntake):
            if not self._order:
                names = ", ".join(made.name for made in self.branch.sets)
                self.notes.append(f"no {names}: those are of clips of at most {intake.longest:.0f} s")
            return
        while self._group and self._given is not None:
            yield from self.take(self._given)
        dark = black(intake.size)
        while len(self._order) < seconds:
            yield from self.take(dark)
        del self._order[seconds:]

    def rows(self) -> list[Rows | None]:
        """An array for each set of the branch, None of no numbers; none where there is nothing to encode."""
        if not self._order:
            return []
        return [tape.rows(self._order) if tape.is_finite else None for tape in self._tapes]


class _ClipTaker:
    """What a clip branch is given of one file, and what it makes of it."""

    def __init__(self, branch: ClipBranch) -> None:
        self.branch = branch
        self.notes: list[str] = []
        self._reader = branch.begin()
        self._rows: tuple[Rows, ...] = ()

    def take(self, given: Given) -> Iterator[Item]:
        self._reader.add(given)
        yield from ()

    def hold(self, picture: Given) -> Iterator[Item]:
        """Nothing: such a branch knows by itself what follows the last picture."""
        yield from ()

    def finish(self, seconds: int) -> Iterator[Item]:
        self._rows = self._reader.finish(seconds)
        yield from ()

    def rows(self) -> list[Rows | None]:
        return [rows if np.isfinite(rows).all() else None for rows in self._rows]


def _taker(branch: Branch, settle: Callable[[], None]) -> _SegmentTaker | _ClipTaker:
    if not hasattr(branch, "begin"):
        return _SegmentTaker(branch, settle)
    return _ClipTaker(cast(ClipBranch, branch))
