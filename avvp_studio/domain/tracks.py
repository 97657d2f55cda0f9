"""Tracks: what one parser believes about the clip in view, ready to be drawn against time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, eq=False)
class Track:
    """A parse with the name and rule of its parser. Columns are the project's categories, in its order."""

    parser: str
    parse: Parse
    rule: PredictionRule = HAN_RULE
    reach: Reaches = field(default_factory=dict)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(2, T, C), audio first."""
        return np.stack([self.parse.audio, self.parse.visual])

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """(2, T, C), audio first."""
        return self.parse.predicted(self.rule)
