"""The ruler: which ticks suit a zoom, how times are written, and how both are painted."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from avvp_studio.ui.theme import translucent
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.view import TimeView

_STEPS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_LABEL_PITCH = 64
_FINE_LABEL_PITCH = 120
_TICK_PITCH = 9


def step_at(pixels_per_second: float, pitch: float) -> float:
    """The shortest step of the scale whose ticks lie at least `pitch` pixels apart."""
    return next((step for step in _STEPS if step * pixels_per_second >= pitch), _STEPS[-1])


def ticks(view: TimeView, step: float) -> list[float]:
    """The multiples of `step` that are in view."""
    first = math.ceil(round(view.onset / step, 6))
    last = math.floor(round(min(view.offset, view.extent) / step, 6))
    return [round(index * step, 3) for index in range(first, last + 1)]


def clock(time: float, decimals: int = 0) -> str:
    """A time as minutes and seconds, with hours where there are any: 0:07, 1:02:03.25."""
    # Whole units of the last decimal, so that 59.999 is written 1:00.00 and never 0:60.00.
    units = round(max(0.0, time) * 10**decimals)
    seconds, rest = divmod(units, 10**decimals)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{text}.{rest:0{decimals}d}" if decimals else text


def paint_ruler(painter: QPainter, scene: Scene) -> None:
    """Ticks at the foot of the ruler, and times at every so many of them."""
    view, theme, height = scene.view, scene.theme, scene.sizes.ruler
    labelled = step_at(view.pixels_per_second, _LABEL_PITCH)
    if labelled < 1:
        # Parts of a second have longer labels, and whole ones are worth keeping as long as they have room.
        labelled = min(1, step_at(view.pixels_per_second, _FINE_LABEL_PITCH))
    small = max(step_at(view.pixels_per_second, _TICK_PITCH), labelled / 10)
    painter.setPen(QPen(QColor(theme.border), 1))
    painter.drawLines([QLineF(x, height - 4, x, height) for x in _pixels(view, small)])
    painter.setPen(QPen(QColor(theme.text_disabled), 1))
    painter.drawLines([QLineF(x, height - 9, x, height) for x in _pixels(view, labelled)])
    painter.setFont(scene.figures)
    painter.setPen(QColor(theme.text_muted))
    metrics = QFontMetricsF(scene.figures)
    decimals = 0 if labelled >= 1 else 1 if labelled in (0.1, 0.5) else 2
    for time in ticks(view, labelled):
        text, x = clock(time, decimals), round(view.x(time)) + 5
        width = metrics.horizontalAdvance(text)
        if x + width <= view.left + view.width:
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(x, 0, width + 2, height - 5), flags, text)


def paint_grid(painter: QPainter, view: TimeView, theme_grid: str, top: float, bottom: float) -> None:
    """Lines at the segment borders, fading out where they come too close; bolder ones at the ruler's times."""
    pitch = view.pixels_per_second
    if pitch >= 5:
        fade = min(1.0, (pitch - 4) / 10)
        painter.setPen(QPen(translucent(theme_grid, fade), 1))
        painter.drawLines([QLineF(x, top, x, bottom) for x in _pixels(view, 1)])
    coarse = max(1, step_at(pitch, _LABEL_PITCH))
    if coarse > 1:
        painter.setPen(QPen(QColor(theme_grid), 1))
        painter.drawLines([QLineF(x, top, x, bottom) for x in _pixels(view, coarse)])


def _pixels(view: TimeView, step: float) -> list[float]:
    """The middle of the pixel of each tick, so that lines one pixel wide are sharp."""
    return [math.floor(view.x(time)) + 0.5 for time in ticks(view, step)]
