"""Opens media files, and decodes their streams in one go: frames with their times, as far as that is possible.

Time 0 is where the picture begins (the sound, without a picture or when the picture begins much later).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TypeAlias
from unicodedata import category

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from trainer.encoders.encoding import EncoderError

Source: TypeAlias = Path | str | IO[bytes]
"""A file by its path, by an address that fsspec reads ("s3://..."), or open for reading, with seeks."""

_Packet: TypeAlias = "Packet[Stream]"

_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters that would break a line, or what shows it."""
LONGEST = 7 * 86400
"""Seconds of the longest clip: what is said to be longer is no number of seconds (a date in a name, say)."""
_LONGEST_GAP = 60.0
"""Seconds in which nothing comes; what is later, and later than the file promises, has a wrong time stamp."""
_PROMISING = ("matroska", "mov", "avi", "flv", "asf", "wav", "flac")
"""Formats that state their length; of others it is reckoned from the size, or from what comes last."""
_SAME_START = 0.1
"""Streams that begin within so many seconds of one another begin together (codecs need a little run-up)."""


@dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """What a file has, by its headers; in seconds. `start`: the time stamp of time 0.

    `length`: 0 where it is unknown. `promised`: the same, 0 also where it is but an estimate.
    """

    video: VideoStream | None
    audio: AudioStream | None
    start: float
    length: float
    promised: float


def shown(source: Source) -> str:
    """A source as messages name it: whatever its name is made of, it can be written down."""
    if not isinstance(source, Path | str):
        source = str(getattr(source, "path", getattr(source, "name", "a file")))
    return "".join(sign if category(sign) not in _UNSEEN else ascii(sign)[1:-1] for sign in str(source))


def outline_of(container: InputContainer, source: Source) -> Outline:
    """Read the headers of a file. Raises EncoderError where it has neither picture nor sound."""
    video, audio = _video_stream(container), _audio_stream(container)
    if video is None and audio is None:
        raise EncoderError(f"{shown(source)}: has neither a picture nor a sound: choose another file")
    starts = [_start(stream) for stream in (video, audio) if stream is not None]
    known = [start for start in starts if start is not None]
    first, earliest = starts[0], min(known, default=0.0)
    start = first if first is not None and first - earliest <= _SAME_START else earliest
    length = max(0, container.duration or 0) / av.time_base
    promises = container.format.name.startswith(_PROMISING) and length <= LONGEST
    return Outline(video, audio, start, length, length if promises else 0.0)


class Frames:
    """The frames of a file's streams with their times, in the order of the file, up to `limit` seconds.

    Of `measured` nothing is decoded; where it ends is in `measured_end`, in seconds, afterwards. `is_damaged`
    says whether parts were lost: they are left out. `has_wrong_times`: whether some time stamps cannot be true:
    what has one follows what came before it.
    """

    def __init__(
        self,
        container: InputContainer,
        outline: Outline,
        limit: float | None,
        *,
        decoded: list[VideoStream | AudioStream],
        measured: VideoStream | None = None,
    ) -> None:
        self._container, self._start, self._limit = container, outline.start, limit
        self._promised, self._furthest = outline.promised, 0.0
        self._decoded, self._measured = decoded, measured
        self.measured_end = 0.0
        self.is_damaged = self.has_wrong_times = False

    def __iter__(self) -> Iterator[tuple[float, VideoFrame | AudioFrame]]:
        # When the latest frame of each stream began, and that frame; streams past the limit are left out.
        latest: dict[int, tuple[float, VideoFrame | AudioFrame | None]]
        latest = {stream.index: (0.0, None) for stream in self._decoded}
        for packet in self._packets():
            index = packet.stream.index
            if self._measured is not None and index == self._measured.index:
                self._measure(packet)
                continue
            for frame in self._frames(packet) if index in latest else ():
                if frame.time is not None and not self._is_possible(frame.time - self._start):
                    frame.pts = None
                time = _end_of(*latest[index]) if frame.time is None else frame.time - self._start
                if self._limit is not None and time > self._limit + 1:
                    del latest[index]
                    break
                latest[index] = time, frame
                yield time, frame
            if not latest and self._measured is None:
                return

    def _is_possible(self, time: float) -> bool:
        """Whether something can be at that time, after what has come of all streams."""
        if time > max(self._furthest + _LONGEST_GAP, self._promised):
            self.has_wrong_times = True
            return False
        self._furthest = max(self._furthest, time)
        return True

    def _packets(self) -> Iterator[_Packet]:
        wanted = [*self._decoded, *([] if self._measured is None else [self._measured])]
        packets = self._container.demux(wanted)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):
                self.is_damaged = True
                return
            except IndexError:  # the library breaks, after all else, on streams that begin in the middle
                return
            if packet is None:
                return
            yield packet

    def _frames(self, packet: _Packet) -> Iterator[VideoFrame | AudioFrame]:
        try:
            decoded = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self.is_damaged = True
            return
        for frame in decoded:
            assert isinstance(frame, VideoFrame | AudioFrame)
            self.is_damaged |= frame.is_corrupt
            yield frame

    def _measure(self, packet: _Packet) -> None:
        if packet.pts is None or packet.time_base is None or packet.is_discard:
            return
        base = packet.time_base
        lasts = float(packet.duration * base) if packet.duration else _usual_length(packet.stream)
        begins = float(packet.pts * base) - self._start
        begins = begins if self._is_possible(begins) else self.measured_end
        self.measured_end = max(self.measured_end, begins + lasts)


