"""Tracks: what one parser believes about the clip in view, ready to be drawn against time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.labels import MODALITIES, Modality
from trainer.parses import Parse
from trainer.prediction import HAN_RULE, PredictionRule


@dataclass(frozen=True, slots=True)
class Reach:
    """How a parser that was never trained knows of a category: through which classes of its encoder.

    Without `is_known` it cannot hear, or see, the category at all.
    """

    classes: tuple[str, ...]
    is_known: bool


Reaches = Mapping[tuple[Modality, str], Reach]
"""Of each modality and category that a parser tells of; of the others nothing is known."""


def read_reach(meta: Mapping[str, Any]) -> dict[tuple[Modality, str], Reach]:
    """What a parse file's meta says of its reach; what is not written as it should be is left out."""
    said = meta.get("reach")
    found: dict[tuple[Modality, str], Reach] = {}
    for modality in MODALITIES:
        entries = said.get(modality.value) if isinstance(said, dict) else None
        for category, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("known"), bool):
                classes = entry.get("classes")
                names = map(str, classes) if isinstance(classes, list | tuple) else ()
                found[modality, category] = Reach(tuple(names), entry["known"])
    return found


def read_calibration(meta: Mapping[str, Any]) -> int:
    """By how many clips a parser that was never trained says that it was calibrated."""
    said = meta.get("calibration")
    entries = said.values() if isinstance(said, dict) else ()
    counts = [entry.get("clips") for entry in entries if isinstance(entry, dict)]
    return max((count for count in counts if isinstance(count, int)), default=0)


@dataclass(frozen=True, eq=False)
class Track:
    """A parse with the name and rule of its parser. Columns are the project's categories, in its order.

    `calibrated_by`: how many clips, where the parser says so. `rule_before`: the parser's own rule, where a
    person chose other thresholds.
    """

    parser: str
    parse: Parse
    rule: PredictionRule = HAN_RULE
    reach: Reaches = field(default_factory=dict)
    calibrated_by: int = 0
    rule_before: PredictionRule | None = None

    @property
    def own_rule(self) -> PredictionRule:
        """As the parser itself predicts."""
        return self.rule_before or self.rule

    def by_rule(self, rule: PredictionRule) -> Track:
        """The same with other thresholds."""
        return replace(self, rule=rule, rule_before=None if rule == self.own_rule else self.own_rule)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """(2, T, C), audio first."""
        return np.stack([self.parse.audio, self.parse.visual])

    @cached_property
    def predicted(self) -> NDArray[np.bool_]:
        """(2, T, C), audio first."""
        return self.parse.predicted(self.rule)

    @cached_property
    def predicted_by_own(self) -> NDArray[np.bool_]:
        """The same by the parser's own thresholds."""
        return self.parse.predicted(self.own_rule)

    @cached_property
    def admitted(self) -> NDArray[np.bool_]:
        """(2, C): what the gate lets pass. Of the others nothing is predicted, whatever the threshold."""
        return self.parse.admitted(self.own_rule)
