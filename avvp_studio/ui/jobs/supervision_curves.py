"""How true the masks and pairs are that a parser makes for itself and trains on, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from avvp_studio.ui.jobs.plots import colour_plot, draw_line, known, new_plot
from avvp_studio.ui.theme import Theme
from trainer.protocol import Epoch

_KINDS = {"mask": "masks", "pairs": "pairs"}
_RATIOS = {"precision": ("━", Qt.PenStyle.SolidLine), "recall": ("╍", Qt.PenStyle.DashLine)}
TIP = (
    "Of the cells that the masks and the agreement pairs mark in the validation clips, how many are true "
    "(precision); and how many of the true ones they mark (recall)"
)


class SupervisionCurves(QWidget):
    """A small plot; the line above it is legend and newest value in one."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(TIP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.plot = new_plot("%", least_height=70)
        self._legend = QLabel(textFormat=Qt.TextFormat.RichText, wordWrap=True)
        self._legend.setContentsMargins(12, 0, 8, 0)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(self._legend)
        rows.addWidget(self.plot, 1)

    @property
    def legend(self) -> str:
        """What stands above the plot, as rich text."""
        return self._legend.text()

    def show_epochs(self, epochs: Sequence[Epoch], theme: Theme) -> bool:
        """Draw what the epochs tell of it; says whether that is anything."""
        colour_plot(self.plot, theme)
        self.plot.clear()
        lines = []
        for (kind, title), colour in zip(_KINDS.items(), (theme.accent, theme.visual), strict=True):
            words = []
            for ratio, (sign, dash) in _RATIOS.items():
                points = known((epoch.epoch, epoch.supervision.get(f"{kind}/{ratio}")) for epoch in epochs)
                if points:
                    draw_line(self.plot, points, colour, dash=dash)
                    words.append(f"<span style='color:{colour}'>{sign}</span> {ratio} {points[-1][1]:.0f}%")
            if words:
                lines.append(f"{title.capitalize()}: {', '.join(words)}")
        self._legend.setText("<br>".join(lines))
        return bool(lines)
