"""What the keys for labelling do: every change goes through the workspace, as one edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from avvp_studio.player import Player
from avvp_studio.ui.actions import DIGITS
from avvp_studio.ui.reshaping import Reshaping
from avvp_studio.ui.reviewing import Reviewing
from avvp_studio.ui.subject import Subject
from avvp_studio.ui.timeline.gestures.wishes import Mark, Reshape, Split
from avvp_studio.workspace import Workspace
from trainer.labels import MODALITIES, Modality, State

NO_CANDIDATE = "There is no candidate {arm}; press {search_category} to find any category"
_AUDIO, _VISUAL = (Modality.AUDIO,), (Modality.VISUAL,)

MARKS: Mapping[str, tuple[tuple[Modality, ...], State]] = {
    "heard": (_AUDIO, State.PRESENT),
    "seen": (_VISUAL, State.PRESENT),
    "both": (MODALITIES, State.PRESENT),
    "not_heard": (_AUDIO, State.ABSENT),
    "not_seen": (_VISUAL, State.ABSENT),
    "neither": (MODALITIES, State.ABSENT),
    "forget": (MODALITIES, State.UNSEEN),
}
"""What each action for marking says of the armed category."""


class Labelling(QObject):
    """Marks the armed category over the selection, or over the segment at the playhead without one.

    The keys that change labels, and those that say many things at once, are parts of it.
    """

    hinted = Signal(str)
    """What an undo took back, or why a key did nothing and what to do; "{play}" is for the key of play."""

    def __init__(
        self, workspace: Workspace, player: Player, shown: Callable[[], Sequence[str]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self.subject = Subject(workspace, player, self)
        self.subject.hinted.connect(self.hinted)
        self._workspace = workspace
        self._reshaping = Reshaping(self.subject)
        self._reviewing = Reviewing(self.subject, shown)
        self._candidates: tuple[str, ...] = ()

    def set_candidates(self, categories: Sequence[str]) -> None:
        """The categories that the digits arm, in order."""
        self._candidates = tuple(categories)[: len(DIGITS)]

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        workspace = self._workspace
        return {
            "undo": self.undo,
            "redo": self.redo,
            **{name: partial(self.mark, *what) for name, what in MARKS.items()},
            **self._reshaping.commands(),
            **self._reviewing.commands(),
            "set_in": self.set_in,
            "set_out": self.set_out,
            "select_all": self.select_all,
            "escape": self.escape,
            "previous_clip": lambda: workspace.step_clip(-1),
            "next_clip": lambda: workspace.step_clip(1),
            **{f"arm_{digit}": partial(self.arm, i) for i, digit in enumerate(DIGITS)},
        }

    def undo(self) -> None:
        text = self._workspace.undo_text
        if self._workspace.undo():
            self.hinted.emit(f"Undone: {text}")

    def redo(self) -> None:
        text = self._workspace.redo_text
        if self._workspace.redo():
            self.hinted.emit(f"Redone: {text}")

    def arm(self, i: int) -> None:
        """Arm the candidate at a place; the armed one again puts it down."""
        if i >= len(self._candidates):
            self.hinted.emit(NO_CANDIDATE.replace("{arm}", f"{{arm_{DIGITS[i]}}}"))
            return
        category = self._candidates[i]
        self._workspace.arm(None if category == self._workspace.armed else category)

    def carry_out(self, wish: Mark | Reshape | Split) -> None:
        """Do to the labels what a gesture asked for."""
        if isinstance(wish, Mark):
            said = (wish.modalities, wish.category, wish.onset, wish.offset, wish.state)
            self.subject.change(lambda: self._workspace.mark_in(*said))
        else:
            self._reshaping.carry_out(wish)

    def mark(self, modalities: tuple[Modality, ...], state: State) -> None:
        category = self.subject.armed()
        if category is not None:
            self.carry_out(Mark(modalities, category, *self.subject.range, state))

    def set_in(self) -> None:
        """Begin the selection with the segment at the playhead; in free mode at the playhead itself."""
        onset, end = self.subject.segment
        if self.subject.is_free:
            onset = self.subject.now
        selected = self._workspace.selection
        self._workspace.select((onset, selected[1] if selected and selected[1] > onset else end))

    def set_out(self) -> None:
        """End the selection with the segment at the playhead; in free mode at the playhead itself."""
        start, offset = self.subject.segment
        if self.subject.is_free:
            offset = self.subject.now
        selected = self._workspace.selection
        onset = selected[0] if selected and selected[0] < offset else start
        self._workspace.select((onset, offset))

    def select_all(self) -> None:
        if self._workspace.clip is not None:
            self._workspace.select((0.0, float(self._workspace.clip.segments)))

    def escape(self) -> None:
        """Put the armed category down; with none armed, the selection."""
        if self._workspace.armed is not None:
            self._workspace.arm(None)
        else:
            self._workspace.select(None)
