"""What each category looks like: a small figure that moves on the beat of its act."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from avvp_studio.sample.backdrops import GROUND
from avvp_studio.sample.drawing import (
    HEIGHT,
    WIDTH,
    Canvas,
    Point,
    colour,
    disc,
    glow,
    line,
    lines,
    oval,
    polygon,
    ring,
    shadow,
    turned,
)
from avvp_studio.sample.scenes import Act, Span

_ENTRANCE = 0.14
"""Seconds in which a figure grows when it comes and shrinks when it goes."""
_FLOOR = GROUND * HEIGHT
_TURN = 2 * math.pi
_STEEL = colour(215, 0.08, 0.62)
_DARK = colour(225, 0.25, 0.2)


def draw_act(canvas: Canvas, act: Act, time: float) -> None:
    """Draw what is seen of an act at a time: nothing outside the spans where it is seen."""
    presence = max((_presence(span, time) for span in act.seen), default=0.0)
    if presence > 0:
        _FIGURES[act.category](canvas, act, time, presence)


def _presence(span: Span, time: float) -> float:
    """0 outside the span, 1 well inside, and a soft step between."""
    place = min(1.0, max(0.0, min(time - span.onset, span.offset - time) / _ENTRANCE))
    return place * place * (3 - 2 * place)


def _around(centre: Point, angle: float, radius: float) -> Point:
    return centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)


def _box(canvas: Canvas, top_left: Point, bottom_right: Point, hue: float, value: float) -> None:
    """An upright box, lighter at its top edge."""
    (left, top), (right, bottom) = top_left, bottom_right
    polygon(canvas, [(left, top), (right, top), (right, bottom), (left, bottom)], colour(hue, 0.5, value))
    line(canvas, (left, top), (right, top), colour(hue, 0.35, value + 0.2), 2)


def _ball(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Bounces on every beat, flattened where it hits the floor."""
    radius = 21 * act.size * presence
    place = act.beats(time) % 1
    height = 4 * place * (1 - place)
    squash = 1 - 0.28 * max(0.0, 1 - 9 * height)
    centre = (WIDTH * act.x, _FLOOR - radius * squash - 92 * act.size * height)
    shadow(canvas, (centre[0], _FLOOR + 2), (radius * (1.4 - 0.4 * height), 7), 0.6 - 0.3 * height)
    hue = 350 + 14 * act.shade
    wide, tall = radius / squash, radius * squash
    oval(canvas, centre, (wide, tall), colour(hue, 0.85, 0.85))
    stripe = turned([(-0.97, -0.2), (0.97, -0.2), (0.97, 0.2), (-0.97, 0.2)], centre, act.beats(time), radius)
    polygon(canvas, stripe, colour(hue + 45, 0.2, 0.98))
    disc(canvas, (centre[0] - 0.35 * wide, centre[1] - 0.42 * tall), 0.18 * radius, colour(hue, 0.2, 1))


