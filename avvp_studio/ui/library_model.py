"""The clips of a project as a list model that filters thousands of them while one types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from avvp_studio.domain.project import Clip
from avvp_studio.ui.names import display_name

Index = QModelIndex | QPersistentModelIndex

CLIP_ROLE = Qt.ItemDataRole.UserRole
EDITED_ROLE = Qt.ItemDataRole.UserRole + 1
CURRENT_ROLE = Qt.ItemDataRole.UserRole + 2


class Status(StrEnum):
    """What may be asked of a clip besides its words and its split; the value is what a person reads."""

    ALL = "All clips"
    EDITED = "Edited"
    NOT_EDITED = "Not edited"
    NO_MEDIA = "No video"


@dataclass(frozen=True, slots=True)
class ClipFilter:
    """Which clips are in view. Every word of `text` must occur in a clip's name or one of its labels."""

    text: str = ""
    split: str = ""
    status: Status = Status.ALL

    def rows(self, clips: Sequence[Clip], words: Sequence[str], edited: frozenset[str]) -> list[int]:
        """The places in `clips` of those that pass; `words` holds the searchable text of each."""
        wanted = display_name(self.text.casefold()).split()
        return [
            i
            for i, clip in enumerate(clips)
            if (not self.split or clip.split == self.split)
            and self._has_status(clip, edited)
            and all(word in words[i] for word in wanted)
        ]

    def _has_status(self, clip: Clip, edited: frozenset[str]) -> bool:
        match self.status:
            case Status.EDITED:
                return clip.name in edited
            case Status.NOT_EDITED:
                return clip.name not in edited
            case Status.NO_MEDIA:
                return clip.media is None
            case _:
                return True


def search_text(clip: Clip) -> str:
    """What a search over a clip looks at."""
    return display_name(" ".join((clip.name, *sorted(clip.video_labels)))).casefold()


class ClipModel(QAbstractListModel):
    """The clips that pass a filter, in the project's order."""

    def __init__(self) -> None:
        super().__init__()
        self._clips: tuple[Clip, ...] = ()
        self._words: list[str] = []
        self._edited: frozenset[str] = frozenset()
        self._filter = ClipFilter()
        self._rows: list[int] = []
        self._row_of: dict[str, int] = {}
        self._current = ""

    @property
    def total(self) -> int:
        return len(self._clips)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in view, in order."""
        return tuple(self._clips[i].name for i in self._rows)

    def set_clips(self, clips: tuple[Clip, ...], edited: frozenset[str]) -> bool:
        """Show a project's clips; says whether which ones are in view may have changed.

        A clip that only became edited stays in view whatever the filter, so that a list filtered to what is
        not edited does not run away under the hand that edits.
        """
        if clips is self._clips:
            self._set_edited(edited)
            return False
        self._edited = edited
        self._words = [search_text(clip) for clip in clips]
        self._clips = clips
        self._refilter()
        return True

    def set_filter(self, chosen: ClipFilter) -> bool:
        """Filter anew; says whether it changed anything in view."""
        if chosen == self._filter and chosen.status is Status.ALL:
            return False
        self._filter = chosen
        self._refilter()
        return True

    def set_current(self, name: str) -> Index:
        """Mark the clip that is open; returns where it is, invalid when it is not in view."""
        before, self._current = self._current, name
        self._changed(before)
        self._changed(name)
        return self.index(self._row_of[name]) if name in self._row_of else QModelIndex()

    def clip(self, index: Index) -> Clip:
        return self._clips[self._rows[index.row()]]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        clip = self.clip(index)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return clip.name
            case Qt.ItemDataRole.ToolTipRole:
                return self._tool_tip(clip)
            case value if value == CLIP_ROLE:
                return clip
            case value if value == EDITED_ROLE:
                return clip.name in self._edited
            case value if value == CURRENT_ROLE:
                return clip.name == self._current
        return None

    def _tool_tip(self, clip: Clip) -> str:
        lines = [clip.name, f"{clip.split}, {clip.duration:g} s"]
        if clip.video_labels:
            lines.append(", ".join(map(display_name, sorted(clip.video_labels))))
        if clip.name in self._edited:
            lines.append("edited by a person")
        if clip.media is None:
            lines.append("its video was not found")
        return "\n".join(lines)

    def _refilter(self) -> None:
        self.beginResetModel()
        self._rows = self._filter.rows(self._clips, self._words, self._edited)
        self._row_of = {self._clips[i].name: row for row, i in enumerate(self._rows)}
        self.endResetModel()

    def _set_edited(self, edited: frozenset[str]) -> None:
        changed = self._edited ^ edited
        self._edited = edited
        for name in changed:
            self._changed(name)

    def _changed(self, name: str) -> None:
        row = self._row_of.get(name)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))
