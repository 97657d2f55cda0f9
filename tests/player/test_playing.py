"""Playing follows the clock, at any rate, round loops and backwards."""

from __future__ import annotations

import pytest

from tests.player.screen import FPS, play


def test_playing_follows_the_clock_and_shows_each_frame_in_its_time(opened, screen, clock, qtbot):
    play(opened, clock, qtbot)
    for number in (1, 2, 15, 16, 80):
        clock.time = (number + 0.3) / FPS
        qtbot.waitUntil(lambda number=number: screen.number == number)
        assert opened.position == pytest.approx(clock.time)


def test_play_and_pause_say_so(opened, qtbot):
    for expected in (True, False):
        with qtbot.waitSignal(opened.playing_changed) as changed:
            opened.toggle()
        assert changed.args == [expected]
        assert opened.is_playing is expected


def test_a_pause_keeps_the_position_and_shows_its_frame(opened, screen, clock, qtbot):
    play(opened, clock, qtbot)
    clock.time = 1.51
    qtbot.waitUntil(lambda: opened.position == pytest.approx(1.51))
    opened.pause()
    clock.time = 3.0
    qtbot.waitUntil(lambda: screen.number == 45)
    assert opened.position == pytest.approx(1.51)
    assert not clock.is_going


def test_the_end_of_the_clip_pauses_there_and_playing_again_begins_anew(opened, screen, clock, qtbot):
    play(opened, clock, qtbot)
    clock.time = 4.2
    qtbot.waitUntil(lambda: not opened.is_playing)
    assert opened.position == 4
    qtbot.waitUntil(lambda: screen.number == 119)
    play(opened, clock, qtbot)
    assert opened.position < 1


def test_seeking_while_playing_plays_on_from_there(opened, screen, clock, qtbot):
    play(opened, clock, qtbot)
    clock.time = 0.5
    qtbot.waitUntil(lambda: screen.number == 15)
    opened.seek(3.0)
    assert opened.is_playing
    assert opened.position == 3
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.21
    qtbot.waitUntil(lambda: screen.number == 96)


def test_the_rate_can_change_in_flight(opened, clock, qtbot):
    play(opened, clock, qtbot)
    clock.time = 1.0
    qtbot.waitUntil(lambda: opened.position == pytest.approx(1.0))
    with qtbot.waitSignal(opened.rate_changed):
        opened.set_rate(0.5)
    assert opened.position == pytest.approx(1.0)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 1.0
    qtbot.waitUntil(lambda: opened.position == pytest.approx(1.5))


def test_rates_stay_between_a_quarter_and_four(player):
    player.set_rate(100)
    assert player.rate == 4
    player.set_rate(0.01)
    assert player.rate == 0.25


def test_a_loop_goes_round_and_round(opened, screen, clock, qtbot):
    opened.set_loop((1.0, 2.0))
    play(opened, clock, qtbot)
    assert opened.position == 1, "from outside, playing begins where the loop does"
    for elapsed, number in [(0.51, 45), (1.51, 45), (2.11, 33), (7.91, 57)]:
        clock.time = elapsed
        qtbot.waitUntil(lambda number=number: screen.number == number)
        assert opened.is_playing
    opened.set_loop(None)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 5.0
    qtbot.waitUntil(lambda: not opened.is_playing)


def test_a_loop_is_cut_to_the_clip_and_an_empty_one_is_none(opened, qtbot):
    opened.set_loop((3.0, 9.0))
    assert opened.loop == (3, 4)
    opened.set_loop((2.0, 2.0))
    assert opened.loop is None


def test_the_shuttle_doubles_turns_and_stops(opened, clock, qtbot):
    opened.seek(2.0)
    rates = []
    for direction in (1, 1, 1, 1, -1, -1, -1, -1, 1):
        opened.shuttle(direction)
        rates.append(opened.rate)
        assert opened.is_playing
    assert rates == [1, 2, 4, 4, -1, -2, -4, -4, 1]
    opened.shuttle(1)
    opened.shuttle(0)
    assert not opened.is_playing
    assert opened.rate == 1


def test_playing_backwards_shows_earlier_frames_and_stops_at_the_beginning(opened, screen, clock, qtbot):
    opened.seek(2.0)
    opened.shuttle(-1)
    qtbot.waitUntil(lambda: clock.is_going)
    for elapsed, number in [(0.49, 45), (1.01, 29), (1.49, 15)]:
        clock.time = elapsed
        qtbot.waitUntil(lambda number=number: screen.number == number)
    clock.time = 2.5
    qtbot.waitUntil(lambda: not opened.is_playing)
    assert (opened.position, opened.rate) == (0, 1)
    opened.shuttle(-1)
    assert not opened.is_playing, "there is nothing before the beginning"


def test_a_range_is_played_once_and_then_the_playhead_is_back(opened, screen, clock, qtbot):
    opened.seek(3.0)
    opened.set_loop((0.5, 1.0))
    opened.play_once(1.0, 2.0)
    assert opened.is_playing
    assert (opened.position, opened.home) == (1.0, 3.0)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.9
    qtbot.waitUntil(lambda: screen.number == 57)
    clock.time = 1.1
    qtbot.waitUntil(lambda: not opened.is_playing)
    assert opened.position == 3.0
    qtbot.waitUntil(lambda: screen.number == 90)
    play(opened, clock, qtbot)
    assert opened.position == 0.5, "afterwards the loop is as it was"


def test_playing_it_again_while_it_plays_begins_anew_and_comes_back_to_the_same_place(opened, clock, qtbot):
    opened.seek(3.0)
    opened.play_once(1.0, 2.0)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.5
    qtbot.waitUntil(lambda: opened.position == pytest.approx(1.5))
    with qtbot.assertNotEmitted(opened.playing_changed):
        opened.play_once(1.0, 2.0)
    assert (opened.position, opened.home) == (1.0, 3.0)
    opened.set_rate(2.0)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.6
    qtbot.waitUntil(lambda: not opened.is_playing)
    assert opened.position == 3.0


def test_a_pause_or_a_seek_in_the_middle_of_it_stays_where_it_is(opened, clock, qtbot):
    opened.play_once(1.0, 2.0)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.5
    qtbot.waitUntil(lambda: opened.position == pytest.approx(1.5))
    opened.pause()
    assert (opened.position, opened.home) == (1.5, 1.5)
    opened.play_once(1.0, 2.0)
    opened.seek(1.75)
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 1.0
    qtbot.waitUntil(lambda: opened.position == pytest.approx(2.75))


def test_a_range_is_cut_to_the_clip_and_an_empty_one_is_not_played(opened, clock, qtbot):
    opened.play_once(5.0, 6.0)
    assert not opened.is_playing
    opened.seek(2.0)
    opened.shuttle(-1)
    opened.play_once(3.5, 9.0)
    assert opened.rate == 1
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 0.6
    qtbot.waitUntil(lambda: not opened.is_playing)
    assert opened.position == 2.0


def test_the_shuttle_leaves_a_range_that_is_played_once(opened, clock, qtbot):
    opened.play_once(1.0, 2.0)
    opened.shuttle(-1)
    opened.shuttle(1)
    assert opened.home == 1.0
    qtbot.waitUntil(lambda: clock.is_going)
    clock.time = 1.5
    qtbot.waitUntil(lambda: opened.position == pytest.approx(2.5))
