"""The timeline: the chart of a clip, and the hand on it.

It says what a hand asked for and changes no label itself. What a gesture means is decided in `gestures`, what
things look like in the painting modules.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from avvp_studio.ui.names import display_name
from avvp_studio.ui.timeline.chart import Chart
from avvp_studio.ui.timeline.content import TimelineContent, lane
from avvp_studio.ui.timeline.gestures.begin import begin, begin_panning
from avvp_studio.ui.timeline.gestures.gesture import Gesture, Ground, Held
from avvp_studio.ui.timeline.gestures.place import Place, Zone
from avvp_studio.ui.timeline.gestures.runs import run_under
from avvp_studio.ui.timeline.gestures.wishes import LIVE, Arm, Look, Mark, Scrub, Seek, Select, Wish
from avvp_studio.ui.timeline.waveform import gain_of
from avvp_studio.ui.timeline.wording import (
    AXIS_TIP,
    both_tip,
    choice_text,
    drag_text,
    header_tip,
    lane_tip,
    parsers_tip,
    sound_tip,
    span_text,
)
from trainer.labels import Modality, State

_HANDS = Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton


class Timeline(Chart):
    """All rows of a clip on one time axis, with the playhead, and every gesture on them."""

    seek_requested = Signal(float)
    scrub_requested = Signal(float)
    label_requested = Signal(object)
    """A wish that changes labels, such as a Mark."""
    selection_requested = Signal(object)
    """(onset, offset), or None."""
    arm_requested = Signal(object)
    """A category, or None."""
    drag_described = Signal(str)
    """What letting go of the mouse would do; empty when no drag is under way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gesture: Gesture | None = None
        self._before_gesture = 0.0
        self._is_free = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_content(self, content: TimelineContent | None) -> None:
        before = self._content
        # A gesture over one clip must not end as a label on another.
        if before is None or content is None or before.rows != content.rows or before.extent != content.extent:
            self._end_gesture()
        super().set_content(content)

    def set_armed(self, category: str | None) -> None:
        if category != self._armed:
            self._end_gesture()
        super().set_armed(category)

    def set_free(self, is_free: bool) -> None:
        """Let onsets and offsets be where the hand puts them, or (usually) at the borders of segments."""
        self._is_free = is_free

    def mousePressEvent(self, pressed: QMouseEvent) -> None:
        place, ground = self.place_at(pressed.position()), self._ground()
        if place is None or ground is None or self._gesture is not None:
            return
        self._before_gesture = self._playhead
        if pressed.button() is Qt.MouseButton.LeftButton:
            self._gesture = begin(ground, place, _held(pressed))
        elif pressed.button() is Qt.MouseButton.MiddleButton:
            self._gesture = begin_panning(ground, place)

    def mouseMoveEvent(self, moved: QMouseEvent) -> None:
        place = self.place_at(moved.position())
        if place is None:
            return
        if self._gesture is None:
            self._show_moving(hover=place, ghost=None)
            self.setCursor(self._cursor_over(place))
            return
        self._gesture = self._gesture.moved(place, _held(moved))
        wish = self._gesture.preview()
        self._show_moving(hover=place, ghost=wish)
        self.drag_described.emit(drag_text(wish))
        if isinstance(wish, LIVE):
            self._ask(wish)

    def mouseReleaseEvent(self, released: QMouseEvent) -> None:
        place, gesture = self.place_at(released.position()), self._gesture
        if gesture is None or place is None or released.buttons() & _HANDS:
            return
        wish = gesture.moved(place, _held(released)).released()
        self._end_gesture()
        if wish is not None:
            self._ask(wish)

    def mouseDoubleClickEvent(self, clicked: QMouseEvent) -> None:
        """The ruler shows the whole clip, a lane arms; on an armed lane a second quick drag begins."""
        place = self.place_at(clicked.position())
        if place is None or clicked.button() is not Qt.MouseButton.LeftButton:
            return
        if place.zone is Zone.RULER:
            self.zoom_to_fit()
        elif place.zone is Zone.LANE and place.category != self._armed:
            self._ask(Arm(place.category))
        else:
            self.mousePressEvent(clicked)

    def leaveEvent(self, left: QEvent) -> None:
        if self._gesture is None:
            self._show_moving(hover=None, ghost=None)
        super().leaveEvent(left)

    def keyPressEvent(self, pressed: QKeyEvent) -> None:
        if pressed.key() == Qt.Key.Key_Escape and self._has_something_to_leave():
            self._leave()
        else:
            super().keyPressEvent(pressed)

    def focusInEvent(self, gained: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(gained)

    def focusOutEvent(self, lost: QFocusEvent) -> None:
        self.update()
        super().focusOutEvent(lost)

    def contextMenuEvent(self, asked: QContextMenuEvent) -> None:
        place = self.place_at(asked.pos())
        menu = None if place is None or self._gesture is not None else self._menu(place)
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(asked.globalPos())

    def event(self, happened: QEvent) -> bool:
        if isinstance(happened, QHelpEvent) and happened.type() == QEvent.Type.ToolTip:
            QToolTip.showText(happened.globalPos(), self.tip_at(happened.pos()), self)
            return True
        # Escape may be a shortcut of the window too: while there is something to leave here, it is ours.
        if (
            isinstance(happened, QKeyEvent)
            and happened.type() == QEvent.Type.ShortcutOverride
            and happened.key() == Qt.Key.Key_Escape
            and self._has_something_to_leave()
        ):
            happened.accept()
            return True
        return super().event(happened)

    def tip_at(self, point: QPoint) -> str:
        """The tooltip of a point; empty where there is nothing to say."""
        place, content = self.place_at(point), self._content
        if place is None or content is None:
            return ""
        if place.category is None:
            return self._axis_tip(content, place.zone)
        if place.zone is Zone.HEADER:
            digit, is_armed = self._digits.get(place.category), place.category == self._armed
            return header_tip(content, place.category, digit, is_armed=is_armed)
        segment = min(int(place.time), content.segments - 1)
        if place.modality is None:
            return both_tip(content, place.category, segment)
        return lane_tip(content, place.modality, place.category, segment)

    def _axis_tip(self, content: TimelineContent, zone: Zone) -> str:
        match zone:
            case Zone.COLUMN:
                return parsers_tip(content)
            case Zone.RULER:
                return AXIS_TIP
            case Zone.BAND:
                return sound_tip(gain_of(self._peaks)) if self._peaks else AXIS_TIP
        return ""

    def _ask(self, wish: Wish) -> None:
        match wish:
            case Seek(time):
                self.seek_requested.emit(time)
            case Scrub(time):
                self.scrub_requested.emit(time)
            case Look(onset):
                self.look_from(onset)
            case Select(onset, offset):
                self.selection_requested.emit((onset, offset))
            case Mark():
                self.label_requested.emit(wish)
            case Arm(category):
                self.arm_requested.emit(category)

    def _ground(self) -> Ground | None:
        if self._content is None or self._view is None:
            return None
        return Ground(self._content, self._view, self._armed, self._selection, self._is_free)

    def _end_gesture(self) -> None:
        if self._gesture is not None:
            self.drag_described.emit("")
        self._gesture = None
        self._show_moving(hover=self._hover, ghost=None)

    def _has_something_to_leave(self) -> bool:
        return self._gesture is not None or self._armed is not None or self._selection is not None

    def _leave(self) -> None:
        """Escape takes back one thing at a time: the gesture, then the armed category, then the range."""
        gesture = self._gesture
        if gesture is not None:
            self._end_gesture()
            if isinstance(gesture.preview(), Scrub):
                self.seek_requested.emit(self._before_gesture)
        elif self._armed is not None:
            self.arm_requested.emit(None)
        else:
            self.selection_requested.emit(None)

    def _cursor_over(self, place: Place) -> Qt.CursorShape:
        if place.zone is Zone.HEADER:
            return Qt.CursorShape.PointingHandCursor
        is_paint = place.zone is Zone.LANE and place.category == self._armed
        return Qt.CursorShape.CrossCursor if is_paint and self._armed else Qt.CursorShape.ArrowCursor

    def _menu(self, place: Place) -> QMenu | None:
        """What can be said about the cells under the mouse; None where there is nothing."""
        if place.category is None:
            return None
        menu = QMenu(self)
        if place.zone is Zone.LANE and place.modality is not None:
            self._add_choices(menu, place.category, place.modality, place.time)
            menu.addSeparator()
        wish = Arm(None if place.category == self._armed else place.category)
        text = f"{'Arm' if wish.category else 'Disarm'} {display_name(place.category)}"
        menu.addAction(text.replace("&", "&&")).triggered.connect(lambda: self._ask(wish))
        return menu

    def _add_choices(self, menu: QMenu, category: str, modality: Modality, time: float) -> None:
        content = self._content
        assert content is not None
        shown = lane(content, modality, category)
        segment = min(int(time), content.segments - 1)
        first, last = run_under(segment, shown.states, shown.predicted, self._selection)
        title = menu.addAction(f"{display_name(category)}, {span_text(first, last)}".replace("&", "&&"))
        title.setEnabled(False)
        for state in (State.PRESENT, State.ABSENT, State.UNSEEN):
            mark = Mark((modality,), category, float(first), float(last), state)
            choice = menu.addAction(choice_text(modality, state))
            choice.setEnabled(bool((shown.states[first:last] != state.value_in_grid).any()))
            choice.triggered.connect(lambda _=False, mark=mark: self._ask(mark))


def _held(event: QMouseEvent) -> Held:
    keys, key = event.modifiers(), Qt.KeyboardModifier
    return Held(
        shift=bool(keys & key.ShiftModifier),
        control=bool(keys & key.ControlModifier),
        alt=bool(keys & key.AltModifier),
    )
