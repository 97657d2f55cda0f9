"""The picture alone, on the whole screen: with the transport, and every key."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject
from PySide6.QtWidgets import QMainWindow, QWidget

from avvp_studio.ui.clip_view import ClipView


class FullScreen(QObject):
    """Hides all but the picture and the transport, and brings everything back as it was."""

    def __init__(self, window: QMainWindow, clip_view: ClipView, docks: tuple[QWidget, ...]) -> None:
        super().__init__(window)
        self._window = window
        self._clip_view = clip_view
        self._docks = docks
        self._layout: QByteArray | None = None
        self._was_maximized = False

    @property
    def is_on(self) -> bool:
        return self._layout is not None

    def toggle(self) -> None:
        if self.is_on:
            self.leave()
        else:
            self.enter()

    def enter(self) -> None:
        if self.is_on:
            return
        window = self._window
        self._layout = window.saveState()
        self._was_maximized = window.isMaximized()
        self._show_rest(False)
        for dock in self._docks:
            dock.hide()
        window.showFullScreen()
        self._clip_view.video.setFocus()

    def leave(self) -> None:
        """Bring back what was hidden."""
        layout, self._layout = self._layout, None
        if layout is None:
            return
        if self._was_maximized:
            self._window.showMaximized()
        else:
            self._window.showNormal()
        self._show_rest(True)
        self._window.restoreState(layout)
        self._clip_view.timeline.setFocus()

    def _show_rest(self, is_shown: bool) -> None:
        self._window.menuBar().setVisible(is_shown)
        self._window.statusBar().setVisible(is_shown)
        self._clip_view.show_timeline(is_shown)
