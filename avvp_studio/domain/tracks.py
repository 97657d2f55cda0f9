"""Tracks: what one parser believes about the clip in view, ready to be drawn against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.parses import Parse
from trainer.prediction import HAN_RULE, PredictionRule


@dataclass(frozen=True, eq=False)
class Track:
    """A parse with the name and rule of its parser. Columns are the project's categories, in its order."""

    parser: str
    parse: Parse
    rule: PredictionRule = HAN_RULE

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(2, T, C), audio first."""
        return np.stack([self.parse.audio, self.parse.visual])

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """(2, T, C), audio first."""
        return self.parse.predicted(self.rule)
