"""Writes small videos for tests: the number of each frame is in the picture, clicks are in the sound."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

BITS = 12
CLICK_LENGTH = 0.01
SHORT_S = 20


@dataclass(frozen=True, kw_only=True)
class Video:
    """What a test video is like. `times` (in seconds) makes the frame rate variable."""

    codec: str = "libx264"
    frames: int = 60
    rate: str = "30"
    width: int = 192
    height: int = 128
    keyframes: int = 24
    times: Sequence[float] | None = None
    turned: int = 0
    aspect: Fraction = Fraction(1)
    options: tuple[tuple[str, str], ...] = (("preset", "ultrafast"),)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What a test sound is like: a click at half past each second, or silence, or a tone."""

    codec: str = "aac"
    seconds: float = 2.0
    rate: int = 48_000
    channels: int = 2
    kind: str = "clicks"


def write_media(path: Path, video: Video | None = Video(), sound: Sound | None = Sound()) -> Path:
    """Write a file with a picture, a sound, or both. Short ones are encoded once, and copied from then on."""
    lengths = (0 if video is None else frame_times(video)[-1], 0 if sound is None else sound.seconds)
    if max(lengths) <= SHORT_S:
        path.write_bytes(_encoded(path.suffix, video, sound))
    else:
        _encode(path, video, sound)
    return path


@lru_cache(maxsize=100)
def _encoded(suffix: str, video: Video | None, sound: Sound | None) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"file{suffix}")
        _encode(path, video, sound)
        return path.read_bytes()


@contextmanager
def _same_scheduling() -> Iterator[None]:
    """The AV1 encoder gives a process of root real-time priority for good: who waits busily stops all else."""
    if not hasattr(os, "sched_getscheduler"):  # not on Linux
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _encode(path: Path, video: Video | None, sound: Sound | None) -> None:
    with _same_scheduling(), av.open(str(path), "w") as container:
        picture = None if video is None else _add_video(container, video)
        heard = None if sound is None else _add_sound(container, sound)
        if video is not None and picture is not None:
            for packet in _encode_video(picture, video):
                container.mux(packet)
        if sound is not None and heard is not None:
            for packet in _encode_sound(heard, sound):
                container.mux(packet)


def frame_times(video: Video) -> list[float]:
    """When each frame begins."""
    if video.times is not None:
        return list(video.times)
    return [float(i / Fraction(video.rate)) for i in range(video.frames)]


def read_number(pixels: NDArray[np.uint8]) -> int:
    """The number in a picture (height, width, channels)."""
    height, width = pixels.shape[:2]
    row = pixels[height // 4, :, :3].mean(axis=1)
    cells = [row[int((i + 0.5) * width / BITS)] > 127 for i in range(BITS)]
    return sum(1 << i for i, cell in enumerate(cells) if cell)


def sound_samples(sound: Sound) -> NDArray[np.float32]:
    """What is written, (samples,), before coding."""
    count = round(sound.seconds * sound.rate)
    time = np.arange(count) / sound.rate
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    if sound.kind == "tone":
        return 0.5 * tone
    if sound.kind == "silence":
        return np.zeros(count, np.float32)
    return np.where((time + 0.5) % 1.0 < CLICK_LENGTH, 0.8 * tone, 0).astype(np.float32)


def _picture(number: int, video: Video) -> NDArray[np.uint8]:
    """Upper half: the number in black and white bars. Lower half: something that moves."""
    picture = np.full((video.height, video.width, 3), 60, np.uint8)
    edges = np.linspace(0, video.width, BITS + 1).astype(int)
    for i in range(BITS):
        picture[: video.height // 2, edges[i] : edges[i + 1]] = 255 * (number >> i & 1)
    left = number * 3 % (video.width - 16)
    picture[video.height // 2 + 8 : -8, left : left + 16] = (200, 120, 40)
    return picture


def _add_video(container, video: Video):
    stream = container.add_stream(video.codec, rate=Fraction(video.rate), options=dict(video.options))
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
    stream.codec_context.gop_size = video.keyframes
    stream.codec_context.sample_aspect_ratio = video.aspect
    if video.times is not None:
        stream.codec_context.time_base = Fraction(1, 1000)
    if video.turned:
        stream.set_display_rotation(video.turned)
    return stream


def _encode_video(stream, video: Video):
    base = Fraction(1, 1000) if video.times is not None else 1 / Fraction(video.rate)
    for number, time in enumerate(frame_times(video)):
        frame = VideoFrame.from_ndarray(_picture(number, video), format="rgb24")
        frame.time_base = base
        frame.pts = round(time / base)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _add_sound(container, sound: Sound):
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[sound.channels]
    options = {"strict": "experimental"}  # what the encoder of vorbis calls itself
    return container.add_stream(sound.codec, rate=sound.rate, layout=layout, options=options)


def _encode_sound(stream, sound: Sound):
    samples = sound_samples(sound)
    step = 1024
    resampler = av.AudioResampler(stream.format.name, stream.layout.name, stream.rate)
    for start in range(0, len(samples), step):
        block = np.tile(samples[start : start + step], (sound.channels, 1))
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, start, Fraction(1, sound.rate)
        for ready in resampler.resample(frame):
            yield from stream.encode(ready)
    yield from stream.encode(None)


def write_broken_broadcast(path: Path) -> Path:
    """A transport stream in which the sound begins in the middle, and then the beginning again."""
    part = _broadcast(25, 0)
    path.write_bytes(part + _broadcast(1, 30) + part)
    return path


def _broadcast(pictures: int, sounds: int) -> bytes:
    """A transport stream of noise, of which a second is too long for the headers of what follows to be seen."""
    content, random = io.BytesIO(), np.random.default_rng(0)
    with av.open(content, "w", format="mpegts") as container:
        video = container.add_stream("mpeg2video", rate=25, bit_rate=60_000_000, gop_size=1)
        video.width, video.height, video.pix_fmt = 480, 360, "yuv420p"
        heard = [container.add_stream("mp2", rate=44_100, layout="mono") for _ in range(sounds)]
        for _ in range(pictures):
            picture = VideoFrame.from_ndarray(random.integers(0, 256, (540, 480), np.uint8), "yuv420p")
            container.mux(video.encode(picture))
        for stream in heard:
            silence = AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), "s16", "mono")
            silence.sample_rate = 44_100
            container.mux([*stream.encode(silence), *stream.encode(None)])
        container.mux(video.encode(None))
    return content.getvalue()
