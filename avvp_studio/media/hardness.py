"""How hard a video is to play, told from its headers and its list of keyframes: nothing is decoded for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from avvp_studio.media.errors import media_errors
from avvp_studio.media.probe import VideoInfo, open_media, packets, probe, seconds, video_stream

PLAYING_LIMIT = 0.4
"""Seconds of decoding for a second of playing: more leaves too little for sound and window."""
SEEKING_LIMIT = 1.0
"""Seconds of decoding from one keyframe to the next: as long can a seek or a step back take."""

_NANOSECONDS = {
    "h264": 1.7, "hevc": 2.5, "vp8": 1.5, "vp9": 2.0, "av1": 2.5, "libdav1d": 2.5, "mpeg4": 0.7, "h263": 0.7,
    "mpeg1video": 0.5, "mpeg2video": 0.6, "msmpeg4v3": 0.7, "flv": 0.7, "mjpeg": 1.7, "wmv1": 1.3, "wmv2": 1.3,
    "theora": 1.5, "prores": 8.0, "dnxhd": 5.0, "ffv1": 16.0,
}  # fmt: skip
"""To decode one pixel on one core, by codec (measured on 720p)."""
_UNUSUAL = 6.0
_SCANNED = 30.0
"""Seconds of the video that are looked through for keyframes where the file does not list them."""


@dataclass(frozen=True, slots=True)
class Hardness:
    """What playing and seeking take, in seconds of one core."""

    playing: float
    seeking: float
    group: float
    """Seconds of video from one keyframe to the next, where that is longest."""

    @property
    def is_slow_to_play(self) -> bool:
        return self.playing > PLAYING_LIMIT

    @property
    def is_slow_to_seek(self) -> bool:
        return self.seeking > SEEKING_LIMIT

    @property
    def is_hard(self) -> bool:
        return self.is_slow_to_play or self.is_slow_to_seek


def hardness_of(path: Path, should_stop: Callable[[], bool] = lambda: False) -> Hardness | None:
    """How hard a file is; None where it has no picture.

    Raises a MediaError, or InterruptedError when `should_stop()` says so.
    """
    info = probe(path).video
    if info is None:
        return None
    with open_media(path) as container, media_errors(path):
        stream = video_stream(container)
        assert stream is not None
        return estimate(info, _longest_group(container, stream, info.duration, should_stop))


def estimate(info: VideoInfo, group: float) -> Hardness:
    """How hard a video is whose keyframes are up to `group` seconds apart."""
    a_second = info.width * info.height * info.fps * _NANOSECONDS.get(info.codec, _UNUSUAL) * 1e-9
    return Hardness(a_second, a_second * group, group)


def _longest_group(
    container: InputContainer, stream: VideoStream, duration: float, should_stop: Callable[[], bool]
) -> float:
    entries = stream.index_entries
    base = stream.time_base
    listed = sorted(seconds(entry.timestamp, base) for entry in entries if entry.is_keyframe)
    if len(entries) > 1 and listed:
        times = [*listed, listed[0] + duration]
    else:
        times = list(_scan(container, stream, should_stop))
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


def _scan(container: InputContainer, stream: VideoStream, should_stop: Callable[[], bool]) -> Iterator[float]:
    """When keyframes are shown, and where the reading ended."""
    first = last = None
    for packet in packets(container, stream):
        if should_stop():
            raise InterruptedError("another video is open")
        if packet.dts is None:
            continue
        last = seconds(packet.dts if packet.pts is None else packet.pts, packet.time_base)
        first = last if first is None else first
        if packet.is_keyframe:
            yield last
        if last - first > _SCANNED:
            break
    if last is not None:
        yield last
