"""The scroll bars beside and under the rows: both are told where things lie, and tell where a hand put them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSignalBlocker, Qt
from PySide6.QtWidgets import QScrollBar, QWidget

from avvp_studio.ui.timeline.rows import GUTTER, Rows
from avvp_studio.ui.timeline.view import TimeView


class ScrollBars:
    """Down the rows in pixels, along the time in milliseconds."""

    def __init__(
        self, parent: QWidget, on_down: Callable[[], object], on_along: Callable[[float], object]
    ) -> None:
        self.down = QScrollBar(Qt.Orientation.Vertical, parent)
        self.along = QScrollBar(Qt.Orientation.Horizontal, parent)
        self.down.valueChanged.connect(on_down)
        self.along.valueChanged.connect(lambda milliseconds: on_along(milliseconds / 1000))

    def fit(self, rows: Rows, view: TimeView, body: QRect, bottom: int) -> None:
        """To what there is to see, and to where the body lies, above the bottom of the widget."""
        with QSignalBlocker(self.down), QSignalBlocker(self.along):
            self.down.setRange(0, max(0, rows.total - body.height()))
            self.down.setPageStep(max(1, body.height()))
            self.down.setSingleStep(max(1, rows.usual // 2))
            self.down.setGeometry(body.width() - GUTTER, body.top(), GUTTER, body.height())
            self.along.setRange(0, round((view.extent - view.span) * 1000))
            self.along.setPageStep(max(1, round(view.span * 1000)))
            self.along.setSingleStep(max(1, round(view.span * 100)))
            self.along.setValue(round(view.onset * 1000))
            left = round(view.left)
            self.along.setGeometry(left, bottom - GUTTER, body.width() - left - GUTTER, GUTTER)

    def show_needed(self, view: TimeView | None) -> None:
        """Only those along which something is out of sight; without a view, none."""
        self.down.setVisible(view is not None and self.down.maximum() > 0)
        self.along.setVisible(view is not None and not view.is_whole)

    def put_down(self, value: int) -> None:
        """As if by no hand: nothing is told."""
        with QSignalBlocker(self.down):
            self.down.setValue(value)
