"""Everything that a painter of the timeline needs to know at one moment, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from PySide6.QtGui import QFont

from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import Theme, mix
from avvp_studio.ui.timeline.arrangement import Bands
from avvp_studio.ui.timeline.band_media import BandMedia
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.curves import Steps, steps
from avvp_studio.ui.timeline.rows import Rows, Sizes
from avvp_studio.ui.timeline.view import TimeView
from trainer.labels import Modality


@dataclass(frozen=True, eq=False)
class Scene:
    """`view` tells where a time lies, `bands` and `rows` where a band and a category do.

    The rows begin at the foot of the bands, moved up by `scroll`.
    """

    content: TimelineContent
    theme: Theme
    view: TimeView
    sizes: Sizes
    bands: Bands
    rows: Rows
    scroll: int
    text: QFont
    figures: QFont
    armed: str | None = None
    digits: dict[str, str] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()
    peaks: Peaks | None = None
    note: str = ""
    media: BandMedia = field(default_factory=BandMedia)

    @cached_property
    def grid(self) -> Steps | None:
        """The steps of the segments in view; None where there are none."""
        return steps(self.view, self.content.segments)

    @property
    def origin(self) -> int:
        """Where on the widget the top of the first row is."""
        return self.bands.bottom - self.scroll

    def hue(self, modality: Modality) -> str:
        return self.theme.audio if modality is Modality.AUDIO else self.theme.visual

    def is_dimmed(self, category: str) -> bool:
        return self.armed is not None and category != self.armed

    def lane_background(self, category: str) -> str:
        armed = category == self.armed
        return mix(self.theme.accent, self.theme.surface, 0.13) if armed else self.theme.surface
