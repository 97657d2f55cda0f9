"""How recipes are written for a person, and in which order: from their names alone."""

from __future__ import annotations

_METHODS = {
    "ecma": "E-CMANet",
    "coleaf": "CoLeaF",
    "han": "HAN",
    "ear": "EAR",
    "link": "LINK",
    "uwav": "UWAV",
    "valor": "VALOR",
}
_PLACES = {
    "signal": "Built-in features, for small projects",
    "default": "Default encoders, for small projects",
    "llp": "{} on LLP",
    "sweep": "{} on LLP: sweeps",
    "gen": "{}: generators of pseudo-labels",
    "unav": "UnAV-100",
}
"""The groups by the second word of a recipe's name, in their order; "{}" is the method."""


def group_title(name: str) -> str:
    """The group of a recipe, from its name: "ecma/llp/full" is in "E-CMANet on LLP"."""
    method, place, _ = _parts(name)
    return _PLACES.get(place, f"{{}} {place}".rstrip()).format(_METHODS.get(method, method))


def short_title(name: str) -> str:
    """A recipe within its group: "full", and with its method where the group is not of one method."""
    method, place, rest = _parts(name)
    is_of_one_method = "{}" in _PLACES.get(place, "{}")
    words = (rest,) if is_of_one_method and rest else (_METHODS.get(method, method), rest)
    return " ".join(word for word in words if word)


def _parts(name: str) -> tuple[str, str, str]:
    """The method, the place and the rest of a recipe's name."""
    method, _, behind = name.partition("/")
    place, _, rest = behind.partition("/")
    first, dash, behind_dash = place.partition("-")
    if dash and not rest and first in _PLACES:  # "uwav/gen-lm" is of "uwav/gen"
        return method, first, behind_dash
    return method, place, rest


def rank(name: str) -> tuple[int, int, bool, str, float]:
    """The order of recipes: by group, the whole method first, and "period-2" before "period-10"."""
    method, place, rest = _parts(name)
    places, methods = [*_PLACES, place], [*_METHODS, method]
    stem, _, value = rest.rpartition("-")
    is_number = value.replace(".", "", 1).isdecimal()
    return (
        places.index(place),
        methods.index(method),
        rest != "full",
        stem if is_number else rest,
        float(value) if is_number else 0.0,
    )
