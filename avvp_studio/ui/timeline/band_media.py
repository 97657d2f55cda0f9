"""What the bands draw of a clip beside the outline of its sound. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avvp_studio.media.spectrogram import Analysis
from avvp_studio.media.tiles import Tile

Tiles = Mapping[Tile, NDArray[np.uint8]]

USUAL_ASPECT = 16 / 9
_ASPECTS = (0.5, 2.5)
RANGES_DB = (50, 70, 90)


@dataclass(frozen=True, eq=False)
class BandMedia:
    """Pieces come one by one: what is not there yet is drawn as empty.

    Notes, by the name of a band, say why nothing will come. `range_db` is from the loudest that is drawn to
    what looks like silence.
    """

    thumbnails: Tiles = field(default_factory=dict)
    spectrogram: Tiles = field(default_factory=dict)
    analysis: Analysis = field(default_factory=Analysis)
    range_db: int = RANGES_DB[1]
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def aspect(self) -> float:
        """Width by height of the small pictures; the usual one before the first is there."""
        for pixels in self.thumbnails.values():
            height, width = pixels.shape[:2]
            return min(max(_ASPECTS[0], float(width / height)), _ASPECTS[1])
        return USUAL_ASPECT
