"""The player with a sound card, which here is a fake one in real time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avvp_studio.playback.card import SoundCard
from avvp_studio.player import Player
from tests.media_files import Sound, Video, write_media
from tests.playback.devices import FakeOutput
from tests.player.screen import Screen


@pytest.fixture(scope="module")
def beeping(tmp_path_factory):
    sound = Sound(codec="pcm_s16le", kind="tone", seconds=4)
    return write_media(tmp_path_factory.mktemp("sounding") / "a.mov", Video(frames=120), sound)


@pytest.fixture
def output():
    return FakeOutput()


@pytest.fixture
def player(qtbot, output):
    player = Player(card=SoundCard(output))
    yield player
    player.shutdown()


@pytest.fixture
def opened(player, screen, beeping, qtbot):
    player.open(beeping, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    return player


def test_the_playhead_goes_by_what_the_card_has_played(opened, output, qtbot):
    opened.play()
    qtbot.waitUntil(lambda: opened.position > 0.3)
    assert opened.position == pytest.approx(output.device.played(), abs=0.05)
    assert np.frombuffer(bytes(output.device.heard), np.int16).any()
    opened.pause()
    assert output.device.is_closed


def test_when_the_device_vanishes_it_plays_on_in_silence_and_says_so_once(opened, output, screen, qtbot):
    opened.play()
    qtbot.waitUntil(lambda: opened.position > 0.2)
    output.device.is_gone = True
    qtbot.waitUntil(lambda: bool(screen.failures))
    at = opened.position
    assert opened.is_playing
    qtbot.waitUntil(lambda: opened.position > at + 0.3)
    opened.seek(1.0)
    opened.pause()
    opened.play()
    qtbot.waitUntil(lambda: opened.position > 1.1)
    assert len(screen.failures) == 1
    assert "sound device" in screen.failures[0]
    assert len(output.opened) == 1


def test_a_drag_is_heard_only_if_that_is_wanted(opened, output, qtbot):
    opened.scrub(1.0)
    qtbot.waitUntil(lambda: opened.is_settled)
    qtbot.wait(30)
    assert not output.opened
    opened.set_scrub_sound(True)
    opened.scrub(2.0)
    qtbot.waitUntil(lambda: bool(output.opened and output.device.heard))
    qtbot.waitUntil(lambda: output.device.is_closed)
    assert not opened.is_playing


def test_closing_the_clip_lets_the_device_go_in_the_middle_of_a_drag(opened, output, qtbot):
    opened.set_scrub_sound(True)
    opened.scrub(2.0)
    qtbot.waitUntil(lambda: bool(output.opened and output.device.heard))
    opened.close()
    assert output.device.is_closed


def test_without_any_device_it_plays_in_silence(opened, output, qtbot):
    output.is_there = False
    opened.play()
    qtbot.waitUntil(lambda: opened.position > 0.2)
    assert not output.opened


def test_sound_and_picture_begin_together_wherever_one_seeks(opened, output, screen: Screen, qtbot):
    opened.play()
    for place in (2.5, 0.5):
        opened.seek(place)
        qtbot.waitUntil(lambda place=place: opened.position > place + 0.2)
        assert opened.position - place == pytest.approx(output.device.played(), abs=0.05)
        assert screen.number == pytest.approx(opened.position * 30, abs=3)


def test_another_source_of_the_picture_leaves_the_sound_alone(opened, screen, beeping, qtbot):
    qtbot.waitUntil(lambda: opened.info is not None)
    opened.seek(1.0)
    opened.set_proxy(None)
    qtbot.waitUntil(lambda: opened.is_settled and screen.number == 30)
    listening = [thread.name for thread in threading.enumerate() if thread.name == f"sound of {beeping.name}"]
    assert len(listening) == 1
