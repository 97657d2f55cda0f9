"""The line at the foot of the window: what the keys and the mouse would do now."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.events_model import seconds_text
from avvp_studio.ui.names import display_name
from avvp_studio.workspace import Workspace

BEGIN = "To begin: press the key beside a category to arm it, then drag along its lanes. {play} plays."
NOTHING_ARMED = "The key beside a category, or {search_category}, arms one. Click to go there, drag to select."
_WITH_RANGE = (
    "{name} in {span}: {heard} heard, {seen} seen, {both} both; {not_heard}, {not_seen}, {neither} not; "
    "{forget} forgets. {escape} disarms."
)
_ARMED = "Armed: {name}. Drag right: heard or seen; left: not; with Shift: forget. {escape} disarms."
_SELECTED = (
    "Selected: {span}. {loop} loops it; the key beside a category, or {search_category}, arms one to label it "
    "with. {escape} drops it."
)


def hint(armed: str | None, selection: tuple[float, float] | None, *, has_begun: bool) -> str:
    """What can be done next in an open clip; `has_begun` once a person has labelled in the project.

    "{play}" and the like are for the keys.
    """
    span = f"{seconds_text(selection[0])}–{seconds_text(selection[1])} s" if selection else ""
    name = display_name(armed) if armed is not None else ""
    if name and span:
        template = _WITH_RANGE
    elif name:
        template = _ARMED
    elif span:
        template = _SELECTED
    else:
        template = NOTHING_ARMED if has_begun else BEGIN
    return template.replace("{name}", name).replace("{span}", span)


class HintLabel(QLabel):
    """Follows the workspace; while a drag is under way it says what letting go would do."""

    def __init__(self, workspace: Workspace, actions: Actions) -> None:
        super().__init__(textFormat=Qt.TextFormat.PlainText)
        self._workspace = workspace
        self._actions = actions
        self._drag = ""
        # A long hint is cut off: it must not widen the window.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for changed in (
            workspace.clip_changed,
            workspace.clips_changed,
            workspace.armed_changed,
            workspace.selection_changed,
            actions.bindings.changed,
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
            said = hint(workspace.armed, workspace.selection, has_begun=has_begun)
            self.setText(self._drag or self._actions.with_keys(said))
