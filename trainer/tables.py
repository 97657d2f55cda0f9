"""Tab-separated and JSON text files: read whole or refused with one message, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainer.whole_files import written_whole

_LONGEST = 1_000_000.0
"""Seconds (eleven days): what is beyond is no time in a clip, but a mistake that would take all memory."""


class AnnotationError(ValueError):
    """Annotations that cannot be used: the file and row, what is wrong there, and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd in a file that was survived.

    `text` says what happened and is the same for all of its kind, `detail` says to whom; `row` is the line
    of the file, the header being line 1.
    """

    file: str
    row: int | None
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.text, self.detail)))

    @property
    def place(self) -> str:
        """The file and row, as "train.csv:12"."""
        return self.file if self.row is None else f"{self.file}:{self.row}"


def summarise(findings: Iterable[Finding]) -> list[str]:
    """One line for each kind of finding in each file, in order of appearance."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.file, finding.text), []).append(finding)
    return [_summary(group) for group in groups.values()]


def _summary(group: Sequence[Finding]) -> str:
    first = group[0]
    if len(group) == 1:
        return str(first)
    place = "" if first.row is None else f"row {first.row}"
    example = ": ".join(filter(None, (place, first.detail)))
    return f"{first.file}: {len(group)} times: {first.text}" + (f" (first: {example})" if example else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass
class Problems:
    """What is wrong with the rows of a file, collected so that one message can tell how much it is."""

    path: Path
    _found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: Row | int, text: str) -> None:
        self._found.append((row if isinstance(row, int) else row.number, text))

    def raise_if_any(self) -> None:
        if not self._found:
            return
        row, text = self._found[0]
        more = len({row for row, _ in self._found}) - 1
        rest = f" ({more} more row{'s' * (more > 1)} of this file cannot be read either)" if more else ""
        raise AnnotationError(f"{self.path}:{row}: {text}{rest}")


def read_text(path: Path) -> str:
    """The text of a file. AnnotationError when it is missing, unreadable, or not UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: there is no such file") from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n") + 1
        raise AnnotationError(f"{path}:{row}: not UTF-8 text; save the file as UTF-8 and try again") from None
    if "\0" in text:
        raise AnnotationError(f"{path}: not UTF-8 text (perhaps UTF-16); save the file as UTF-8 and try again")
    return text


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers."""
    lines = (line.removesuffix("\r") for line in read_text(path).split("\n"))
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds, in which no key may be given twice. Raises AnnotationError."""
    text = read_text(path)
    try:
        value = json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}: not JSON ({error.msg}, column {error.colno})"
        raise AnnotationError(f"{place}; correct or remove it") from None
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: not JSON as it should be ({error}); correct or remove it") from None
    if not isinstance(value, dict):
        raise AnnotationError(f"{path}:1: not a JSON object; correct or remove it")
    return value


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"{key!r} is given twice")
    return value


def read_header(path: Path) -> tuple[str, ...]:
    """The columns that a tab-separated file says it has."""
    lines = read_lines(path)
    return tuple(lines[0][1].split("\t")) if lines else ()


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a tab-separated file whose header is `columns`. A wrong column is an AnnotationError."""
    lines = read_lines(path)
    number, header = lines[0] if lines else (1, "")
    found = tuple(header.split("\t"))
    if found != tuple(columns):
        raise AnnotationError(f"{path}:{number}: {_header_problem(found, columns)}")
    problems, rows = Problems(path), []
    for number, line in lines[1:]:
        row = Row(number, tuple(line.split("\t")))
        if len(row.cells) != len(columns):
            count = len(row.cells)
            problems.add(
                row, f"{count} column{'s' * (count > 1)} instead of {len(columns)}: {_columns(columns)}"
            )
        rows.append(row)
    problems.raise_if_any()
    return rows


def _header_problem(found: Sequence[str], columns: Sequence[str]) -> str:
    if found == ("",):
        return f"the file is empty; it starts with the header {_columns(columns)}"
    if len(found) == 1 and "," in found[0]:
        return f"columns are separated by commas; separate them by tabs: {_columns(columns)}"
    wrong = next((name for name in found if name not in columns), None)
    what = f"there is no column {wrong!r}" if wrong is not None else f"the columns are {_columns(found)}"
    return f"{what}; the header must be {_columns(columns)}"


def _columns(names: Sequence[str]) -> str:
    return "<tab>".join(names)


@lru_cache  # a file made for another vocabulary has the same name wrong in every row
def unknown_category(name: str, categories: tuple[str, ...]) -> str:
    """What to say of a name that is not a category, with the nearest one that is."""
    if not name:
        return f"the category is missing; write one of the {len(categories)} categories"
    by_folded = {category.casefold(): category for category in categories}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    hint = (
        f"did you mean {by_folded[near[0]]!r}?"
        if near
        else f"they are {', '.join(map(repr, categories[:3]))} and so on"
    )
    return f"{name!r} is not one of the {len(categories)} categories; {hint}"


def to_seconds(value: float) -> float | None:
    """A time in a clip, to the millisecond; None for a number that is none, such as NaN or -1."""
    return round(float(value), 3) if 0 <= value <= _LONGEST else None


def format_time(seconds: float) -> str:
    """A time as it is written in files: whole seconds as an integer, else up to three decimals."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def table_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The text of a tab-separated file. A cell that would break the table is an AnnotationError."""
    lines = ["\t".join(columns)]
    for row in rows:
        line = "\t".join(row)
        if line.count("\t") >= len(row) or "\n" in line or "\r" in line or "\0" in line:
            cell = next(cell for cell in row if any(mark in cell for mark in "\t\n\r\0"))
            raise AnnotationError(f"{cell!r} holds a tab or a line break, which no table can; rename it")
        lines.append(line)
    return "\n".join(lines) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
