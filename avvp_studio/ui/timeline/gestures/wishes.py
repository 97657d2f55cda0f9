"""What a hand can ask for. No Qt. The timeline does none of it to labels itself: it says what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.labels import Modality, State


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
class Arm:
    """Arm a category, or disarm."""

    category: str | None


Wish = Seek | Scrub | Look | Select | Mark | Arm

LIVE = (Scrub, Look)
"""What is done while the hand still moves; the others wait for the release, and are shown until then."""
