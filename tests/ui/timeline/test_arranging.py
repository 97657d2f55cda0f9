"""Rows and headers are moved and resized by hand, and shown with the look that was chosen."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt

from avvp_studio.ui.timeline.arrangement import Arrangement
from avvp_studio.ui.timeline.gestures.wishes import Reorder, Resize, Widen
from avvp_studio.ui.timeline.lane_style import LaneStyle, level_at, level_y
from avvp_studio.ui.timeline.rows import Rows, Sizes
from tests.ui.timeline.hand import AUDIO, CATEGORIES, LEFT, NO_KEY, SHIFT, VISUAL, content, drag, hold

SIZES = Sizes(line=15, character=6)


@pytest.fixture
def asked(timeline):
    """What the timeline asks for, with all rows in sight."""
    heard = []
    timeline.set_content(content(rows=CATEGORIES))
    timeline.resize(1260, 900)
    timeline.arrange_requested.connect(heard.append)
    return heard


def header(timeline, category, modality=AUDIO):
    return QPoint(90, timeline.point(category, modality, 0).y())


def foot(timeline, category):
    return QPoint(90, timeline._scene.rows.of(category).whole.bottom + timeline._scene.origin - 1)


def test_a_header_is_dragged_before_the_row_whose_upper_half_it_is_let_go_over(qtbot, timeline, asked):
    drag(qtbot, timeline, header(timeline, "Cello"), header(timeline, "Speech"))
    assert asked == [Reorder("Cello", "Speech")]
    drag(qtbot, timeline, header(timeline, "Dog"), header(timeline, "Cello", VISUAL) + QPoint(0, 12))
    assert asked[1:] == [Reorder("Dog", None)]


def test_a_header_that_comes_back_to_its_place_asks_for_nothing(qtbot, timeline, wishes, asked):
    start = header(timeline, "Speech")
    hold(qtbot, timeline, start, start + QPoint(0, 120), start + QPoint(0, 6))
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, start + QPoint(0, 6))
    assert asked == []
    assert wishes.heard == []


def test_the_foot_of_a_header_resizes_its_row_while_it_is_dragged(qtbot, timeline, asked):
    before, start = timeline.row_height("Speech"), foot(timeline, "Speech")
    hold(qtbot, timeline, start, start + QPoint(0, 40))
    assert timeline.row_height("Speech") == before + 40
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, start + QPoint(0, 40))
    assert asked == [Resize(before + 40, ("Speech",))]


def test_escape_gives_a_row_its_height_back(qtbot, timeline, asked):
    before, start = timeline.row_height("Speech"), foot(timeline, "Speech")
    hold(qtbot, timeline, start, start + QPoint(0, 40))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, start + QPoint(0, 40))
    assert timeline.row_height("Speech") == before
    assert asked == []


def test_with_shift_all_rows_are_resized_and_a_double_click_makes_them_usual(qtbot, timeline, asked):
    start = foot(timeline, "Dog")
    drag(qtbot, timeline, start, start + QPoint(0, 20), keys=SHIFT)
    height = timeline.row_height("Dog") + 20
    assert asked == [Resize(height, CATEGORIES)]
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, foot(timeline, "Dog"))
    assert asked[1:] == [Resize(None, ("Dog",))]


def test_the_edge_of_the_headers_is_dragged_and_lanes_begin_there(qtbot, timeline, asked):
    edge = QPoint(round(timeline._scene.view.left), timeline.point("Dog", AUDIO, 1).y())
    drag(qtbot, timeline, edge, edge + QPoint(60, 0))
    assert asked == [Widen(edge.x() + 60)]
    timeline.set_arrangement(Arrangement(column=edge.x() + 60))
    assert round(timeline._scene.view.left) == edge.x() + 60
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, edge + QPoint(60, 0))
    assert asked[1:] == [Widen(0)]


def test_a_band_is_resized_by_its_foot(qtbot, timeline, asked):
    band = timeline._scene.bands.by_name["waveform"]
    start = QPoint(500, band.bottom - 1)
    drag(qtbot, timeline, start, start + QPoint(0, 30))
    assert asked == [Resize(band.height + 30, band="waveform")]


def test_rows_of_own_heights_lie_under_one_another_and_are_never_too_small_to_read():
    rows = Rows(SIZES, ("a", "b", "c"), 300, own={"a": 150, "b": 1})
    assert [rows.of(name).whole.top for name in "abc"] == [0, 150, 150 + rows.shortest]
    assert rows.of("b").whole.height == rows.shortest
    for name in "abc":
        row = rows.of(name)
        assert rows.at(row.whole.top).category == rows.at(row.whole.bottom - 1).category == name
        assert row.both.bottom <= row.whole.bottom


def test_compact_rows_show_many_more_categories():
    many = tuple(f"category {number}" for number in range(100))
    usual, compact = (Rows(SIZES, many, 600, LaneStyle(2, is_compact=is_on)) for is_on in (False, True))
    assert compact.total < usual.total / 2.5


@pytest.mark.parametrize("parsers", range(6))
@pytest.mark.parametrize("is_compact", [False, True])
@pytest.mark.parametrize("look", [{}, {"is_heat": True}, {"is_stacked": True}], ids=str)
def test_labels_and_parsers_fit_into_every_lane_and_verdicts_hide_nothing(parsers, is_compact, look):
    style = LaneStyle(parsers, is_compact=is_compact, **look)
    for height in range(style.shortest(15), 80):
        parts = style.parts(height)
        for band in (parts.labels, *parts.beliefs, *parts.verdicts):
            assert band.height > 0
            assert 0 <= band.top < band.bottom <= height
        for verdict in parts.verdicts:
            assert all(verdict.top >= belief.bottom or verdict.bottom <= belief.top for belief in parts.beliefs)
        if style.has_bands:
            assert all(belief.top >= parts.labels.bottom for belief in parts.beliefs)


@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_a_probability_is_read_off_at_the_height_where_it_is_drawn(level):
    band = LaneStyle(1).parts(40).beliefs[0]
    assert level_at(band, level_y(band, level)) == pytest.approx(level)
