"""Small JSON files in which a project keeps what a person chose."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from trainer.whole_files import written_whole

T = TypeVar("T")


def read_kept(path: Path, parse: Callable[[Any], T], say: Callable[[str], object], otherwise: str) -> T | None:
    """What a file holds; None where there is none.

    One that is damaged is set aside, so that what is kept next does not take its place; `say` is told so, and
    what holds `otherwise`. `parse` raises ValueError.
    """
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        problem = f"{path} could not be read ({error}); {otherwise}."
    aside = path.with_name(f"{path.name}.old")
    try:
        os.replace(path, aside)
    except OSError:
        say(problem)
    else:
        say(f"{problem} What it held is in {aside.name}.")
    return None


def write_kept(path: Path, said: Any) -> None:
    """Write a file whole or not at all. Raises OSError."""
    with written_whole(path) as partial:
        partial.write_text(json.dumps(said, indent=1), encoding="utf-8")
