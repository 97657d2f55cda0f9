"""The timeline as a hand meets it: real mouse, key and wheel events on the real widget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu

from avvp_studio.domain.tracks import Track
from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.ui.timeline.content import TimelineContent, lane
from avvp_studio.ui.timeline.gestures.wishes import Mark
from avvp_studio.ui.timeline.timeline import Timeline
from avvp_studio.ui.timeline.waveform import gain_of
from trainer.labels import Event, Modality, State, state_grid
from trainer.parses import Parse
from trainer.prediction import PredictionRule

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


def peaks_as_loud_as(level):
    """Ten seconds between -level and +level."""
    highest = round(level * 32767)
    samples = np.tile(np.array([-highest, highest], np.int16), (1, 10 * SAMPLE_RATE // 16, 1))
    return Peaks(samples, 16, 10 * SAMPLE_RATE)


offscreen_popup = pytest.mark.qt_log_ignore("This plugin does not support")
"""The offscreen platform says so of every menu; it does no harm."""


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
        ):
            signal = getattr(timeline, name)
            signal.connect(lambda *values, name=name: self.heard.append((name, *values)))

    def of(self, name):
        return [values for heard, *values in self.heard if heard == name]


@pytest.fixture
def timeline(qtbot):
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(1260, 380)
    widget.set_content(content())
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def wishes(timeline):
    return Wishes(timeline)


def hold(qtbot, widget, start, *ends, keys=NO_KEY):
    qtbot.mousePress(widget, LEFT, keys, start)
    for end in ends:
        send_move(widget, end, keys)


def send_move(widget, point, keys=NO_KEY):
    position = QPointF(point)
    moved = QMouseEvent(
        QEvent.Type.MouseMove, position, widget.mapToGlobal(position), Qt.MouseButton.NoButton, LEFT, keys
    )
    QApplication.sendEvent(widget, moved)


def drag(qtbot, widget, start, end, *, keys=NO_KEY):
    hold(qtbot, widget, start, (start + end) / 2, end, keys=keys)
    qtbot.mouseRelease(widget, LEFT, keys, end)


def test_dragging_right_on_the_armed_category_paints(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    drag(qtbot, timeline, timeline.point("Dog", VISUAL, 2.5), timeline.point("Dog", VISUAL, 4.5))
    assert wishes.heard == [("label_requested", Mark((VISUAL,), "Dog", 2.0, 5.0, State.PRESENT))]


def test_dragging_left_erases_and_with_shift_forgets(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 4.5), timeline.point("Dog", AUDIO, 2.5)
    drag(qtbot, timeline, start, end)
    drag(qtbot, timeline, start, end, keys=SHIFT)
    assert wishes.heard == [
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.ABSENT)),
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.UNSEEN)),
    ]


def test_two_quick_drags_on_an_armed_lane_paint_twice(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 2.5), timeline.point("Dog", AUDIO, 4.5)
    drag(qtbot, timeline, start, end)
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, start)
    send_move(timeline, end)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert len(wishes.of("label_requested")) == 2


def test_a_click_seeks_and_edits_nothing_even_where_a_category_is_armed(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    point = timeline.point("Dog", AUDIO, 6.5)
    qtbot.mouseClick(timeline, LEFT, NO_KEY, point)
    assert [name for name, *_ in wishes.heard] == ["seek_requested"]
    assert wishes.heard[0][1] == pytest.approx(6.5, abs=0.01)


def test_dragging_on_the_ruler_scrubs_live_and_ends_with_a_seek(qtbot, timeline, wishes):
    drag(qtbot, timeline, timeline.ruler_point(1), timeline.ruler_point(5))
    scrubs = [values[0] for values in wishes.of("scrub_requested")]
    assert scrubs == pytest.approx([3, 5], abs=0.02)
    assert wishes.heard[-1] == ("seek_requested", scrubs[-1])


def test_shift_on_the_ruler_and_a_drag_on_other_lanes_select_a_range(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    drag(qtbot, timeline, timeline.ruler_point(1.5), timeline.ruler_point(3.5), keys=SHIFT)
    drag(qtbot, timeline, timeline.point("Speech", AUDIO, 5.5), timeline.point("Speech", AUDIO, 7.5))
    assert wishes.heard == [("selection_requested", (1.0, 4.0)), ("selection_requested", (5.0, 8.0))]


def test_escape_cancels_a_drag_and_only_then_disarms(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 2.5), timeline.point("Dog", AUDIO, 4.5)
    hold(qtbot, timeline, start, end)
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert wishes.heard == []
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard == [("arm_requested", None)]


def test_escape_during_a_scrub_goes_back_to_where_the_playhead_was(qtbot, timeline, wishes):
    timeline.set_playhead(8.0)
    hold(qtbot, timeline, timeline.ruler_point(1), timeline.ruler_point(5))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard[-1] == ("seek_requested", 8.0)


def test_escape_lets_go_of_the_range_when_nothing_is_armed(qtbot, timeline, wishes):
    timeline.set_selection((2.0, 4.0))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard == [("selection_requested", None)]


def test_a_header_click_and_a_lane_double_click_arm(qtbot, timeline, wishes):
    header = QPoint(40, timeline.point("Speech", AUDIO, 0).y())
    qtbot.mouseClick(timeline, LEFT, NO_KEY, header)
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, timeline.point("Dog", VISUAL, 3))
    assert wishes.of("arm_requested") == [["Speech"], ["Dog"]]


def test_a_click_on_the_armed_header_disarms(qtbot, timeline, wishes):
    timeline.set_armed("Speech")
    qtbot.mouseClick(timeline, LEFT, NO_KEY, QPoint(40, timeline.point("Speech", AUDIO, 0).y()))
    assert wishes.heard == [("arm_requested", None)]


def test_the_corner_beside_the_ruler_does_nothing(qtbot, timeline, wishes):
    qtbot.mouseClick(timeline, LEFT, NO_KEY, QPoint(40, 10))
    assert wishes.heard == []


def open_menu(timeline, point):
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, timeline.mapToGlobal(point), NO_KEY)
    QApplication.sendEvent(timeline, asked)
    (menu,) = [menu for menu in timeline.findChildren(QMenu) if menu.isVisible()]
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}, menu


@offscreen_popup
def test_the_context_menu_marks_the_run_under_the_mouse(qtbot, timeline, wishes):
    actions, menu = open_menu(timeline, timeline.point("Dog", AUDIO, 3.5))
    assert not actions["Heard here"].isEnabled()
    actions["Not heard here"].trigger()
    actions["Forget"].trigger()
    menu.close()
    assert wishes.heard == [
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.ABSENT)),
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.UNSEEN)),
    ]


@offscreen_popup
def test_the_context_menu_marks_the_selected_range_and_can_arm(qtbot, timeline, wishes):
    timeline.set_selection((1.0, 4.0))
    actions, menu = open_menu(timeline, timeline.point("Speech", VISUAL, 2.5))
    actions["Seen here"].trigger()
    actions["Arm Speech"].trigger()
    menu.close()
    assert wishes.heard == [
        ("label_requested", Mark((VISUAL,), "Speech", 1.0, 4.0, State.PRESENT)),
        ("arm_requested", "Speech"),
    ]


def test_a_drag_says_what_letting_go_would_do_and_falls_silent_when_it_ends(qtbot, timeline):
    said = []
    timeline.drag_described.connect(said.append)
    timeline.set_content(content(rows=("Violin_fiddle", "Speech")))
    timeline.set_armed("Violin_fiddle")
    start, end = timeline.point("Violin_fiddle", AUDIO, 2.5), timeline.point("Violin_fiddle", AUDIO, 4.5)
    drag(qtbot, timeline, start, end)
    drag(qtbot, timeline, end, start)
    drag(qtbot, timeline, start, end, keys=SHIFT)
    assert [text for text in said if text == ""] == ["", "", ""]
    assert said[1] == "Let go: Violin fiddle heard, 0:02 – 0:05. Esc leaves it as it is."
    assert "Let go: Violin fiddle not heard, 0:02 – 0:05. Esc leaves it as it is." in said
    assert said[-2] == "Let go: Violin fiddle heard, 0:02 – 0:05: forgotten. Esc leaves it as it is."


def test_the_ruler_and_the_sound_say_what_a_drag_does_there(timeline):
    ruler = timeline.ruler_point(4)
    assert timeline.tip_at(ruler) == "Drag to scrub, with Shift to select a range."
    assert timeline.tip_at(ruler + QPoint(0, 40)) == timeline.tip_at(ruler)  # no sound is known yet
    timeline.set_peaks(peaks_as_loud_as(0.25), "")
    assert timeline.tip_at(ruler + QPoint(0, 40)).startswith("The sound, drawn 3.8 times as high.")


def test_a_quiet_sound_is_drawn_taller_but_silence_stays_silent():
    assert gain_of(peaks_as_loud_as(0.95)) == pytest.approx(1.0, abs=0.01)
    assert gain_of(peaks_as_loud_as(0.01)) == 8.0
    assert gain_of(peaks_as_loud_as(0.0)) == 1.0


def test_setting_the_state_asks_for_nothing(timeline, wishes):
    timeline.set_armed("Cello")
    timeline.set_selection((2.0, 4.0))
    timeline.set_playhead(5.0)
    timeline.set_digits({"Dog": "1"})
    timeline.set_theme(LIGHT)
    timeline.zoom_in()
    timeline.set_content(content(segments=30))
    timeline.set_content(None)
    assert wishes.heard == []


def test_another_clip_during_a_drag_cancels_it(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    end = timeline.point("Dog", AUDIO, 4.5)
    hold(qtbot, timeline, timeline.point("Dog", AUDIO, 2.5), end)
    timeline.set_content(content(rows=("Dog", "Cello")))
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert wishes.heard == []


def test_an_armed_category_that_is_no_row_gets_lanes_and_comes_into_sight(qtbot, timeline):
    timeline.set_content(content(rows=("Dog", "Speech", "Violin_fiddle")))
    timeline.resize(1260, 240)
    timeline.set_armed("Cello")
    assert timeline.rect().contains(timeline.point("Cello", VISUAL, 5))
    place = timeline.place_at(timeline.point("Cello", VISUAL, 5))
    assert (place.category, place.modality) == ("Cello", VISUAL)


class PaintedRegions(QObject):
    def __init__(self, widget):
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, _, happened):
        if happened.type() == QEvent.Type.Paint:
            self.region += happened.region()
        return False


def test_a_playing_playhead_repaints_only_strips(qtbot, timeline):
    timeline.set_playhead(3.0)
    QApplication.processEvents()
    painted = PaintedRegions(timeline)
    timeline.set_playhead(3.03)
    qtbot.waitUntil(lambda: not painted.region.isEmpty())
    area = sum(rect.width() * rect.height() for rect in painted.region)
    assert area < 0.03 * timeline.width() * timeline.height()


def test_the_view_follows_a_playing_playhead_but_not_when_it_was_panned_away(timeline):
    timeline.zoom_in()
    timeline.zoom_in()
    view = timeline._view
    timeline.set_playhead(view.offset - 0.05)
    timeline.set_playhead(view.offset + 0.05)
    assert timeline._view.shows(view.offset + 0.05)
    timeline._set_view(timeline._view.starting_at(0.0))
    timeline.set_playhead(view.offset + 0.1)
    assert timeline._view.onset == 0.0


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


def test_ctrl_wheel_zooms_where_the_mouse_is_and_a_double_click_on_the_ruler_fits(qtbot, timeline):
    point = timeline.ruler_point(4)
    wheel(timeline, point, 4, Qt.KeyboardModifier.ControlModifier)
    assert timeline._view.span < 10
    assert abs(timeline.ruler_point(4).x() - point.x()) <= 1
    onset = timeline._view.onset
    wheel(timeline, point, -1, SHIFT)
    assert timeline._view.onset > onset
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, point)
    assert timeline._view.is_whole


def test_the_wheel_scrolls_the_rows_under_the_ruler(timeline):
    timeline.set_content(content(rows=CATEGORIES))
    ruler, before = timeline.ruler_point(1), timeline.point("Cello", AUDIO, 1)
    wheel(timeline, before, -1, NO_KEY)
    assert timeline.point("Cello", AUDIO, 1).y() < before.y()
    assert timeline.ruler_point(1) == ruler


def test_tooltips_say_who_said_what_and_what_each_parser_believes(timeline):
    tip = timeline.tip_at(timeline.point("Dog", AUDIO, 3.5))
    assert "present, by anna" in tip
    assert "new: 0." in tip
    assert "old: 0." in tip
    assert "from a file" in timeline.tip_at(timeline.point("Dog", VISUAL, 3.5))
    assert "Not labelled" in timeline.tip_at(timeline.point("Speech", VISUAL, 3.5))
    assert "video-level label" in timeline.tip_at(QPoint(40, timeline.point("Dog", AUDIO, 0).y()))
    assert "solid line, threshold 0.5, gate joint" in timeline.tip_at(QPoint(40, 40))


def test_each_lane_has_the_threshold_of_its_modality_and_category():
    rule = PredictionRule(segment=(0.25, (0.1, 0.2, 0.3, 0.4)))
    shown = replace(content(), tracks=(replace(track("new", 10), rule=rule),))
    for modality, category, threshold in ((AUDIO, "Cello", 0.25), (VISUAL, "Dog", 0.1), (VISUAL, "Cello", 0.4)):
        (drawn,) = lane(shown, modality, category).tracks
        assert drawn.threshold == threshold
        np.testing.assert_array_equal(drawn.predicted, drawn.probabilities >= np.float32(threshold))


def picture(timeline) -> QImage:
    return timeline.grab().toImage()


def lane_pixels(timeline, category, modality, segment):
    """The colours across the middle of one segment of a lane, from its top to its foot."""
    ratio = timeline.devicePixelRatioF()
    middle = timeline.point(category, modality, segment + 0.3)
    image = picture(timeline)
    x = round(middle.x() * ratio)
    return {image.pixelColor(x, round((middle.y() + dy) * ratio)).name() for dy in range(-8, 4)}


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_present_absent_and_unseen_look_different(timeline, theme):
    timeline.set_theme(theme)
    timeline.set_content(content(tracks=()))
    timeline.set_playhead(9.9)
    present = lane_pixels(timeline, "Dog", AUDIO, 3)
    absent = lane_pixels(timeline, "Dog", AUDIO, 8)
    unseen = lane_pixels(timeline, "Dog", AUDIO, 5)
    assert unseen == {theme.surface}
    assert theme.surface not in present
    assert theme.surface in absent | unseen
    assert present != absent


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("segments", [1, 10, 3600])
def test_every_length_is_painted_in_both_themes_without_a_warning(timeline, theme, segments):
    events = [event for event in EVENTS if event.offset <= segments]
    timeline.set_theme(theme)
    timeline.set_content(content(rows=CATEGORIES, segments=segments, events=events))
    timeline.set_armed("Dog")
    timeline.set_selection((0.0, 1.0))
    assert picture(timeline).pixelColor(1255, 2) == QColor(theme.window)
    timeline.zoom_in()
    assert picture(timeline).pixelColor(1255, 2) == QColor(theme.window)


def is_written_in(timeline, left, top, right, bottom):
    """Whether there is anything but one colour in a part of the widget."""
    image, ratio = picture(timeline), timeline.devicePixelRatioF()
    part = image.copy(QRect(QPoint(left, top) * ratio, QPoint(right, bottom) * ratio))
    return len({part.pixel(x, y) for x in range(part.width()) for y in range(part.height())}) > 1


def test_without_a_clip_a_sentence_says_what_to_do(timeline):
    timeline.set_content(None)
    assert is_written_in(timeline, 400, 150, 860, 230)


def test_without_rows_or_a_parser_sentences_say_so(timeline):
    timeline.set_content(content(rows=(), events=()))
    timeline.set_peaks(None, "")
    assert is_written_in(timeline, 500, 180, 960, 280)
    timeline.set_content(content(rows=(), events=(), tracks=()))
    assert is_written_in(timeline, 10, 30, 180, 70)


def test_without_sound_the_note_is_shown_in_its_place(timeline):
    place = (205, 30, 295, 68)
    timeline.set_peaks(None, "")
    assert not is_written_in(timeline, *place)
    timeline.set_peaks(None, "This file has no sound")
    assert is_written_in(timeline, *place)


def test_the_sound_is_drawn_where_it_is_loud_and_ends_where_it_ends(timeline):
    samples = np.zeros((1, 5 * SAMPLE_RATE // 16, 2), np.int16)
    samples[0, : samples.shape[1] // 2] = (-20_000, 20_000)
    timeline.set_peaks(Peaks(samples, 16, 5 * SAMPLE_RATE), "")
    timeline.set_playhead(9.9)

    def waveform_pixels(time):
        point = timeline.ruler_point(time)
        image, ratio = picture(timeline), timeline.devicePixelRatioF()
        column = [image.pixelColor(round(point.x() * ratio), round(y * ratio)).name() for y in range(30, 68)]
        return column.count(DARK.waveform)

    assert waveform_pixels(1.5) > 15
    assert waveform_pixels(4.5) <= 3
    assert waveform_pixels(7.5) == 0


def test_a_parse_of_another_length_than_the_clip_is_drawn_as_far_as_it_goes(timeline):
    short = content()
    tracks = (track("short", 7), track("long", 14))
    timeline.set_content(
        TimelineContent(10.0, 10, CATEGORIES, ("Dog",), short.states, tracks, frozenset(), EVENTS)
    )
    picture(timeline)
    assert "short: unknown here" in timeline.tip_at(timeline.point("Dog", AUDIO, 8.5))


def test_a_category_name_with_markup_is_shown_as_it_is(timeline):
    categories = ("<b>Bold & loud</b>", *CATEGORIES[1:])
    timeline.set_content(content(rows=categories[:1], events=(), categories=categories))
    picture(timeline)
    assert "&lt;b&gt;Bold &amp; loud" in timeline.tip_at(timeline.point(categories[0], AUDIO, 3))
