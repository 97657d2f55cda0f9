"""Proxies: copies of the picture of a video that are light to play, frame for frame at the same times."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from avvp_studio.media.errors import MediaError, media_errors
from avvp_studio.media.frames import USUAL_SIZE, Frame, VideoReader
from avvp_studio.media.probe import open_stream, probe, video_stream

_VERSION = 1
_GROUP = 12
"""Frames from one keyframe to the next: a seek decodes so many at most."""
_OPTIONS = {"preset": "veryfast", "tune": "fastdecode", "crf": "20", "bf": "0"}
_FINEST = 90_000
"""Ticks a second at least: where sound begins long before the picture, times are not multiples of a frame's."""
_LEFT_OVER_S = 3600.0
"""A part that nobody wrote to for so long was left by a program that was ended."""


def proxy_path(source: Path, folder: Path) -> Path:
    """Where the proxy of a file is, as the file is now: one of another size or time has another proxy."""
    status = source.stat()
    state = f"{_VERSION} {status.st_size} {status.st_mtime_ns}"
    return folder / f"{_stem(source)}{_digest(state)}.mp4"


def current_proxy(source: Path, folder: Path) -> Path | None:
    """The proxy of a file as it is now, if there is one."""
    try:
        path = proxy_path(source, folder)
        return path if path.stat().st_size else None
    except OSError:
        return None


def remove_proxies(source: Path, folder: Path, *, keep: Path | None = None) -> None:
    """Remove the proxies of a file, also of what it was before, all but `keep`."""
    for path in folder.glob(f"{_stem(source, escape=True)}*.mp4"):
        if path != keep:
            path.unlink(missing_ok=True)


def make_proxy(
    source: Path,
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Path:
    """Write the proxy of a file, whole or not at all; `progress` gets seconds done and in all.

    The sound is not copied: it is played from the file itself. Raises a MediaError, or InterruptedError when
    `should_stop()` says so.
    """
    info = probe(source).video
    if info is None:
        raise MediaError(f"{source.name} has no picture: it needs no proxy.")
    target = proxy_path(source, folder)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(folder)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        reader = VideoReader(source, cache_bytes=64 << 20)
        try:
            with av.open(str(part), "w", format="mp4") as container:
                _copy_frames(reader, container, source, info.duration, should_stop, progress)
        finally:
            reader.close()
        if proxy_path(source, folder) != target:
            raise MediaError(f"{source.name} was changed while its proxy was made: make the proxy again.")
        os.replace(part, target)
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error
    finally:
        part.unlink(missing_ok=True)
    remove_proxies(source, folder, keep=target)
    return target


def _copy_frames(
    reader: VideoReader,
    container: OutputContainer,
    source: Path,
    duration: float,
    should_stop: Callable[[], bool],
    progress: Callable[[float, float], None],
) -> None:
    """Read each frame as the player would, and write it at its time."""
    ticks = _ticks(source)
    with media_errors(source):
        frame = reader.frame_at(0.0, should_stop)
    stream = _add_stream(container, reader, frame, ticks)
    base, reformatter = Fraction(1, ticks), VideoReformatter()
    while True:
        picture = VideoFrame.from_ndarray(reader.pixels(frame, USUAL_SIZE), format="bgra")
        picture = reformatter.reformat(picture, width=stream.width, height=stream.height, format="yuv420p")
        picture.time_base, picture.pts = base, round(frame.time * ticks)
        container.mux(stream.encode(picture))
        progress(frame.time, duration)
        with media_errors(source):
            following = reader.step(frame.time, 1, should_stop)
        if following is frame or following.time <= frame.time:
            break
        frame = following
        if should_stop():
            raise InterruptedError("the proxy is not wanted any more")
    container.mux(stream.encode(None))


def _add_stream(container: OutputContainer, reader: VideoReader, first: Frame, ticks: int) -> VideoStream:
    height, width = reader.pixels(first, USUAL_SIZE).shape[:2]
    stream = container.add_stream("libx264", options=dict(_OPTIONS))
    stream.width, stream.height, stream.pix_fmt = max(2, width & ~1), max(2, height & ~1), "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, ticks)
    stream.codec_context.gop_size = _GROUP
    stream.thread_count = max(1, (os.cpu_count() or 2) // 2)  # the rest is for who goes on working
    return stream


def _ticks(source: Path) -> int:
    """Ticks a second in which every time of the file's frames is whole."""
    container, stream = open_stream(source, video_stream, "picture")
    with container:
        denominator = stream.time_base.denominator if stream.time_base else _FINEST
    return denominator * -(-_FINEST // denominator)


def _remove_left_overs(folder: Path) -> None:
    for part in folder.glob("*.part"):
        try:
            if time.time() - part.stat().st_mtime > _LEFT_OVER_S:
                part.unlink()
        except OSError:
            continue


def _stem(source: Path, *, escape: bool = False) -> str:
    name = source.stem[:40]
    if escape:
        name = "".join(f"[{c}]" if c in "*?[" else c for c in name)
    return f"{name}-{_digest(str(source.name))[:8]}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
