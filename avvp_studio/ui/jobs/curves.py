"""Loss and validation curves of a training, drawn as its epochs arrive."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from avvp_studio.ui.theme import Theme, category_colour
from trainer.protocol import Epoch

_SCORES = {"val/segment/Type@AV": "segment Type@AV", "val/event/Type@AV": "event Type@AV"}
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class Curves(QWidget):
    """Two plots over the epochs: the losses, and the F-scores on the validation split."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._epochs: tuple[Epoch, ...] = ()
        self._hint = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._losses = _plot("loss")
        self._scores = _plot("F-score, %")
        self._scores.setXLink(self._losses)
        self._scores.setLabel("bottom", "epoch")
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        rows.addWidget(self._hint)
        rows.addWidget(self._losses)
        rows.addWidget(self._scores)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for plot in (self._losses, self._scores):
            plot.setBackground(theme.surface)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(theme.border)
                axis.setTextPen(theme.text_muted)
        self._redraw()

    def show_epochs(self, epochs: Sequence[Epoch], hint: str = "") -> None:
        """Draw these epochs; without any, say `hint` instead."""
        self._epochs = tuple(epochs)
        self._hint.setText(hint)
        self._redraw()

    def _redraw(self) -> None:
        has_scores = any(name in epoch.metrics for epoch in self._epochs for name in _SCORES)
        self._hint.setVisible(not self._epochs)
        self._losses.setVisible(bool(self._epochs))
        self._scores.setVisible(has_scores)
        self._losses.setLabel("bottom", "" if has_scores else "epoch")
        losses = _loss_names(self._epochs)
        self._draw(self._losses, {name: [epoch.losses.get(name) for epoch in self._epochs] for name in losses})
        self._draw(
            self._scores,
            {label: [epoch.metrics.get(name) for epoch in self._epochs] for name, label in _SCORES.items()},
            is_rising=True,
        )

    def _draw(
        self, plot: pg.PlotWidget, series: dict[str, list[float | None]], *, is_rising: bool = False
    ) -> None:
        plot.clear()
        # The legend goes where such curves leave room: losses fall, scores rise.
        legend = plot.addLegend(labelTextSize="8pt", verSpacing=-4)  # made once, then the same one
        legend.clear()
        legend.setLabelTextColor(self._theme.text)
        legend.setColumnCount(2 if len(series) > 3 else 1)
        legend.anchor((1, 1), (1, 1), (-6, -24)) if is_rising else legend.anchor((1, 0), (1, 0), (-6, 4))
        for i, (name, values) in enumerate(series.items()):
            known = [
                (epoch.epoch, value)
                for epoch, value in zip(self._epochs, values, strict=True)
                if value is not None
            ]
            if not known:
                continue
            colour = self._theme.text if name == "total" else category_colour(i)
            pen = pg.mkPen(colour, width=2 if i == 0 else 1.3, style=_DASHES[i % len(_DASHES)])
            # A single epoch is a point, not a line: without a symbol it would not be seen.
            symbol = "o" if len(known) == 1 else None
            plot.plot(
                [epoch for epoch, _ in known],
                [value for _, value in known],
                pen=pen,
                name=name.replace("_", " "),
                symbol=symbol,
                symbolSize=5,
                symbolBrush=colour,
                symbolPen=None,
            )


def _loss_names(epochs: Sequence[Epoch]) -> list[str]:
    """The total first, then its parts; a part that is always zero (nothing reviewed) is left out."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch.losses)
    parts = [name for name in names if any(epoch.losses.get(name) for epoch in epochs)]
    return sorted(parts, key=lambda name: name != "total")


def _plot(label: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setLabel("left", label)
    plot.getAxis("left").setWidth(48)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.showGrid(x=False, y=True, alpha=0.15)
    plot.setMinimumHeight(110)
    return plot
