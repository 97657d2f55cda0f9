"""The timeline: the chart of a clip, and the hand on it.

It says what a hand asked for and changes no label itself. What a gesture means is decided in `gestures`, what
things look like in the painting modules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from avvp_studio.ui.timeline.arrangement import Arrangement
from avvp_studio.ui.timeline.chart import Chart
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.arranging import resize
from avvp_studio.ui.timeline.gestures.begin import begin, begin_again, begin_panning
from avvp_studio.ui.timeline.gestures.gesture import Gesture, Ground, Held
from avvp_studio.ui.timeline.gestures.place import OnColumnEdge, OnEvent, OnFoot, Place, Zone
from avvp_studio.ui.timeline.gestures.threshold import with_threshold
from avvp_studio.ui.timeline.gestures.wishes import (
    LIVE,
    Arm,
    Look,
    Mark,
    Play,
    Reorder,
    Reshape,
    Resize,
    Scrub,
    Seek,
    Select,
    SetThreshold,
    Split,
    Widen,
    Wish,
)
from avvp_studio.ui.timeline.lane_menu import LaneMenu
from avvp_studio.ui.timeline.waveform import gain_of
from avvp_studio.ui.timeline.wording import (
    AXIS_TIP,
    band_tip,
    both_tip,
    drag_text,
    header_tip,
    lane_tip,
    parsers_tip,
)

_HANDS = Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton


class Timeline(Chart):
    """All rows of a clip on one time axis, with the playhead, and every gesture on them."""

    seek_requested = Signal(float)
    scrub_requested = Signal(float)
    label_requested = Signal(object)
    """A wish that changes labels, such as a Mark."""
    play_requested = Signal(float, float)
    selection_requested = Signal(object)
    """(onset, offset), or None."""
    arm_requested = Signal(object)
    """A category, or None."""
    arrange_requested = Signal(object)
    """A wish that changes how the timeline is arranged, such as a Resize."""
    threshold_requested = Signal(object)
    """A SetThreshold."""
    tracks_tried = Signal(object)
    """The tracks as a drag shows them, while it lasts; then those that were given."""
    band_menu_requested = Signal(str, QPoint)
    """A menu for the band of this name (empty on the ruler) at this place on the screen."""
    drag_described = Signal(str)
    """What letting go of the mouse would do; empty when no drag is under way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gesture: Gesture | None = None
        self._before_gesture = 0.0
        self._is_free = False
        self._settled = self._arrangement
        self._given = self._content
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_content(self, content: TimelineContent | None) -> None:
        before = self._content
        # A gesture over one clip must not end as a label on another.
        if before is None or content is None or before.rows != content.rows or before.extent != content.extent:
            self._end_gesture()
        self._given = content
        super().set_content(content)
        if self._gesture is not None and self._is_stale(self._gesture.preview()):
            self._end_gesture()

    def set_armed(self, category: str | None) -> None:
        if category != self._armed:
            self._end_gesture()
        super().set_armed(category)

    def set_arrangement(self, arrangement: Arrangement) -> None:
        self._settled = arrangement
        super().set_arrangement(arrangement)

    def set_free(self, is_free: bool) -> None:
        """Let onsets and offsets be where the hand puts them, or (usually) at the borders of segments."""
        self._is_free = is_free

    def mousePressEvent(self, pressed: QMouseEvent) -> None:
        self._press(pressed, begin)

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
        # A window that opened meanwhile may have got the release.
        if not moved.buttons() & _HANDS or self._is_stale(wish):
            self._end_gesture()
            return
        self._show_moving(hover=place, ghost=wish)
        self.drag_described.emit(drag_text(wish))
        if isinstance(wish, LIVE):
            self._ask(wish)
        super().set_arrangement(_arranged(self._settled, wish))
        self._try(wish)

    def mouseReleaseEvent(self, released: QMouseEvent) -> None:
        place, gesture = self.place_at(released.position()), self._gesture
        if gesture is None or place is None or released.buttons() & _HANDS:
            return
        wish = gesture.moved(place, _held(released)).released()
        self._end_gesture()
        if wish is not None and not self._is_stale(wish):
            self._ask(wish)

    def mouseDoubleClickEvent(self, clicked: QMouseEvent) -> None:
        """The ruler shows the whole clip, a lane plays or arms; or it is a second quick drag."""
        place = self.place_at(clicked.position())
        if place is None or clicked.button() is not Qt.MouseButton.LeftButton:
            return
        if isinstance(place.target, OnFoot | OnColumnEdge):
            self._ask(self._usual_size(place.target, is_all=_held(clicked).shift))
        elif place.zone is Zone.RULER:
            self.zoom_to_fit()
        else:
            self._press(clicked, begin_again)

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
        if place is None or self._gesture is not None:
            return
        if place.zone in (Zone.RULER, Zone.BAND, Zone.COLUMN) and place.y < self._bands().bottom:
            self.band_menu_requested.emit(place.band, asked.globalPos())
            return
        menu = self._menu(place)
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
            return self._axis_tip(content, place)
        if place.zone is Zone.HEADER:
            digit, is_armed = self._digits.get(place.category), place.category == self._armed
            return header_tip(content, place.category, digit, is_armed=is_armed)
        segment = min(int(place.time), content.segments - 1)
        if place.modality is None:
            return both_tip(content, place.category, segment)
        return lane_tip(content, place.modality, place.category, segment)

    def _axis_tip(self, content: TimelineContent, place: Place) -> str:
        match place.zone:
            case Zone.COLUMN:
                return parsers_tip(content, self._arrangement.lane_style(len(content.tracks)).drawn)
            case Zone.RULER:
                return AXIS_TIP
            case Zone.BAND:
                return band_tip(place.band, gain_of(self._peaks) if self._peaks else 1.0)
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
            case Mark() | Reshape() | Split():
                self.label_requested.emit(wish)
            case SetThreshold():
                self.threshold_requested.emit(wish)
            case Play(onset, offset):
                self.play_requested.emit(onset, offset)
            case Resize() | Widen() | Reorder():
                self.arrange_requested.emit(wish)
            case Arm(category):
                self.arm_requested.emit(category)

    def _press(self, pressed: QMouseEvent, begin: Callable[[Ground, Place, Held], Gesture | None]) -> None:
        place, ground = self.place_at(pressed.position()), self._ground()
        if place is None or ground is None or self._gesture is not None:
            return
        self._before_gesture = self._playhead
        if pressed.button() is Qt.MouseButton.LeftButton:
            self._gesture = begin(ground, place, _held(pressed))
        elif pressed.button() is Qt.MouseButton.MiddleButton:
            self._gesture = begin_panning(ground, place)

    def _ground(self) -> Ground | None:
        if self._content is None or self._view is None:
            return None
        return Ground(self._content, self._view, self._armed, self._selection, self._is_free)

    def _end_gesture(self) -> None:
        if self._gesture is not None:
            self.drag_described.emit("")
        self._gesture = None
        self._try(None)
        super().set_arrangement(self._settled)
        self._show_moving(hover=self._hover, ghost=None)

    def _is_stale(self, wish: Wish | None) -> bool:
        """Whether the label in the hand is no longer there: a key took it back, or another program."""
        if not isinstance(wish, Reshape) or self._content is None:
            return False
        event = wish.event
        return event not in self._content.events_by_lane.get((event.modality, event.category), ())

    def _try(self, wish: Wish | None) -> None:
        """Show what another threshold would predict; without one, what was given."""
        given = self._given
        if given is None or self._content is None:
            return
        tracks = given.tracks
        if isinstance(wish, SetThreshold):
            tracks = tuple(with_threshold(track, given.categories, wish) for track in tracks)
        if any(one.rule != other.rule for one, other in zip(tracks, self._content.tracks, strict=True)):
            super().set_content(given if tracks is given.tracks else replace(given, tracks=tracks))
            self.tracks_tried.emit(tracks)

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

    def _usual_size(self, target: OnFoot | OnColumnEdge, *, is_all: bool) -> Wish:
        if isinstance(target, OnColumnEdge):
            return Widen(0)
        return resize(self._content.rows if self._content else (), target, None, is_all=is_all)

    def _cursor_over(self, place: Place) -> Qt.CursorShape:
        if isinstance(place.target, OnFoot):
            return Qt.CursorShape.SizeVerCursor
        if place.threshold is not None:
            return Qt.CursorShape.SplitVCursor
        if isinstance(place.target, OnEvent) and place.target.side is not None:
            return Qt.CursorShape.SplitHCursor
        if isinstance(place.target, OnColumnEdge):
            return Qt.CursorShape.SizeHorCursor
        if place.zone is Zone.HEADER:
            return Qt.CursorShape.PointingHandCursor
        is_paint = place.zone is Zone.LANE and place.category == self._armed
        return Qt.CursorShape.CrossCursor if is_paint and self._armed else Qt.CursorShape.ArrowCursor

    def _menu(self, place: Place) -> QMenu | None:
        """What can be said about what is under the mouse; None where there is nothing."""
        ground = self._ground()
        if place.category is None or ground is None:
            return None
        menu = LaneMenu(ground, place, self)
        menu.wished.connect(self._ask)
        return menu


def _arranged(arrangement: Arrangement, wish: Wish | None) -> Arrangement:
    """As it will be when the button is released."""
    match wish:
        case Widen(width):
            return replace(arrangement, column=width)
        case Resize(height, _, band) if band:
            return arrangement.with_band(band, height)
        case Resize(height, categories):
            return arrangement.with_rows(dict.fromkeys(categories, height))
    return arrangement


def _held(event: QMouseEvent) -> Held:
    keys, key = event.modifiers(), Qt.KeyboardModifier
    return Held(
        shift=bool(keys & key.ShiftModifier),
        control=bool(keys & key.ControlModifier),
        alt=bool(keys & key.AltModifier),
    )
