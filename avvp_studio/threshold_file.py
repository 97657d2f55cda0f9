"""The thresholds that a person chose for the parsers of a project, kept in one file of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from avvp_studio.domain.thresholds import Levels, from_json, to_json
from avvp_studio.kept_json import read_kept, write_kept


class ThresholdFile:
    """Parsers are told apart by the names of their parse files. What is wrong is passed to `say`."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._levels = self._read()
        self._unwritten: dict[str, Levels] = {}

    def levels(self, parse_file: str) -> Levels:
        """Those of one parser; empty where it predicts by its own."""
        return self._levels.get(parse_file, {})

    def keep(self, parse_file: str, levels: Levels) -> None:
        """Keep those of one parser; those of the others stay as another window may have kept them meanwhile."""
        self._unwritten[parse_file] = dict(levels)
        self._levels = {name: kept for name, kept in {**self._read(), **self._unwritten}.items() if kept}
        try:
            write_kept(self._path, {name: to_json(kept) for name, kept in self._levels.items()})
            self._unwritten.clear()
        except OSError as error:
            self._say(
                f"The thresholds could not be kept in {self._path} ({error.strerror or error}); "
                "they hold until the project is closed."
            )

    def _read(self) -> dict[str, Levels]:
        otherwise = "every parser predicts by its own thresholds"
        return read_kept(self._path, _levels_by_file, self._say, otherwise) or {}


def _levels_by_file(said: Any) -> dict[str, Levels]:
    if not isinstance(said, dict):
        raise ValueError("it is not an object")
    return {name: from_json(entry) for name, entry in said.items()}
