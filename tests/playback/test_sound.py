"""The sound of a course has exactly the samples that its clock counts."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.playback.clock import Course
from avvp_studio.playback.sound import BYTES_PER_SAMPLE, SoundThread, course_blocks
from tests.media_files import Sound, write_media


def ramp(seconds: float):
    """A sound whose every sample says when it is: milliseconds since the beginning."""

    def read(onset):
        first = round(onset * SAMPLE_RATE)
        for start in range(first, round(seconds * SAMPLE_RATE), 10_000):
            stop = min(start + 10_000, round(seconds * SAMPLE_RATE))
            yield (np.arange(start, stop) * 1000 // SAMPLE_RATE).astype(np.int16)[None]

    return read


def played(read, course, seconds: float) -> np.ndarray:
    samples = np.zeros((2, 0), np.int16)
    for block in course_blocks(read, course):
        samples = np.concatenate((samples, block), axis=1)
        if samples.shape[1] >= seconds * SAMPLE_RATE:
            break
    return samples[:, : round(seconds * SAMPLE_RATE)]


@pytest.mark.parametrize(
    "course", [Course(1, 1, 5), Course(1.5, 1, 5, (1, 2)), Course(0.5, 1, 5, (1.25, 1.75))]
)
def test_each_sample_is_that_of_the_position_on_the_course(course):
    samples = played(ramp(5), course, 3.5)
    for elapsed in np.arange(0.01, 3.5, 0.07):
        assert samples[0, int(elapsed * SAMPLE_RATE)] == pytest.approx(course.at(elapsed) * 1000, abs=2)


def test_the_sound_goes_on_as_silence_where_it_is_shorter_than_the_picture():
    samples = played(ramp(2), Course(1, 1, 4), 3)
    assert samples[0, SAMPLE_RATE - 100] > 1900
    assert not samples[:, SAMPLE_RATE + 10 :].any()


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_a_loop_stays_in_step_at_other_rates(rate):
    course = Course(0, rate, 5, (0, 2))
    total = sum(block.shape[1] for block in islice(course_blocks(ramp(5), course), 400))
    samples = played(ramp(5), course, 9)
    assert total > 9 * SAMPLE_RATE
    starts = np.arange(1, int(9 * rate / 2) + 1) * 2 / rate  # when it begins anew
    for start in starts[starts < 8.5]:
        around = samples[0, int((start - 0.1) * SAMPLE_RATE) : int((start + 0.2) * SAMPLE_RATE)]
        assert around[:1000].mean() > 1500
        assert around[-1000:].mean() < 700


def test_the_thread_makes_sound_ahead_and_follows_a_new_course(tmp_path, qtbot):
    thread = SoundThread(write_media(tmp_path / "a.mp4", None, Sound(seconds=4, kind="tone")))
    thread.start()
    thread.play(Course(0, 1, 4))
    qtbot.waitUntil(lambda: thread.is_ready)
    assert np.frombuffer(thread.take(40_000), np.int16).any()
    thread.play(Course(3.9, 1, 4))
    rest = bytearray()

    def is_all_taken():
        rest.extend(thread.take(1 << 20))
        return len(rest) >= 1.09 * SAMPLE_RATE * BYTES_PER_SAMPLE

    qtbot.waitUntil(is_all_taken)
    assert len(rest) == pytest.approx(1.1 * SAMPLE_RATE * BYTES_PER_SAMPLE, abs=BYTES_PER_SAMPLE)
    thread.play(None)
    thread.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_the_thread_does_not_run_far_ahead(tmp_path, qtbot):
    thread = SoundThread(write_media(tmp_path / "a.mp4", None, Sound(seconds=4, kind="tone")))
    thread.play(Course(0, 1, 4))
    thread.start()
    qtbot.waitUntil(lambda: thread.is_ready)
    time.sleep(0.1)
    assert len(thread.take(1 << 24)) < 1.1 * SAMPLE_RATE * BYTES_PER_SAMPLE
    thread.close()
    thread.join(timeout=5)


def test_a_file_that_is_gone_ends_the_thread_with_a_reason(tmp_path):
    thread = SoundThread(tmp_path / "gone.mp4")
    thread.start()
    thread.join(timeout=5)
    assert "gone.mp4 is not in" in thread.broken[0]
