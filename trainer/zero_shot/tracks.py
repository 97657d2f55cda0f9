"""Zero-shot parses of clips: probabilities by a matcher, and a meta that says what it cannot see or hear."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import Dataset
from trainer.features import FeatureError, some
from trainer.labels import PRESENT, UNSEEN, Modality, state_grid
from trainer.parses import Parse, ParseFile
from trainer.prediction import HAN_RULE
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter
from trainer.scoring import truth_cells
from trainer.zero_shot.bridge import Reach
from trainer.zero_shot.calibration import Calibration, fitted
from trainer.zero_shot.clips import ClipReader, extract

Rows = NDArray[np.float32]

REACH = "reach"
"""What of a parse file's meta says how well each category can be heard and seen."""

_TEACHING = ("train", "val")


class Matcher(Protocol):
    """What tells categories by features: `Bridge`, `Joint`."""

    @property
    def name(self) -> str: ...
    @property
    def reach(self) -> Mapping[Modality, tuple[Reach, ...]]:
        """Of each category (C,), for the modalities that it tells of."""

    @property
    def sets(self) -> Mapping[str, tuple[Modality, int]]:
        """The feature sets, their modality and columns."""

    def logits(self, modality: Modality, rows: Mapping[str, Rows]) -> Rows:
        """(T, C) of the rows (T, K) of sets of the modality."""


@dataclass(frozen=True, kw_only=True)
class ZeroShot:
    """Parses clips by a matcher for `categories`, by what `clips` reads."""

    matcher: Matcher
    categories: tuple[str, ...]
    clips: ClipReader

    def parse(self, names: Sequence[str], dataset: Dataset | None, reporter: Reporter) -> ParseFile:
        """The parses of all clips that have features. What the `dataset` knows of train and val calibrates.

        Raises FeatureError where no clip has any, and StopRequested.
        """
        calibrations = self._calibrations(dataset, reporter)
        progress = progress_of(reporter, "parse")
        parses: dict[str, Parse] = {}
        missing = []
        for i, name in enumerate(names):
            if rows := self.clips.read(name):
                parses[name] = self._parse(rows, calibrations)
            else:
                missing.append(name)
            progress(i + 1, len(names))
        for text in self.clips.notes(names, missing):
            reporter.send(Note(text=text))
        if not parses:
            help_text = extract(self.matcher.sets)
            raise FeatureError(
                f"none of the {len(names)} clips to parse has features ({some(names)}); {help_text}"
            )
        return ParseFile.from_clips(parses, self.categories, self._meta(calibrations))

    def reach(self, modality: Modality) -> tuple[Reach, ...]:
        """Of each category; what no features are there for is not known."""
        if modality in self.clips.modalities:
            return self.matcher.reach[modality]
        return (Reach(0.0, (), False),) * len(self.categories)

    def _parse(self, rows: Mapping[str, Rows], calibrations: Mapping[Modality, Calibration]) -> Parse:
        length = len(next(iter(rows.values())))
        audio, visual = np.zeros((2, length, len(self.categories)), np.float32)
        for modality, cells in ((Modality.AUDIO, audio), (Modality.VISUAL, visual)):
            if (logits := self._logits(modality, rows)) is not None:
                known = [reach.known for reach in self.reach(modality)]
                cells[:] = calibrations[modality].probabilities(logits) * known
        heard, seen = audio.max(axis=0), visual.max(axis=0)
        return Parse(audio, visual, np.maximum(heard, seen), heard, seen)

    def _logits(self, modality: Modality, rows: Mapping[str, Rows]) -> Rows | None:
        if not any(self.matcher.sets[name][0] is modality for name in rows):
            return None
        return self.matcher.logits(modality, rows)

    def _calibrations(self, dataset: Dataset | None, reporter: Reporter) -> dict[Modality, Calibration]:
        """By what a person reviewed in train and val, and the dense truth of val; by default without any."""
        names = [] if dataset is None else teaching_names(dataset)
        logits: dict[Modality, list[Rows]] = {modality: [] for modality in Modality}
        truth: dict[Modality, list[NDArray[np.int8]]] = {modality: [] for modality in Modality}
        progress = progress_of(reporter, "calibrate")
        for i, name in enumerate(names):
            rows = self.clips.read(name)
            for modality in Modality:
                values = self._logits(modality, rows)
                if values is not None and dataset is not None:
                    states = known_cells(dataset, name, len(values), self.categories)
                    logits[modality].append(values)
                    truth[modality].append(states[modality.axis])
            progress(i + 1, len(names))
        self.clips.lacking.clear()
        self.clips.problems.clear()
        return {
            modality: fitted(logits[modality], truth[modality])
            if logits[modality]
            else Calibration.default(len(self.categories))
            for modality in Modality
        }

    def _meta(self, calibrations: Mapping[Modality, Calibration]) -> dict[str, Any]:
        reach = {
            str(modality): dict(
                zip(self.categories, (_as_json(one) for one in self.reach(modality)), strict=True)
            )
            for modality in Modality
        }
        return {
            "parser": f"zero-shot ({self.matcher.name})",
            "features": [*self.clips.places],
            **HAN_RULE.to_meta(),
            "created": time.time(),
            REACH: reach,
            "calibration": {str(modality): _said(one) for modality, one in calibrations.items()},
        }


def teaching_names(dataset: Dataset) -> list[str]:
    """The clips of train and val of which cells are known, to one modality: never any of test."""
    is_dense = not dataset.audio_visual_only
    return [
        name
        for split in _TEACHING
        for name in dataset.splits.get(split, {})
        if dataset.reviewed.get(name) or (split == "val" and is_dense and name in dataset.complete)
    ]


def known_cells(dataset: Dataset, name: str, segments: int, categories: Sequence[str]) -> NDArray[np.int8]:
    """The states (2, T, C) of a clip's cells: its dense truth, where that is complete, or what was reviewed."""
    if name in dataset.complete and not dataset.audio_visual_only:
        states = truth_cells(dataset, name, segments).astype(np.int8) * PRESENT
    else:
        states = state_grid(dataset.reviewed.get(name, ()), dataset.categories, segments)
    found = np.full((2, segments, len(categories)), UNSEEN, np.int8)
    for c, category in enumerate(categories):
        if category in dataset.categories:
            found[..., c] = states[..., dataset.categories.index(category)]
    return found


def _as_json(reach: Reach) -> dict[str, Any]:
    return asdict(reach) | {"classes": [*reach.classes]}


def _said(calibration: Calibration) -> dict[str, Any]:
    if not calibration.clips:
        return {"from": "constants"}
    biases = [round(float(bias), 4) for bias in calibration.biases]
    source = f"cells known of {calibration.clips} train and val clips"
    return {"from": source, "clips": calibration.clips, "slope": round(calibration.slope, 4), "biases": biases}
