"""The clips of a project as a list model that filters and sorts a hundred thousand of them while one types."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from avvp_studio.domain.project import Clip
from avvp_studio.ui.library_filter import ClipFilter, Status, search_texts
from avvp_studio.ui.library_order import ClipOrder
from avvp_studio.ui.names import display_name

Index = QModelIndex | QPersistentModelIndex

CLIP_ROLE = Qt.ItemDataRole.UserRole
EDITED_ROLE = Qt.ItemDataRole.UserRole + 1
CURRENT_ROLE = Qt.ItemDataRole.UserRole + 2


class ClipModel(QAbstractListModel):
    """The clips that pass a filter, sorted."""

    def __init__(self) -> None:
        super().__init__()
        self._clips: tuple[Clip, ...] = ()
        self._place_of: dict[str, int] = {}
        self._texts: list[str] | None = None
        self._places: list[int] | None = None
        self._edited: frozenset[str] = frozenset()
        self._filter = ClipFilter()
        self._order = ClipOrder()
        self._rows: list[int] = []
        self._current = ""

    @property
    def total(self) -> int:
        return len(self._clips)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in view, in order."""
        return tuple([self._clips[i].name for i in self._rows])

    @property
    def order(self) -> ClipOrder:
        return self._order

    def set_clips(self, clips: tuple[Clip, ...], edited: frozenset[str]) -> bool:
        """Show a project's clips; says whether which ones are in view may have changed.

        A clip that only became edited stays where it is whatever the filter and the order, so that the list
        does not run away under the hand that edits.
        """
        if clips is self._clips:
            self._set_edited(edited)
            return False
        self._edited = edited
        self._clips = clips
        self._place_of = {clip.name: place for place, clip in enumerate(clips)}
        self._texts = self._places = None
        self._refilter()
        return True

    def set_filter(self, chosen: ClipFilter) -> bool:
        """Filter anew; says whether it changed anything in view."""
        if chosen == self._filter and chosen.status is Status.ALL:
            return False
        self._filter = chosen
        self._refilter()
        return True

    def set_order(self, order: ClipOrder) -> None:
        """Sort anew, also in the same order: what is edited may have changed."""
        self._order, self._places = order, None
        self._refilter()

    def set_current(self, name: str) -> Index:
        """Mark the clip that is open; returns where it is, invalid when it is not in view."""
        before, self._current = self._current, name
        self._changed(before)
        self._changed(name)
        row = self._row(name)
        return QModelIndex() if row is None else self.index(row)

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
            case Qt.ItemDataRole.AccessibleDescriptionRole:
                return ". ".join(self._facts(clip))
            case value if value == CLIP_ROLE:
                return clip
            case value if value == EDITED_ROLE:
                return clip.name in self._edited
            case value if value == CURRENT_ROLE:
                return clip.name == self._current
        return None

    def _tool_tip(self, clip: Clip) -> str:
        return "\n".join((clip.name, *self._facts(clip)))

    def _facts(self, clip: Clip) -> list[str]:
        lines = [f"{clip.split}, {clip.duration:g} s"]
        if clip.video_labels:
            lines.append(", ".join(map(display_name, sorted(clip.video_labels))))
        if clip.name in self._edited:
            lines.append("edited by a person")
        if clip.media is None:
            lines.append("its video was not found")
        return lines

    def _refilter(self) -> None:
        self.beginResetModel()
        if self._places is None:
            self._places = self._order.places(self._clips, self._edited)
        if self._texts is None and self._filter.text:
            self._texts = search_texts(self._clips)
        self._rows = self._filter.rows(self._places, self._clips, self._texts or (), self._edited)
        self.endResetModel()

    def _row(self, name: str) -> int | None:
        """Where a clip is in view."""
        try:
            return self._rows.index(self._place_of[name])
        except (KeyError, ValueError):
            return None

    def _set_edited(self, edited: frozenset[str]) -> None:
        changed = self._edited ^ edited
        self._edited = edited
        for name in changed:
            self._changed(name)

    def _changed(self, name: str) -> None:
        row = self._row(name)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))