def _end_of(time: float, frame: VideoFrame | AudioFrame | None) -> float:
    return time + (0.0 if frame is None else length_of(frame) or 0.0)


def length_of(frame: VideoFrame | AudioFrame) -> float | None:
    """The seconds that a frame lasts, None where the file does not say."""
    if isinstance(frame, AudioFrame):
        return frame.samples / frame.sample_rate if frame.sample_rate else None
    base = frame.time_base
    return frame.duration * base.numerator / base.denominator if frame.duration and base else None


def usual_length(stream: VideoStream) -> float:
    """The seconds that a picture of a stream mostly lasts."""
    return 1 / float(stream.average_rate or 25)


def _usual_length(stream: object) -> float:
    assert isinstance(stream, VideoStream)
    return usual_length(stream)


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
def opened(source: Source) -> Iterator[InputContainer]:
    """A media file, open for reading its streams. Raises EncoderError."""
    with ExitStack() as files:
        yield _opened(source, files)


def _opened(source: Source, files: ExitStack) -> InputContainer:
    name = shown(source)
    try:
        container = files.enter_context(av.open(_checked(source, files), "r", metadata_errors="replace"))
    except av.error.FFmpegError as error:
        raise EncoderError(
            f"{name}: is not a video or sound file, or it is damaged ({error.strerror}); get it again"
        ) from error
    except OSError as error:
        raise EncoderError(
            f"{name}: cannot be read ({error.strerror}); put it back, or allow reading it"
        ) from error
    # Text and single pictures, which the library would take too.
    if container.format.name in ("tty", "image2") or container.format.name.endswith("_pipe"):
        raise EncoderError(f"{name}: is not a video or sound file; choose another file")
    return container


def _checked(source: Source, files: ExitStack) -> str | IO[bytes]:
    """What the library is to open. Raises OSError and EncoderError, in plainer words than the library's."""
    if isinstance(source, str):
        try:
            opened: IO[bytes] = files.enter_context(importlib.import_module("fsspec").open(source, "rb"))
        except Exception as error:  # stores that addresses lead to have errors of their own
            raise EncoderError(
                f"{shown(source)}: cannot be read ({error}); put it back, or allow reading it"
            ) from error
        return opened
    if not isinstance(source, Path):
        return source
    if source.is_dir():
        raise EncoderError(f"{shown(source)}: is a folder, not a video or sound file; choose a file")
    if source.exists() and not source.is_file():
        raise EncoderError(f"{shown(source)}: is a pipe or a device, not a file; choose a file")
    if source.stat().st_size == 0:
        raise EncoderError(f"{shown(source)}: is empty (0 bytes); copy it there again")
    with source.open("rb"):
        pass  # the system says in plain words what forbids it
    return f"file:{os.fspath(source)}"  # else what stands before a colon would be a protocol
