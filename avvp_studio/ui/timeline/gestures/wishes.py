"""What a hand can ask for. No Qt. The timeline does none of it to labels itself: it says what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.labels import Event, Modality, State


@dataclass(frozen=True)
class Seek:
    time: float


@dataclass(frozen=True)
class Scrub:
    time: float


@dataclass(frozen=True)
class Look:
    """See the time from `onset` on, in the same zoom."""

    onset: float


@dataclass(frozen=True)
class Select:
    onset: float
    offset: float


@dataclass(frozen=True)
class Mark:
    """Say the same of a category in one or both modalities."""

    modalities: tuple[Modality, ...]
    category: str
    onset: float
    offset: float
    state: State


@dataclass(frozen=True)
class Reshape:
    """Let a label hold in another range, or in the other modality; with `is_copy`, another one like it."""

    event: Event
    onset: float
    offset: float
    modality: Modality
    is_copy: bool = False


@dataclass(frozen=True)
class Split:
    """Make two labels of one."""

    event: Event
    time: float


@dataclass(frozen=True)
class SetThreshold:
    """Let a parser predict from another probability on; None is its own.

    `is_all`: every category of the modality.
    """

    parser: str
    modality: Modality
    category: str
    level: float | None
    is_all: bool = False


@dataclass(frozen=True)
class Play:
    """Play a range once."""

    onset: float
    offset: float


@dataclass(frozen=True)
class Arm:
    """Arm a category, or disarm."""

    category: str | None


@dataclass(frozen=True)
class Resize:
    """Make rows, or a band, as tall as this; None: as is usual."""

    height: int | None
    categories: tuple[str, ...] = ()
    band: str = ""


@dataclass(frozen=True)
class Widen:
    """Make the headers as wide as this; 0: as is usual."""

    width: int


@dataclass(frozen=True)
class Reorder:
    """Put a row before another, or at the end."""

    category: str
    before: str | None


Wish = (
    Seek | Scrub | Look | Select | Mark | Reshape | Split | SetThreshold | Play | Arm | Resize | Widen | Reorder
)

LIVE = (Scrub, Look)
"""What is done while the hand still moves; the others wait for the release, and are shown until then."""
