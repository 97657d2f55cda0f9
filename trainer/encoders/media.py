"""Reads media files for encoders: sound as one mono wave, pictures small and at an even rate.

Time 0 is where the picture begins (the sound, without a picture or when the picture begins much later).
What cannot be decoded in the middle of a file is left out, and the reader says that it is damaged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from trainer.encoders.encoder import EncoderError

SOUND_RATE = 16_000
PICTURE_RATE = 10
"""Pictures a second, taken in the middle of equal parts of it."""
WIDTH, HEIGHT = 160, 120
"""Pixels of a picture, whatever its shape is in the file."""

_SAME_START = 0.1
"""Streams that begin within so many seconds of one another begin together (codecs need a little run-up)."""
_LATE = 0.5
"""A first frame that comes up to so many seconds late is shown from the start on."""
_JITTER = 0.05
"""Seconds by which a block of sound may be misplaced before it is moved."""
_LONGEST_GAP = 60.0
"""Seconds; a longer gap in the sound is a wrong time stamp."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file has, by its headers. `start` is the time stamp, in seconds, of time 0."""

    has_picture: bool
    has_sound: bool
    start: float


@dataclass(frozen=True, eq=False, slots=True)
class Heard:
    """The sound from time 0 on, (samples,) in about [-1, 1] at SOUND_RATE; `is_damaged` when parts are lost."""

    samples: NDArray[np.float32]
    is_damaged: bool = False

    @property
    def end(self) -> float:
        return len(self.samples) / SOUND_RATE


def look(path: Path) -> Outline:
    """Read the headers of a file."""
    with _opened(path) as container:
        video, audio = _video_stream(container), _audio_stream(container)
        if video is None and audio is None:
            raise EncoderError(f"{path}: has neither a picture nor a sound: choose another file")
        starts = [_start(stream) for stream in (video, audio) if stream is not None]
        known = [start for start in starts if start is not None]
        first, earliest = starts[0], min(known, default=0.0)
        start = first if first is not None and first - earliest <= _SAME_START else earliest
        return Outline(video is not None, audio is not None, start)


def read_sound(path: Path, outline: Outline, limit: float | None) -> Heard:
    """Decode the sound up to `limit` seconds: mono, gaps filled with silence. Empty where there is none."""
    if not outline.has_sound:
        return Heard(np.zeros(0, np.float32))
    with _opened(path) as container:
        stream = _audio_stream(container)
        assert stream is not None
        frames = _Frames(container, stream, outline.start, limit)
        samples = _joined(_mono(frames, outline.start), limit)
        return Heard(samples, frames.is_damaged)


class Pictures:
    """The pictures of a file at PICTURE_RATE, (HEIGHT, WIDTH, 3) bytes blue, green, red; iterate once.

    A frame is held until the next. The same array comes again where nothing new was shown. Afterwards,
    `is_damaged` says whether parts were lost.
    """

    def __init__(self, path: Path, outline: Outline, limit: float | None) -> None:
        self._path, self._outline, self._limit = path, outline, limit
        self.is_damaged = False

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        if not self._outline.has_picture:
            return
        with _opened(self._path) as container:
            stream = _video_stream(container)
            assert stream is not None
            stream.thread_count = 1  # files are decoded side by side
            frames = _Frames(container, stream, self._outline.start, self._limit)
            yield from self._sampled(frames, 1 / float(stream.average_rate or 25))
            self.is_damaged = frames.is_damaged

    def _sampled(self, frames: _Frames, usual: float) -> Iterator[NDArray[np.uint8]]:
        reformatter = VideoReformatter()
        count, end = 0, 0.0
        held = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        latest: VideoFrame | None = None
        for time, frame in frames:
            assert isinstance(frame, VideoFrame)
            begins = 0.0 if end == 0 and time <= _LATE else time
            while self._is_wanted(count, begins):
                if latest is not None:
                    held, latest = _small(reformatter, latest), None
                yield held
                count += 1
            latest = frame
            end = max(end, time + (_length(frame) or usual))
        while self._is_wanted(count, end):
            if latest is not None:
                held, latest = _small(reformatter, latest), None
            yield held
            count += 1

    def _is_wanted(self, count: int, before: float) -> bool:
        """Whether the picture of this number lies before a time, and before the limit."""
        middle = (count + 0.5) / PICTURE_RATE
        return middle < before and (self._limit is None or middle < self._limit)


