"""The frames of a video: exactly the one at a time, its neighbours, or quickly one nearby."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avvp_studio.media.errors import MediaError, media_errors
from avvp_studio.media.groups import Frame, Groups
from avvp_studio.media.probe import open_stream, origin, packets, seconds, video_stream

__all__ = ["USUAL_SIZE", "Frame", "VideoReader"]

_ROUNDING = 0.0005
"""Times are rounded to the millisecond everywhere, so a frame may begin half of one after its time."""
_NEAR = 0.2
"""Decode on to a frame less than so many seconds ahead, even if there is a keyframe in between."""
_WORTH_SEEKING = 2.0
"""The same where the file has no list of keyframes."""
_BEHIND = 1.0
"""Who goes back and is so near the beginning of a group of pictures needs the one before it soon."""
_THREADS = 4
"""More threads decode no faster after a seek: each must be fed a frame before the first comes out."""
USUAL_SIZE = (1920, 1080)
"""Pictures are made as small as this, in which a screen shows no less of them."""


class VideoReader:
    """Random access to the frames of a file; for one thread.

    What was decoded is kept, up to `cache_bytes`, so that steps and scrubs back and forth, playing
    backwards and short loops need no new decoding most of the time.
    """

    def __init__(self, path: Path, *, cache_bytes: int = 512 << 20, time_zero: float | None = None) -> None:
        """Time 0 is the file's timestamp `time_zero`; by itself, where its picture (or sound) begins."""
        self._path = path
        self._container, stream = open_stream(path, video_stream, "picture")
        self._has_shown_times = self._container.format.name != "avi"
        stream.thread_type = "AUTO" if self._has_shown_times else "SLICE"  # threads delay frames unpredictably
        stream.thread_count = _THREADS
        self._stream = stream
        self._reformatter = VideoReformatter()  # each frame's own would keep threads as long as the frame
        self._aspect = float(stream.sample_aspect_ratio or 1) or 1.0
        self._origin = origin(self._container) if time_zero is None else time_zero
        self._groups = Groups(cache_bytes)
        self._begins = -inf  # when the first frame of all does, once that is known
        self._landed: Frame | None = None  # the first after the last seek
        self._last: Frame | None = None  # the decoder stands behind it
        self._is_at_end = False
        self._keyframes: list[float] | None = None
        self._shown_at: dict[float, float] = {}  # by when they are decoded: when those that we met are shown
        self._delay = 0 if self._has_shown_times else self._measure_delay()
        self._decoded: Iterator[Frame] = self._decode()

    def close(self) -> None:
        self._groups.clear()
        self._landed = self._last = None
        self._decoded = iter(())  # else the two keep one another, and the decoder its threads and memory
        self._container.close()

    def frame_at(self, time: float, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """The frame that is shown at `time`: the last that begins then or before, else the first of all.

        Raises InterruptedError when `should_stop()` says so, and a MediaError when there is none.
        """
        target = max(time + _ROUNDING, self._begins)
        frame = self._groups.at(target)
        if frame is None:
            self._decode_past(target, should_stop)
            frame = self._groups.at(max(target, self._begins)) or self._last
        if frame is None:
            raise MediaError(
                f"No picture of {self._path.name} can be decoded: the file is damaged. Get it again."
            )
        return frame

    def frame_near(self, time: float) -> Frame:
        """A frame at or before `time` that can be had quickly; the exact one if it is decoded already."""
        target = max(time + _ROUNDING, self._begins)
        frame = self._groups.at(target)
        if frame is None and self._last is not None and self._reaches(target):
            return self._last  # the decoder is on its way there
        if frame is None:
            self._seek(target)
            frame = self._landed
        return frame or self.frame_at(time)

    def step(self, time: float, count: int, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """The frame `count` after (before, if negative) the one at `time`, or the last (first) there is."""
        frame = self.frame_at(time, should_stop)
        for _ in range(abs(count)):
            previous = frame
            frame = self._after(frame, should_stop) if count > 0 else self._before(frame, should_stop)
            if frame is previous:
                break
        return frame

    def read_ahead(self, time: float, until: float, should_stop: Callable[[], bool]) -> None:
        """Decode what is shown from `time` until another time, where it is not there yet."""
        frame: Frame | None = self._groups.at(time + _ROUNDING)
        while frame is not None and frame.time < until and not should_stop():
            following = self._after(frame, should_stop)
            frame = following if following is not frame else None

    def read_behind(self, time: float, should_stop: Callable[[], bool]) -> None:
        """Decode the group of pictures before that at `time`, if it is needed soon and not there yet."""
        start = self._groups.start(time + _ROUNDING)
        if start is not None and self._begins < start and time - start < _BEHIND:

            def is_enough() -> bool:
                # To ask for the group at `time` keeps it: it is looked at, and the other makes room.
                return should_stop() or self._groups.start(time + _ROUNDING) != start

            self.frame_at(max(0.0, start - 2 * _ROUNDING), is_enough)

    def pixels(self, frame: Frame, within: tuple[int, int] = USUAL_SIZE) -> NDArray[np.uint8]:
        """The picture upright, as (height, width, 4) bytes B, G, R, A, made smaller to fit `within`."""
        raw = frame.raw
        width, height = max(1, round(raw.width * self._aspect)), raw.height
        quarter_turns = round(raw.rotation / 90) % 4
        limits = within if quarter_turns % 2 == 0 else within[::-1]
        scale = min(1.0, limits[0] / width, limits[1] / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        with media_errors(self._path):
            picture = self._reformatter.reformat(raw, width=width, height=height, format="bgra").to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, quarter_turns)).astype(np.uint8, copy=False)

    def _after(self, frame: Frame, should_stop: Callable[[], bool]) -> Frame:
        found = self._groups.next(frame)
        if found is None:
            self._decode_past(frame.time, should_stop)
            found = self._groups.next(frame)
        return found or frame

    def _before(self, frame: Frame, should_stop: Callable[[], bool]) -> Frame:
        # One that is shown just before this one begins; `frame_at` rounds up, so twice the rounding.
        return self.frame_at(max(0.0, frame.time - 2 * _ROUNDING), should_stop)

    def _decode_past(self, target: float, should_stop: Callable[[], bool]) -> None:
        """Decode until the frame that is shown at `target`, and so the one after it, is known."""
        if not self._reaches(target):
            self._seek(target)
        while not self._is_at_end and (self._last is None or self._last.time <= target):
            if should_stop():
                raise InterruptedError("another frame is wanted")
            self._advance()

    def _reaches(self, target: float) -> bool:
        """Whether to look for `target` from where the decoder stands, rather than to seek."""
        if self._last is None or target < self._last.time:
            return False
        ahead = target - self._last.time
        if ahead < _NEAR or self._is_at_end:
            return True
        keyframes = self._keyframe_times()
        if not keyframes:
            return ahead < _WORTH_SEEKING
        place = max(0, bisect_right(keyframes, target) - 1)
        while place > 0 and self._shown_at.get(keyframes[place], target) > target:
            place -= 1
        return keyframes[place] <= self._last.time

    def _keyframe_times(self) -> list[float]:
        """When keyframes are decoded, as the file lists them (some formats list only few: then none)."""
        if self._keyframes is None:
            entries = self._stream.index_entries
            times = sorted(self._time(entry.timestamp) for entry in entries if entry.is_keyframe)
            self._keyframes = times if len(entries) > 1 else []
        return self._keyframes

    def _seek(self, target: float) -> None:
        """Stand at a keyframe at or before `target`, with it decoded if there is any frame."""
        back = 0.0
        while target - back > 0:
            self._restart(target - back)
            if self._last is not None and self._last.time <= target:
                return
            back = max(1.0, back * 2)  # some files' lists are off: look earlier
        self._restart(None)
        if self._last is not None:
            self._begins = self._last.time

    def _restart(self, time: float | None) -> None:
        """Go to the keyframe before `time`, or (None) to the very start, and decode it."""
        self._groups.restart()
        self._landed = self._last = None
        self._is_at_end = False
        with media_errors(self._path):
            if time is None or not self._stream.time_base:
                self._rewind()
            else:
                self._container.seek(int((time + self._origin) / self._stream.time_base), stream=self._stream)
        self._decoded = self._decode()
        self._advance()
        self._landed = self._last

    def _rewind(self) -> None:
        """Go to the first packet. It may be due before the first picture is shown, and a seek goes by that."""
        first = self._stream.start_time or 0
        try:
            self._container.seek(first - int(1 / (self._stream.time_base or 1)), stream=self._stream)
        except av.error.FFmpegError:  # some formats know nothing before the start
            self._container.seek(first, stream=self._stream, any_frame=True)

    def _advance(self) -> None:
        """Decode one frame more."""
        frame = next(self._decoded, None)
        if frame is None:
            self._is_at_end = True
            self._groups.finish()
        elif self._last is None or frame.time > self._last.time:  # else a repeated or broken timestamp
            self._groups.add(frame)
            self._last = frame

    def _time(self, stamp: int) -> float:
        return seconds(stamp, self._stream.time_base) - self._origin

    def _measure_delay(self) -> int:
        """How many more packets are fed than frames have come when a frame does: the codec's reordering."""
        with media_errors(self._path):
            for fed, packet in enumerate(packets(self._container, self._stream)):
                if _decoded(packet):
                    return fed
        return 0

    def _decode(self) -> Iterator[Frame]:
        """The frames from where the file stands; what cannot be decoded is left out."""
        first_key: int | None = None
        fed: deque[int] = deque()
        with media_errors(self._path):
            for packet in packets(self._container, self._stream):
                if packet.dts is not None:
                    fed.append(packet.dts)
                if packet.is_keyframe and self._has_shown_times and packet.pts is not None:
                    first_key = packet.pts if first_key is None else first_key
                    decoded_at = self._time(packet.pts if packet.dts is None else packet.dts)
                    self._shown_at[decoded_at] = self._time(packet.pts)
                for raw in _decoded(packet):
                    stamp = raw.pts if self._has_shown_times else self._stamp_by_decoding(fed, packet)
                    # frames that belong before the keyframe lack what they refer to
                    if stamp is not None and (first_key is None or stamp >= first_key):
                        yield Frame(self._time(stamp), raw)

    def _stamp_by_decoding(self, fed: deque[int], packet: av.Packet[VideoStream]) -> int | None:
        """When a frame is shown, where packets say only when they are decoded.

        Frames come out in order, each so many packets after the one whose time they take; more have been fed
        when the decoder left out frames that refer to what was before a seek.
        """
        while packet.dts is not None and len(fed) > self._delay + 1:
            fed.popleft()
        return fed.popleft() if fed else None


def _decoded(packet: av.Packet[VideoStream]) -> list[VideoFrame]:
    """The frames that come out when a packet is fed; none where it is damaged."""
    try:
        return packet.decode()
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:  # what a decoder says of damage differs
        return []
