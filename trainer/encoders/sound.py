"""Features of sound, second by second: what a mono wave is like, and how that differs from its clip.

All scales are constants, chosen so that common values lie in about [-1, 1]; nothing is fitted to data.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

Array = NDArray[np.float32]

SOUND_RATE = 16_000
BANDS = 40
_FRAMES = 100
"""Frames a second."""
_HOP = SOUND_RATE // _FRAMES
_WINDOW = 800
_INSIDE = slice(3, -2)
"""The frames of a second whose windows do not reach into its neighbours."""
_FFT = 1024
_LOWEST, _HIGHEST = 40.0, 7800.0
_FLOOR_DB = -90.0
_PITCH_LAGS = slice(SOUND_RATE // 1000, SOUND_RATE // 50)
"""Samples: pitches from 50 to 1000 Hz."""
_GROUPS = 8
_MODULATION_EDGES = np.array([0.75, 1.5, 2.5, 3.5, 5, 7, 10, 16.0])
"""Hz."""
_BEAT_LAGS = np.linspace(0.1, 1.5, 9)
"""Seconds."""
_SHAPES = 11

WIDTH = (
    4 * BANDS
    + 12
    + 2 * _SHAPES
    + _GROUPS * (len(_MODULATION_EDGES) - 1)
    + len(_BEAT_LAGS)
    + 1
    + (2 * BANDS + _SHAPES)
)


BEFORE, AFTER = _WINDOW // 2, _WINDOW // 2 - _HOP
"""Samples around a second that its frames reach into."""


def sound_features(samples: Array, seconds: int) -> Array:
    """(seconds, WIDTH) of a wave, which is cut or filled up with silence."""
    wave = np.zeros(seconds * SOUND_RATE, np.float32)
    wave[: len(samples)] = samples[: len(wave)]
    padded = np.pad(wave, (BEFORE, AFTER))
    length = BEFORE + SOUND_RATE + AFTER
    analysed = [analyse(padded[i * SOUND_RATE :][:length]) for i in range(seconds)]
    return clip_features(
        np.concatenate([each[0] for each in analysed]), np.concatenate([each[1] for each in analysed])
    )


def clip_features(levels: Array, shapes: Array) -> Array:
    """(seconds, WIDTH) of what `analyse` says of each second of a clip, one after the other."""
    seconds = len(levels) // _FRAMES
    bands = levels.reshape(seconds, _FRAMES, BANDS)
    onsets = np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0).mean(axis=1)
    shapes = np.column_stack([shapes, onsets / 3]).reshape(seconds, _FRAMES, _SHAPES)
    mean, loudest = bands.mean(axis=1), bands[:, _INSIDE].max(axis=1)
    steps = np.abs(np.diff(levels, axis=0, prepend=levels[:1])).reshape(bands.shape)
    typical = shapes.mean(axis=1)
    features = np.concatenate(
        [
            mean / 45 + 1,
            bands.std(axis=1) / 10,
            loudest / 45 + 1,
            steps.mean(axis=1) / 5,
            dct(mean, axis=1, norm="ortho")[:, 1:13] / 40,
            typical,
            2 * shapes.std(axis=1),
            _modulation(levels, seconds),
            _beat(onsets, seconds),
            _against_clip(mean) / 15,
            _against_clip(loudest) / 15,
            2 * _against_clip(typical),
        ],
        axis=1,
    )
    return np.asarray(np.clip(features, -4, 4), np.float32)


def analyse(window: Array) -> tuple[Array, Array]:
    """Of each frame of a second (with BEFORE and AFTER): band levels in dB, and the shape of the spectrum.

    Levels are at least _FLOOR_DB.
    """
    shape = np.hanning(_WINDOW).astype(np.float32)
    gain = (2 / shape.sum()) ** 2
    frames = np.lib.stride_tricks.as_strided(
        window, (_FRAMES, _WINDOW), (window.strides[0] * _HOP, window.strides[0]), writeable=False
    )
    power = np.abs(np.fft.rfft(frames * shape, _FFT)).astype(np.float32) ** 2 * np.float32(gain)
    levels = np.maximum(10 * np.log10(power @ _mel_filters() + 1e-12), _FLOOR_DB)
    return np.asarray(levels, np.float32), _shape(power, frames)


def _shape(power: Array, frames: Array) -> Array:
    """Centroid, spread, flatness, two roll-offs, level, zero crossings, crest, periodicity and pitch."""
    octaves = _octaves()
    total = power.sum(axis=1) + 1e-9
    weights = power / total[:, None]
    centroid = weights @ octaves
    spread = np.sqrt(np.maximum(weights @ octaves**2 - centroid**2, 0))
    flatness = np.exp(np.log(power + 1e-12).mean(axis=1)) / (power.mean(axis=1) + 1e-12)
    running = np.cumsum(weights, axis=1)
    rolloffs = [octaves[np.argmax(running >= part, axis=1)] for part in (0.5, 0.9)]
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-9)
    crossings = (np.diff(np.signbit(frames), axis=1)).mean(axis=1)
    crest = np.abs(frames).max(axis=1) / (np.sqrt((frames**2).mean(axis=1)) + 1e-4)
    echo = np.fft.irfft(power, axis=1)
    lags = echo[:, _PITCH_LAGS] / (echo[:, :1] + 1e-9)
    best = lags.argmax(axis=1)
    periodicity = np.clip(np.take_along_axis(lags, best[:, None], axis=1)[:, 0], 0, 1)
    pitch = np.log2(SOUND_RATE / (best + _PITCH_LAGS.start) / 50) / 4.4
    silent = level < _FLOOR_DB + 5
    columns = [centroid / 4, spread / 2, flatness * 2, rolloffs[0] / 4, rolloffs[1] / 4, level / 45 + 1]
    columns += [crossings * 2, crest / 6, periodicity, pitch * periodicity]
    shape = np.stack(columns, axis=1)
    shape[silent] = [0, 0, 0, 0, 0, -1, 0, 0, 0, 0]
    return shape.astype(np.float32)


def _modulation(levels: Array, seconds: int) -> Array:
    """How strongly groups of bands swell and fade at some rates, in the two seconds around each second."""
    groups = levels.reshape(len(levels), _GROUPS, -1).mean(axis=2)
    around = _windows(groups, seconds, 2.0)
    around = around - around.mean(axis=1, keepdims=True)
    window = np.hanning(around.shape[1])[None, :, None]
    spectrum = np.abs(np.fft.rfft(around * window, axis=1)) * (2 / window.sum())
    rates = np.fft.rfftfreq(around.shape[1], 1 / _FRAMES)
    places = np.searchsorted(rates, _MODULATION_EDGES)
    parts = [np.sqrt((spectrum[:, first:last] ** 2).sum(axis=1)) for first, last in pairwise(places)]
    return (np.concatenate(parts, axis=1) / 10).astype(np.float32)


def _beat(onsets: Array, seconds: int) -> Array:
    """Autocorrelation of the onset strength in three seconds, by lag, and its highest value."""
    around = _windows(onsets[:, None], seconds, 3.0)[:, :, 0]
    around = around - around.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(around, 2 * around.shape[1], axis=1)
    echo = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)
    echo = echo / (echo[:, :1] + 1.0)
    edges = np.round(np.append(_BEAT_LAGS, 1.7) * _FRAMES).astype(int)
    lags = [echo[:, first:last].max(axis=1) for first, last in pairwise(edges)]
    return np.stack([*lags, np.max(lags, axis=0)], axis=1).astype(np.float32)


def _windows(rows: Array, seconds: int, length: float) -> Array:
    """(seconds, frames, columns): `length` seconds around the middle of each second, the ends held."""
    before = round((length - 1) / 2 * _FRAMES)
    padded = np.pad(rows, ((before, before), (0, 0)), mode="edge")
    return np.stack(
        [padded[second * _FRAMES : second * _FRAMES + round(length * _FRAMES)] for second in range(seconds)]
    )


def _against_clip(rows: Array) -> Array:
    return np.asarray(rows - np.median(rows, axis=0), np.float32)


@lru_cache
def _octaves() -> Array:
    """Each frequency in octaves above and below 500 Hz."""
    frequencies = np.fft.rfftfreq(_FFT, 1 / SOUND_RATE)
    return np.asarray(np.log2(np.maximum(frequencies, 30.0) / 500), np.float32)


@lru_cache
def _mel_filters() -> Array:
    """(frequencies, BANDS): triangles that are even on the mel scale and overlap by half."""

    def to_mel(hertz: float) -> float:
        return 2595 * float(np.log10(1 + hertz / 700))

    mels = np.linspace(to_mel(_LOWEST), to_mel(_HIGHEST), BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    frequencies = np.fft.rfftfreq(_FFT, 1 / SOUND_RATE)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)
