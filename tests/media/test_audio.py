"""Sound of any kind comes as the same samples at the same times, and its tempo changes without its pitch."""

from __future__ import annotations

import av
import numpy as np
import pytest

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader, Tempo, stereo
from avvp_studio.media.probe import MediaError
from tests.media_files import Sound, Video, sound_samples, write_media

KINDS = {
    "aac.mp4": (Video(), Sound(seconds=3)),
    "cd.mp4": (Video(), Sound(seconds=3, rate=44_100, channels=6)),
    "opus.webm": (
        Video(codec="libvpx-vp9", frames=10, options=(("deadline", "realtime"), ("cpu-used", "8"))),
        Sound(codec="libopus", seconds=3),
    ),
    "priming.mkv": (Video(frames=90), Sound(seconds=3)),
    "late-start.ts": (Video(frames=90), Sound(seconds=3)),
    "low.wav": (None, Sound(codec="pcm_s16le", seconds=3, rate=11_025, channels=1)),
    "mp3.mp3": (None, Sound(codec="libmp3lame", seconds=3)),
    "flac.mkv": (None, Sound(codec="flac", seconds=3, channels=1)),
    "opus.mp4": (Video(frames=90), Sound(codec="libopus", seconds=3)),
    "mp3.mkv": (Video(frames=90), Sound(codec="libmp3lame", seconds=3)),
    "vorbis.ogg": (None, Sound(codec="vorbis", seconds=3)),
    "vorbis.mkv": (Video(frames=90), Sound(codec="vorbis", seconds=3)),
    "flac.flac": (None, Sound(codec="flac", seconds=3)),
    "pcm.mov": (Video(frames=90), Sound(codec="pcm_s16le", seconds=3)),
    "pcm.avi": (Video(codec="mpeg4", frames=90, options=()), Sound(codec="pcm_s16le", seconds=3)),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return {name: write_media(folder / name, *kind) for name, kind in KINDS.items()}


def read_all(path, onset: float = 0.0) -> np.ndarray:
    reader = AudioReader(path)
    samples = np.concatenate(list(reader.blocks(onset)), axis=1)
    reader.close()
    return samples


def clicks(samples: np.ndarray) -> np.ndarray:
    """When clicks begin, in seconds."""
    loud = np.flatnonzero(np.abs(samples[0].astype(int)) > 4000)
    return loud[np.flatnonzero(np.diff(loud, prepend=-SAMPLE_RATE) > SAMPLE_RATE // 10)] / SAMPLE_RATE


@pytest.mark.parametrize("name", KINDS)
def test_clicks_are_heard_when_they_were_made(files, name):
    samples = read_all(files[name])
    assert samples.dtype == np.int16
    assert samples.shape[0] == (1 if KINDS[name][1].channels == 1 else 2)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(3, abs=0.05)
    assert clicks(samples) == pytest.approx([0.5, 1.5, 2.5], abs=0.004)


def delay(written: np.ndarray, heard: np.ndarray) -> int:
    """By how many samples what is heard is late: where the two are most alike."""
    size = 1 << 19
    alike = np.fft.irfft(np.fft.rfft(written, size).conj() * np.fft.rfft(heard.astype(float), size), size)
    found = int(np.argmax(alike))
    return found if found < size // 2 else found - size


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("onset", [0.0, 0.35, 1.23457, 1.9])
def test_reading_from_an_onset_gives_exactly_what_is_there(files, name, onset):
    written = sound_samples(Sound(seconds=3))[round(onset * SAMPLE_RATE) :]
    # Some containers know times to the millisecond only: half of one is 24 samples.
    tolerance = 24 if name.endswith((".mkv", ".webm")) else 1
    assert abs(delay(written, read_all(files[name], onset)[0])) <= tolerance


def test_an_exact_format_comes_back_sample_by_sample(tmp_path):
    sound = Sound(codec="pcm_s16le", kind="tone", channels=1)
    samples = read_all(write_media(tmp_path / "a.wav", None, sound), onset=0.5)[0]
    written = sound_samples(sound)[SAMPLE_RATE // 2 :] * 32767
    assert np.abs(samples - written).max() <= 2


def test_blocks_have_the_length_that_was_asked_for(files):
    reader = AudioReader(files["aac.mp4"])
    lengths = [block.shape[1] for block in reader.blocks(length=10_000)]
    reader.close()
    assert all(10_000 <= length < 12_100 for length in lengths[:-1])


def test_a_hole_in_the_sound_is_silence_of_its_length(tmp_path):
    whole = write_media(tmp_path / "whole.mkv", None, Sound(codec="pcm_s16le", kind="tone", seconds=3))
    path = tmp_path / "hole.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None and not 1.0 <= float(packet.pts * packet.time_base) < 2.0:
                packet.stream = stream
                target.mux(packet)
    samples = read_all(path)[0]
    assert len(samples) == pytest.approx(3 * SAMPLE_RATE, abs=2000)
    assert not samples[int(1.1 * SAMPLE_RATE) : int(1.9 * SAMPLE_RATE)].any()
    assert np.abs(samples[int(2.1 * SAMPLE_RATE) :]).max() > 10_000


def test_a_timestamp_that_is_days_ahead_is_damage_and_not_days_of_silence(tmp_path):
    path = tmp_path / "jump.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for i, first in enumerate((0, 48_000, 48_000 * 90_000)):
            frame = av.AudioFrame.from_ndarray(
                np.full((1, 48_000), i + 1, np.int16), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 48_000, first
            container.mux(stream.encode(frame))
    reader = AudioReader(path)
    samples = np.concatenate(list(reader.blocks()), axis=1)
    reader.close()
    assert samples.shape[1] == 2 * 48_000
    assert set(np.unique(samples)) == {1, 2}


def test_a_file_without_sound_is_an_error(tmp_path):
    with pytest.raises(MediaError, match=r"a\.mp4 has no sound"):
        AudioReader(write_media(tmp_path / "a.mp4", Video(frames=5), None))


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0])
def test_the_tempo_changes_and_the_pitch_does_not(rate):
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tone = stereo((10_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)[None])
    tempo = Tempo(rate)
    parts = [tempo.push(tone[:, start : start + 12_000]) for start in range(0, tone.shape[1], 12_000)]
    played = np.concatenate([*parts, tempo.flush()], axis=1)
    assert played.shape[1] / SAMPLE_RATE == pytest.approx(4 / rate, rel=0.02)
    spectrum = np.abs(np.fft.rfft(played[0] * np.hanning(played.shape[1])))
    assert np.argmax(spectrum) * SAMPLE_RATE / played.shape[1] == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize(
    ("rate", "length"), [(0.25, 5), (0.5, 12), (0.75, 12), (1.5, 30), (2.0, 30), (4.0, 30)]
)
def test_at_another_tempo_every_beep_is_heard_within_half_a_frame_of_its_time(rate, length):
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    second = np.where(time < 0.2, 0.8, 0.02) * np.sin(2 * np.pi * 1000 * time)
    block = stereo((second * 32767).astype(np.int16)[None])
    tempo = Tempo(rate)
    played = np.concatenate([*(tempo.push(block) for _ in range(length)), tempo.flush()], axis=1)
    heard = clicks(played) * rate
    # Half a frame of the clip; at faster rates, what a screen takes to show one.
    assert heard[: length - 1] == pytest.approx(np.arange(length - 1), abs=max(1.0, rate) / 60)
