"""With less than a picture and a sound, the playhead moves all the same."""

from __future__ import annotations

import pytest

from tests.media_files import Sound, Video, write_media
from tests.player.screen import play


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
