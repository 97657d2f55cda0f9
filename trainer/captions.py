"""Captions: what is said of each category to a text encoder, and from which logit on VALOR believes it.

A file is a table, `<name>.captions.tsv`, with a line a category: its captions for what is heard and what is
seen, and, if it is known, VALOR's threshold of each (Lai et al., NeurIPS 2023). Those that come with the
program are among its resources, in a source tree as in an installed wheel; any may be copied and changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.labels import Modality
from trainer.tables import Problems, Row, read_header, read_table

_COLUMNS = ("category", "audio", "visual")
_THRESHOLDS = ("audio_threshold", "visual_threshold")
_ENDING = ".captions.tsv"
_SHOWN = 10


class CaptionError(ValueError):
    """Captions that are not there, and what to do."""


@dataclass(frozen=True)
class Captions:
    """What a file says of each category: `texts` of audio and visual, and, where it has them, `thresholds`.

    `name` is that of a file of the program's own, or a path.
    """

    name: str
    texts: Mapping[str, tuple[str, str]]
    thresholds: Mapping[str, tuple[float, float]]

    def of(self, modality: Modality, categories: Sequence[str]) -> tuple[str, ...]:
        """The captions (C,) of these categories. Raises CaptionError where some are lacking."""
        if lacking := self.lacking(categories):
            raise CaptionError(
                f"{self.name}: has no captions of {len(lacking)} of the {len(categories)} categories "
                f"({_some(lacking)}); add a line for each to a copy of the file, or use others"
            )
        return tuple(self.texts[category][modality.axis] for category in categories)

    def lacking(self, categories: Sequence[str]) -> list[str]:
        """Those of the categories of which the file says nothing."""
        return [category for category in categories if category not in self.texts]

    def without_threshold(self, categories: Sequence[str]) -> list[str]:
        """Those of the categories of which the file tells no thresholds."""
        return [category for category in categories if category not in self.thresholds]

    def threshold_rows(self, categories: Sequence[str]) -> NDArray[np.float64]:
        """The thresholds (2, C) of categories that all have them."""
        return np.array([self.thresholds[category] for category in categories], np.float64).reshape(-1, 2).T


def caption_names() -> list[str]:
    """The captions that come with the program."""
    return sorted(path.name.removesuffix(_ENDING) for path in vocabularies().glob(f"*{_ENDING}"))


def read_captions(name: str) -> Captions:
    """The captions of a name that comes with the program, or of a file.

    Raises CaptionError where there are none, and AnnotationError for a file that cannot be used.
    """
    own = name in caption_names()
    path = vocabularies() / f"{name}{_ENDING}" if own else Path(name)
    if not path.is_file():
        ours = ", ".join(caption_names()) or "none, for the program's resources are missing"
        raise CaptionError(
            f"{name}: there are no such captions; give the name of some that come with the program ({ours}), "
            f"or a file with the columns {', '.join(_COLUMNS)}"
        )
    texts: dict[str, tuple[str, str]] = {}
    thresholds: dict[str, tuple[float, float]] = {}
    problems = Problems(path)
    has_thresholds = not {*read_header(path)}.isdisjoint(_THRESHOLDS)
    for row in read_table(path, (*_COLUMNS, *_THRESHOLDS) if has_thresholds else _COLUMNS):
        category, audio, visual = (cell.strip() for cell in row.cells[:3])
        if not (category and audio and visual):
            problems.add(row, "a category and its captions for audio and visual are needed, and one is empty")
        if category in texts:
            problems.add(row, f"{category!r} is there twice; keep one line for it")
        texts[category] = audio, visual
        if has_thresholds and (found := _thresholds(row, problems)) is not None:
            thresholds[category] = found
    problems.raise_if_any()
    return Captions(name if own else str(path), texts, thresholds)


def _thresholds(row: Row, problems: Problems) -> tuple[float, float] | None:
    """Those of a line; None where it has none."""
    cells = [cell.strip() for cell in row.cells[3:]]
    if not any(cells):
        return None
    try:
        audio, visual = map(float, cells)
        if math.isfinite(audio) and math.isfinite(visual):
            return audio, visual
    except ValueError:
        pass
    problems.add(row, f"{cells[0]!r} and {cells[1]!r} are no two numbers; give both thresholds, or neither")
    return None


def vocabularies() -> Path:
    """Where the program's own are: beside the packages of a source tree, or inside the installed studio."""
    root = Path(__file__).parents[1]
    installed = root / "avvp_studio" / "resources"
    return (installed if installed.is_dir() else root / "resources") / "vocabularies"


def _some(items: Sequence[str]) -> str:
    rest = len(items) - _SHOWN
    return "; ".join(items[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
