"""The player: position, picture and rate, with a clock that the test turns by hand."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from avvp_studio.playback.thread import MediaThread
from avvp_studio.player import Player
from tests.media_files import Sound, Video, read_number, write_media

FPS = 30


class HandClock:
    """Shows the time that a test sets."""

    def __init__(self) -> None:
        self.is_going = False
        self.time = 0.0

    def start(self) -> None:
        self.is_going, self.time = True, 0.0

    def stop(self) -> None:
        self.is_going = False

    def elapsed(self) -> float:
        return self.time if self.is_going else 0.0


class Screen:
    """Remembers what a player shows and says."""

    def __init__(self, player: Player) -> None:
        self.numbers: list[int | None] = []
        self.positions: list[float] = []
        self.failures: list[str] = []
        player.frame_changed.connect(self._on_frame)
        player.position_changed.connect(self.positions.append)
        player.failed.connect(self.failures.append)

    def _on_frame(self, image: QImage) -> None:
        if image.isNull():
            self.numbers.append(None)
            return
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
        self.numbers.append(read_number(rows))

    @property
    def number(self) -> int | None:
        return self.numbers[-1] if self.numbers else None


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_media(tmp_path_factory.mktemp("player") / "a.mp4", Video(frames=120), Sound(seconds=4))


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def player(qtbot, clock):
    player = Player(clock=clock)
    yield player
    player.shutdown()


@pytest.fixture
def screen(player):
    return Screen(player)


@pytest.fixture
def opened(player, screen, video, qtbot):
    player.open(video, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    return player


def play(player, clock, qtbot) -> None:
    player.play()
    qtbot.waitUntil(lambda: clock.is_going)


# Opening


def test_opening_shows_the_first_frame_and_what_is_in_the_file(player, screen, video, qtbot):
    with qtbot.waitSignals([player.media_changed] * 2):
        player.open(video, 4.0)
        assert player.info is None
    qtbot.waitUntil(lambda: screen.number == 0)
    assert player.info is not None
    assert player.frame_duration == pytest.approx(1 / FPS)
    assert (player.position, player.duration, player.is_playing) == (0, 4, False)


def test_without_a_duration_that_of_the_file_is_taken(player, video, qtbot):
    player.open(video, 0)
    qtbot.waitUntil(lambda: player.info is not None)
    assert player.duration == pytest.approx(4, abs=0.05)


def test_only_the_clip_that_was_opened_last_is_shown(player, screen, video, tmp_path, qtbot):
    other = write_media(tmp_path / "b.mp4", Video(frames=120), None)
    for path in (video, other, video, other):
        player.open(path, 4.0)
    player.seek(2.5)
    qtbot.waitUntil(lambda: screen.number == 75)
    assert player.info is not None
    assert player.info.audio is None


def test_closing_clears_picture_loop_and_position(opened, screen):
    opened.seek(2)
    opened.set_loop((1, 2))
    opened.close()
    assert screen.number is None
    assert (opened.position, opened.duration, opened.loop, opened.info) == (0, 0, None, None)


# Seeking and stepping


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


# Playing


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
    with qtbot.waitSignal(opened.loop_changed):
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


# With less than a picture and a sound


def test_a_clip_without_media_has_a_playhead_all_the_same(player, screen, clock, qtbot):
    player.open(None, 10.0)
    play(player, clock, qtbot)
    clock.time = 2.5
    qtbot.waitUntil(lambda: player.position == 2.5)
    player.pause()
    player.step_frames(5)
    assert player.position == pytest.approx(2.7)
    assert set(screen.numbers) == {None}


def test_sound_without_a_picture_plays(player, screen, clock, tmp_path, qtbot):
    path = write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le"))
    player.open(path, 2.0)
    qtbot.waitUntil(lambda: player.info is not None)
    play(player, clock, qtbot)
    clock.time = 1.5
    qtbot.waitUntil(lambda: player.position == 1.5)
    assert set(screen.numbers) == {None}


def test_the_playhead_goes_on_where_the_picture_ends_before_the_clip(player, screen, clock, tmp_path, qtbot):
    player.open(write_media(tmp_path / "a.mp4", Video(frames=30), Sound(seconds=3)), 3.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    play(player, clock, qtbot)
    clock.time = 2.0
    qtbot.waitUntil(lambda: screen.number == 29)
    assert player.is_playing
    assert player.position == pytest.approx(2.0)


def test_a_file_that_cannot_be_opened_is_reported_and_the_playhead_still_moves(
    player, screen, clock, tmp_path, qtbot
):
    with qtbot.waitSignal(player.failed) as failed:
        player.open(tmp_path / "gone.mp4", 10.0)
    assert "gone.mp4 is not in" in failed.args[0]
    play(player, clock, qtbot)
    clock.time = 1.0
    qtbot.waitUntil(lambda: player.position == 1.0)
    assert len(screen.failures) == 1


def test_a_file_that_vanishes_while_it_plays_is_reported(player, screen, clock, video, tmp_path, qtbot):
    path = tmp_path / "a.mp4"
    path.write_bytes(video.read_bytes())
    player.open(path, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    play(player, clock, qtbot)
    path.unlink()
    clock.time = 1.0
    qtbot.waitUntil(lambda: bool(screen.failures))
    assert "a.mp4 is not in" in screen.failures[0]
    assert not player.is_playing
    assert screen.number is None
    player.seek(2.0)
    player.play()
    assert player.is_playing
    assert len(screen.failures) == 1


def test_a_file_that_is_overwritten_while_it_is_open_does_no_harm(player, screen, video, tmp_path, qtbot):
    path = tmp_path / "a.mp4"
    path.write_bytes(video.read_bytes())
    player.open(path, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    path.write_bytes(b"not a video")
    player.seek(3.5)
    player.step_frames(1)
    qtbot.waitUntil(lambda: player.is_settled)
    assert player.position == pytest.approx(3.5, abs=4)


def test_shutdown_ends_all_threads(qtbot, video):
    player = Player(clock=HandClock())
    screen = Screen(player)
    for _ in range(3):
        player.open(video, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    player.play()
    threads = [thread for thread in threading.enumerate() if isinstance(thread, MediaThread)]
    assert threads
    player.shutdown()
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.qt_log_ignore("PulseAudioService")  # said once where no sound server runs
def test_it_plays_by_the_real_clock_where_there_is_no_sound_card(qtbot, video):
    player = Player()
    screen = Screen(player)
    player.open(video, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    player.set_muted(True)
    player.set_rate(4)
    player.play()
    qtbot.waitUntil(lambda: not player.is_playing, timeout=20_000)
    assert player.position == 4
    assert player.is_muted
    player.shutdown()


def test_the_real_clips_show_their_pictures(player, screen, shared_media, qtbot):
    for path in sorted(path for path in shared_media.iterdir() if path.suffix != ".md"):
        player.open(path, 0)
        qtbot.waitUntil(lambda: player.info is not None and player.is_settled)
        assert screen.number is not None, path.name
        middle = player.duration / 2
        player.seek(middle)
        qtbot.waitUntil(lambda: player.is_settled)
        player.step_frames(-1)
        qtbot.waitUntil(lambda: player.is_settled)
        assert middle - 0.2 < player.position < middle, path.name
    assert not screen.failures
