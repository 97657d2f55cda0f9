"""Loss, validation and supervision curves of a training, drawn as its epochs arrive."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from avvp_studio.ui.jobs.plots import colour_plot, draw_line, known, new_plot
from avvp_studio.ui.jobs.supervision_curves import SupervisionCurves
from avvp_studio.ui.theme import Theme, category_colour
from trainer.protocol import Epoch

_SCORES = {"val/segment/Type@AV": "segment Type@AV", "val/event/Type@AV": "event Type@AV"}
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class Curves(QWidget):
    """Plots over the epochs: the losses, the F-scores on the validation split, and how true what the parser
    makes for itself is. What there is none of is left out.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._epochs: tuple[Epoch, ...] = ()
        self._hint = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._losses = new_plot("loss", least_height=100)
        self._scores = new_plot("F-score, %", least_height=100)
        self._supervision = SupervisionCurves()
        self._speed = QLabel(alignment=Qt.AlignmentFlag.AlignRight)
        self._speed.setProperty("role", "muted")
        self._speed.setContentsMargins(0, 0, 8, 4)
        self._speed.setToolTip("How many clips a second were trained on, and the most memory that took")
        for plot in (self._scores, self._supervision.plot):
            plot.setXLink(self._losses)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        rows.addWidget(self._hint)
        for part in (self._losses, self._scores, self._supervision):
            rows.addWidget(part, 1)
        rows.addWidget(self._speed)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for plot in (self._losses, self._scores):
            colour_plot(plot, theme)
        self._redraw()

    def show_epochs(self, epochs: Sequence[Epoch], hint: str = "") -> None:
        """Draw these epochs; without any, say `hint` instead."""
        self._epochs = tuple(epochs)
        self._hint.setText(hint)
        self._redraw()

    def _redraw(self) -> None:
        epochs = self._epochs
        losses = {name: [(e.epoch, e.losses.get(name)) for e in epochs] for name in _loss_names(epochs)}
        scores = {label: [(e.epoch, e.metrics.get(name)) for e in epochs] for name, label in _SCORES.items()}
        has_scores = any(known(points) for points in scores.values())
        has_supervision = self._supervision.show_epochs(epochs, self._theme)
        self._hint.setVisible(not epochs)
        self._losses.setVisible(bool(epochs))
        self._scores.setVisible(has_scores)
        self._supervision.setVisible(has_supervision)
        # The lowest plot in view says what all of them stand on.
        lowest = self._supervision.plot if has_supervision else self._scores if has_scores else self._losses
        for plot in (self._losses, self._scores, self._supervision.plot):
            plot.setLabel("bottom", "epoch" if plot is lowest else "")
        self._speed.setText(speed_text(epochs[-1]) if epochs else "")
        self._speed.setVisible(bool(self._speed.text()))
        self._draw(self._losses, losses)
        self._draw(self._scores, scores, is_rising=True)

    def _draw(
        self, plot: pg.PlotWidget, series: dict[str, list[tuple[int, float | None]]], *, is_rising: bool = False
    ) -> None:
        plot.clear()
        # The legend goes where such curves leave room: losses fall, scores rise.
        legend = plot.addLegend(labelTextSize="8pt", verSpacing=-4)  # made once, then the same one
        legend.clear()
        legend.setLabelTextColor(self._theme.text)
        legend.setColumnCount(2 if len(series) > 3 else 1)
        legend.anchor((1, 1), (1, 1), (-6, -24)) if is_rising else legend.anchor((1, 0), (1, 0), (-6, 4))
        for i, (name, points) in enumerate(series.items()):
            colour = self._theme.text if name == "total" else category_colour(i)
            dash, width = _DASHES[i % len(_DASHES)], 2 if i == 0 else 1.3
            if found := known(points):
                draw_line(plot, found, colour, dash=dash, width=width, name=name.replace("_", " "))


def speed_text(epoch: Epoch) -> str:
    """What an epoch cost: "1,240 clips/s · 312 MB"; what its message does not tell is left out."""
    parts = [
        f"{epoch.clips_per_s:,.0f} clips/s" if epoch.clips_per_s else "",
        f"{epoch.peak_memory_mb:,.0f} MB" if epoch.peak_memory_mb else "",
    ]
    return " · ".join(part for part in parts if part)


def _loss_names(epochs: Sequence[Epoch]) -> list[str]:
    """The total first, then its parts; a part that is always zero (nothing reviewed) is left out."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch.losses)
    parts = [name for name in names if any(epoch.losses.get(name) for epoch in epochs)]
    return sorted(parts, key=lambda name: name != "total")
