"""The line at the foot of the window: what the keys and the mouse would do now."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

from avvp_studio.ui.events_model import seconds_text
from avvp_studio.ui.names import display_name
from avvp_studio.workspace import Workspace

BEGIN = "To begin: press a digit to arm a category, then drag along its lanes. Space plays."
NOTHING_ARMED = "A digit or / arms a category. Click to go there, drag to select."


def hint(armed: str | None, selection: tuple[float, float] | None, *, has_begun: bool) -> str:
    """What can be done next in an open clip; `has_begun` once a person has labelled in the project."""
    span = f"{seconds_text(selection[0])}–{seconds_text(selection[1])} s" if selection else ""
    if armed is not None and span:
        name = display_name(armed)
        return f"{name} in {span}: A heard, V seen, B both, with Shift not; Delete forgets. Esc disarms."
    if armed is not None:
        name = display_name(armed)
        return f"Armed: {name}. Drag right: heard or seen; left: not; with Shift: forget. Esc disarms."
    if span:
        return f"Selected: {span}. R loops it; a digit or / arms a category to label it with. Esc drops it."
    return NOTHING_ARMED if has_begun else BEGIN


class HintLabel(QLabel):
    """Follows the workspace; while a drag is under way it says what letting go would do."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(textFormat=Qt.TextFormat.PlainText)
        self._workspace = workspace
        self._drag = ""
        # A long hint is cut off: it must not widen the window.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for changed in (
            workspace.clip_changed,
            workspace.clips_changed,
            workspace.armed_changed,
            workspace.selection_changed,
        ):
            changed.connect(self._show)
        self._show()

    def show_drag(self, text: str) -> None:
        """Say what a drag is about to do; an empty text when it is over."""
        self._drag = text
        self._show()

    def _show(self) -> None:
        workspace = self._workspace
        if workspace.clip is None:
            self.setText("")
        else:
            has_begun = bool(workspace.edited)
            self.setText(self._drag or hint(workspace.armed, workspace.selection, has_begun=has_begun))
