"""Where the playhead is after some time of playing."""

from __future__ import annotations

import pytest

from avvp_studio.playback.clock import Course, MonotonicClock


@pytest.mark.parametrize(
    ("course", "positions"),
    [
        (Course(1, 1, 10), {0: 1, 2.5: 3.5, 20: 10}),
        (Course(1, 0.5, 10), {2: 2}),
        (Course(4, -2, 10), {1: 2, 5: 0}),
        (Course(3, 1, 10, (2, 4)), {0.5: 3.5, 1: 2, 1.5: 2.5, 7.25: 2.25}),
        (Course(1, 4, 10, (2, 4)), {0.25: 2, 0.75: 2, 1: 3}),
        (Course(3, -1, 10, (2, 4)), {0.5: 2.5, 1.5: 3.5, 3.5: 3.5}),
        (Course(5, 1, 10, (2, 4)), {1: 6, 9: 10}),
    ],
)
def test_the_position_follows_the_course(course, positions):
    assert {elapsed: course.at(elapsed) for elapsed in positions} == pytest.approx(positions)


@pytest.mark.parametrize(
    ("course", "end"),
    [(Course(1, 1, 10), 9), (Course(1, 2, 10), 4.5), (Course(4, -2, 10), 2), (Course(5, 1, 10, (2, 4)), 5)],
)
def test_a_course_is_over_at_an_end_of_the_clip(course, end):
    assert not course.is_over(0)
    assert not course.is_over(end - 0.01)
    assert course.is_over(end)


def test_a_course_in_a_loop_is_never_over():
    assert not Course(3, 1, 10, (2, 10)).is_over(1000)
    assert not Course(3, -1, 10, (0, 4)).is_over(1000)


def test_the_monotonic_clock_counts_from_its_start():
    now = 50.0
    clock = MonotonicClock(lambda: now)
    assert clock.elapsed() == 0
    clock.start()
    now = 52.5
    assert clock.elapsed() == 2.5
    clock.start()
    assert clock.elapsed() == 0
    clock.stop()
    now = 60.0
    assert clock.elapsed() == 0
