"""Feature stores: sets of `.npy` files, float32, one row (or several) a segment, packed on first use.

Everything is checked before anything is trained, and everything that is wrong is said at once.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import feature_key, parse_llp_name
from trainer.feature_files import ENCODER_FILE, PACKS, FeaturePlace, UnusableError, find_place, sets_in
from trainer.labels import segment_count
from trainer.pack import Pack, Packing, PackKey, UnusableFilesError, map_pack, new_pack, open_pack, parse_pack

_SHOWN = 10
"""How many single problems, missing clips or zero files a message spells out."""

_LEAST_DEVIATION = 0.05
"""Of a column, as a share of what is usual in its set, when features are standardised."""

_PIECE = 1 << 20
"""Numbers of a table that are looked at together."""

Progress = Callable[[int, int], None]
Stamps = Mapping[PackKey, tuple[int, ...]]


class FeatureError(ValueError):
    """Features that cannot be used: what is wrong, in which files."""


@dataclass(frozen=True, eq=False)
class Features:
    """The usable features of some clips, and what was odd about the others.

    Clip i of N has `lengths[i]` segments T: the rows from `starts[i]` on in every table (rows, D). There is one
    table a feature set; each may hold rows of clips that were not asked for. When they
    are `packed` they are a file mapped into memory: what is not looked at is not read, and torch.from_numpy
    shares them without a copy or a warning (what is written to them never reaches the file).

    `missing` names clips that lack a file of some set, `zeros` files that hold nothing but zeros (a black
    picture, or a failed extraction); `note` is what the user should know, or empty.
    """

    names: tuple[str, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    tables: Mapping[str, NDArray[np.float32]]
    widths: Mapping[str, int]
    missing: tuple[str, ...] = ()
    zeros: tuple[str, ...] = ()
    packed: bool = False
    note: str = ""

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The place of every clip in `names`."""
        return {name: i for i, name in enumerate(self.names)}


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and deviation of every column, of the audio set and then of each visual set."""

    means: tuple[NDArray[np.float32], ...]
    deviations: tuple[NDArray[np.float32], ...]

    @staticmethod
    def of(features: Features, names: Iterable[str], sets: Iterable[str]) -> Scaling:
        """That of all segments of the named clips in these `sets`, audio first.

        A column that hardly varies beside the others is not blown up.
        """
        clips = [features.index[name] for name in names]
        rows = np.concatenate([np.arange(features.lengths[i]) + features.starts[i] for i in clips])
        means, deviations = zip(*(_moments(features.tables[name], rows) for name in sets), strict=True)
        return Scaling(means, deviations)


def _moments(
    table: NDArray[np.float32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation (D,) of some rows in float64, piece by piece: the table may be larger than memory."""
    pieces = np.array_split(rows, -(-len(rows) * table.shape[1] // _PIECE))
    mean = sum(table[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / len(rows)
    squares = sum(np.square(table[piece] - mean).sum(axis=0) for piece in pieces)
    deviation = np.sqrt(squares / len(rows))
    least = max(_LEAST_DEVIATION * float(np.sqrt(np.mean(deviation**2))), 1e-12)
    return mean.astype(np.float32), np.maximum(deviation, least).astype(np.float32)


class FeatureStore:
    """A folder of feature sets, as a parser's `audio` set, `visual` sets and `joint` sets see it.

    A set is `<folder>/<set>/<key>.npy`, or lies where published downloads have it (see feature_files). What is
    read is packed under `<folder>/packs`, so that the next time only sizes and times of files are looked at.
    With `resample` the rows of a set are not one (or eight) a segment: they are averaged to its segments.
    """

    def __init__(
        self,
        folder: Path,
        *,
        audio: str,
        visual: Sequence[str],
        joint: Sequence[str] = (),
        resample: bool = False,
    ) -> None:
        self._folder, self._resample = folder, resample
        found = {features: find_place(folder, features) for features in (audio, *visual, *joint)}
        self._places = {features: place for features, place in found.items() if place is not None}
        absent = [features for features, place in found.items() if place is None]
        for features, place in self._places.items():
            _check_folder(folder, features, place)
        if absent:
            if not folder.is_dir():
                raise FeatureError(
                    f"{folder}: there is no such folder; give the one that holds the feature sets"
                )
            sets = sets_in(folder)
            there = f"it has {', '.join(sets)}" if sets else "it has no feature set at all"
            raise FeatureError(
                f"{folder}: there is no feature set {' and no '.join(map(repr, absent))} ({there}); "
                f"extract it, or choose a recipe that uses what is there"
            )

    @property
    def folder(self) -> Path:
        return self._folder

    def read(
        self,
        names: Iterable[str],
        *,
        widths: Mapping[str, int] | None = None,
        segments: Mapping[str, int] | None = None,
        progress: Progress | None = None,
    ) -> Features:
        """The features of the named clips, all checked. `widths`: the columns a checkpoint asks for.

        `segments`: T of each clip, for `resample` only (LLP names say it themselves). Clips without a file are
        `missing`. Only files that were not packed yet, or have changed since, are read; `progress` is told of
        each, and may raise to end it. Raises FeatureError with all that is wrong in them.
        """
        keys = {name: self._key(name, segments or {}) for name in names}
        stamps = {key: stamp for key in {*keys.values()} if (stamp := self._stamp(key.key)) is not None}
        held = {name: key for name, key in keys.items() if key in stamps}
        self._check_segments(held)
        if keys and not held:
            raise self._none_found(tuple(keys.values()))
        if not held:
            return self._nothing(tuple(keys), widths or {})
        pack, note = self._pack({key: stamps[key] for key in held.values()}, progress or _silent)
        widths_found = {features: table.shape[1] for features, table in pack.tables.items()}
        _check_widths(widths_found, widths or {})
        packed = [pack.clips[key] for key in held.values()]
        return Features(
            names=tuple(held),
            starts=np.array([clip.start for clip in packed], np.int64),
            lengths=np.array([clip.length for clip in packed], np.int64),
            tables=pack.tables,
            widths=widths_found,
            missing=tuple(name for name in keys if name not in held),
            zeros=tuple(
                self._places[features].files(key.key)[0]
                for key, clip in zip(held.values(), packed, strict=True)
                for features in clip.zeros
            ),
            packed=not note,
            note=note,
        )

    def _none_found(self, keys: Sequence[PackKey]) -> FeatureError:
        """That no clip has all its files: how many each set has, and the first that the poorest set lacks."""
        held = {
            features: [key for key in keys if place.stamp(key.key) is not None]
            for features, place in self._places.items()
        }
        poorest = min(held, key=lambda features: len(held[features]))
        lacking = next(key for key in keys if key not in held[poorest])
        file = self._folder / self._places[poorest].files(lacking.key)[0]
        counts = ", ".join(f"{features}: {len(having)}" for features, having in held.items())
        return FeatureError(
            f"none of the {len(keys)} clips has its file in every feature set ({counts}); extract them first, "
            f"or name the files as the clips are named: there is no {file}"
        )

    def _nothing(self, missing: tuple[str, ...], widths: Mapping[str, int]) -> Features:
        none = np.zeros(0, np.int64)
        tables = {features: np.zeros((0, widths.get(features, 0)), np.float32) for features in self._places}
        return Features((), none, none, tables, dict(widths), missing)

    def _key(self, name: str, segments: Mapping[str, int]) -> PackKey:
        said = parse_llp_name(name)
        count = 0 if said is None else segment_count(said.end - said.start)
        return PackKey(feature_key(name), segments.get(name, count) if self._resample else count)

    def _stamp(self, key: str) -> tuple[int, ...] | None:
        """Sizes and times of all the clip's files; None where one is missing."""
        stamps = [place.stamp(key) for place in self._places.values()]
        return None if None in stamps else tuple(value for stamp in stamps if stamp for value in stamp)

    def _check_segments(self, keys: Mapping[str, PackKey]) -> None:
        unknown = [name for name, key in keys.items() if self._resample and key.segments == 0]
        if unknown:
            raise FeatureError(
                f"features.resample averages rows to a clip's segments, but nothing says how long "
                f"{len(unknown)} clips are; give their durations in the dataset's clips.csv: {some(unknown)}"
            )

    def _pack(self, asked: Stamps, progress: Progress) -> tuple[Pack, str]:
        """A pack that has these clips as their files are, and what the user should know about it."""
        names = (*self._places, "resampled") if self._resample else (*self._places,)
        path = self._folder / PACKS / f"{quote('+'.join(names), safe='+')}.pack"
        old = open_pack(path, self._patterns)
        if old is not None and all(_is_fresh(old, key, stamp) for key, stamp in asked.items()):
            progress(len(asked), len(asked))
            return old, ""
        others = {} if old is None else self._others(old, asked)
        try:
            return self._write(path, asked, others, old, progress)
        except UnusableFilesError as error:
            if not others:
                raise _explained(error.problems, self._resample) from error
        try:  # without what was packed for other clips: that may be what does not fit
            return self._write(path, asked, {}, old, progress)
        except UnusableFilesError as error:
            raise _explained(error.problems, self._resample) from error

    @property
    def _patterns(self) -> Mapping[str, Sequence[str]]:
        return {features: place.patterns for features, place in self._places.items()}

    def _others(self, old: Pack, asked: Stamps) -> Stamps:
        """The clips that are packed, not asked for, and still as their files are."""
        rest = {key: clip.stamp for key, clip in old.clips.items() if key not in asked}
        return {key: stamp for key, stamp in rest.items() if self._stamp(key.key) == stamp}

    def _write(
        self, path: Path, asked: Stamps, others: Stamps, old: Pack | None, progress: Progress
    ) -> tuple[Pack, str]:
        packing = Packing(self._places, resample=self._resample, old=old, progress=progress)
        try:
            with new_pack(path) as file:
                packing.write(file, {**others, **asked})
                # Mapped before it has its name: another job may put its own pack there at any time.
                return map_pack(Path(file.name), self._patterns), ""
        except OSError as error:
            memory = io.BytesIO()
            packing.write(memory, asked)
            note = f"the features are kept in memory, for {path} cannot be written: {error.strerror or error}"
            return parse_pack(memory.getbuffer(), self._patterns), note


def _check_folder(folder: Path, features: str, place: FeaturePlace) -> None:
    """Refuse a set that was made elsewhere and is not there any more."""
    absent = place.absent_folder
    if absent is not None:
        raise FeatureError(
            f"{folder / features / ENCODER_FILE}: says that the features {features!r} are in {absent}, and "
            f"there is no such folder; bring it back, or tell where it is now: `python -m trainer encoders add "
            f"{features} --from DIR --modality audio|visual --out {folder}`"
        )


def _is_fresh(pack: Pack, key: PackKey, stamp: tuple[int, ...]) -> bool:
    return key in pack.clips and pack.clips[key].stamp == stamp


def _silent(_done: int, _total: int) -> None:
    return


def _check_widths(found: Mapping[str, int], asked: Mapping[str, int]) -> None:
    wrong = [
        f"{features} has {found[features]} columns, the checkpoint asks for {width}"
        for features, width in asked.items()
        if found.get(features, width) != width
    ]
    if wrong:
        raise FeatureError(f"these features are not those of the checkpoint: {'; '.join(wrong)}")


def _explained(problems: Sequence[UnusableError], resample: bool) -> FeatureError:
    kinds = Counter(problem.kind for problem in problems)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    remedy = "delete them and extract them again"
    if "wrong length" in kinds and not resample:
        remedy += ", or set features.resample = true if these features are not made second by second"
    listed = some([str(problem) for problem in problems])
    files = "file" if len(problems) == 1 else "files"
    return FeatureError(f"{len(problems)} feature {files} cannot be used ({counts}); {remedy}: {listed}")


def some(items: Sequence[str]) -> str:
    """The first few of many, for a message."""
    rest = len(items) - _SHOWN
    return "; ".join(items[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