class _Frames:
    """The decoded frames of a stream with their times, up to `limit`, as far as they can be decoded."""

    def __init__(
        self, container: InputContainer, stream: VideoStream | AudioStream, start: float, limit: float | None
    ) -> None:
        self._container, self._stream = container, stream
        self._start, self._limit = start, limit
        self.is_damaged = False

    def __iter__(self) -> Iterator[tuple[float, VideoFrame | AudioFrame]]:
        following = 0.0
        for frame in self._decoded():
            time = following if frame.time is None else frame.time - self._start
            if self._limit is not None and time > self._limit + 1:
                return
            following = time + (_length(frame) or 0.0)
            yield time, frame

    def _decoded(self) -> Iterator[VideoFrame | AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):
                self.is_damaged = True
                return
            if packet is None:
                return
            try:
                decoded = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.is_damaged = True
                continue
            for frame in decoded:
                assert isinstance(frame, VideoFrame | AudioFrame)
                yield frame


def _mono(frames: _Frames, start: float) -> Iterator[tuple[float | None, NDArray[np.float32]]]:
    """Blocks of mono sound at SOUND_RATE, with the time of their first sample."""
    resampler, made_for = None, None
    for _, frame in frames:
        assert isinstance(frame, AudioFrame)
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or kind != made_for:  # streams may change in the middle
            resampler, made_for = av.AudioResampler("fltp", "mono", SOUND_RATE), kind
        for block in resampler.resample(frame):
            yield _block(block, start)
    for block in resampler.resample(None) if resampler is not None else ():
        yield _block(block, start)


def _block(frame: AudioFrame, start: float) -> tuple[float | None, NDArray[np.float32]]:
    time = None if frame.time is None else frame.time - start
    samples = np.nan_to_num(frame.to_ndarray()[0].astype(np.float32), posinf=1.0, neginf=-1.0)
    return time, np.asarray(samples.clip(-4, 4), np.float32)


def _joined(
    blocks: Iterator[tuple[float | None, NDArray[np.float32]]], limit: float | None
) -> NDArray[np.float32]:
    """The blocks one after the other, with silence between those that are apart."""
    parts = [np.zeros(0, np.float32)]
    cursor = 0
    for time, samples in blocks:
        ahead = 0 if time is None else round(time * SOUND_RATE) - cursor
        if _JITTER * SOUND_RATE < ahead < _LONGEST_GAP * SOUND_RATE:
            parts.append(np.zeros(ahead, np.float32))
            cursor += ahead
        elif ahead < -_JITTER * SOUND_RATE or (cursor == 0 and ahead < 0):
            samples = samples[-ahead:]
        parts.append(samples)
        cursor += len(samples)
    joined = np.concatenate(parts)
    return joined if limit is None else joined[: round(limit * SOUND_RATE)]


def _length(frame: VideoFrame | AudioFrame) -> float | None:
    """The seconds that a frame lasts, None where the file does not say."""
    if isinstance(frame, AudioFrame):
        return frame.samples / frame.sample_rate if frame.sample_rate else None
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else None


def _small(reformatter: VideoReformatter, frame: VideoFrame) -> NDArray[np.uint8]:
    """The picture upright, WIDTH by HEIGHT."""
    turns = round(frame.rotation / 90) % 4
    width, height = (WIDTH, HEIGHT) if turns % 2 == 0 else (HEIGHT, WIDTH)
    pixels = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, turns)).astype(np.uint8, copy=False)


def _video_stream(container: InputContainer) -> VideoStream | None:
    """The main picture that can be decoded; cover art is none."""
    usable: list[VideoStream] = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None
        and stream.codec_context.width > 0
        and not stream.disposition & Disposition.attached_pic
    ]
    best = container.streams.best("video")
    return next((stream for stream in usable if stream == best), next(iter(usable), None))


def _audio_stream(container: InputContainer) -> AudioStream | None:
    """The main sound that can be decoded."""
    usable = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate > 0
    ]
    best = container.streams.best("audio")
    return next((stream for stream in usable if stream == best), next(iter(usable), None))


def _start(stream: VideoStream | AudioStream) -> float | None:
    base = stream.time_base or Fraction(1, 1_000_000)
    return None if stream.start_time is None else float(stream.start_time * base)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        if path.is_dir():
            raise EncoderError(f"{path}: is a folder, not a video or sound file; choose a file")
        if path.stat().st_size == 0:
            raise EncoderError(f"{path}: is empty (0 bytes); copy it there again")
        with path.open("rb"):
            pass  # the system says in plain words what forbids it
        container = av.open(os.fspath(path), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise EncoderError(
            f"{path}: is not a video or sound file, or it is damaged ({error.strerror}); get it again"
        ) from error
    except OSError as error:
        raise EncoderError(
            f"{path}: cannot be read ({error.strerror}); put it back, or allow reading it"
        ) from error
    with container:
        # Text and single pictures, which the library would take too.
        if container.format.name in ("tty", "image2") or container.format.name.endswith("_pipe"):
            raise EncoderError(f"{path}: is not a video or sound file; choose another file")
        yield container
