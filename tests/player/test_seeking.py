"""Seeks, scrubs and steps end at exactly the frame that was asked for."""

from __future__ import annotations

import pytest

from tests.media_files import Video, write_media
from tests.player.screen import FPS


@pytest.mark.parametrize("number", [1, 33, 61, 119])
def test_seeking_shows_exactly_the_frame_there(opened, screen, qtbot, number):
    opened.seek(number / FPS)
    assert opened.position == pytest.approx(number / FPS)
    assert screen.positions[-1] == opened.position
    qtbot.waitUntil(lambda: screen.number == number)


def test_seeking_stays_inside_the_clip(opened):
    opened.seek(99)
    assert opened.position == 4
    opened.seek(-1)
    assert opened.position == 0


def test_of_many_seeks_the_last_counts(opened, screen, qtbot):
    for number in range(0, 100, 3):
        opened.seek(number / FPS)
    qtbot.waitUntil(lambda: screen.number == 99)
    assert len(screen.numbers) < 30


def test_scrubbing_ends_at_the_exact_frame(opened, screen, qtbot):
    for number in range(20, 111, 10):
        opened.scrub(number / FPS)
    assert opened.position == pytest.approx(110 / FPS)
    qtbot.waitUntil(lambda: screen.number == 110)


def test_steps_go_frame_by_frame_in_both_directions(opened, screen, qtbot):
    opened.seek(1.0)
    for step, number in [(1, 31), (1, 32), (-1, 31), (-2, 29), (5, 34)]:
        opened.step_frames(step)
        qtbot.waitUntil(lambda number=number: screen.number == number)
        assert opened.position == pytest.approx(number / FPS, abs=1e-6)


def test_quick_steps_add_up(opened, screen, qtbot):
    opened.seek(1.0)
    for _ in range(7):
        opened.step_frames(1)
    opened.step_frames(-2)
    qtbot.waitUntil(lambda: screen.number == 35)
    assert opened.position == pytest.approx(35 / FPS, abs=1e-6)


def test_steps_end_at_the_ends_of_the_clip(opened, screen, qtbot):
    opened.step_frames(-1)
    opened.seek(4.0)
    qtbot.waitUntil(lambda: screen.number == 119)
    opened.step_frames(1)
    qtbot.waitUntil(lambda: opened.position == pytest.approx(119 / FPS, abs=1e-6))
    opened.step_frames(-1)
    qtbot.waitUntil(lambda: screen.number == 118)


def test_a_drag_shows_a_keyframe_at_once_and_the_exact_picture_when_it_rests(player, screen, tmp_path, qtbot):
    long = Video(frames=240, keyframes=60, width=640, height=480)
    player.open(write_media(tmp_path / "a.mp4", long, None), 8.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    for number in (100, 200, 150):
        del screen.numbers[:]  # the exact picture of the place before may still come
        player.scrub((number + 0.5) / FPS)
        assert player.position == pytest.approx((number + 0.5) / FPS)
        qtbot.waitUntil(lambda number=number: number // 60 * 60 in screen.numbers)
        assert number not in screen.numbers[: screen.numbers.index(number // 60 * 60)]
    qtbot.waitUntil(lambda: player.is_settled)
    assert screen.number == 150
    del screen.numbers[:]
    player.scrub(140.5 / FPS)
    qtbot.waitUntil(lambda: player.is_settled)
    assert screen.numbers == [140], "what is decoded is shown without a detour"
