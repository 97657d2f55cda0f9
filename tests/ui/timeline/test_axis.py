"""The arithmetic under the picture: the time axis, ticks, rows, steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.ui.timeline.curves import Columns, steps
from avvp_studio.ui.timeline.lane_style import LaneStyle
from avvp_studio.ui.timeline.rows import Rows, Sizes
from avvp_studio.ui.timeline.ruler import clock, step_at, ticks
from avvp_studio.ui.timeline.view import SHORTEST_SPAN, TimeView
from trainer.labels import Modality

WHOLE = TimeView.whole(10.0, left=200, width=1000)
SIZES = Sizes(line=15, character=6)


def test_pixels_and_times_are_each_others_inverse():
    assert WHOLE.x(2.5) == 450
    assert WHOLE.time(450) == 2.5
    assert WHOLE.clamped_time(100) == 0
    assert WHOLE.clamped_time(5000) == 10


def test_zooming_keeps_the_time_under_the_mouse_where_it_is():
    closer = WHOLE.zoomed(2, around=4.0)
    assert closer.span == 5
    assert closer.x(4.0) == pytest.approx(WHOLE.x(4.0))


@given(
    factors=st.lists(st.floats(0.1, 10), max_size=8),
    around=st.floats(0, 3600),
    pan=st.floats(-4000, 4000),
)
def test_no_zoom_or_pan_leaves_the_clip(factors, around, pan):
    view = TimeView.whole(3600.0, left=200, width=1000)
    for factor in factors:
        view = view.zoomed(factor, around=around).panned(pan)
        assert view.onset >= 0
        assert view.offset <= 3600 + 1e-6
        assert view.span >= SHORTEST_SPAN - 1e-6


def test_a_clip_shorter_than_the_closest_zoom_can_be_shown():
    tiny = TimeView.whole(0.1, left=0, width=100)
    assert tiny.zoomed(4, around=0.05).span == 0.1


def test_ticks_stay_apart_at_every_zoom():
    for extent in (1, 10, 60, 600, 3600):
        view = TimeView.whole(float(extent), left=0, width=1000)
        step = step_at(view.pixels_per_second, 64)
        assert step * view.pixels_per_second >= 64
        assert ticks(view, step)[0] == 0


@pytest.mark.parametrize(
    ("time", "decimals", "text"),
    [
        (7, 0, "0:07"),
        (59.999, 2, "1:00.00"),
        (3.42, 2, "0:03.42"),
        (3723.5, 1, "1:02:03.5"),
        (-0.001, 2, "0:00.00"),
    ],
)
def test_times_are_written_as_a_clock(time, decimals, text):
    assert clock(time, decimals) == text


def test_rows_fill_the_height_but_never_become_too_small_to_read():
    few, many = Rows(SIZES, ("a",), 300), Rows(SIZES, tuple("abcdefghij"), 300)
    assert few.row(0).audio.height == LaneStyle().tallest(SIZES.line)
    assert many.row(0).audio.height == LaneStyle().shortest(SIZES.line)
    assert many.total > 300


def test_every_height_belongs_to_the_row_and_lane_that_is_drawn_there():
    rows = Rows(SIZES, ("a", "b"), 300)
    second = rows.of("b")
    assert second is not None
    assert rows.at(second.audio.top + 3).category == "b"
    assert second.modality_at(second.audio.top + 3) is Modality.AUDIO
    assert second.modality_at(second.visual.bottom - 1) is Modality.VISUAL
    assert second.modality_at(second.both.top + 2) is None
    assert rows.at(rows.total) is None
    assert rows.at(-1) is None


def test_only_rows_in_sight_are_drawn():
    rows = Rows(SIZES, tuple("abcdefghij"), 300)
    shown = [row.category for row in rows.between(rows.usual + 5, 3 * rows.usual)]
    assert shown == ["b", "c"]


def test_an_hour_of_segments_needs_no_more_steps_than_pixels_and_loses_no_peak():
    view = TimeView.whole(3600.0, left=0, width=1000)
    grid = steps(view, 3600)
    values = np.zeros(3600, np.float32)
    values[1234] = 0.9
    assert len(grid.starts) <= 1000
    assert grid.highest(values).max() == np.float32(0.9)
    ((left, right),) = grid.spans(values > 0.5)
    assert left <= view.x(1234.5) <= right


def test_steps_group_the_same_segments_wherever_the_view_begins():
    view = TimeView.whole(3600.0, left=0, width=1000).zoomed(2, around=0)
    assert set(steps(view.panned(7), 3600).starts) & set(steps(view, 3600).starts)


def test_what_is_not_known_stays_unknown_and_does_not_hide_what_is():
    grid = steps(TimeView.whole(4.0, left=0, width=6), 4)
    values = np.array([np.nan, 0.3, np.nan, np.nan], np.float32)
    np.testing.assert_array_equal(grid.highest(values), np.array([0.3, np.nan], np.float32))


def test_columns_beyond_the_segments_say_nothing():
    grid = steps(TimeView.whole(4.0, left=10, width=8), 3)
    columns = Columns(grid, 10, 8, 1.0)
    values, flags = np.array([[0.1, 0.2, 0.3]], np.float32), np.array([[1, 0, 3]], np.uint16)
    np.testing.assert_array_equal(
        columns.highest(values), np.array([[0.2] * 4 + [0.3] * 2 + [np.nan] * 2], np.float32)
    )
    np.testing.assert_array_equal(columns.union(flags), [[1] * 4 + [3] * 2 + [0] * 2])
