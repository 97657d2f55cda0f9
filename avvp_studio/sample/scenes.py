"""What happens in each sample clip, and when: values drawn from a seed, so that the truth is known exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainer.labels import Event, Modality

CATEGORIES = ("Ball", "Bell", "Bird", "Clock", "Drum", "Engine", "Fire", "Flute", "Rain", "Siren")
BACKDROPS = ("hills", "wall", "night", "room", "dunes", "sea")
DURATION = 10
"""Seconds, of every clip."""

_SHARES = {"train": 3, "val": 1, "test": 1}
_CAST_SIZES = (1, 1, 2, 2, 2, 3)
_JITTER = 0.14
"""Seconds that an event may begin after, or end before, the segments that it is labelled in."""
_STEADY = {"Rain", "Fire", "Engine", "Siren"}
"""What goes on for a while; everything else may come in two parts."""
_PERIODS = {
    "Ball": (0.50, 0.66),
    "Bell": (0.60, 0.80),
    "Bird": (0.40, 0.60),
    "Clock": (0.40, 0.55),
    "Drum": (0.30, 0.42),
    "Engine": (0.45, 0.75),
    "Fire": (0.80, 1.20),
    "Flute": (0.28, 0.42),
    "Rain": (1.00, 1.40),
    "Siren": (0.60, 0.80),
}
"""The beat: seconds from a stroke, note or turn to the next. Strokes leave no segment of an event empty."""


class Span(NamedTuple):
    """From `onset` to `offset`, in seconds."""

    onset: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One category in one clip: when it is heard and seen, and what it is like there.

    Picture and sound share the beat (`period` and `phase`, seconds), so that what strikes is heard striking.
    `x` is a part of the picture's width, `size` of its usual size; `loudness` is in dB of full scale;
    `pan` and `shade` (of colour and timbre) are in [-1, 1].
    """

    category: str
    heard: tuple[Span, ...]
    seen: tuple[Span, ...]
    period: float
    phase: float
    loudness: float
    pan: float
    x: float
    size: float
    shade: float
    seed: int

    def beats(self, time: float) -> float:
        """How many strokes were done by `time`; they fall on whole numbers."""
        return (time - self.phase) / self.period

    def events(self) -> Iterator[Event]:
        """The truth: the whole segments that it fills, but for the jitter."""
        for modality, spans in ((Modality.AUDIO, self.heard), (Modality.VISUAL, self.seen)):
            for span in spans:
                onset, offset = float(math.floor(span.onset)), float(math.ceil(span.offset))
                yield Event(modality, self.category, onset, offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One clip. `hum` and `hiss` are the levels of the background's sound, in dB of full scale."""

    name: str
    split: str
    acts: tuple[Act, ...]
    backdrop: str
    strangers: int
    hum: float
    hiss: float
    sample_rate: int
    seed: int

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(act.category for act in self.acts)

    def truth(self) -> tuple[Event, ...]:
        return tuple(sorted(event for act in self.acts for event in act.events()))


def make_scenes(seed: int, count: int) -> tuple[Scene, ...]:
    """The scenes of a sample of `count` clips: three fifths to train on, a fifth each to validate and test.

    From some 12 clips a split on, every category is heard and seen in every split.
    """
    scenes: list[Scene] = []
    for number, (split, size) in enumerate(_split_sizes(count).items()):
        rng = np.random.default_rng((seed, number))
        casting = _Casting(rng)
        for _ in range(size):
            name = f"sample-{len(scenes) + 1:02}"
            scenes.append(_make_scene(name, split, casting, rng))
    return tuple(scenes)


def _split_sizes(count: int) -> dict[str, int]:
    val = test = count * _SHARES["val"] // sum(_SHARES.values())
    return {"train": count - val - test, "val": val, "test": test}


class _Casting:
    """Deals out what comes: every category, cast size, kind and backdrop about equally often."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._decks: dict[str, list[str]] = {}

    def deal(self, deck: str, cards: tuple[str, ...], *, without: tuple[str, ...] = ()) -> str:
        """The next card of a deck that is not in `without`; a used-up deck is shuffled anew."""
        left = self._decks.setdefault(deck, [])
        if not any(card not in without for card in left):
            left.extend(str(card) for card in self._rng.permutation(cards))
        return left.pop(next(i for i, card in enumerate(left) if card not in without))

    def categories(self) -> list[str]:
        cast: list[str] = []
        size = int(self.deal("size", tuple(map(str, _CAST_SIZES))))
        while len(cast) < size:
            cast.append(self.deal("category", CATEGORIES, without=tuple(cast)))
        return cast

    def kind(self, category: str) -> str:
        """ "both" the first time, so that each category is heard and seen; then in turn with one only."""
        deck = f"kind of {category}"
        if deck not in self._decks:
            self._decks[deck] = []
            return "both"
        return self.deal(deck, ("both", "both", "heard", "seen"))


def _make_scene(name: str, split: str, casting: _Casting, rng: np.random.Generator) -> Scene:
    cast = casting.categories()
    places = rng.permutation(np.linspace(0.24, 0.76, 3) if len(cast) > 1 else [0.35, 0.5, 0.65])
    acts = [
        _make_act(category, casting.kind(category), float(place), rng)
        for category, place in zip(cast, places, strict=False)
    ]
    return Scene(
        name=name,
        split=split,
        acts=tuple(acts),
        backdrop=casting.deal("backdrop", BACKDROPS),
        strangers=int(rng.integers(0, 3)),
        hum=float(rng.uniform(-66, -50)),
        hiss=float(rng.uniform(-64, -48)),
        sample_rate=int(rng.choice((44_100, 48_000))),
        seed=int(rng.integers(2**31)),
    )


def _make_act(category: str, kind: str, place: float, rng: np.random.Generator) -> Act:
    first = _spans(rng, is_steady=category in _STEADY)
    heard = first if kind != "seen" else ()
    seen = first if kind == "seen" else (_shifted(first, rng) if kind == "both" else ())
    x = float(place + rng.uniform(-0.04, 0.04))
    period = float(rng.uniform(*_PERIODS[category]))
    return Act(
        category=category,
        heard=tuple(_jittered(span, rng) for span in heard),
        seen=tuple(_jittered(span, rng) for span in seen),
        period=period,
        phase=float(rng.uniform(0, period)),
        loudness=float(rng.uniform(-24, -15)),
        pan=float(np.clip(1.4 * (x - 0.5) + rng.uniform(-0.2, 0.2), -1, 1)),
        x=x,
        size=float(rng.uniform(1.05, 1.4)),
        shade=float(rng.uniform(-1, 1)),
        seed=int(rng.integers(2**31)),
    )


def _spans(rng: np.random.Generator, *, is_steady: bool) -> tuple[Span, ...]:
    """One or two stretches of whole seconds."""
    if not is_steady and rng.random() < 0.3:
        middle = int(rng.integers(4, 7))
        first = Span(int(rng.integers(0, middle - 2)), middle - 1)
        return first, Span(middle + 1, int(rng.integers(middle + 3, DURATION + 1)))
    length = int(rng.integers(4, 9))
    onset = int(rng.integers(0, DURATION - length + 1))
    return (Span(onset, onset + length),)


def _shifted(spans: tuple[Span, ...], rng: np.random.Generator) -> tuple[Span, ...]:
    """When something is seen that is heard in `spans`: at other times as a rule, but at least for a second
    together."""
    if rng.random() < 0.35:
        return spans
    onset = spans[0].onset + int(rng.integers(-2, 3))
    offset = spans[-1].offset + int(rng.integers(-2, 3))
    onset = int(np.clip(onset, 0, spans[0].offset - 1))
    offset = int(np.clip(offset, max(onset + 2, spans[-1].onset + 1), DURATION))
    return (Span(min(onset, offset - 2), offset),)


def _jittered(span: Span, rng: np.random.Generator) -> Span:
    late, early = rng.uniform(0, _JITTER, 2)
    onset = span.onset + (late if span.onset > 0 else 0)
    offset = span.offset - (early if span.offset < DURATION else 0)
    return Span(round(float(onset), 3), round(float(offset), 3))
