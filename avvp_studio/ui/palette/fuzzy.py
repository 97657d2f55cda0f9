"""How well a few typed letters fit a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A larger score is a better one; `places` are the letters of the text that were typed."""

    score: int
    places: frozenset[int] = frozenset()


def match(query: str, text: str) -> Match | None:
    """Every word of the query, in any order, as a part of the text, or letter by letter with others between."""
    folded = text.casefold()
    if len(folded) != len(text):  # some letters fold into two: then no place would be right
        folded = text.lower()
    score, places = 0, set[int]()
    for word in query.casefold().split():
        found = _part(word, folded) or _letters(word, folded)
        if found is None:
            return None
        score += found.score
        places |= found.places
    return Match(score - len(text) // 8, frozenset(places))


def _part(word: str, text: str) -> Match | None:
    """The word in one piece: best at the start, then at the start of a word."""
    at = next((i for i in _starts(text) if text.startswith(word, i)), text.find(word))
    if at < 0:
        return None
    value = 90 if at == 0 else 70 if at in _starts(text) else 40
    is_whole = at + len(word) == len(text) or not text[at + len(word)].isalnum()
    return Match(value + 10 * is_whole, frozenset(range(at, at + len(word))))


def _letters(word: str, text: str) -> Match | None:
    """The letters in their order, from the start of a word on; as the first letters of words where possible."""
    starts = _starts(text)
    initials = _in_order(word, text, starts)
    if initials is not None:
        return Match(30, frozenset(initials))
    first = next((i for i in starts if text[i] == word[0]), len(text))
    found = _in_order(word, text, range(first, len(text)))
    if found is None:
        return None
    gaps = found[-1] - found[0] + 1 - len(found)
    return Match(20 - gaps, frozenset(found)) if gaps <= 2 * len(word) else None


def _in_order(word: str, text: str, allowed: list[int] | range) -> list[int] | None:
    found: list[int] = []
    places = iter(allowed)
    for letter in word:
        at = next((i for i in places if text[i] == letter), None)
        if at is None:
            return None
        found.append(at)
    return found


def _starts(text: str) -> list[int]:
    return [i for i, letter in enumerate(text) if letter.isalnum() and (i == 0 or not text[i - 1].isalnum())]
