"""What the keys for labelling do: every change goes through the workspace, as one edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from avvp_studio.player import Player
from avvp_studio.ui.actions import DIGITS
from avvp_studio.ui.timeline.gestures.wishes import Mark
from avvp_studio.workspace import Workspace
from trainer.labels import MODALITIES, Modality, State

_AUDIO, _VISUAL = (Modality.AUDIO,), (Modality.VISUAL,)


class Labelling(QObject):
    """Marks the armed category over the selection, or over the segment at the playhead without one."""

    hinted = Signal(str)
    """What an undo took back, or why a key did nothing and what to do."""

    def __init__(self, workspace: Workspace, player: Player, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._player = player
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
            "heard": lambda: self.mark(_AUDIO, State.PRESENT),
            "seen": lambda: self.mark(_VISUAL, State.PRESENT),
            "both": lambda: self.mark(MODALITIES, State.PRESENT),
            "not_heard": lambda: self.mark(_AUDIO, State.ABSENT),
            "not_seen": lambda: self.mark(_VISUAL, State.ABSENT),
            "neither": lambda: self.mark(MODALITIES, State.ABSENT),
            "forget": lambda: self.mark(MODALITIES, State.UNSEEN),
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
            self.hinted.emit(f"There is no candidate {DIGITS[i]}; press / to find any category")
            return
        category = self._candidates[i]
        self._workspace.arm(None if category == self._workspace.armed else category)

    def carry_out(self, wish: Mark) -> None:
        """Do to the labels what a gesture asked for."""
        self._workspace.mark_in(wish.modalities, wish.category, wish.onset, wish.offset, wish.state)

    def mark(self, modalities: Sequence[Modality], state: State) -> None:
        clip, category = self._workspace.clip, self._workspace.armed
        if clip is None:
            return
        if category is None:
            self.hinted.emit("Arm a category first: press its digit, or / to find it")
            return
        self._workspace.mark_in(modalities, category, *self._range(), state)

    def set_in(self) -> None:
        """Begin the selection with the segment at the playhead."""
        onset, end = self._segment()
        selected = self._workspace.selection
        offset = selected[1] if selected and selected[1] > onset else end
        self._workspace.select((onset, offset))

    def set_out(self) -> None:
        """End the selection with the segment at the playhead."""
        start, offset = self._segment()
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

    def _range(self) -> tuple[float, float]:
        return self._workspace.selection or self._segment()

    def _segment(self) -> tuple[float, float]:
        """The segment at the playhead; at the very end of the clip, the last one."""
        clip = self._workspace.clip
        segments = clip.segments if clip else 1
        start = min(int(round(self._player.position, 3)), segments - 1)
        return float(start), float(start + 1)
