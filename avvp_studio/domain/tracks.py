"""Tracks: what one parser believes about the clip in view, ready to be drawn against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.parses import DEFAULT_THRESHOLD, Parse


@dataclass(frozen=True, eq=False)
class Track:
    """A parse with the name of its parser. Columns are the project's categories, in the project's order."""

    parser: str
    parse: Parse
    threshold: float = DEFAULT_THRESHOLD

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(2, T, C), audio first."""
        return np.stack([self.parse.audio, self.parse.visual])

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """(2, T, C), audio first."""
        return self.parse.predicted(self.threshold)
