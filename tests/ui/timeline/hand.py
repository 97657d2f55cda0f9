"""A timeline to try, and a hand on it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QImage, QMouseEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu

from avvp_studio.domain.tracks import Track
from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.timeline.content import TimelineContent
from trainer.labels import Event, Modality, State, state_grid
from trainer.parses import Parse

CATEGORIES = ("Dog", "Speech", "Violin_fiddle", "Cello")
AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
LEFT, NO_KEY, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
EVENTS = (
    Event(AUDIO, "Dog", 2, 5, State.PRESENT, "anna"),
    Event(VISUAL, "Dog", 0, 7, State.PRESENT),
    Event(AUDIO, "Dog", 7, 9, State.ABSENT, "anna"),
)


def track(name, segments, *, seed=0):
    random = np.random.default_rng(seed)
    audio, visual = random.random((2, segments, len(CATEGORIES)), dtype=np.float32)
    return Track(name, Parse(audio, visual, np.ones(len(CATEGORIES), np.float32)))


def content(
    rows=("Dog", "Speech"), *, segments=10, tracks=("new", "old"), events=EVENTS, categories=CATEGORIES
):
    return TimelineContent(
        duration=float(segments),
        segments=segments,
        categories=categories,
        rows=rows,
        states=state_grid(events, categories, segments),
        tracks=tuple(track(name, segments, seed=i) for i, name in enumerate(tracks)),
        video_labels=frozenset({"Dog"}),
        events=tuple(events),
    )


offscreen_popup = pytest.mark.qt_log_ignore("This plugin does not support")
"""The offscreen platform says so of every menu; it does no harm."""


def peaks_as_loud_as(level):
    """Ten seconds between -level and +level."""
    highest = round(level * 32767)
    samples = np.tile(np.array([-highest, highest], np.int16), (1, 10 * SAMPLE_RATE // 16, 1))
    return Peaks(samples, 16, 10 * SAMPLE_RATE)


class Wishes(QObject):
    """Everything that a timeline asks for, in order."""

    def __init__(self, timeline):
        super().__init__(timeline)
        self.heard = []
        for name in (
            "seek_requested",
            "scrub_requested",
            "label_requested",
            "selection_requested",
            "arm_requested",
            "play_requested",
        ):
            signal = getattr(timeline, name)
            signal.connect(lambda *values, name=name: self.heard.append((name, *values)))

    def of(self, name):
        return [values for heard, *values in self.heard if heard == name]


def hold(qtbot, widget, start, *ends, keys=NO_KEY):
    qtbot.mousePress(widget, LEFT, keys, start)
    for end in ends:
        send_move(widget, end, keys)


def send_move(widget, point, keys=NO_KEY, down=LEFT):
    position = QPointF(point)
    moved = QMouseEvent(
        QEvent.Type.MouseMove, position, widget.mapToGlobal(position), Qt.MouseButton.NoButton, down, keys
    )
    QApplication.sendEvent(widget, moved)


def drag(qtbot, widget, start, end, *, keys=NO_KEY):
    hold(qtbot, widget, start, (start + end) / 2, end, keys=keys)
    qtbot.mouseRelease(widget, LEFT, keys, end)


def double_click(qtbot, widget, point):
    qtbot.mouseClick(widget, LEFT, NO_KEY, point)
    qtbot.mouseDClick(widget, LEFT, NO_KEY, point)
    qtbot.mouseRelease(widget, LEFT, NO_KEY, point)


def open_menu(timeline, point):
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, timeline.mapToGlobal(point), NO_KEY)
    QApplication.sendEvent(timeline, asked)
    (menu,) = [menu for menu in timeline.findChildren(QMenu) if menu.isVisible()]
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}, menu


class PaintedRegions(QObject):
    def __init__(self, widget):
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, _, happened):
        if happened.type() == QEvent.Type.Paint:
            self.region += happened.region()
        return False


def wheel(timeline, point, notches, keys):
    position = QPointF(point)
    turned = QWheelEvent(
        position,
        timeline.mapToGlobal(position),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(timeline, turned)


def picture(timeline) -> QImage:
    return timeline.grab().toImage()


def lane_pixels(timeline, category, modality, segment):
    """The colours across the middle of one segment of a lane, from its top to its foot."""
    ratio = timeline.devicePixelRatioF()
    middle = timeline.point(category, modality, segment + 0.3)
    image = picture(timeline)
    x = round(middle.x() * ratio)
    return {image.pixelColor(x, round((middle.y() + dy) * ratio)).name() for dy in range(-8, 4)}


def is_written_in(timeline, left, top, right, bottom):
    """Whether there is anything but one colour in a part of the widget."""
    image, ratio = picture(timeline), timeline.devicePixelRatioF()
    part = image.copy(QRect(QPoint(left, top) * ratio, QPoint(right, bottom) * ratio))
    return len({part.pixel(x, y) for x in range(part.width()) for y in range(part.height())}) > 1
