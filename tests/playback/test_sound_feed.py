"""Moments of sound while the playhead is dragged."""

from __future__ import annotations

import numpy as np
import pytest

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Course
from avvp_studio.playback.sound_feed import SoundFeed
from tests.media_files import Sound, write_media
from tests.playback.devices import FakeOutput


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    sound = Sound(codec="pcm_s16le", kind="tone", seconds=4, channels=1)
    return write_media(tmp_path_factory.mktemp("feed") / "a.wav", None, sound)


@pytest.fixture
def output():
    return FakeOutput()


@pytest.fixture
def feed(path, output):
    feed = SoundFeed(path, SoundCard(output))
    yield feed
    feed.thread.close()
    feed.thread.join(timeout=5)


def heard(output: FakeOutput) -> np.ndarray:
    return np.frombuffer(bytes(output.device.heard), np.int16).reshape(-1, 2)[:, 0].astype(int)


def wait_for(qtbot, feed, condition) -> None:
    def is_so() -> bool:
        feed.follow_scrub()
        return condition()

    qtbot.waitUntil(is_so)


def test_a_tenth_of_a_second_is_heard_and_it_neither_begins_nor_ends_with_a_click(feed, output, qtbot):
    feed.scrub(1.0, 4.0)
    wait_for(qtbot, feed, lambda: bool(output.opened and output.device.heard))
    samples = heard(output)
    assert len(samples) == SAMPLE_RATE // 10
    assert np.abs(samples[1000:-1000]).max() > 15_000
    assert np.abs(samples[:10]).max() < 1000
    assert np.abs(samples[-10:]).max() < 1000


def test_of_many_places_passed_at_once_the_first_and_the_last_are_heard(feed, output, qtbot):
    feed.scrub(1.0, 4.0)
    wait_for(qtbot, feed, lambda: bool(output.opened and output.device.heard))
    for place in range(20):
        feed.scrub(1.0 + place / 10, 4.0)
        assert feed.follow_scrub()
    wait_for(qtbot, feed, lambda: len(heard(output)) >= SAMPLE_RATE // 5)
    assert len(output.opened) == 1
    wait_for(qtbot, feed, lambda: output.device.is_closed)
    assert len(heard(output)) == SAMPLE_RATE // 5
    assert not feed.follow_scrub(), "there is nothing left to do"


def test_at_the_very_end_there_is_nothing_to_hear(feed, output, qtbot):
    feed.scrub(4.0, 4.0)
    wait_for(qtbot, feed, lambda: bool(output.opened) and output.device.is_closed)
    assert not output.device.heard


def test_playing_ends_the_moments(feed, output, qtbot):
    feed.scrub(1.0, 4.0)
    wait_for(qtbot, feed, lambda: bool(output.opened))
    assert feed.begin(Course(0.0, 1.0, 4.0)) is not None
    assert output.device.is_closed
    assert not feed.follow_scrub()


def test_without_a_device_nothing_is_tried(feed, output):
    output.is_there = False
    feed.scrub(1.0, 4.0)
    assert not feed.follow_scrub()
    assert feed.begin(Course(0.0, 1.0, 4.0)) is None
    assert not output.opened


def test_a_device_that_vanishes_ends_the_moments(feed, output, qtbot):
    feed.scrub(1.0, 4.0)
    wait_for(qtbot, feed, lambda: bool(output.opened and output.device.heard))
    output.device.is_gone = True
    feed.scrub(2.0, 4.0)
    wait_for(qtbot, feed, lambda: not feed.follow_scrub())
    assert len(heard(output)) == SAMPLE_RATE // 10
    feed.scrub(3.0, 4.0)
    assert not feed.follow_scrub()
    assert len(output.opened) == 1


def test_backwards_there_is_no_sound(feed):
    assert feed.begin(Course(3.0, -1.0, 4.0)) is None
