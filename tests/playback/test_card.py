"""The card's clock says what is heard, for as long as one likes to listen."""

from __future__ import annotations

import numpy as np
import pytest

from avvp_studio.playback.card import SoundCard
from avvp_studio.playback.clock import Course
from tests.playback.devices import BYTES_PER_SECOND, FakeDevice, FakeOutput

FRAME = 1 / 30


class Watch:
    """The computer's clock, turned by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def watch():
    return Watch()


def card_on(watch, speed: float = 1.0) -> tuple[SoundCard, FakeDevice]:
    output = FakeOutput(lambda: FakeDevice(watch, speed))
    card = SoundCard(output, watch)
    card.start()
    return card, output.device


def silence(count: int) -> bytes:
    return bytes(count)


@pytest.mark.parametrize(("rate", "speed"), [(1.0, 1.0002), (1.0, 0.9998), (2.0, 1.0002)])
def test_after_thirty_minutes_what_is_shown_is_within_a_frame_of_what_is_heard(watch, rate, speed):
    card, device = card_on(watch, speed)
    course = Course(0.0, rate, 3600.0 * rate)
    apart, before = [], 0.0
    while watch.time < 100 + 1800:
        watch.time += 0.04
        card.feed(silence)
        elapsed = card.elapsed()
        assert elapsed >= before
        apart.append(course.at(elapsed) - course.at(device.played_bytes / BYTES_PER_SECOND))
        before = elapsed
    assert np.abs(apart).max() < FRAME
    assert before == pytest.approx(1800 * speed, abs=0.1)


def test_a_busy_window_stops_the_sound_and_the_clock_with_it(watch):
    card, device = card_on(watch)
    for pause in [0.01] * 100 + [1.5] + [0.01] * 200:
        watch.time += pause
        card.feed(silence)
        assert card.elapsed() == pytest.approx(device.played(), abs=FRAME)
    assert device.played() < 3.4


def test_the_clock_runs_smoothly_between_the_blocks_of_the_device(watch):
    card, _ = card_on(watch)
    moves, before = [], 0.0
    for _ in range(500):
        watch.time += 0.004
        card.feed(silence)
        moves.append(card.elapsed() - before)
        before += moves[-1]
    assert np.max(moves[100:]) < 0.006
    assert np.min(moves[100:]) > 0.002


def test_the_clock_waits_for_a_device_that_stutters_and_never_runs_back(watch):
    card, device = card_on(watch)
    times = []
    for tick in range(200):
        device.speed = 0.0 if 60 <= tick < 110 else 1.0
        watch.time += 0.01
        card.feed(silence)
        times.append(card.elapsed())
    assert times == sorted(times)
    assert times[109] < 0.6 + 0.15
    assert times[-1] == pytest.approx(1.5, abs=FRAME)


def test_a_device_that_takes_nothing_any_more_counts_as_gone_and_stays_so(watch):
    card, device = card_on(watch)
    for _ in range(100):
        watch.time += 0.01
        card.feed(silence)
        card.elapsed()
    device.speed = 0.0
    for _ in range(40):
        watch.time += 0.05
        card.feed(silence)
        card.elapsed()
        assert not card.has_failed()
    watch.time += 2
    assert card.has_failed()
    assert not card.is_available()


def test_a_device_that_stops_counts_as_gone_at_once(watch):
    card, device = card_on(watch)
    device.is_gone = True
    assert card.has_failed()
    card.stop()
    assert not device.is_closed, "who touches it again may wait for ever"


def test_the_volume_is_kept_from_one_device_to_the_next(watch):
    output = FakeOutput(lambda: FakeDevice(watch))
    card = SoundCard(output, watch)
    card.set_muted(True)
    card.start()
    assert output.device.volume == 0
    card.set_muted(False)
    card.start()
    assert [device.volume for device in output.opened] == [1, 1]
    assert output.opened[0].is_closed
