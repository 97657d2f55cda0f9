"""Files from a file manager, dropped on the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.ui.main_window import MainWindow

LEFT, NO_KEY, MOVE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.MoveAction


def drop(window: MainWindow, urls: list[QUrl]) -> tuple[QDragEnterEvent, QDropEvent]:
    """Drag something over the window and let go, as the window system tells of it."""
    data = QMimeData()
    data.setUrls(urls)
    both = Qt.DropAction.CopyAction | MOVE
    entered = QDragEnterEvent(QPoint(40, 40), both, data, LEFT, NO_KEY)
    dropped = QDropEvent(QPointF(40, 40), both, data, LEFT, NO_KEY)
    for event in (entered, dropped):
        event.ignore()
        QApplication.sendEvent(window, event)
    return entered, dropped


def test_videos_dropped_on_the_window_are_to_be_added(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    places = (tmp_path / "a video.mp4", tmp_path / "folder")
    with qtbot.waitSignal(window.videos_requested) as requested:
        entered, dropped = drop(window, [QUrl.fromLocalFile(str(place)) for place in places])
    assert requested.args == [places]
    assert entered.isAccepted()
    assert dropped.dropAction() is Qt.DropAction.CopyAction  # never moved away from where they are


@pytest.mark.parametrize("urls", [[], [QUrl("https://example.org/a.mp4")]])
def test_what_is_no_file_of_this_machine_is_not_taken(
    qtbot: QtBot, window: MainWindow, urls: list[QUrl]
) -> None:
    with qtbot.assertNotEmitted(window.videos_requested):
        entered, dropped = drop(window, urls)
    assert not entered.isAccepted()
    assert not dropped.isAccepted()
