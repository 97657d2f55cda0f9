"""What happens on the timeline, in words for a screen reader: what is painted there cannot be read."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from avvp_studio.ui.names import display_name
from avvp_studio.workspace import Workspace

CLIP = "Clip {name}"
NO_CLIP = "No clip is open"
ARMED = "{name} armed"
NOTHING_ARMED = "Nothing armed"
SELECTED = "Selected from {onset:g} to {offset:g} seconds"
NOTHING_SELECTED = "Nothing selected"
DONE = "Done: {text}"
UNDONE = "Undone: {text}"


class Announcing(QObject):
    """Follows the workspace, and describes the timeline by what is armed and selected."""

    def __init__(self, workspace: Workspace, timeline: QWidget, say: Callable[[str], object]) -> None:
        super().__init__(timeline)
        self._workspace = workspace
        self._timeline = timeline
        self._say = say
        self._history = (workspace.undo_text, workspace.redo_text)
        self._was_armed = workspace.armed
        workspace.clip_changed.connect(self._on_clip_changed)
        workspace.armed_changed.connect(self._on_armed_changed)
        workspace.selection_changed.connect(self._on_selection_changed)
        workspace.events_changed.connect(self._on_events_changed)
        self._describe()

    def _on_clip_changed(self) -> None:
        clip = self._workspace.clip
        self._history = (self._workspace.undo_text, self._workspace.redo_text)
        self._describe()
        self._say(CLIP.format(name=clip.name) if clip else NO_CLIP)

    def _on_armed_changed(self) -> None:
        self._describe()
        if self._workspace.armed != self._was_armed:
            self._was_armed = self._workspace.armed
            self._say(self._armed())

    def _on_selection_changed(self) -> None:
        self._describe()
        if self._workspace.selection is not None:
            self._say(self._selected())

    def _on_events_changed(self) -> None:
        before, self._history = self._history, (self._workspace.undo_text, self._workspace.redo_text)
        undone = self._workspace.redo_text
        if self._history == before:
            return
        if undone is not None and undone == before[0]:
            self._say(UNDONE.format(text=undone))
        elif self._workspace.undo_text is not None:
            self._say(DONE.format(text=self._workspace.undo_text))

    def _describe(self) -> None:
        self._timeline.setAccessibleDescription(f"{self._armed()}. {self._selected()}.")

    def _armed(self) -> str:
        armed = self._workspace.armed
        return NOTHING_ARMED if armed is None else ARMED.format(name=display_name(armed))

    def _selected(self) -> str:
        if self._workspace.selection is None:
            return NOTHING_SELECTED
        onset, offset = self._workspace.selection
        return SELECTED.format(onset=onset, offset=offset)


def announce(widget: QWidget, text: str) -> None:
    """Have a screen reader say a text, where one is running."""
    if QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))
