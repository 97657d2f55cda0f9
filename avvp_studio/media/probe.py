"""What is in a media file, without decoding it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from avvp_studio.media.errors import MediaError, check_file, media_errors

__all__ = ["AudioInfo", "MediaError", "MediaInfo", "VideoInfo", "probe"]

S = TypeVar("S", VideoStream, AudioStream)
Kind = TypeVar("Kind", bound=Stream)

_MICROSECONDS = 1_000_000
_SAME_START = 0.1
"""Streams that begin within so many seconds of one another begin together (codecs need a little run-up)."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The picture: its size in square pixels (before any rotation), and its mean frame rate."""

    width: int
    height: int
    fps: float
    codec: str
    duration: float


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The sound as it is in the file."""

    sample_rate: int
    channels: int
    codec: str
    duration: float


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A file that can be shown or heard. `duration` is that of the longer of its two streams, in seconds.

    Time 0 is where the picture begins (where the sound begins, without a picture or long before it).
    """

    duration: float
    video: VideoInfo | None
    audio: AudioInfo | None


def probe(path: Path) -> MediaInfo:
    """Read the headers of a file. Raises a MediaError that says what is wrong with it."""
    check_file(path)
    with media_errors(path):
        status = path.stat()
    return _probed(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _probed(path: Path, size: int, changed: int) -> MediaInfo:
    """Several parts of the window ask for the same file at once."""
    with open_media(path) as container, media_errors(path):
        video, audio = video_stream(container), audio_stream(container)
        if video is None and audio is None:
            raise MediaError(f"{path.name} has neither a picture nor a sound: choose another file.")
        told = {stream.index: _end(container, stream) for stream in (video, audio) if stream is not None}
        ends = {index: end for index, end in told.items() if end}
        if len(ends) < len(told):
            ends |= _scan_ends(container, [index for index in told if index not in ends])
        start = origin(container)
        durations = {index: max(0.0, end - start) for index, end in ends.items()}
        if max(durations.values()) <= 0:
            raise MediaError(f"{path.name} has no length: there is nothing in it to play. Get it again.")
        return MediaInfo(
            round(max(durations.values()), 3),
            None if video is None else _video_info(video, durations[video.index]),
            None if audio is None else _audio_info(audio, durations[audio.index]),
        )


def open_media(path: Path) -> InputContainer:
    """Open a file for reading. Text and single pictures, which the library would take too, are refused."""
    check_file(path)
    with media_errors(path):
        container = av.open(str(path), metadata_errors="replace")
    if container.format.name in ("tty", "image2") or container.format.name.endswith("_pipe"):
        container.close()
        raise MediaError(f"{path.name} is not a video or sound file: choose another file.")
    return container


def open_stream(
    path: Path, choose: Callable[[InputContainer], S | None], what: str
) -> tuple[InputContainer, S]:
    """Open a file to decode the stream that is chosen; `what` names what it lacks where there is none."""
    container = open_media(path)
    stream = choose(container)
    if stream is None:
        container.close()
        raise MediaError(f"{path.name} has no {what}.")
    return container, stream


def video_stream(container: InputContainer) -> VideoStream | None:
    """The picture to show: the main one of those that can be decoded; cover art is none."""
    usable: list[VideoStream] = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None
        and stream.codec_context.width > 0
        and not stream.disposition & Disposition.attached_pic
    ]
    best = container.streams.best("video")
    return next((stream for stream in usable if stream == best), next(iter(usable), None))


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The sound to play: the main one of those that can be decoded."""
    usable = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate > 0
    ]
    best = container.streams.best("audio")
    return next((stream for stream in usable if stream == best), next(iter(usable), None))


def origin(container: InputContainer) -> float:
    """The file's timestamp, in seconds, that is time 0."""
    video, audio = video_stream(container), audio_stream(container)
    starts = [_start(stream) for stream in (video, audio) if stream is not None]
    known = [start for start in starts if start is not None]
    if not known:
        return 0.0
    first = starts[0]
    return first if first is not None and first - min(known) <= _SAME_START else min(known)


def seconds(stamp: int, time_base: Fraction | None) -> float:
    """A timestamp in seconds."""
    return float(stamp * (time_base or Fraction(1, _MICROSECONDS)))


def _start(stream: VideoStream | AudioStream) -> float | None:
    return None if stream.start_time is None else seconds(stream.start_time, stream.time_base)


def _end(container: InputContainer, stream: VideoStream | AudioStream) -> float | None:
    """Where a stream ends by the file's headers, None when they do not say."""
    if stream.duration:
        return (_start(stream) or 0.0) + seconds(stream.duration, stream.time_base)
    if container.duration:
        return ((container.start_time or 0) + container.duration) / _MICROSECONDS
    return None


def packets(container: InputContainer, *streams: Kind) -> Iterator[Packet[Kind]]:
    """The packets of streams from where the file stands.

    After all else the library breaks on streams that begin in the middle of a broadcast; what came holds.
    """
    with suppress(IndexError):
        yield from cast("Iterator[Packet[Kind]]", container.demux(*streams))


def _scan_ends(container: InputContainer, indices: list[int]) -> dict[int, float]:
    """Where streams end by their packets: the slow way, for files whose headers do not say."""
    ends = dict.fromkeys(indices, 0.0)
    for packet in packets(container, *(container.streams[index] for index in indices)):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            end = seconds(stamp + (packet.duration or 0), packet.time_base)
            ends[packet.stream.index] = max(ends[packet.stream.index], end)
    return ends


def _video_info(stream: VideoStream, duration: float) -> VideoInfo:
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoInfo(
        width=max(1, round(context.width * float(aspect))) if aspect > 0 else context.width,
        height=context.height,
        fps=float(rate) if rate else 25.0,
        codec=context.name,
        duration=round(duration, 3),
    )


def _audio_info(stream: AudioStream, duration: float) -> AudioInfo:
    context = stream.codec_context
    return AudioInfo(context.sample_rate, context.channels, context.name, round(duration, 3))
