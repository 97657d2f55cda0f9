"""What can lie under the mouse. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from trainer.labels import Event, Modality


class Zone(Enum):
    """The parts of the timeline that answer to the mouse in their own way."""

    RULER = auto()
    BAND = auto()
    """A picture of the clip's sound or video, between ruler and lanes."""
    HEADER = auto()
    LANE = auto()
    COLUMN = auto()
    """The left column where no category is: nothing happens there."""
    EMPTY = auto()


class Side(Enum):
    """Which end of an event."""

    ONSET = auto()
    OFFSET = auto()


@dataclass(frozen=True)
class OnEvent:
    """The mouse is over an event; at one of its ends, or between them (None)."""

    event: Event
    side: Side | None = None


@dataclass(frozen=True)
class OnThreshold:
    """The mouse is over the line of a parser's threshold; from 0 to 1 it is so many pixels.

    `own` is the parser's own threshold.
    """

    parser: str
    level: float
    own: float
    pixels: float

    @property
    def is_chosen(self) -> bool:
        """Whether a person has moved it."""
        return self.level != self.own


@dataclass(frozen=True)
class OnFoot:
    """The mouse is over the line below a row or a band, whose height it can change."""

    height: int
    category: str = ""
    band: str = ""


@dataclass(frozen=True)
class OnColumnEdge:
    """The mouse is over the right edge of the headers."""

    width: int


Target = OnEvent | OnFoot | OnColumnEdge


@dataclass(frozen=True)
class Place:
    """What lies under the mouse.

    A lane without a modality is the derived audio-visual row. `band` names the band between ruler and lanes.
    `level` is how high in its lane, or header, the place is: 0 at the foot, 1 at the top. The line of a
    threshold may lie over a target, and is taken hold of by going up or down.
    """

    zone: Zone
    x: float
    time: float
    category: str | None = None
    modality: Modality | None = None
    y: float = 0.0
    band: str = ""
    level: float = 0.0
    target: Target | None = None
    threshold: OnThreshold | None = None
