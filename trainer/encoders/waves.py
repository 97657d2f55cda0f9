"""From decoded blocks of sound to what sound intakes ask for: windows of a second, or all of a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from trainer.encoders.encoding import SoundIntake

Samples = NDArray[np.float32]

_JITTER = 0.05
"""Seconds by which a block of sound may be misplaced before it is moved."""


class Wave:
    """The sound of a file from time 0 on, mono at `rate` Hz in about [-1, 1], block after block.

    `start`: the time stamp of time 0. `limit` (seconds) cuts it off. Where nothing is, there is silence.
    `keeps_power`: how channels are mixed (SoundIntake).
    """

    def __init__(self, rate: int, start: float, limit: float | None, *, keeps_power: bool = False) -> None:
        self._rate, self._start = rate, start
        self._layout = "mono" if keeps_power else None
        self._most = None if limit is None else round(limit * rate)
        self._resampler: av.AudioResampler | None = None
        self._made_for: tuple[str, str, int] | None = None
        self._cursor = 0

    @property
    def end(self) -> float:
        """Seconds so far."""
        return (self._cursor if self._most is None else min(self._cursor, self._most)) / self._rate

    def add(self, frame: AudioFrame) -> Iterator[Samples]:
        """The blocks that a frame gives."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or kind != self._made_for:  # streams may change in the middle
            # Channels side by side: the library breaks on eight planes.
            self._resampler, self._made_for = av.AudioResampler("flt", self._layout, self._rate), kind
        yield from self._joined(self._resampler.resample(frame))

    def close(self) -> Iterator[Samples]:
        """The blocks that were held back for what might follow."""
        if self._resampler is not None:
            yield from self._joined(self._resampler.resample(None))

    def _joined(self, frames: Iterable[AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            channels = frame.to_ndarray().astype(np.float32).reshape(-1, len(frame.layout.channels))
            if not np.isfinite(channels).all():
                channels = np.nan_to_num(channels, posinf=1.0, neginf=-1.0)
            channels = channels.clip(-4, 4)
            samples = np.asarray(channels.mean(axis=1), np.float32)
            ahead = 0 if frame.time is None else round((frame.time - self._start) * self._rate) - self._cursor
            if ahead > _JITTER * self._rate:
                for begin in range(0, ahead, self._rate):  # second by second: it may be hours
                    yield self._placed(np.zeros(min(self._rate, ahead - begin), np.float32))
            elif ahead < -_JITTER * self._rate or (self._cursor == 0 and ahead < 0):
                samples = samples[-ahead:]
            yield self._placed(samples)

    def _placed(self, samples: Samples) -> Samples:
        kept = samples if self._most is None else samples[: max(0, self._most - self._cursor)]
        self._cursor += len(samples)
        return kept


class Windows:
    """Windows of one second with what is around it, as an intake asks, out of the blocks of a wave.

    Silent windows are one and the same array.
    """

    def __init__(self, intake: SoundIntake) -> None:
        before, after = round(intake.before * intake.rate), round(intake.after * intake.rate)
        self._rate, self._length = intake.rate, before + intake.rate + after
        self._silence = np.zeros(self._length, np.float32)
        self._held = np.zeros(before, np.float32)
        self._count = 0

    def add(self, block: Samples) -> Iterator[Samples]:
        """The windows that a block completes."""
        self._held = np.concatenate([self._held, block])
        while len(self._held) >= self._length:
            yield self._next()

    def finish(self, seconds: int) -> Iterator[Samples]:
        """The rest of so many windows in all."""
        while self._count < seconds:
            short = max(0, self._length - len(self._held))
            self._held = np.concatenate([self._held, np.zeros(short, np.float32)])
            yield self._next()

    def _next(self) -> Samples:
        window, self._held = self._held[: self._length], self._held[self._rate :]
        self._count += 1
        return window if window.any() else self._silence


class WholeSound:
    """All of a clip's sound, as an intake asks, unless it is longer than that allows."""

    def __init__(self, intake: SoundIntake) -> None:
        self._rate = intake.rate
        self._most = round(intake.longest * intake.rate) if intake.longest else None
        self._parts: list[Samples] = []
        self._length = 0

    def add(self, block: Samples) -> Iterator[Samples]:
        """Nothing yet: only the end completes it."""
        self._length += len(block)
        if self._most is None or self._length <= self._most + self._rate:
            self._parts.append(block)
        yield from ()

    def finish(self, seconds: int) -> Iterator[Samples]:
        """So many seconds of sound, cut or filled up with silence; nothing where that is too long."""
        if self._most is not None and seconds * self._rate > self._most:
            return
        wave = np.zeros(seconds * self._rate, np.float32)
        joined = np.concatenate([*self._parts, np.zeros(0, np.float32)])[: len(wave)]
        wave[: len(joined)] = joined
        yield wave
