"""Sound of any codec, rate and layout, as blocks of 16-bit samples; and its tempo, with the pitch kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from avvp_studio.media.errors import media_errors
from avvp_studio.media.probe import audio_stream, open_stream, origin, packets, seconds

SAMPLE_RATE = 48_000
"""The rate of every block, in samples per second."""

Samples = NDArray[np.int16]
"""Sound of shape (channels, samples)."""

_RUN_UP = 0.1
"""Seconds decoded before the onset: codecs need some sound before theirs is right."""
_JITTER = SAMPLE_RATE // 50
"""Timestamps may be so many samples off (containers round them) before it counts as a gap."""
_DAMAGED_GAP = SAMPLE_RATE * 600
"""A timestamp so many samples ahead is damage, not silence: filled up it could be days, and all the memory."""
_LONGEST_GAP = SAMPLE_RATE * 10
"""Silence is made in pieces of at most so many samples."""


class AudioReader:
    """The sound of a file. Blocks have one channel where the file has one, else two."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container, self._stream = open_stream(path, audio_stream, "sound")
        self._origin = origin(self._container)
        self.channels = 1 if self._stream.codec_context.channels == 1 else 2

    def close(self) -> None:
        self._container.close()

    def blocks(self, onset: float = 0.0, *, length: int = SAMPLE_RATE // 4) -> Iterator[Samples]:
        """Blocks of at least `length` samples (the last may be shorter), without gaps, from `onset` exactly.

        Where the file has no sound for a while there is silence. The blocks end where the sound does.
        """
        parts: list[Samples] = []
        count = 0
        for samples in self._contiguous(round(onset * SAMPLE_RATE)):
            parts.append(samples)
            count += samples.shape[1]
            if count >= length:
                yield np.concatenate(parts, axis=1)
                parts, count = [], 0
        if parts:
            yield np.concatenate(parts, axis=1)

    def _contiguous(self, cursor: int) -> Iterator[Samples]:
        """The samples from `cursor` on, by their timestamps: gaps are filled, overlaps are cut."""
        slack = 0  # the first sample is exactly at the onset
        for first, samples in self._resampled(cursor / SAMPLE_RATE):
            ahead = first - cursor
            if ahead > _DAMAGED_GAP:
                continue
            if ahead > slack:
                for start in range(0, ahead, _LONGEST_GAP):
                    yield np.zeros((self.channels, min(_LONGEST_GAP, ahead - start)), np.int16)
                cursor = first
            elif ahead < -slack:
                samples = samples[:, -ahead:]
            if samples.shape[1]:
                yield samples
                cursor += samples.shape[1]
                slack = _JITTER

    def _resampled(self, onset: float) -> Iterator[tuple[int, Samples]]:
        """Samples with the place of their first, counted from time 0."""
        resampler, made_for = None, None
        for frame in self._frames(onset):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or kind != made_for:  # streams may change in the middle
                layout = "mono" if self.channels == 1 else "stereo"
                resampler, made_for = av.AudioResampler("s16p", layout, SAMPLE_RATE), kind
            try:
                converted = resampler.resample(frame)
            except av.error.FFmpegError:  # damage can make a frame claim what no sound is
                resampler = None
                continue
            yield from self._placed(converted)
        if resampler is not None:
            yield from self._placed(resampler.resample(None))

    def _placed(self, frames: list[AudioFrame]) -> Iterator[tuple[int, Samples]]:
        for frame in frames:
            if frame.pts is not None and frame.samples:
                time = seconds(frame.pts, frame.time_base) - self._origin
                yield round(time * SAMPLE_RATE), frame.to_ndarray().astype(np.int16, copy=False)

    def _frames(self, onset: float) -> Iterator[AudioFrame]:
        """Decoded frames from a little before `onset`. What cannot be decoded is left out."""
        with media_errors(self._path):
            base = self._stream.time_base
            start = max(0.0, onset - _RUN_UP) + self._origin
            self._container.seek(int(start / base) if base else 0, stream=self._stream)
            for packet in packets(self._container, self._stream):
                try:
                    frames = packet.decode()
                except av.error.MemoryError:
                    raise
                except av.error.FFmpegError:  # what a decoder says of damage differs
                    continue
                yield from frames


class Tempo:
    """Plays stereo sound `rate` times as fast without changing its pitch."""

    def __init__(self, rate: float) -> None:
        self._graph: av.filter.Graph | None = None
        self._pushed = 0
        if rate != 1.0:
            self._graph = _atempo(rate)

    def push(self, samples: Samples) -> Samples:
        """Hand over a block; what of the result is ready comes back."""
        if self._graph is None:
            return samples
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, self._pushed
        self._pushed += samples.shape[1]
        self._graph.push(frame)
        return self._pull()

    def flush(self) -> Samples:
        """The rest, after the last block."""
        if self._graph is None:
            return np.zeros((2, 0), np.int16)
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> Samples:
        parts = [np.zeros((2, 0), np.int16)]
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return np.concatenate(parts, axis=1)
            parts.append(frame.to_ndarray().reshape(-1, 2).T.astype(np.int16, copy=False))


def stereo(samples: Samples) -> Samples:
    """Two channels, whatever there were."""
    return np.repeat(samples, 2, axis=0) if samples.shape[0] == 1 else samples


def _atempo(rate: float) -> av.filter.Graph:
    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=SAMPLE_RATE, format="s16", layout="stereo")]
    while not 0.5 <= rate <= 2.0:  # outside these one filter skips or stutters: two of them do not
        step = 2.0 if rate > 1 else 0.5
        nodes.append(graph.add("atempo", str(step)))
        rate /= step
    nodes.append(graph.add("atempo", str(rate)))
    nodes.append(graph.add("aformat", "sample_fmts=s16:channel_layouts=stereo"))
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph
