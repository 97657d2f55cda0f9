"""The means of sound synthesis: shaped noise, decays, strokes on the beat, levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from avvp_studio.sample.scenes import DURATION, Act, Span

Wave = NDArray[np.float64]

_FADE = 0.03
"""Seconds in which a sound comes and goes."""
_LEVEL_WINDOW = 0.05
"""Seconds over which loudness is measured."""


def clip_time(rate: int) -> Wave:
    """The time of every sample of a clip, in seconds."""
    return np.arange(DURATION * rate, dtype=np.float64) / rate


def decay(rate: int, *, fall: float, length: float) -> tuple[Wave, Wave]:
    """Time from 0 to `length` seconds, and a decay over it that is at 1/e after `fall` seconds."""
    time = np.arange(round(length * rate), dtype=np.float64) / rate
    return time, np.exp(-time / fall)


def glide(frequency: Wave, rate: int) -> Wave:
    """The phase of a tone whose frequency (Hz) changes from sample to sample."""
    return np.asarray(2 * np.pi * np.cumsum(frequency) / rate)


def strokes(act: Act, rate: int, stroke: Callable[[int], Wave]) -> Wave:
    """A clip with the sound `stroke(number)` on every beat; what rings on is mixed."""
    mixed = np.zeros(DURATION * rate)
    for number in range(-1, int(act.beats(DURATION)) + 1):
        start = round((act.phase + number * act.period) * rate)
        sound = stroke(number)[max(0, -start) :]
        stop = min(max(0, start) + len(sound), len(mixed))
        mixed[max(0, start) : stop] += sound[: stop - max(0, start)]
    return mixed


def noise(rng: np.random.Generator, rate: int, gain: Callable[[Wave], Wave], seconds: float = DURATION) -> Wave:
    """Noise of unit power with the spectrum `gain(frequency)`."""
    samples = round(seconds * rate)
    frequencies = np.fft.rfftfreq(samples, 1 / rate).astype(np.float64)
    spectrum = gain(frequencies) * np.exp(2j * np.pi * rng.random(len(frequencies)))
    shaped = np.fft.irfft(spectrum, samples)
    return np.asarray(shaped / np.sqrt(np.mean(np.square(shaped))), np.float64)


def band(low: float, high: float) -> Callable[[Wave], Wave]:
    """The gain of a band from `low` to `high` Hz with soft edges."""

    def gain(frequency: Wave) -> Wave:
        return np.asarray(1 / (1 + (low / np.maximum(frequency, 1)) ** 3) / (1 + (frequency / high) ** 3))

    return gain


def pink(frequency: Wave) -> Wave:
    """The gain of pink noise: the same power in every octave."""
    return np.asarray(1 / np.sqrt(np.maximum(frequency, 20)))


def levelled(wave: Wave, rate: int) -> Wave:
    """The same sound with its loud moments at full scale, so that strokes and steady sounds seem as loud."""
    window = round(_LEVEL_WINDOW * rate)
    power = np.square(wave[: len(wave) // window * window]).reshape(-1, window).mean(axis=1)
    return np.asarray(wave / max(float(np.sqrt(np.quantile(power, 0.95))), 1e-9))


def gated(wave: Wave, spans: tuple[Span, ...], rate: int) -> Wave:
    """The same sound inside the spans, with short fades, and silence outside."""
    time = clip_time(rate)
    gate = np.zeros_like(time)
    for span in spans:
        gate += np.clip(np.minimum(time - span.onset, span.offset - time) / _FADE, 0, 1)
    return wave * gate
