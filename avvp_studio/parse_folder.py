"""The parse files of a project, read when a clip needs them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avvp_studio.domain.project import Clip
from avvp_studio.domain.thresholds import levels_of, with_levels
from avvp_studio.domain.tracks import Reaches, Track, read_calibration, read_reach
from avvp_studio.threshold_file import ThresholdFile
from trainer.parses import NPZ_DAMAGE, Parse, ParseError, ParseFile, read_parses
from trainer.prediction import PredictionRule

_CACHED = 4
"""Parse files kept in memory. A file of all of LLP takes some 25 MB."""

_SHOWN_BY_DEFAULT = 2
"""The newest parser and the one before it: what a retrain changed."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A parse file as it lies there: a file that was written again is another entry."""

    path: Path
    stamp: tuple[int, int]
    parser: str
    created: float
    reach: Reaches = field(default_factory=dict, compare=False)
    calibrated_by: int = field(default=0, compare=False)


class ParseFolder:
    """The parsers that have left a file in a folder, newest first, and what each believes about a clip.

    What is wrong with a file is passed to `say`, once for each file; the others go on.
    """

    def __init__(
        self, folder: Path, categories: Sequence[str], say: Callable[[str], None], thresholds: ThresholdFile
    ) -> None:
        self._folder = folder
        self._thresholds = thresholds
        self._categories = tuple(categories)
        self._say = say
        self._said: set[tuple[Path, tuple[int, int], str]] = set()
        self._entries: dict[str, _Entry] = {}
        self._shown: tuple[str, ...] = ()
        self._cache: dict[_Entry, ParseFile] = {}

    @property
    def parsers(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def path(self, parser: str) -> Path:
        """The file that a parser has left."""
        return self._entries[parser].path

    def reach(self, parser: str) -> Reaches:
        """What a parser can know of, where it says so."""
        return self._entries[parser].reach

    def use_rule_of(self, track: Track) -> None:
        """Let the parser predict in all clips as it does in a track, and keep its thresholds."""
        levels = levels_of(track.rule, track.own_rule, self._categories)
        self._thresholds.keep(self.path(track.parser).stem, levels)

    def rule_in_file(self, track: Track) -> PredictionRule:
        """The rule of a track for the columns of the file that it comes from. Raises ParseError."""
        places = {category: column for column, category in enumerate(self._categories)}
        file = self._file(self._entries[track.parser])
        return track.rule.with_columns([places.get(category, -1) for category in file.categories])

    @property
    def shown(self) -> tuple[str, ...]:
        """Those whose tracks are drawn, newest first."""
        return self._shown

    def show(self, parsers: Iterable[str]) -> None:
        """Choose the parsers whose tracks are drawn."""
        wanted = set(parsers)
        self._shown = tuple(parser for parser in self._entries if parser in wanted)

    def scan(self) -> None:
        """Look which files there are now. A new newest parser is shown, beside the one before it."""
        newest = self.parsers[:1]
        self._entries = self._found()
        self._cache = {entry: file for entry, file in self._cache.items() if entry in self._entries.values()}
        self.show(self._shown if self.parsers[:1] == newest else self.parsers[:_SHOWN_BY_DEFAULT])

    def tracks(self, clip: Clip) -> tuple[Track, ...]:
        """What the shown parsers believe about the clip, newest first."""
        found = (self._track(parser, clip) for parser in self._shown)
        return tuple(track for track in found if track is not None)

    def _found(self) -> dict[str, _Entry]:
        """The files there are, newest first, by names that tell them apart."""
        known = {(entry.path, entry.stamp): entry for entry in self._entries.values()}
        found = []
        for path in self._folder.glob("*.npz"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # taken away since it was listed
            stamp = (status.st_mtime_ns, status.st_size)
            entry = known.get((path, stamp))
            found.append(entry or _said_by(_Entry(path, stamp, path.stem, status.st_mtime)))
        found.sort(key=lambda entry: (entry.created, entry.path.name), reverse=True)
        count = Counter(entry.parser for entry in found)
        return {
            entry.parser if count[entry.parser] == 1 else f"{entry.parser} ({entry.path.stem})": entry
            for entry in found
        }

    def _track(self, parser: str, clip: Clip) -> Track | None:
        """What the parser believes about the clip; None when it does not hold it, or cannot be read."""
        entry = self._entries[parser]
        try:
            file = self._file(entry)
        except ParseError as error:
            self._say_once(entry, "unreadable", str(error))
            return None
        parse = file.clip(clip.name)
        if parse is None:
            return None
        columns = [file.categories.index(name) if name in file.categories else -1 for name in self._categories]
        aligned = _aligned(parse, columns, clip.segments)
        rule = file.rule.with_columns(columns)
        track = Track(parser, aligned, rule, entry.reach, entry.calibrated_by)
        chosen = self._thresholds.levels(entry.path.stem)
        if chosen:
            track = track.by_rule(with_levels(rule, self._categories, chosen))
        try:
            _ = track.predicted
        except ParseError as error:
            self._say_once(entry, "rule", f"{entry.path.name}: {error}")
            return None
        self._say_what_differs(entry, file, parse, clip)
        return track

    def _file(self, entry: _Entry) -> ParseFile:
        """The file, from memory when it was read before; the one used longest ago makes place."""
        file = self._cache.pop(entry, None) or read_parses(entry.path)
        self._cache[entry] = file
        if len(self._cache) > _CACHED:
            del self._cache[next(iter(self._cache))]
        return file

    def _say_what_differs(self, entry: _Entry, file: ParseFile, parse: Parse, clip: Clip) -> None:
        missing = [name for name in self._categories if name not in file.categories]
        if missing:
            text = f"{entry.path.name}: says nothing of {', '.join(missing)}; shown as probability 0"
            self._say_once(entry, "categories", text)
        if len(parse.audio) != clip.segments:
            text = (
                f"{entry.path.name}: has {len(parse.audio)} segments for {clip.name}, which has "
                f"{clip.segments}; the rest is shown as probability 0. Parse the clips again to be exact."
            )
            self._say_once(entry, "segments", text)

    def _say_once(self, entry: _Entry, kind: str, text: str) -> None:
        key = (entry.path, entry.stamp, kind)
        if key not in self._said:
            self._said.add(key)
            self._say(text)


def _said_by(entry: _Entry) -> _Entry:
    """The parser's name, when it parsed and how far it reaches, by the file's own account: no array is read."""
    try:
        with entry.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            meta = json.loads(str(arrays["meta"]))
        parser, created = str(meta.get("parser") or entry.parser), float(meta.get("created", entry.created))
        reach, calibrated_by = read_reach(meta), read_calibration(meta)
        return replace(entry, parser=parser, created=created, reach=reach, calibrated_by=calibrated_by)
    except (*NPZ_DAMAGE, AttributeError):
        return entry  # what is wrong with it is said when it is needed


def _aligned(parse: Parse, columns: Sequence[int], segments: int) -> Parse:
    """The parse with its columns in another order (-1: none, zeros) and as many segments as asked for."""
    parse = parse.with_columns(columns)
    return replace(parse, audio=_fitted(parse.audio, segments), visual=_fitted(parse.visual, segments))


def _fitted(values: NDArray[np.float32], segments: int) -> NDArray[np.float32]:
    cut = values[:segments]
    return np.pad(cut, ((0, segments - len(cut)), (0, 0)))