def _bell(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Swings from a beam; it is struck where it turns back."""
    scale = 40 * act.size * presence
    pivot = (WIDTH * act.x, 30.0)
    angle = 0.55 * math.cos(math.pi * act.beats(time))
    hue = 43 + 7 * act.shade
    left, right = (pivot[0] - 1.1 * scale, pivot[1]), (pivot[0] + 1.1 * scale, pivot[1])
    line(canvas, left, right, colour(22, 0.6, 0.3), 7)
    clapper = turned([(0, 1.75)], pivot, angle * 1.35, scale)[0]
    disc(canvas, (float(clapper[0]), float(clapper[1])), 0.2 * scale, colour(hue, 0.6, 0.35))
    flank = [(0.0, 0.05), (0.28, 0.22), (0.42, 0.6), (0.5, 1.05), (0.78, 1.5), (0.82, 1.62)]
    outline = [*flank, *((-x, y) for x, y in reversed(flank))]
    polygon(canvas, turned(outline, pivot, angle, scale), colour(hue, 0.85, 0.86))
    gleam = [(-0.28, 0.4), (-0.14, 0.4), (-0.22, 1.35), (-0.5, 1.45)]
    polygon(canvas, turned(gleam, pivot, angle, scale), colour(hue + 6, 0.35, 1))
    rim = [(-0.82, 1.5), (0.82, 1.5), (0.82, 1.64), (-0.82, 1.64)]
    polygon(canvas, turned(rim, pivot, angle, scale), colour(hue - 8, 0.85, 0.6))


def _bird(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Flies in loops and flaps; its beak opens on the beat."""
    scale = 22 * act.size * presence
    loop = _TURN * time / (5 + 2 * act.shade) + act.seed % 7
    flap = math.sin(_TURN * 4.5 * time)
    x = WIDTH * (act.x + 0.13 * math.sin(loop))
    y = HEIGHT * (0.32 + 0.09 * math.sin(2 * loop)) + 4 * flap
    facing = scale if math.cos(loop) >= 0 else -scale
    hue = 212 + 16 * act.shade

    def place(*points: Point) -> list[Point]:
        return [(x + facing * px, y + scale * py) for px, py in points]

    polygon(canvas, place((-0.3, -0.1), (0.4, -0.1), (-0.35, -0.1 - 1.3 * flap)), colour(hue, 0.75, 0.45))
    polygon(canvas, place((-0.7, 0), (-1.55, -0.4), (-1.6, 0.15)), colour(hue, 0.75, 0.5))
    oval(canvas, (x, y), (0.95 * scale, 0.55 * scale), colour(hue, 0.8, 0.88))
    oval(canvas, place((0.2, 0.2))[0], (0.6 * scale, 0.3 * scale), colour(30, 0.55, 0.98))
    disc(canvas, place((0.8, -0.35))[0], 0.42 * scale, colour(hue, 0.8, 0.88))
    gape = 0.28 * max(0.0, 1 - 3 * (act.beats(time) % 1))
    polygon(canvas, place((1.1, -0.5), (1.75, -0.36 - gape), (1.15, -0.34)), colour(38, 0.9, 1))
    polygon(canvas, place((1.1, -0.36), (1.65, -0.3 + gape), (1.1, -0.2)), colour(28, 0.9, 0.85))
    disc(canvas, place((0.9, -0.45))[0], 0.11 * scale, (25, 20, 20))
    polygon(canvas, place((-0.45, -0.1), (0.45, -0.15), (-0.1, -0.15 - 1.7 * flap)), colour(hue, 0.55, 0.68))


def _clock(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """A dial over a pendulum; the hand jumps on every tick."""
    radius = 34 * act.size * presence
    centre = (WIDTH * act.x, 0.36 * HEIGHT)
    beats = act.beats(time)
    hue = 24 + 10 * act.shade
    swing = math.pi / 2 + 0.4 * math.cos(math.pi * beats)
    bob = _around(centre, swing, 2.25 * radius)
    line(canvas, centre, bob, colour(hue, 0.5, 0.35), 3)
    disc(canvas, bob, 0.3 * radius, colour(42, 0.7, 0.85))
    disc(canvas, centre, 1.14 * radius, colour(hue, 0.62, 0.36))
    disc(canvas, centre, radius, colour(50, 0.06, 0.97))
    for hour in range(12):
        angle = _TURN * hour / 12
        inner = 0.72 if hour % 3 == 0 else 0.83
        line(canvas, _around(centre, angle, inner * radius), _around(centre, angle, 0.92 * radius), _DARK, 2)
    hours = act.seed % 628 / 100
    line(canvas, centre, _around(centre, hours, 0.5 * radius), _DARK, 4)
    line(canvas, centre, _around(centre, 7 * hours, 0.72 * radius), _DARK, 3)
    jump = math.floor(beats) + min(1.0, 8 * (beats % 1))
    line(canvas, centre, _around(centre, _TURN * jump / 12, 0.84 * radius), colour(4, 0.85, 0.85), 2)
    disc(canvas, centre, 0.08 * radius, colour(4, 0.85, 0.85))


def _drum(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Two sticks take turns on a skin that gives way."""
    scale = 34 * act.size * presence
    x, top = WIDTH * act.x, _FLOOR - 1.2 * scale
    beats = act.beats(time)
    hit = math.exp(-5 * (beats % 1))
    hue = 278 + 22 * act.shade
    shadow(canvas, (x, _FLOOR + 3), (1.4 * scale, 9), 0.5)
    side = [(x - scale, top), (x + scale, top), (x + 0.92 * scale, _FLOOR), (x - 0.92 * scale, _FLOOR)]
    polygon(canvas, side, colour(hue, 0.68, 0.62))
    oval(canvas, (x, _FLOOR), (0.92 * scale, 0.2 * scale), colour(hue, 0.68, 0.62))
    for k in range(6):
        left, right = x + scale * (-1 + k / 3), x + scale * (-1 + (k + 0.5) / 3)
        line(canvas, (left, top + 0.15 * scale), (right, _FLOOR - 0.02 * scale), colour(hue, 0.15, 0.95), 2)
    oval(canvas, (x, top), (1.06 * scale, 0.33 * scale), colour(hue, 0.35, 0.9))
    oval(canvas, (x, top), (0.95 * scale, 0.26 * scale), colour(40, 0.1 + 0.25 * hit, 0.98))
    oval(canvas, (x, top), (scale * (0.7 - 0.5 * hit), scale * (0.15 - 0.07 * hit)), colour(38, 0.2, 0.88))
    for number, way in enumerate((-1, 1)):
        quarter = math.pi / 2 * (beats % 1)
        lift = math.cos(quarter) if (math.floor(beats) + number) % 2 else math.sin(quarter)
        tip = (x + way * 0.3 * scale, top - scale * (0.08 + 0.9 * lift))
        hand = (x + way * 1.25 * scale, top - scale * (1.1 + 0.3 * lift))
        line(canvas, hand, tip, colour(32, 0.5, 0.75), 4)
        disc(canvas, tip, 0.12 * scale, colour(32, 0.35, 0.95))


def _engine(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """A flywheel turned by a piston, and puffs from a chimney."""
    scale = 34 * act.size * presence
    x, beats = WIDTH * act.x, act.beats(time)
    hue = 150 + 18 * act.shade
    wheel = (x + 0.55 * scale, _FLOOR - 1.05 * scale)
    shadow(canvas, (x, _FLOOR + 3), (2.1 * scale, 9), 0.5)
    for k in range(4):
        age = (beats + k) % 4 / 4
        puff = (x - 1.25 * scale + 0.5 * scale * age, _FLOOR - scale * (1.9 + 1.7 * age))
        glow(canvas, puff, scale * (0.3 + 0.6 * age), (215, 215, 215), 0.85 * (1 - age) * presence)
    chimney = (x - 1.45 * scale, _FLOOR - 1.9 * scale)
    _box(canvas, chimney, (x - 1.05 * scale, _FLOOR - 0.7 * scale), hue, 0.3)
    _box(canvas, (x - 1.8 * scale, _FLOOR - 0.85 * scale), (x + 1.1 * scale, _FLOOR), hue, 0.45)
    ring(canvas, wheel, scale, _DARK, 0.22 * scale)
    for k in range(6):
        line(canvas, wheel, _around(wheel, _TURN * (beats + k / 6), 0.95 * scale), _STEEL, 0.1 * scale)
    crank = _around(wheel, _TURN * beats, 0.55 * scale)
    slide = (x - 1.0 * scale + 0.5 * (crank[0] - wheel[0]), _FLOOR - 1.05 * scale)
    line(canvas, crank, slide, colour(8, 0.75, 0.8), 0.16 * scale)
    head = (slide[0] - 0.3 * scale, slide[1] - 0.2 * scale)
    _box(canvas, head, (head[0] + 0.4 * scale, head[1] + 0.4 * scale), 8, 0.6)
    disc(canvas, wheel, 0.2 * scale, colour(8, 0.75, 0.7))


def _fire(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Layered tongues over logs, light around them, sparks above."""
    scale = 36 * act.size * presence
    x = WIDTH * act.x
    flicker = 1 + 0.12 * math.sin(_TURN * 3.1 * time) + 0.08 * math.sin(_TURN * 7.3 * time + 1)
    glow(canvas, (x, _FLOOR - 0.8 * scale), 3.0 * scale * flicker, (60, 150, 255), 0.55 * presence)
    across = np.linspace(-1, 1, 15)
    for layer, (wide, tall, hue) in enumerate(((1.0, 2.2, 8), (0.72, 1.6, 26), (0.42, 1.0, 48))):
        dance = across * (6 + layer) + _TURN * (1.3 + 0.4 * layer) * time + act.seed % 9 + layer
        tops = (1 - across**2) * (0.77 + 0.23 * np.sin(dance)) * tall * flicker * scale
        lean = 0.06 * math.sin(_TURN * 0.7 * time + layer) * tops
        tongue = np.stack((x + across * wide * scale + lean, _FLOOR - tops), axis=1)
        polygon(canvas, tongue, colour(hue + 5 * act.shade, 0.9 - 0.12 * layer, 1))
    for k in range(7):
        age = (time * (0.7 + 0.09 * k) + k / 7) % 1
        spark = (x + scale * 0.9 * math.sin(7 * k + 3 * age), _FLOOR - scale * (0.8 + 2.6 * age))
        disc(canvas, spark, 1.8 * (1 - age) + 0.4, colour(38, 0.6, 1))
    for way in (-1, 1):
        log = ((x - way * 1.1 * scale, _FLOOR + 4), (x + way * 0.9 * scale, _FLOOR - 0.22 * scale))
        line(canvas, *log, colour(20, 0.6, 0.28), 0.26 * scale)


def _flute(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Sways in the air; a note rises from it on every beat."""
    scale = 52 * act.size * presence
    beats = act.beats(time)
    centre = (WIDTH * act.x, HEIGHT * (0.52 + 0.015 * math.sin(_TURN * time / 2.3)))
    angle = -0.32 + 0.12 * math.sin(_TURN * time / 3.1)
    hue = 176 + 10 * act.shade
    for k in range(4):
        age = (beats + k) % 4 / 4
        x = centre[0] + scale * (0.5 - 0.35 * k + 0.12 * math.sin(9 * age))
        _note(canvas, (x, centre[1] - scale * (0.2 + 1.2 * age)), 0.13 * scale * (1 - 0.6 * age), 320 + 14 * k)
    tube = [(-1, -0.1), (1, -0.1), (1, 0.1), (-1, 0.1)]
    polygon(canvas, turned(tube, centre, angle, scale), colour(hue, 0.5, 0.82))
    gleam = [(-1, -0.1), (1, -0.1), (1, -0.03), (-1, -0.03)]
    polygon(canvas, turned(gleam, centre, angle, scale), colour(hue, 0.15, 1))
    for band in (-0.98, -0.5, 0.96):
        ends = turned([(band, -0.12), (band, 0.12)], centre, angle, scale).tolist()
        line(canvas, ends[0], ends[1], colour(44, 0.6, 0.85), 4)
    holes = turned([(-0.25 + 0.2 * k, 0) for k in range(6)], centre, angle, scale)
    for k, hole in enumerate(holes.tolist()):
        is_closed = (math.floor(beats) * 5 + k) % 3 == 0
        disc(canvas, hole, 0.055 * scale, colour(44, 0.6, 0.9) if is_closed else _DARK)


def _note(canvas: Canvas, head: Point, size: float, hue: float) -> None:
    """A quaver."""
    ink, stem = colour(hue, 0.75, 0.9), (head[0] + size, head[1] - 3.6 * size)
    oval(canvas, head, (1.25 * size, size), ink, angle=-20)
    line(canvas, (head[0] + size, head[1]), stem, ink, 2)
    line(canvas, stem, (head[0] + 2.4 * size, head[1] - 2.6 * size), ink, 2)


def _rain(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """Falls in streaks over the whole picture, which darkens, and splashes on the floor."""
    rng = np.random.default_rng(act.seed)
    cv2.convertScaleAbs(canvas, canvas, 1 - 0.22 * presence, 4)
    wind = 0.22 * act.shade
    for length, speed, light in ((22, 520, 0.95), (15, 400, 0.8), (10, 300, 0.68)):
        count = round(70 * act.size)
        x, y = rng.uniform(-40, WIDTH + 40, count), rng.uniform(0, HEIGHT + 40, count)
        fallen = (y + speed * time) % (HEIGHT + 40) - 20
        starts = np.stack((x + wind * fallen, fallen), axis=1)[: round(count * presence)]
        streak = np.array((wind * length, length))
        lines(canvas, starts, starts + streak, colour(210, 0.16, light))
    for k in range(14):
        splash, age = divmod(3.3 * time + k / 14, 1)
        centre = ((rng.uniform(0, WIDTH) + 97 * splash) % WIDTH, _FLOOR + 6 + 2.6 * k)
        cv2.ellipse(
            canvas,
            (round(centre[0]), round(centre[1])),
            (round(2 + 9 * age), round(1 + 2 * age)),
            *(0, 0, 360, colour(210, 0.1, 0.95 - 0.3 * age), 1, cv2.LINE_AA),
        )


def _siren(canvas: Canvas, act: Act, time: float, presence: float) -> None:
    """A beacon on a post, red and blue by turns, whose beam goes round."""
    scale = 24 * act.size * presence
    x, beats = WIDTH * act.x, act.beats(time)
    base = _FLOOR - 2.2 * scale
    lamp = (x, base - 0.75 * scale)
    hue = (2, 222)[math.floor(2 * beats) % 2] + 8 * act.shade
    flash = 0.45 + 0.55 * abs(math.sin(_TURN * beats))
    shadow(canvas, (x, _FLOOR + 3), (1.2 * scale, 7), 0.5)
    line(canvas, (x, _FLOOR), (x, base), _STEEL, 0.35 * scale)
    for side in (0, math.pi):
        angle = _TURN * beats + side
        reach = math.cos(angle)
        tip = (x + 5.5 * scale * reach, lamp[1])
        spread = scale * (0.35 + 0.9 * abs(reach))
        beam = [(x, lamp[1]), (tip[0], lamp[1] - spread), (tip[0], lamp[1] + spread)]
        _beam(canvas, beam, hue, 0.42 * flash * presence)
    glow(canvas, lamp, 4.2 * scale, colour(hue, 0.8, 1), 0.8 * flash * presence)
    _box(canvas, (x - 0.95 * scale, base - 0.1 * scale), (x + 0.95 * scale, base + 0.35 * scale), 220, 0.3)
    dome = [_around((x, base - 0.1 * scale), math.pi * (1 + k / 12), 0.85 * scale) for k in range(13)]
    dome = [(px, base - 0.1 * scale + 1.5 * (py - base + 0.1 * scale)) for px, py in dome]
    polygon(canvas, dome, colour(hue, 0.85, 0.55 + 0.45 * flash))
    disc(canvas, lamp, 0.3 * scale * (0.6 + flash), colour(hue, 0.15, 1))


def _beam(canvas: Canvas, corners: list[Point], hue: float, strength: float) -> None:
    """A see-through triangle of light."""
    places = np.array(corners)
    left, top = np.clip(np.floor(places.min(axis=0)).astype(int), 0, (WIDTH - 1, HEIGHT - 1))
    right, bottom = np.clip(np.ceil(places.max(axis=0)).astype(int) + 1, 1, (WIDTH, HEIGHT))
    if right - left < 2 or bottom - top < 2:
        return
    patch = canvas[top:bottom, left:right]
    lit = patch.copy()
    polygon(lit, places - (left, top), colour(hue, 0.7, 1))
    cv2.addWeighted(lit, strength, patch, 1 - strength, 0, dst=patch)


_FIGURES: dict[str, Callable[[Canvas, Act, float, float], None]] = {
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
