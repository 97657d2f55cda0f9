"""How well what a parser predicts of one clip fits its labels, by the metrics that papers report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from avvp_studio.domain.tracks import Track
from trainer.labels import PRESENT, UNSEEN
from trainer.metrics import AUDIO_VISUAL_METRICS, KINDS, METRICS, scores
from trainer.parses import Parse


@dataclass(frozen=True)
class ClipScores:
    """In per cent by metric: by the thresholds in force, and `own` by the parser's own.

    `differing` of the labelled cells are predicted otherwise than they are labelled.
    """

    metrics: Mapping[str, float]
    own: Mapping[str, float]
    differing: int

    def gain(self, metric: str) -> float:
        """How much better the thresholds in force are than the parser's own."""
        return self.metrics[metric] - self.own[metric]


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """The labels of a clip, as what predictions are scored against: states (2, T, C).

    With `is_complete` the scores are the clip's official ones. Else only what is labelled counts: all other
    cells are neither true nor predicted. `is_audio_visual_only`: nothing else than AV has a score.
    """

    states: NDArray[np.int8]
    is_complete: bool
    is_audio_visual_only: bool = False
    _own: dict[Parse, Mapping[str, float]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def labelled(self) -> int:
        """The number of cells that are."""
        return int(self._known.sum())

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """What can be scored: of what nobody labelled, a silent parser would have all 100 per cent."""
        heard, seen = (bool(known.any()) for known in self._known)
        both = bool(self._known.all(axis=0).any())
        is_labelled = (heard, seen, both, both, heard or seen)
        kinds = {kind for kind, is_in in zip(KINDS, is_labelled, strict=True) if is_in}
        possible = AUDIO_VISUAL_METRICS if self.is_audio_visual_only else METRICS
        return tuple(name for name in possible if name.partition("/")[2] in kinds)

    def scores(self, track: Track) -> ClipScores:
        """The scores of a track; something must be labelled."""
        if track.parse not in self._own:
            self._own[track.parse] = self._scores(track.predicted_by_own)
        own = self._own[track.parse]
        found = own if track.rule == track.own_rule else self._scores(track.predicted)
        differing = (track.predicted & self._known) != self._present
        return ClipScores(found, own, int(differing.sum()))

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        return np.asarray(self.states != UNSEEN)

    @cached_property
    def _present(self) -> NDArray[np.bool_]:
        return np.asarray(self.states == PRESENT)

    def _scores(self, predicted: NDArray[np.bool_]) -> Mapping[str, float]:
        """Categories that are neither true nor predicted count for nothing: left out, they cost no time."""
        predicted = predicted & self._known
        occurs = (predicted | self._present).any(axis=(0, 1))
        found = scores(predicted[None, :, :, occurs], self._present[None, :, :, occurs])
        return {name: found[name] for name in self.metrics}
