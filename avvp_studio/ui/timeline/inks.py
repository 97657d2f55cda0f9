"""By what the parsers of one clip are told apart: each has its colour, its dashes and its hatching."""

from __future__ import annotations

from dataclasses import dataclass

from avvp_studio.ui.theme import Theme, mix

_DARK = ("#e58fd6", "#cddc5a", "#5ad1dc", "#ff8f7a", "#b9a5ff", "#8fd19e", "#d8b08c")
_LIGHT = ("#9c2c8c", "#5c6b00", "#006a76", "#b3341c", "#5b43c9", "#1d6b35", "#7a4a1e")

_DASHES = ((), (6, 3), (2, 3), (8, 3, 2, 3), (3, 3), (10, 4), (1, 2), (6, 2, 1, 2))
"""Pixels on and off by turns; nothing is a solid line."""


@dataclass(frozen=True)
class Ink:
    """How a parser is drawn; `place` counts from the newest."""

    place: int
    colour: str
    dashes: tuple[int, ...]

    @property
    def is_newest(self) -> bool:
        return self.place == 0


def ink(theme: Theme, place: int, hue: str = "") -> Ink:
    """The newest parser has the hue of its lane, or of text without one; the others one of their own."""
    if place == 0:
        return Ink(0, mix(hue, theme.text, 0.8) if hue else theme.text, ())
    older = _DARK if theme.is_dark else _LIGHT
    return Ink(place, older[(place - 1) % len(older)], _DASHES[place % len(_DASHES)])
