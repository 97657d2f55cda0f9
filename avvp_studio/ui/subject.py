"""What the keys for labelling are about: the armed category, the range, and the labels there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from avvp_studio.domain.edit import Edit, EditError, difference, joined
from avvp_studio.player import Player
from avvp_studio.workspace import Workspace

ARM_FIRST = "Arm a category first: press the key beside it, or {search_category} to find it"
CHANGED_OTHERS = "This changed labels by {names}. {undo} takes it back."


class Subject(QObject):
    """Reads workspace and player; every change goes through here, so that it is said whose labels it took."""

    hinted = Signal(str)
    """Why a key did nothing and what to do, or what it did; "{play}" is for the key of play."""

    def __init__(self, workspace: Workspace, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.player = player
        self.is_free = False

    @property
    def segments(self) -> int:
        clip = self.workspace.clip
        return clip.segments if clip else 1

    @property
    def now(self) -> float:
        """Where the playhead is; at the very end of the clip, within its last segment."""
        return min(round(self.player.position, 3), self.segments - 0.001)

    @property
    def segment(self) -> tuple[float, float]:
        """The segment at the playhead."""
        start = float(int(self.now))
        return start, start + 1

    @property
    def range(self) -> tuple[float, float]:
        """The selection, or the segment at the playhead."""
        return self.workspace.selection or self.segment

    @property
    def wide_range(self) -> tuple[float, float]:
        """The selection, or the clip."""
        return self.workspace.selection or (0.0, float(self.segments))

    def armed(self) -> str | None:
        """The armed category. Without one, what to do is said."""
        if self.workspace.clip is None:
            return None
        if self.workspace.armed is None:
            self.hinted.emit(ARM_FIRST)
        return self.workspace.armed

    def change(self, change: Callable[[], bool]) -> bool:
        """Do a change, and say so if it took labels of another person away or cut them."""
        before, author = self.workspace.events, self.workspace.author
        is_done = change()
        gone, _ = difference(before, self.workspace.events)
        taken = {event.author for event in gone} - {"", author}
        if is_done and taken:
            self.hinted.emit(CHANGED_OTHERS.replace("{names}", ", ".join(sorted(taken))))
        return is_done

    def apply(self, *makers: Callable[[], Edit]) -> bool:
        """Make edits of different lanes as one. One that cannot be made is said, and nothing is changed."""
        try:
            edit = joined([make() for make in makers])
        except EditError as error:
            said = str(error)
            self.hinted.emit(said[:1].upper() + said[1:])
            return False
        return self.change(lambda: self.workspace.apply(edit))
