"""What each category sounds like, and how a clip is mixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from avvp_studio.sample.scenes import Act, Scene
from avvp_studio.sample.synthesis import (
    Wave,
    band,
    clip_time,
    decay,
    gated,
    glide,
    levelled,
    noise,
    pink,
    strokes,
)

_PEAK = 0.98


def mix(scene: Scene) -> NDArray[np.float32]:
    """The sound of a clip, (2, samples) in [-1, 1]."""
    mixed = _background(scene)
    for act in scene.acts:
        if act.heard:
            angle = (act.pan + 1) * np.pi / 4
            mixed += np.outer((np.cos(angle), np.sin(angle)), sound_of(act, scene.sample_rate))
    return np.asarray(mixed * min(1.0, _PEAK / float(np.abs(mixed).max())), np.float32)


def sound_of(act: Act, rate: int) -> Wave:
    """What is heard of one act over a whole clip, (samples,): silence where it is not heard."""
    wave = _SOUNDS[act.category](act, rate, np.random.default_rng(act.seed))
    return gated(levelled(wave, rate), act.heard, rate) * 10 ** (act.loudness / 20)


def _background(scene: Scene) -> Wave:
    """Mains hum and pink noise, not the same on both sides."""
    rng = np.random.default_rng(scene.seed)
    time = clip_time(scene.sample_rate)
    mains = float(rng.choice((50.0, 60.0)))
    hum = sum((np.sin(2 * np.pi * mains * n * time) / n for n in (1, 2, 3)), np.zeros_like(time))
    hiss = noise(rng, scene.sample_rate, pink)
    both = np.stack((hiss, np.roll(hiss, scene.sample_rate)))
    return np.asarray(10 ** (scene.hum / 20) * hum + 10 ** (scene.hiss / 20) * both)


def _ball(act: Act, rate: int, _: np.random.Generator) -> Wave:
    """A rubbery spring: a tone that rises as it dies, and a slap."""
    time, body = decay(rate, fall=0.11, length=0.45)
    low = 290 * 2 ** (0.25 * act.shade)
    phase = glide(low * (1 + 1.4 * (1 - np.exp(-time / 0.12))), rate)
    tone = (np.sin(phase) + 0.4 * np.sin(2 * phase)) * body
    slap = np.sin(2 * np.pi * 4.1 * low * time) * np.exp(-time / 0.012)
    return strokes(act, rate, lambda _: tone + 0.5 * slap)


def _bell(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """Inharmonic partials, the high ones dying first."""
    time, _ = decay(rate, fall=1, length=2.5)
    strike = 560 * 2 ** (0.5 * act.shade)
    partials = zip((0.5, 1, 1.19, 1.5, 2, 2.74, 3.76, 5.1), (0.4, 0.7, 0.5, 0.4, 1, 0.6, 0.5, 0.3), strict=True)
    ring = sum(
        (
            level * np.sin(2 * np.pi * strike * ratio * time + rng.uniform(0, 6)) * np.exp(-time * ratio / 0.9)
            for ratio, level in partials
        ),
        np.zeros_like(time),
    )
    attack = np.minimum(time / 0.002, 1)
    return strokes(act, rate, lambda number: ring * attack * (0.85 + 0.15 * (number % 2)))


def _bird(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """Two to four quick upward or downward sweeps a beat."""
    base = 3300 * 2 ** (0.35 * act.shade)
    notes = int(rng.integers(2, 5))
    sweep = rng.choice((-0.5, 0.5, 0.8))

    def chirp(number: int) -> Wave:
        time, _ = decay(rate, fall=1, length=0.07)
        place = time / 0.07
        note = np.sin(glide(base * 2 ** (sweep * place + 0.1 * (number % 3)), rate)) * np.sin(np.pi * place)
        pause = np.zeros(round(0.02 * rate))
        return np.concatenate([part for _ in range(notes) for part in (note, pause)])

    return strokes(act, rate, chirp)


def _clock(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """Tick and tock: short clicks that ring in a wooden case."""
    time, _ = decay(rate, fall=1, length=0.12)
    click = rng.normal(size=len(time)) * np.exp(-time / 0.003)

    def tick(number: int) -> Wave:
        pitch = (2300, 1750)[number % 2] * 2 ** (0.25 * act.shade)
        ring = np.sin(2 * np.pi * pitch * time) + 0.6 * np.sin(2 * np.pi * 1.62 * pitch * time)
        return np.asarray(ring * np.exp(-time / 0.016) + 0.6 * click)

    return strokes(act, rate, tick)


def _drum(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """Low strokes and lighter ones with a rattle, four to the bar."""
    time, body = decay(rate, fall=0.13, length=0.5)
    low = 75 * 2 ** (0.3 * act.shade)
    thump = np.sin(glide(low * (1 + 1.2 * np.exp(-time / 0.04)), rate)) * body
    rattle = noise(rng, rate, band(900, 5000), 0.5) * np.exp(-time / 0.06)
    bar = ((1.0, 0.1), (0.25, 0.45), (0.7, 0.1), (0.35, 0.6))

    def stroke(number: int) -> Wave:
        deep, light = bar[number % len(bar)]
        return np.asarray(deep * thump + 0.5 * light * rattle)

    return strokes(act, rate, stroke)


def _engine(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """A rumbling harmonic tone, uneven from stroke to stroke, over the noise of its exhaust."""
    time = clip_time(rate)
    speed = 52 * 2 ** (0.4 * act.shade) * (1 + 0.04 * np.sin(2 * np.pi * time / 3.1))
    phase = glide(speed, rate)
    levels = 1 / np.arange(1, 10) ** 0.6 * rng.uniform(0.5, 1, 9)
    tone = sum((level * np.sin((n + 1) * phase) for n, level in enumerate(levels)), np.zeros_like(time))
    puff = 0.55 + 0.45 * np.sin(phase / 4)
    return np.asarray(puff * (tone + 1.2 * noise(rng, rate, band(80, 420))))


def _fire(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """A soft roar, and crackling at random."""
    time = clip_time(rate)
    flicker = 1 + 0.4 * np.sin(2 * np.pi * time / act.period + 6 * np.sin(2 * np.pi * time / 5.3))
    wave = 0.3 * flicker * noise(rng, rate, band(60, 330))
    for _ in range(int(rng.integers(260, 360))):
        length = rng.uniform(0.002, 0.012)
        snap, body = decay(rate, fall=length / 3, length=length)
        start = int(rng.integers(0, len(time) - len(snap)))
        pitch = rng.uniform(1200, 6500)
        burst = np.sin(2 * np.pi * pitch * snap) + rng.normal(size=len(snap))
        wave[start : start + len(snap)] += rng.exponential(1.6) * body * burst
    return np.asarray(2.5 * np.tanh(wave / 2.5))


def _flute(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """A tune on five notes, with vibrato and breath."""
    time = clip_time(rate)
    scale = 587 * 2 ** (0.3 * act.shade) * 2 ** (np.array((0, 2, 4, 7, 9, 12)) / 12)
    tune = np.cumsum(rng.integers(-2, 3, size=64)) % len(scale)
    beat = np.asarray(act.beats(0) + time / act.period)
    pitch = scale[tune[np.floor(beat).astype(int) % len(tune)]]
    phase = glide(pitch * (1 + 0.008 * np.sin(2 * np.pi * 5.3 * time)), rate)
    tone = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase)
    breath = 0.12 * noise(rng, rate, band(500, 3000))
    place = beat % 1
    tongue = np.minimum(place / 0.12, 1) * np.clip((1 - place) / 0.1, 0, 1)
    return np.asarray((tone + breath) * tongue)


def _rain(act: Act, rate: int, rng: np.random.Generator) -> Wave:
    """A wide band of noise that swells a little, and drops."""
    time = clip_time(rate)
    swell = 1 + 0.2 * np.sin(2 * np.pi * time / (4 * act.period))
    wave = swell * noise(rng, rate, band(900 * 2 ** (0.4 * act.shade), 9000))
    for _ in range(350):
        drop, body = decay(rate, fall=0.004, length=0.015)
        start = int(rng.integers(0, len(time) - len(drop)))
        wave[start : start + len(drop)] += 2.2 * body * np.sin(2 * np.pi * rng.uniform(1500, 5000) * drop)
    return np.asarray(wave)


def _siren(act: Act, rate: int, _: np.random.Generator) -> Wave:
    """A horn that sweeps up and down once a beat, or steps between two notes."""
    time = clip_time(rate)
    turn = np.sin(2 * np.pi * (act.beats(0) + time / act.period))
    if act.seed % 2:
        turn = np.tanh(6 * turn)
    phase = glide(880 * 2 ** (0.2 * act.shade) * 2 ** (0.42 * turn), rate)
    return np.asarray(sum((level * np.sin(n * phase) for n, level in _HORN), np.zeros_like(time)))


_HORN = ((1, 1.0), (2, 0.45), (3, 0.5), (4, 0.15), (5, 0.2))
"""Harmonics and their levels."""

_SOUNDS: dict[str, Callable[[Act, int, np.random.Generator], Wave]] = {
    "Ball": _ball,
    "Bell": _bell,
    "Bird": _bird,
    "Clock": _clock,
    "Drum": _drum,
    "Engine": _engine,
    "Fire": _fire,
    "Flute": _flute,
    "Rain": _rain,
    "Siren": _siren,
}
