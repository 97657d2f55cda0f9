"""Hold to label: the keys for marking, held down while the clip plays, mark for as long as they are held."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSettings, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QInputDialog, QWidget

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.keys.focus_keys import takes_text
from avvp_studio.ui.keys.pressed import key_of
from avvp_studio.ui.labelling import MARKS, Labelling
from avvp_studio.ui.shortcuts import Scope
from avvp_studio.ui.timeline.gestures.hold import Hold
from avvp_studio.ui.timeline.gestures.wishes import Mark
from avvp_studio.ui.timeline.wording import drag_text

USUAL_REACTION = 200
"""Milliseconds."""
_LONGEST_REACTION = 1000
_SETTING = "labelling/reaction_ms"
_REACTION_TITLE = "Reaction time"
_REACTION_TEXT = "How many milliseconds your finger comes after the event, holding a key while playing:"


class Holding(QObject):
    """Follows the focus in a window. Each key makes one edit, when it is let go; Escape makes none.

    With a selection the keys mean that, as they do while nothing plays.
    """

    changed = Signal(object)
    """The marks (tuple of Mark) that letting go of the keys now would make."""
    described = Signal(str)
    """The newest of them in words; empty without any."""

    def __init__(self, labelling: Labelling, actions: Actions, settings: QSettings, window: QWidget) -> None:
        super().__init__(window)
        self._labelling = labelling
        self._workspace = labelling.subject.workspace
        self._player = labelling.subject.player
        self._actions = actions
        self._settings = settings
        self._window = window
        self._holds: dict[int, Hold | None] = {}  # by key; None: over, but the key is still down
        self._held_in = ""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus_changed)
        self._player.position_changed.connect(self._on_position_changed)
        self._player.playing_changed.connect(lambda is_on: None if is_on else self._finish_all())
        self._workspace.clip_changed.connect(self.cancel)

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {"hold_delay": self.ask_reaction}

    @property
    def reaction_ms(self) -> int:
        """How much later than the event a finger comes."""
        stored = self._settings.value(_SETTING, USUAL_REACTION)
        try:
            return min(max(0, int(str(stored))), _LONGEST_REACTION)
        except ValueError:
            return USUAL_REACTION

    def ask_reaction(self) -> None:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setIntRange(0, _LONGEST_REACTION)
        dialog.setIntStep(10)
        dialog.setIntValue(self.reaction_ms)
        dialog.setWindowTitle(_REACTION_TITLE)
        dialog.setLabelText(_REACTION_TEXT)
        dialog.intValueSelected.connect(lambda ms: self._settings.setValue(_SETTING, ms))
        dialog.open()

    def cancel(self) -> None:
        """Make no edit of the keys that are down now."""
        self._holds = dict.fromkeys(self._holds)
        self._tell()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind is QEvent.Type.FocusOut:
            self._finish_all()
            self._holds.clear()
        if not isinstance(event, QKeyEvent):
            return False
        if kind is QEvent.Type.ShortcutOverride and self._is_ours(event):
            event.accept()
            return True
        if kind is QEvent.Type.KeyPress and self._is_ours(event):
            self._press(event)
            return True
        if kind is QEvent.Type.KeyRelease and event.key() in self._holds:
            if not event.isAutoRepeat():
                self._finish(event.key(), is_by_hand=True)
                del self._holds[event.key()]
            return True
        return False

    @property
    def _is_holding(self) -> bool:
        return any(self._holds.values())

    def _is_ours(self, event: QKeyEvent) -> bool:
        if event.key() in self._holds:
            return True
        if event.key() == Qt.Key.Key_Escape:
            return self._is_holding
        return not event.isAutoRepeat() and self._player.is_playing and self._what(event) != ""

    def _what(self, event: QKeyEvent) -> str:
        """The action that a key would be held for; empty for none."""
        workspace = self._workspace
        name = self._actions.bindings.keymap.owner(key_of(event), Scope.WINDOW)
        can = workspace.armed is not None and workspace.selection is None and workspace.clip is not None
        return name if can and name in MARKS else ""

    def _press(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
        elif event.key() not in self._holds and self._workspace.armed is not None:
            now = self._player.position
            self._held_in = self._clip_name()
            modalities, state = MARKS[self._what(event)]
            onset = now - self._reaction()
            self._holds[event.key()] = Hold(modalities, self._workspace.armed, state, onset, now)
            self._tell()

    def _clip_name(self) -> str:
        return self._workspace.clip.name if self._workspace.clip is not None else ""

    def _reaction(self) -> float:
        """The same in seconds of the clip, which may run faster, or backwards."""
        return self.reaction_ms / 1000 * self._player.rate

    def _on_position_changed(self, now: float) -> None:
        if not self._is_holding:
            return
        direction = 1 if self._player.rate > 0 else -1
        for key, hold in self._holds.items():
            if hold is None:
                continue
            if hold.is_jump(now, direction):
                self._finish(key, is_by_hand=False)
            else:
                self._holds[key] = hold.followed(now)
        self._tell()

    def _finish_all(self) -> None:
        for key in self._holds:
            self._finish(key, is_by_hand=False)

    def _finish(self, key: int, *, is_by_hand: bool) -> None:
        """What ends by itself, as at the end of the clip, ends there and not a reaction before."""
        hold, self._holds[key] = self._holds[key], None
        self._tell()
        if hold is not None and is_by_hand:  # the position is told less often than a key comes
            hold = hold.followed(self._player.position)
        if hold is not None and self._clip_name() == self._held_in:
            self._labelling.carry_out(self._mark(hold, is_by_hand=is_by_hand))

    def _mark(self, hold: Hold, *, is_by_hand: bool) -> Mark:
        subject, reaction = self._labelling.subject, self._reaction() if is_by_hand else 0.0
        return hold.mark(subject.segments, is_free=subject.is_free, reaction=reaction)

    def _tell(self) -> None:
        made = [self._mark(hold, is_by_hand=True) for hold in filter(None, self._holds.values())]
        self.changed.emit(tuple(made))
        self.described.emit(drag_text(made[-1]) if made else "")

    def _on_focus_changed(self, before: QWidget | None, now: QWidget | None) -> None:
        if before is not None:
            before.removeEventFilter(self)
        if now is not None and now.window() is self._window and not takes_text(now):
            now.installEventFilter(self)
