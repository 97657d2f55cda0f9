"""How categories and parsers are written for a person."""

from __future__ import annotations

import re
from datetime import datetime

# What a training of the studio is called: its recipe, and its run folder, which begins with the time.
_TRAINED = re.compile(r"(?P<recipe>\S+) (?P<time>\d{8}-\d{6})-\S+")


def display_name(category: str) -> str:
    """A category in words: files write an underscore where a person writes a space."""
    return category.replace("_", " ")


def parser_name(parser: str) -> str:
    """A parser as recipe and time, "ecma/signal, 21 Nov 11:58"; one from elsewhere as it calls itself."""
    found = _TRAINED.fullmatch(parser)
    if found is None:
        return parser
    try:
        time = datetime.strptime(found["time"], "%Y%m%d-%H%M%S")
    except ValueError:
        return parser
    return f"{found['recipe']}, {time:%d %b %H:%M}"
