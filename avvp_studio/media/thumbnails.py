"""Small pictures of a video at even distances, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from avvp_studio.media.frames import VideoReader
from avvp_studio.media.tiles import Pixels, Tile, TileCache

_FINEST_S = 1 / 16
_LARGEST = (256, 144)
_KIND = "thumbnail"
_READER_BYTES = 64 << 20


def step(level: int) -> float:
    """Seconds from one small picture to the next: each level's are 4/3 or 3/2 of those before."""
    return float(_FINEST_S * 2 ** (level // 2) * (1.5 if level % 2 else 1.0))


def level_for(seconds: float) -> int:
    """The level with the longest steps that are not longer."""
    level = 0
    while step(level + 1) <= seconds:
        level += 1
    return level


def tiles(level: int, onset: float, offset: float) -> list[Tile]:
    """The small pictures of a stretch of time."""
    length = step(level)
    return [Tile(level, place) for place in range(max(0, int(onset / length)), int(np.ceil(offset / length)))]


class ThumbnailMaker:
    """Small pictures (height, width, 4) of one file, as bytes B, G, R, A; each of a moment of its step."""

    def __init__(self, path: Path, duration: float, cache: TileCache) -> None:
        self._path = path
        self._duration = duration
        self._cache = cache
        self._reader: VideoReader | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def make(self, tile: Tile, should_stop: Callable[[], bool]) -> Pixels:
        kept = self._cache.read(_KIND, self._path, tile)
        made = _unpacked(kept) if kept is not None else None
        if made is None:
            made = self._seen(tile, should_stop)
            self._cache.write(_KIND, self._path, tile, _packed(made))
        return made

    def _seen(self, tile: Tile, should_stop: Callable[[], bool]) -> Pixels:
        if self._reader is None:
            self._reader = VideoReader(self._path, cache_bytes=_READER_BYTES)
        length = step(tile.level)
        onset = tile.place * length
        middle = (onset + min(onset + length, max(onset, self._duration))) / 2
        frame = self._reader.frame_near(middle)
        if frame.time < onset:  # a keyframe within the step is as good as the very frame
            frame = self._reader.frame_at(middle, should_stop)
        return self._reader.pixels(frame, _LARGEST)


def _packed(pixels: Pixels) -> bytes:
    """As a JPEG."""
    odd = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
    pixels = np.pad(pixels, odd, mode="edge")  # colours are kept for two by two
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.height, encoder.width, encoder.pix_fmt = *pixels.shape[:2], "yuvj420p"
    encoder.thread_count, encoder.time_base = 1, Fraction(1, 25)
    frame = VideoFrame.from_ndarray(pixels, format="bgra")
    frame.pts = 0
    packets = encoder.encode(frame.reformat(format="yuvj420p")) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def _unpacked(data: bytes) -> Pixels | None:
    """None where it is damaged."""
    try:
        decoder = VideoCodecContext.create("mjpeg", "r")
        decoder.thread_count = 1
        frames = decoder.decode(av.Packet(data)) + decoder.decode(None)
        return frames[0].to_ndarray(format="bgra").astype(np.uint8, copy=False)
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
