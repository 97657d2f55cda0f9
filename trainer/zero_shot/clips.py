"""The rows of clips, read clip by clip: every clip is read once, and there may be a hundred thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import feature_key, parse_llp_name
from trainer.feature_files import DEFAULT_SETS, ENCODER_OF_SET, FeaturePlace, UnusableError, find_place
from trainer.features import FeatureError, some
from trainer.labels import Modality, segment_count

Rows = NDArray[np.float32]


@dataclass
class ClipReader:
    """Reads the `sets` (modality and columns by name) of a folder, and remembers what was odd.

    `segments`: T of clips whose length is known. Raises FeatureError where the folder has none of the sets.
    """

    folder: Path
    sets: Mapping[str, tuple[Modality, int]]
    segments: Mapping[str, int]
    places: dict[str, FeaturePlace] = field(init=False)
    problems: list[str] = field(default_factory=list)
    lacking: Counter[str] = field(default_factory=Counter)
    """Of each set how many of the clips have no file."""

    def __post_init__(self) -> None:
        found = {name: find_place(self.folder, name) for name in self.sets}
        self.places = {name: place for name, place in found.items() if place is not None and place.has_any()}
        if not self.places:
            raise FeatureError(
                f"{self.folder}: there is no feature set {', nor '.join(self.sets)}; {extract(self.sets)}"
            )

    @property
    def modalities(self) -> set[Modality]:
        return {self.sets[name][0] for name in self.places}

    def read(self, name: str) -> dict[str, Rows]:
        """The rows (T, K) of each set that the clip has; of one length, shorter ones end with zeros."""
        key, found = feature_key(name), {}
        for features, place in self.places.items():
            if place.stamp(key) is None:
                self.lacking[features] += 1
                continue
            try:
                rows = place.read(key)
            except UnusableError as error:
                self.problems.append(str(error))
                continue
            if rows.shape[1] != self.sets[features][1]:
                kind = f"{rows.shape[1]} columns instead of {self.sets[features][1]}"
                self.problems.append(f"{place.files(key)[0]}: {kind}, so these are features of another encoder")
                continue
            found[features] = rows
        length = self._length(name) or max(map(len, found.values()), default=0)
        return {features: _of_length(rows, length) for features, rows in found.items()}

    def _length(self, name: str) -> int:
        said = parse_llp_name(name)
        return self.segments.get(name, segment_count(said.end - said.start) if said else 0)

    def notes(self, names: Iterable[str], missing: Iterable[str]) -> list[str]:
        """What a person should know when all was read; `missing` clips had no rows at all."""
        names, missing = list(names), list(missing)
        notes = []
        if missing:
            notes.append(f"{len(missing)} of {len(names)} clips have no features: {some(missing)}")
        for features in self.sets:
            count = self.lacking[features] - len(missing)
            if features not in self.places:
                notes.append(no_sets(self.folder, [features]))
            elif count > 0:
                notes.append(f"{count} of {len(names)} clips have no {features}, and are parsed without it")
        if self.problems:
            notes.append(f"{len(self.problems)} feature files cannot be used: {some(self.problems)}")
        return notes


def no_sets(folder: Path, sets: Iterable[str]) -> str:
    """That a folder has none of them."""
    names = [*dict.fromkeys(sets)]
    return f"{folder}: there is no feature set {', nor '.join(names)}; {extract(names)}"


def extract(sets: Iterable[str]) -> str:
    """What to do where features of these sets are missing."""
    makers = dict.fromkeys("default" if name in DEFAULT_SETS else ENCODER_OF_SET[name] for name in sets)
    encoders = " ".join(f"--encoder {maker}" for maker in makers)
    return f"make it with `avvp-trainer extract {encoders} --media DIR --out FEATURES`"


def _of_length(rows: Rows, length: int) -> Rows:
    if len(rows) >= length:
        return rows[:length]
    return np.concatenate([rows, np.zeros((length - len(rows), rows.shape[1]), np.float32)])
