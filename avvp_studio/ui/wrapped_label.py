"""Sentences of any length that are never cut off."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class WrappedLabel(QLabel):
    """A label that is always as high as its lines, neither more nor less.

    A layout in a window asks a wrapped label how high it would be at a width that it does not get.
    """

    def __init__(self) -> None:
        super().__init__(wordWrap=True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # else it would count as needed
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))  # -1: there is no text
