"""Loss, validation and supervision curves of a training, drawn as its epochs arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from avvp_studio.ui.jobs.plots import colour_plot, draw_line, known, new_plot
from avvp_studio.ui.jobs.supervision_curves import SupervisionCurves
from avvp_studio.ui.theme import Theme, category_colour
from trainer.metrics import LEVELS
from trainer.protocol import Epoch

TOTAL = "total"
"""The loss that is trained: the sum of the others."""

_Points: TypeAlias = list[tuple[int, float | None]]
"""Values over epochs; None where an epoch does not tell."""

_DASHES = {
    "━": Qt.PenStyle.SolidLine,
    "╍": Qt.PenStyle.DashLine,
    "┉": Qt.PenStyle.DotLine,
    "┅": Qt.PenStyle.DashDotLine,
}
"""How lines are drawn, and the sign of each in a legend."""


class Curves(QWidget):
    """Plots over the epochs: the losses, the F-scores on the validation split, and how true what the parser
    makes for itself is. What there is none of is left out.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._epochs: tuple[Epoch, ...] = ()
        self._hint = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._legend = QLabel(textFormat=Qt.TextFormat.RichText, wordWrap=True)
        self._legend.setContentsMargins(12, 4, 8, 0)
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
        rows.addWidget(self._legend)
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
        kind = _score_kind(epochs)
        scores = {
            f"{level} {kind}": [(e.epoch, e.metrics.get(f"val/{level}/{kind}")) for e in epochs]
            for level in LEVELS
        }
        has_scores = any(known(points) for points in scores.values())
        has_supervision = self._supervision.show_epochs(epochs, self._theme)
        self._hint.setVisible(not epochs)
        self._legend.setVisible(bool(epochs))
        self._losses.setVisible(bool(epochs))
        self._scores.setVisible(has_scores)
        self._supervision.setVisible(has_supervision)
        # The lowest plot in view says what all of them stand on.
        lowest = self._supervision.plot if has_supervision else self._scores if has_scores else self._losses
        for plot in (self._losses, self._scores, self._supervision.plot):
            plot.setLabel("bottom", "epoch" if plot is lowest else "")
        self._speed.setText(speed_text(epochs[-1]) if epochs else "")
        self._speed.setVisible(bool(self._speed.text()))
        self._draw_losses(losses)
        self._draw_scores(scores)

    def _draw_losses(self, losses: Mapping[str, _Points]) -> None:
        """Up to a dozen lines: their legend has no room among them, and stands above."""
        self._losses.clear()
        words = []
        for i, (name, points) in enumerate(losses.items()):
            if found := known(points):
                colour, sign = self._look(i, is_total=name == TOTAL)
                draw_line(self._losses, found, colour, dash=_DASHES[sign], width=2 if name == TOTAL else 1.3)
                title = name.replace("_", "&nbsp;")
                words.append(f"<span style='color:{colour}'>{sign}</span>&nbsp;{title}")
        self._legend.setText("&nbsp; ".join(words))

    def _draw_scores(self, scores: Mapping[str, _Points]) -> None:
        self._scores.clear()
        legend = self._scores.addLegend(labelTextSize="8pt", verSpacing=-4)  # made once, then the same one
        legend.clear()
        legend.setLabelTextColor(self._theme.text)
        legend.anchor((1, 1), (1, 1), (-6, -24))  # scores rise: there is room below
        for i, (name, points) in enumerate(scores.items()):
            if found := known(points):
                colour, sign = self._look(i)
                width = 2 if i == 0 else 1.3
                draw_line(self._scores, found, colour, dash=_DASHES[sign], width=width, name=name)

    def _look(self, i: int, *, is_total: bool = False) -> tuple[str, str]:
        """The colour of a line, and the sign of how it is drawn."""
        return self._theme.text if is_total else category_colour(i), list(_DASHES)[i % len(_DASHES)]


def speed_text(epoch: Epoch) -> str:
    """What an epoch cost: "1,240 clips/s · 312 MB"; what its message does not tell is left out."""
    parts = [
        f"{epoch.clips_per_s:,.0f} clips/s" if epoch.clips_per_s else "",
        f"{epoch.peak_memory_mb:,.0f} MB" if epoch.peak_memory_mb else "",
    ]
    return " · ".join(part for part in parts if part)


def _score_kind(epochs: Sequence[Epoch]) -> str:
    """Type@AV, or AV where truth is audio-visual only and there is nothing else."""
    return "Type@AV" if any("val/segment/Type@AV" in epoch.metrics for epoch in epochs) else "AV"


def _loss_names(epochs: Sequence[Epoch]) -> list[str]:
    """The total first, then its parts; a part that is always zero (nothing reviewed) is left out."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch.losses)
    parts = [name for name in names if any(epoch.losses.get(name) for epoch in epochs)]
    return sorted(parts, key=lambda name: name != TOTAL)
