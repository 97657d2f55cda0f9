"""Sound as intakes get it: of whatever rate, channels and samples, when the file says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from tests.media_files import Sound, write_media
from tests.trainer.readings import clip as clip
from tests.trainer.readings import read
from trainer.encoders.encoding import SoundIntake
from trainer.encoders.waves import Wave


@pytest.mark.parametrize("layout", ["mono", "stereo", "2.1", "quad", "5.1", "7.1"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_every_rate_and_number_of_channels_becomes_their_mean(tmp_path: Path, layout: str, rate: int) -> None:
    path = tmp_path / "clip.wav"
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        count = len(stream.layout.channels)
        first_only = np.zeros((len(wave), count))
        first_only[:, 0] = wave * 32_767
        frame = AudioFrame.from_ndarray(first_only.astype(np.int16).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    reading, (windows,) = read(path, SoundIntake(16_000))
    assert reading.seconds == len(windows) == 2
    assert np.abs(windows[0]).max() == pytest.approx(0.5 / count, rel=0.05)


def test_silent_seconds_are_one_array(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.wav", None, Sound(seconds=3, codec="pcm_s16le", kind="silence"))
    _, (windows,) = read(path, SoundIntake(16_000))
    assert windows[0] is windows[1] is windows[2]


def test_samples_that_are_no_numbers_are_silence_and_infinite_ones_are_full(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    wave = np.full((1, 16_000), 0.25, np.float32)
    wave[0, 4_000:4_100], wave[0, 8_000], wave[0, 9_000], wave[0, 10_000] = np.nan, np.inf, -np.inf, 1e9
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=16_000, layout="mono")
        frame = AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    _, (windows,) = read(path, SoundIntake(16_000))
    assert not windows[0][4_000:4_100].any()
    assert windows[0][[0, 8_000, 9_000, 10_000]].tolist() == [0.25, 1.0, -1.0, 4.0]


def block(time: float, value: float, seconds: float = 1.0) -> AudioFrame:
    """Sound of one value at a time of its file."""
    made = AudioFrame.from_ndarray(np.full((1, round(seconds * 16_000)), value, np.float32), "flt", "mono")
    made.sample_rate, made.pts, made.time_base = 16_000, round(time * 16_000), Fraction(1, 16_000)
    return made


def heard(*blocks: AudioFrame) -> NDArray[np.float32]:
    wave = Wave(16_000, 0.0, None)
    return np.concatenate([part for given in blocks for part in wave.add(given)] + [*wave.close()])


def test_sound_is_heard_at_the_time_that_its_file_says() -> None:
    early = heard(block(-0.02, 0.5))  # codecs begin a little before time 0
    assert len(early) == 15_680
    overlapping = heard(block(0, 0.25), block(0.5, 0.5))
    assert len(overlapping) == 24_000
    assert overlapping[[15_999, 16_000]].tolist() == [0.25, 0.5]
    jittering = heard(block(0, 0.25), block(0.98, 0.5), block(2.03, 0.75))
    assert len(jittering) == 48_000
    gap = heard(block(0, 0.25), block(3, 0.5))
    assert len(gap) == 64_000
    assert not gap[16_000:48_000].any()
    fast = AudioFrame.from_ndarray(np.ones((1, 48_000), np.float32), "flt", "mono")
    fast.sample_rate, fast.pts, fast.time_base = 48_000, 0, Fraction(1, 48_000)
    assert len(heard(fast)) == 16_000  # with what the change of rate holds back
    muted = heard(block(0, 0.25), block(100.5, 0.5))
    assert len(muted) == 101.5 * 16_000
    assert muted[[15_999, 16_000, 1_607_999, 1_608_000]].tolist() == [0.25, 0, 0, 0.5]


def test_sound_may_change_its_form_in_the_middle() -> None:
    wave = Wave(16_000, 0.0, None)
    stereo = AudioFrame.from_ndarray(np.full((1, 16_000), 8_192, np.int16), "s16", "stereo")
    stereo.sample_rate, stereo.pts, stereo.time_base = 8_000, 8_000, Fraction(1, 8_000)
    blocks = [*wave.add(block(0, 0.5)), *wave.add(stereo), *wave.close()]
    samples = np.concatenate(blocks)
    assert len(samples) == pytest.approx(32_000, abs=64)
    assert samples[-8_000] == pytest.approx(0.25, abs=0.01)
