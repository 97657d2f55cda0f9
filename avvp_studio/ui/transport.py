"""The transport: buttons for playing, the rate, and the clock."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from avvp_studio.ui.buttons import action_button
from avvp_studio.ui.theme import tabular
from trainer.labels import segment_count

_SEGMENT = "segment {now} of {count}"
_USUAL_SEGMENT = _SEGMENT.format(now=10, count=10)
RATES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 4.0)


def clock(seconds: float) -> str:
    """Seconds as mm:ss.mmm, with hours only where there are any."""
    ms = max(0, round(seconds * 1000))
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{hours}:{text}" if hours else text


def rate_text(rate: float) -> str:
    return f"{rate:g}×".replace("-", "−")


def next_rate(rate: float, step: int) -> float:
    """The rate `step` places further along the usual ones, starting from the nearest."""
    nearest = min(range(len(RATES)), key=lambda i: abs(RATES[i] - abs(rate)))
    return RATES[min(max(nearest + step, 0), len(RATES) - 1)]


class Transport(QWidget):
    """One row: stepping and playing on the left, clock in the middle, loop, rate and sound on the right."""

    rate_chosen = Signal(float)

    def __init__(self, left: list[QAction], right: list[QAction]) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._duration = 0.0
        self._clock = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._total = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._segment = QLabel(textFormat=Qt.TextFormat.PlainText)
        for label in (self._total, self._segment):
            label.setProperty("role", "muted")
        self._rate = self._make_rate()
        self._arrange(left, right)
        self.set_duration(0.0)

    def _make_rate(self) -> QComboBox:
        rates = QComboBox()
        for rate in RATES:
            rates.addItem(rate_text(rate), rate)
        rates.setFixedWidth(76)
        rates.setAccessibleName("Playing rate")
        rates.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        rates.setCurrentIndex(RATES.index(1.0))
        rates.activated.connect(lambda index: self.rate_chosen.emit(RATES[index]))
        return rates

    def _arrange(self, left: list[QAction], right: list[QAction]) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(2)
        for action in left:
            row.addWidget(action_button(action))
        row.addSpacing(10)
        for label in (self._clock, self._total, self._segment):
            label.setFont(tabular(label.font()))
            label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            row.addWidget(label)
            row.addSpacing(4)
        # Its place is kept while it is empty, and no clip's length widens the window.
        self._segment.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._segment.setMinimumWidth(self._segment.fontMetrics().horizontalAdvance(_USUAL_SEGMENT))
        row.setStretchFactor(self._segment, 1)
        for action in right:
            row.addWidget(action_button(action))
        row.addWidget(self._rate)

    @property
    def time_text(self) -> str:
        return f"{self._clock.text()} {self._total.text()}"

    @property
    def segment_text(self) -> str:
        return self._segment.text()

    def set_rate_tip(self, text: str) -> None:
        self._rate.setToolTip(text)

    def set_duration(self, duration: float) -> None:
        self._duration = duration
        self._total.setText(f"/ {clock(duration)}")
        self.set_position(0.0)

    def set_position(self, position: float) -> None:
        self._clock.setText(clock(position))
        if self._duration <= 0:
            self._segment.setText("")
            return
        count = segment_count(self._duration)
        self._segment.setText(_SEGMENT.format(now=min(int(position), count - 1) + 1, count=count))

    def set_rate(self, rate: float) -> None:
        """Show a rate, also one that cannot be chosen here (a shuttle backwards)."""
        self._rate.setPlaceholderText(rate_text(rate))
        self._rate.setCurrentIndex(RATES.index(rate) if rate in RATES else -1)
