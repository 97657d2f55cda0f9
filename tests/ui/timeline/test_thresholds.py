"""Thresholds under a real hand: up and down moves the line, along the time nothing is in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from avvp_studio.domain.tracks import Reach
from avvp_studio.ui.timeline.arrangement import Arrangement
from avvp_studio.ui.timeline.content import lane
from avvp_studio.ui.timeline.gestures.wishes import Mark, SetThreshold
from tests.ui.timeline.hand import (
    AUDIO,
    LEFT,
    NO_KEY,
    SHIFT,
    VISUAL,
    content,
    double_click,
    offscreen_popup,
    open_menu,
    picture,
)
from trainer.labels import Modality, State
from trainer.parses import Parse
from trainer.prediction import PredictionRule

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def asked(timeline):
    heard = []
    timeline.threshold_requested.connect(heard.append)
    return heard


def on_line(timeline, category="Dog", modality=AUDIO, time=5.5, parser="new") -> QPoint:
    """A point on the line of a threshold."""
    middle = timeline.point(category, modality, time)
    points = [middle + QPoint(0, dy) for dy in range(-60, 60)]
    lines = [(point, timeline.place_at(point)) for point in points]
    found = [
        point
        for point, place in lines
        if place.threshold is not None
        and place.threshold.parser == parser
        and (place.category, place.modality) == (category, modality)
    ]
    return found[len(found) // 2]


def drag(qtbot, timeline, start, by, keys=NO_KEY, *, end=True):
    qtbot.mousePress(timeline, LEFT, keys, start)
    steps = max(abs(by.x()), abs(by.y()))
    for step in range(1, steps + 1):
        _move(timeline, start + by * step / steps, keys)
    if end:
        qtbot.mouseRelease(timeline, LEFT, keys, start + by)


def _move(timeline, point, keys):
    at = QPointF(point)
    moved = QMouseEvent(
        QEvent.Type.MouseMove, at, timeline.mapToGlobal(at), Qt.MouseButton.NoButton, LEFT, keys
    )
    QApplication.sendEvent(timeline, moved)


def test_a_drag_upward_asks_for_a_higher_threshold_of_this_lane(qtbot, timeline, asked):
    drag(qtbot, timeline, on_line(timeline), QPoint(0, -8))
    (wish,) = asked
    assert (wish.parser, wish.modality, wish.category, wish.is_all) == ("new", AUDIO, "Dog", False)
    assert 0.5 < wish.level < 0.9


def test_a_drag_downward_ends_above_0(qtbot, timeline, asked):
    drag(qtbot, timeline, on_line(timeline, modality=VISUAL), QPoint(0, 300))
    assert [(wish.modality, wish.level) for wish in asked] == [(VISUAL, 0.01)]


def test_with_shift_the_same_way_is_a_tenth(qtbot, timeline, asked):
    start = on_line(timeline)
    pixels = timeline.place_at(start).threshold.pixels
    drag(qtbot, timeline, start, QPoint(0, -10), SHIFT)
    assert asked[0].level == pytest.approx(0.5 + 1 / pixels, abs=0.006)


def test_with_alt_it_is_for_all_categories(qtbot, timeline, asked):
    drag(qtbot, timeline, on_line(timeline), QPoint(0, 6), ALT)
    assert asked[0].is_all


def test_a_hand_that_goes_up_a_little_aslant_moves_the_line(qtbot, timeline, wishes, asked):
    drag(qtbot, timeline, on_line(timeline), QPoint(4, -9))
    assert len(asked) == 1
    assert not wishes.heard


def test_while_it_moves_the_prediction_follows_and_nothing_is_asked_yet(qtbot, timeline, asked):
    tried = []
    timeline.tracks_tried.connect(tried.append)
    probabilities = lane(timeline._content, AUDIO, "Dog").tracks[0].probabilities
    drag(qtbot, timeline, on_line(timeline), QPoint(0, -8), end=False)
    assert not asked
    level = tried[-1][0].rule.segment_threshold(0, 0)
    assert level > 0.5
    shown = lane(timeline._content, AUDIO, "Dog").tracks[0]
    assert (shown.predicted == (probabilities >= np.float32(level))).all()
    assert shown.threshold != shown.own_threshold
    other = lane(timeline._content, VISUAL, "Dog").tracks[0]
    assert other.threshold == 0.5


def test_escape_on_the_way_puts_it_back(qtbot, timeline, asked):
    before = timeline._content
    tried = []
    timeline.tracks_tried.connect(tried.append)
    start = on_line(timeline)
    drag(qtbot, timeline, start, QPoint(0, -8), end=False)
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, start)
    assert not asked
    assert timeline._content is before
    assert tried[-1] == before.tracks


def test_labels_that_come_on_the_way_are_shown_and_the_drag_goes_on(qtbot, timeline, asked):
    start = on_line(timeline)
    drag(qtbot, timeline, start, QPoint(0, -8), end=False)
    fewer = content(events=())
    timeline.set_content(fewer)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, start + QPoint(0, -8))
    assert len(asked) == 1
    assert timeline._content is fewer


@pytest.mark.parametrize("armed", ["Dog", None])
def test_a_drag_along_the_line_does_what_it_does_beside_it(qtbot, timeline, wishes, asked, armed):
    timeline.set_armed(armed)
    start = on_line(timeline, time=5.5)
    drag(qtbot, timeline, start, timeline.point("Dog", AUDIO, 8.5) - timeline.point("Dog", AUDIO, 5.5))
    if armed:
        assert wishes.heard == [("label_requested", Mark((AUDIO,), "Dog", 5.0, 9.0, State.PRESENT))]
    else:
        assert wishes.heard == [("selection_requested", (5.0, 9.0))]
    assert not asked


def test_a_click_on_the_line_seeks(qtbot, timeline, wishes, asked):
    qtbot.mouseClick(timeline, LEFT, NO_KEY, on_line(timeline, time=5.5))
    assert [name for name, *_ in wishes.heard] == ["seek_requested"]
    assert not asked


def changed():
    """The threshold of dogs heard was moved to 0.8."""
    given, rule = content(), PredictionRule(segment=((0.8, 0.5, 0.5, 0.5), 0.5))
    return replace(given, tracks=(given.tracks[0].by_rule(rule), *given.tracks[1:]))


def test_a_double_click_on_a_line_that_was_moved_asks_for_the_parsers_own(qtbot, timeline, asked):
    timeline.set_content(changed())
    double_click(qtbot, timeline, on_line(timeline))
    assert asked == [SetThreshold("new", AUDIO, "Dog", None)]


def test_a_double_click_on_a_line_that_was_not_moved_is_one_on_the_lane(qtbot, timeline, wishes, asked):
    double_click(qtbot, timeline, on_line(timeline, "Speech", VISUAL, 9.9))
    assert not asked
    assert wishes.heard[-1][0] in ("arm_requested", "play_requested")


def test_under_the_mouse_the_line_lights_up_and_says_its_value(qtbot, timeline):
    before = picture(timeline)
    qtbot.mouseMove(timeline, on_line(timeline))
    accent = timeline._theme.accent
    after = picture(timeline)
    y = round(on_line(timeline).y() * timeline.devicePixelRatioF())
    near = range(y - 3, y + 4)
    right = round(timeline.point("Dog", AUDIO, 9.5).x() * timeline.devicePixelRatioF())
    assert any(after.pixelColor(right, row).name() == accent for row in near)
    assert not any(before.pixelColor(right, row).name() == accent for row in near)
    assert timeline.cursor().shape() is Qt.CursorShape.SplitVCursor


@pytest.mark.parametrize(("level", "is_solid"), [(0.5, False), (0.52, True)])
def test_a_moved_line_is_drawn_through_and_the_parsers_own_is_dotted(timeline, level, is_solid):
    silent = np.zeros((10, 4), np.float32)
    given = replace(content(tracks=("new",), events=()), events=())
    track = replace(given.tracks[0], parse=Parse(silent, silent, silent[0]))
    track = track.by_rule(PredictionRule(segment=(0.5, (0.5, level, 0.5, 0.5))))
    timeline.set_content(replace(given, tracks=(track,)))
    y = round(on_line(timeline, "Speech", VISUAL).y() * timeline.devicePixelRatioF())
    image = picture(timeline)
    rows = [{image.pixelColor(x, row).name() for x in range(1050, 1070)} for row in range(y - 3, y + 4)]
    if is_solid:
        assert {len(colours) for colours in rows} == {1}
        assert len(set.union(*rows)) > 1
    else:
        assert max(len(colours) for colours in rows) > 1


def test_a_moved_line_is_painted_at_once_in_its_row_and_in_no_other(timeline):
    def rows():
        image, ratio = picture(timeline), timeline.devicePixelRatioF()
        middles = [timeline.point(category, AUDIO, 5.5).y() for category in ("Dog", "Speech")]
        return [image.copy(0, round((y - 12) * ratio), image.width(), round(24 * ratio)) for y in middles]

    given, before = timeline._content, rows()
    moved = given.tracks[0].by_rule(PredictionRule(segment=((0.8, 0.5, 0.5, 0.5), 0.5)))
    timeline.set_content(replace(given, tracks=(moved, *given.tracks[1:])))
    dog, speech = rows()
    assert dog != before[0]
    assert speech == before[1]


def test_in_heat_and_compact_rows_there_is_no_line_to_take(timeline):
    point = on_line(timeline)
    for switch in ("is_heat", "is_compact"):
        timeline.set_arrangement(replace(Arrangement(), **{switch: True}))
        assert all(timeline.place_at(point + QPoint(0, dy)).threshold is None for dy in range(-40, 40))


def test_stacked_parsers_have_a_line_each(qtbot, timeline, asked):
    timeline.set_arrangement(replace(Arrangement(), is_stacked=True))
    drag(qtbot, timeline, on_line(timeline, parser="old"), QPoint(0, -6))
    assert [wish.parser for wish in asked] == ["old"]


def test_a_parser_that_cannot_know_has_no_line(timeline):
    given = content(tracks=("new",))
    blind = replace(given.tracks[0], reach={(AUDIO, "Dog"): Reach((), is_known=False)})
    timeline.set_content(replace(given, tracks=(blind,)))
    middle = timeline.point("Dog", AUDIO, 5.5)
    assert all(timeline.place_at(middle + QPoint(0, dy)).threshold is None for dy in range(-20, 20))


def test_where_the_gate_is_closed_the_tip_says_so(timeline):
    given = content(tracks=("new",))
    ones = np.ones((10, 4), np.float32)
    shut = replace(given.tracks[0], parse=Parse(ones, ones, np.array([0.2, 1, 1, 1], np.float32)))
    timeline.set_content(replace(given, tracks=(shut,)))
    assert "not predicted, ruled out for the clip as a whole" in timeline.tip_at(
        timeline.point("Dog", AUDIO, 5.5)
    )
    assert "ruled out" not in timeline.tip_at(timeline.point("Speech", AUDIO, 5.5))


@offscreen_popup
def test_the_menu_gives_a_threshold_to_all_and_takes_it_back(timeline, asked):
    timeline.set_content(changed())
    entries, menu = open_menu(timeline, timeline.point("Dog", AUDIO, 5.5))
    entries["Threshold 0.80 for everything heard"].trigger()
    entries["The parser's own threshold, 0.50"].trigger()
    menu.close()
    assert asked == [
        SetThreshold("new", AUDIO, "Dog", 0.8, is_all=True),
        SetThreshold("new", AUDIO, "Dog", None),
    ]


@offscreen_popup
def test_the_menu_takes_nothing_back_where_nothing_was_moved(timeline):
    entries, menu = open_menu(timeline, timeline.point("Dog", Modality.VISUAL, 5.5))
    assert not entries["The parser's own threshold, 0.50"].isEnabled()
    menu.close()
