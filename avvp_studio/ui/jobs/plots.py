"""Plots over the epochs of a training, and the lines in them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from avvp_studio.ui.theme import Theme


def new_plot(label: str, *, least_height: int) -> pg.PlotWidget:
    """A plot to look at: nothing in it moves under the mouse."""
    plot = pg.PlotWidget()
    plot.setLabel("left", label)
    plot.setAccessibleName(label)
    plot.getAxis("left").setWidth(48)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.showGrid(x=False, y=True, alpha=0.15)
    plot.setMinimumHeight(least_height)
    plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)  # the layout's stretch decides
    return plot


def colour_plot(plot: pg.PlotWidget, theme: Theme) -> None:
    """Give a plot the colours of a theme."""
    plot.setBackground(theme.surface)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(theme.border)
        axis.setTextPen(theme.text_muted)


def known(points: Iterable[tuple[int, float | None]]) -> list[tuple[int, float]]:
    """The points that have a value: a message may leave one out, and a ratio of nothing is no number."""
    return [(epoch, value) for epoch, value in points if value is not None and not math.isnan(value)]


def draw_line(
    plot: pg.PlotWidget,
    points: list[tuple[int, float]],
    colour: str,
    *,
    dash: Qt.PenStyle = Qt.PenStyle.SolidLine,
    width: float = 1.3,
    name: str | None = None,
) -> None:
    """Draw values over their epochs, in the legend under a name if it is given one."""
    plot.plot(
        [epoch for epoch, _ in points],
        [value for _, value in points],
        pen=pg.mkPen(colour, width=width, style=dash),
        name=name,
        # A single epoch is a point, not a line: without a symbol it would not be seen.
        symbol="o" if len(points) == 1 else None,
        symbolSize=5,
        symbolBrush=colour,
        symbolPen=None,
    )
