"""Clips are opened, shown and let go of."""

from __future__ import annotations

import threading

import pytest

from avvp_studio.playback.thread import MediaThread
from avvp_studio.player import Player
from tests.media_files import Sound, Video, write_media
from tests.player.screen import FPS, HandClock, Screen


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


def test_what_can_wait_does_until_the_first_picture_is_shown(player, screen, video, qtbot):
    assert player.has_opened.is_set()
    player.open(video, 4.0)
    assert not player.has_opened.is_set()
    with qtbot.waitSignal(player.frame_changed):
        pass
    assert not player.has_opened.is_set()
    qtbot.waitUntil(player.has_opened.is_set)


def test_what_can_wait_does_not_wait_for_a_picture_that_will_not_come(player, video, tmp_path, qtbot):
    for path in (write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le")), tmp_path / "gone.mp4"):
        player.open(path, 4.0)
        qtbot.waitUntil(player.has_opened.is_set)
    player.open(video, 4.0)
    player.close()
    assert player.has_opened.is_set()
