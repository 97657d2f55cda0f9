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
from avvp_studio.ui.timeline.gestures import Arm, Drag, Mark, Place, Scrub, Seek, Select, Wish, Zone, run_under
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


class Timeline(Chart):
    """All rows of a clip on one time axis, with the playhead, and every gesture on them."""

    seek_requested = Signal(float)
    scrub_requested = Signal(float)
    mark_requested = Signal(object, str, float, float, object)
    """Modality, category, onset, offset, State."""
    selection_requested = Signal(object)
    """(onset, offset), or None."""
    arm_requested = Signal(object)
    """A category, or None."""
    drag_described = Signal(str)
    """What letting go of the mouse would do; empty when no drag is under way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drag: Drag | None = None
        self._before_drag = 0.0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_content(self, content: TimelineContent | None) -> None:
        before = self._content
        # A drag over one clip must not end as a label on another.
        if before is None or content is None or before.rows != content.rows or before.extent != content.extent:
            self._end_drag()
        super().set_content(content)

    def set_armed(self, category: str | None) -> None:
        if category != self._armed:
            self._end_drag()
        super().set_armed(category)

    def mousePressEvent(self, pressed: QMouseEvent) -> None:
        place = self.place_at(pressed.position())
        content = self._content
        if pressed.button() is Qt.MouseButton.LeftButton and place is not None and content is not None:
            self._before_drag = self._playhead
            self._drag = Drag.pressed(
                place,
                segments=content.segments,
                duration=content.duration,
                armed=self._armed,
                shift=_has_shift(pressed),
            )

    def mouseMoveEvent(self, moved: QMouseEvent) -> None:
        place = self.place_at(moved.position())
        if place is None:
            return
        if self._drag is None:
            self._show_moving(hover=place, ghost=None)
            self.setCursor(self._cursor_over(place))
            return
        self._drag = self._drag.moved(place, shift=_has_shift(moved))
        wish = self._drag.preview()
        self._show_moving(hover=place, ghost=wish)
        self.drag_described.emit(drag_text(wish))
        if isinstance(wish, Scrub):
            self.scrub_requested.emit(wish.time)

    def mouseReleaseEvent(self, released: QMouseEvent) -> None:
        place, drag = self.place_at(released.position()), self._drag
        if released.button() is not Qt.MouseButton.LeftButton or drag is None or place is None:
            return
        wish = drag.moved(place, shift=_has_shift(released)).released()
        self._end_drag()
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
        if self._drag is None:
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
        menu = None if place is None or self._drag is not None else self._menu(place)
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
            case Zone.WAVEFORM:
                return sound_tip(gain_of(self._peaks)) if self._peaks else AXIS_TIP
        return ""

    def _ask(self, wish: Wish) -> None:
        match wish:
            case Seek(time):
                self.seek_requested.emit(time)
            case Scrub(time):
                self.scrub_requested.emit(time)
            case Select(onset, offset):
                self.selection_requested.emit((onset, offset))
            case Mark(modality, category, onset, offset, state):
                self.mark_requested.emit(modality, category, onset, offset, state)
            case Arm(category):
                self.arm_requested.emit(category)

    def _end_drag(self) -> None:
        if self._drag is not None:
            self.drag_described.emit("")
        self._drag = None
        self._show_moving(hover=self._hover, ghost=None)

    def _has_something_to_leave(self) -> bool:
        return self._drag is not None or self._armed is not None or self._selection is not None

    def _leave(self) -> None:
        """Escape takes back one thing at a time: the drag, then the armed category, then the range."""
        drag = self._drag
        if drag is not None:
            self._end_drag()
            if drag.is_scrubbing and drag.has_moved:
                self.seek_requested.emit(self._before_drag)
        elif self._armed is not None:
            self.arm_requested.emit(None)
        else:
            self.selection_requested.emit(None)

    def _cursor_over(self, place: Place) -> Qt.CursorShape:
        if place.zone is Zone.HEADER:
            return Qt.CursorShape.PointingHandCursor
        is_paint = place.zone is Zone.LANE and place.modality is not None and place.category == self._armed
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
            mark = Mark(modality, category, float(first), float(last), state)
            choice = menu.addAction(choice_text(modality, state))
            choice.setEnabled(bool((shown.states[first:last] != state.value_in_grid).any()))
            choice.triggered.connect(lambda _=False, mark=mark: self._ask(mark))


def _has_shift(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
