"""The frames of a video: exactly the one at a time, its neighbours, or quickly one nearby."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avvp_studio.media.errors import MediaError, media_errors
from avvp_studio.media.probe import open_stream, origin, seconds, video_stream

_ROUNDING = 0.0005
"""Times are rounded to the millisecond everywhere, so a frame may begin half of one after its time."""
_WORTH_SEEKING = 2.0
"""Where the file has no list of keyframes: decode on to a frame less than so many seconds ahead."""
_THREADS = 4
"""More threads decode no faster after a seek: each must be fed a frame before the first comes out."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded frame: shown from `time` on, in seconds."""

    time: float
    raw: VideoFrame

    @property
    def nbytes(self) -> int:
        return sum(plane.buffer_size for plane in self.raw.planes)


class VideoReader:
    """Random access to the frames of a file; for one thread.

    Frames that were decoded one after the other are kept, the newest `cache_bytes` of them, so that
    stepping back, playing backwards and short loops need no new decoding most of the time.
    """

    def __init__(self, path: Path, *, cache_bytes: int = 256 << 20) -> None:
        self._path = path
        self._container, stream = open_stream(path, video_stream, "picture")
        self._has_shown_times = self._container.format.name != "avi"
        stream.thread_type = "AUTO" if self._has_shown_times else "SLICE"  # threads delay frames unpredictably
        stream.thread_count = _THREADS
        self._stream = stream
        self._aspect = float(stream.sample_aspect_ratio or 1) or 1.0
        self._origin = origin(self._container)
        self._cache_bytes = cache_bytes
        self._run: deque[Frame] = deque()  # decoded in a row; the decoder stands behind its last
        self._run_bytes = 0
        self._is_at_end = False
        self._keyframes: list[float] | None = None
        self._decoded: Iterator[Frame] = self._decode()

    def close(self) -> None:
        self._run.clear()
        self._container.close()

    def frame_at(self, time: float, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """The frame that is shown at `time`: the last that begins then or before, else the first of all.

        Raises InterruptedError when `should_stop()` says so, and a MediaError when there is none.
        """
        target = time + _ROUNDING
        if not self._reaches(target):
            self._seek(target)
        while not self._is_at_end and (not self._run or self._run[-1].time <= target):
            if should_stop():
                raise InterruptedError("another frame is wanted")
            self._advance()
        if not self._run:
            raise MediaError(
                f"No picture of {self._path.name} can be decoded: the file is damaged. Get it again."
            )
        return self._run[max(0, self._place(target))]

    def keyframe_near(self, time: float) -> Frame:
        """A frame at or before `time` that can be had quickly; the exact one if it is decoded already."""
        target = time + _ROUNDING
        if self._covers(target):
            return self.frame_at(time)
        self._seek(target)
        if not self._run:
            self._advance()
        return self._run[0] if self._run else self.frame_at(time)

    def step(self, time: float, count: int, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """The frame `count` after (before, if negative) the one at `time`, or the last (first) there is."""
        frame = self.frame_at(time, should_stop)
        for _ in range(abs(count)):
            previous = frame
            frame = self._after(frame, should_stop) if count > 0 else self._before(frame, should_stop)
            if frame is previous:
                break
        return frame

    def read_ahead(self, until: float) -> bool:
        """Decode one frame more if none at or after `until` is decoded yet; whether there is more to do."""
        if self._is_at_end or not self._run or self._run[-1].time > until:
            return False
        self._advance()
        return True

    def pixels(self, frame: Frame, within: tuple[int, int] = (1920, 1080)) -> NDArray[np.uint8]:
        """The picture upright, as (height, width, 4) bytes B, G, R, A, made smaller to fit `within`."""
        raw = frame.raw
        width, height = max(1, round(raw.width * self._aspect)), raw.height
        quarter_turns = round(raw.rotation / 90) % 4
        limits = within if quarter_turns % 2 == 0 else within[::-1]
        scale = min(1.0, limits[0] / width, limits[1] / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        with media_errors(self._path):
            picture = raw.reformat(width=width, height=height, format="bgra").to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, quarter_turns)).astype(np.uint8, copy=False)

    def _after(self, frame: Frame, should_stop: Callable[[], bool]) -> Frame:
        while not self._is_at_end and self._run[-1].time <= frame.time:
            if should_stop():
                raise InterruptedError("another frame is wanted")
            self._advance()
        place = bisect_right(self._run, frame.time, key=lambda frame: frame.time)
        return self._run[place] if place < len(self._run) else frame

    def _before(self, frame: Frame, should_stop: Callable[[], bool]) -> Frame:
        place = bisect_right(self._run, frame.time, key=lambda frame: frame.time) - 2
        if place >= 0:
            return self._run[place]
        # One that is shown just before this one begins; `frame_at` rounds up, so twice the rounding.
        return self.frame_at(max(0.0, frame.time - 2 * _ROUNDING), should_stop)

    def _covers(self, target: float) -> bool:
        """Whether the frame at `target` is decoded."""
        return (
            bool(self._run) and self._run[0].time <= target and (self._is_at_end or target < self._run[-1].time)
        )

    def _reaches(self, target: float) -> bool:
        """Whether to look for `target` in what is decoded and from there on, rather than to seek."""
        if not self._run or target < self._run[0].time:
            return False
        last = self._run[-1].time
        if target < last or self._is_at_end:
            return True
        keyframes = self._keyframe_times()
        if not keyframes:
            return target - last < _WORTH_SEEKING
        return keyframes[max(0, bisect_right(keyframes, target) - 1)] <= last

    def _place(self, target: float) -> int:
        return bisect_right(self._run, target, key=lambda frame: frame.time) - 1

    def _keyframe_times(self) -> list[float]:
        """Where the file says that its keyframes are (some formats list only few: then none)."""
        if self._keyframes is None:
            entries = self._stream.index_entries
            base = self._stream.time_base
            times = [seconds(entry.timestamp, base) for entry in entries if entry.is_keyframe]
            self._keyframes = sorted(time - self._origin for time in times) if len(entries) > 1 else []
        return self._keyframes

    def _seek(self, target: float) -> None:
        """Stand at a keyframe at or before `target`, with it decoded if there is any frame."""
        back = 0.0
        while True:
            self._restart(max(0.0, target - back))
            self._advance()
            if (self._run and self._run[0].time <= target) or target - back <= 0:
                break
            back = max(1.0, back * 2)  # some files' lists are off: look earlier
        if not self._run:
            self._restart(None)

    def _restart(self, time: float | None) -> None:
        """Drop what is decoded and go to the keyframe before `time`, or (None) to the very start."""
        self._run.clear()
        self._run_bytes = 0
        self._is_at_end = False
        base = self._stream.time_base
        with media_errors(self._path):
            if time is None or not base:
                self._container.seek(self._stream.start_time or 0, stream=self._stream, any_frame=True)
            else:
                self._container.seek(int((time + self._origin) / base), stream=self._stream)
        self._decoded = self._decode()

    def _advance(self) -> None:
        """Decode one frame more, and forget the oldest when there are too many."""
        frame = next(self._decoded, None)
        if frame is None:
            self._is_at_end = True
            return
        if self._run and frame.time <= self._run[-1].time:
            return  # a repeated or broken timestamp: never shown
        self._run.append(frame)
        self._run_bytes += frame.nbytes
        while self._run_bytes > self._cache_bytes and len(self._run) > 2:
            self._run_bytes -= self._run.popleft().nbytes

    def _decode(self) -> Iterator[Frame]:
        """The frames from where the file stands; what cannot be decoded is left out."""
        first_key: int | None = None
        fed: deque[int] = deque()
        with media_errors(self._path):
            for packet in self._container.demux(self._stream):
                if packet.dts is not None:
                    fed.append(packet.dts)
                if first_key is None and packet.is_keyframe and self._has_shown_times:
                    first_key = packet.pts
                try:
                    frames = packet.decode()
                except av.error.MemoryError:
                    raise
                except av.error.FFmpegError:  # what a decoder says of damage differs
                    continue
                for raw in frames:
                    stamp = raw.pts if self._has_shown_times else self._stamp_by_decoding(fed, packet)
                    # frames that belong before the keyframe lack what they refer to
                    if stamp is not None and (first_key is None or stamp >= first_key):
                        yield Frame(seconds(stamp, self._stream.time_base) - self._origin, raw)

    def _stamp_by_decoding(self, fed: deque[int], packet: av.Packet[VideoStream]) -> int | None:
        """When a frame is shown, where packets say only when they are decoded.

        Frames come out in order, each so many packets after the one whose time they take; more have been fed
        when the decoder left out frames that refer to what was before a seek.
        """
        while packet.dts is not None and len(fed) > self._stream.codec_context.has_b_frames + 1:
            fed.popleft()
        return fed.popleft() if fed else None
