"""Files and folders that are dropped on a widget, wherever on it they fall."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget


class FileDrops(QObject):
    """Takes what a file manager drops on `target`, and on the parts of it that take no drops themselves."""

    dropped = Signal(object)
    """The places (tuple of Path)."""
    hovered = Signal(bool)
    """Files are held over the target, or not any more."""

    def __init__(self, target: QWidget) -> None:
        super().__init__(target)
        target.setAcceptDrops(True)
        target.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and not isinstance(event, QDragMoveEvent):
            return self._take(event)
        if isinstance(event, QDragEnterEvent | QDragMoveEvent) and local_paths(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.hovered.emit(True)
            return True
        if event.type() is QEvent.Type.DragLeave:
            self.hovered.emit(False)
        return super().eventFilter(watched, event)

    def _take(self, event: QDropEvent) -> bool:
        places = local_paths(event.mimeData())
        if places:
            event.setDropAction(Qt.DropAction.CopyAction)  # the files stay where they are
            event.accept()
            self.hovered.emit(False)
            self.dropped.emit(places)
        return bool(places)


def local_paths(data: QMimeData) -> tuple[Path, ...]:
    """The files and folders of this machine that are dragged."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
