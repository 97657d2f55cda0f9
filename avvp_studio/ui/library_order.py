"""In which order the library lists clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from avvp_studio.domain.project import Clip
from avvp_studio.ui.library_filter import label_texts
from trainer.annotations import SPLITS

_NUMBER = re.compile(r"\d++(?![a-z])")
_SEPARATOR = "\0"
_LAST = "\U0010ffff"
_RANKS = {split: rank for rank, split in enumerate(SPLITS)}


class SortKey(StrEnum):
    """By what clips are sorted; the value is what a person reads."""

    PROJECT = "Order of the project"
    NAME = "Name"
    SPLIT = "Split"
    LENGTH = "Length"
    LABELS = "Video-level labels"
    EDITED = "Edited first"


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Clips that are alike stay in the order of the project."""

    key: SortKey = SortKey.PROJECT
    is_reversed: bool = False

    def places(self, clips: Sequence[Clip], edited: frozenset[str]) -> list[int]:
        """The places in `clips`, sorted."""
        if self.key is SortKey.PROJECT:
            return list(reversed(range(len(clips))) if self.is_reversed else range(len(clips)))
        keys = _keys(self.key, clips, edited)
        return sorted(range(len(clips)), key=keys.__getitem__, reverse=self.is_reversed)


def _keys(by: SortKey, clips: Sequence[Clip], edited: frozenset[str]) -> list[Any]:
    match by:
        case SortKey.NAME:
            return natural([clip.name for clip in clips])
        case SortKey.SPLIT:
            return [_RANKS.get(clip.split, len(SPLITS)) for clip in clips]
        case SortKey.LENGTH:
            return [clip.duration for clip in clips]
        case SortKey.LABELS:
            return [text or _LAST for text in label_texts(clips)]
        case _:
            return [clip.name not in edited for clip in clips]


def natural(names: Sequence[str]) -> list[str]:
    """Names so that "clip 2" sorts before "clip 10"."""
    # One text of all is quicker than each name by itself.
    together = _SEPARATOR.join(names).casefold()
    return _NUMBER.sub(lambda number: number[0].zfill(12), together).split(_SEPARATOR)
