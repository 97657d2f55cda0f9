"""Finds a few of very many names without a pause, in steps so small that nobody waits for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from avvp_studio.ui.names import display_name

_BREAK = "\0"
"""Between names: it is in none of them."""


class NameSearch:
    """Every word of a query must occur in a name. Names that begin with the query come first."""

    def __init__(self, names: Iterable[str]) -> None:
        # One long text, so that the search for the next name is one search in C.
        self._text = display_name(f"{_BREAK}{_BREAK.join(names)}{_BREAK}").casefold()

    def find(self, query: str) -> Iterator[int | None]:
        """The places of names that fit, in order; None after a step that found nothing."""
        wanted = display_name(query.casefold()).strip()
        words = sorted(wanted.split(), key=len, reverse=True)
        if not words or not all(word in self._text for word in words):
            return
        told = set[int]()
        for pivot in (f"{_BREAK}{wanted}", words[0]):
            for place, name in self._with(pivot):
                if place not in told and all(word in name for word in words):
                    told.add(place)
                    yield place
                else:
                    yield None

    def _with(self, pivot: str) -> Iterator[tuple[int, str]]:
        """The names that the pivot, or what follows its break, is a part of; and their places."""
        text, place, begin = self._text, 0, 0  # `begin`: the break before the name at `place`
        at = text.find(pivot)
        while at >= 0:
            before = text.rfind(_BREAK, begin, at + 1)
            after = text.find(_BREAK, before + 1)
            place += text.count(_BREAK, begin, before)
            yield place, text[before + 1 : after]
            begin = before
            at = text.find(pivot, after)
