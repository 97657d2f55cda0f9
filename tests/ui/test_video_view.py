"""The picture keeps its shape; where there is none, the view says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.ui.video_view import VideoView, fitted


@pytest.fixture
def view(qtbot: QtBot) -> VideoView:
    made = VideoView(DARK)
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.show()
    qtbot.waitExposed(made)
    return made


def red(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#ff0000"))
    return image


def test_a_picture_fits_into_the_view_whatever_its_shape() -> None:
    area = QRectF(0, 0, 400, 200)
    assert fitted(100, 100, area) == QRectF(100, 0, 200, 200)
    assert fitted(1600, 400, area) == QRectF(0, 50, 400, 100)


def test_a_frame_is_painted_between_bars(view: VideoView) -> None:
    view.show_frame(red(100, 100))
    grabbed = view.grab().toImage()
    ratio = grabbed.devicePixelRatio()
    centre, bar = (grabbed.pixelColor(int(x * ratio), int(100 * ratio)) for x in (200, 20))
    assert centre == QColor("#ff0000")
    assert bar == QColor(DARK.sunken)
    assert view.message == ""


def test_a_missing_video_is_named_with_the_place_where_it_should_be(qtbot: QtBot, view: VideoView) -> None:
    view.show_missing("alpha_0_10", Path("/videos/alpha.mp4"))
    assert view.message == "The video of alpha_0_10 was not found"
    shown = " ".join(label.text() for label in view.findChildren(QLabel))
    assert str(Path("/videos/alpha.mp4")) in shown
    with qtbot.waitSignal(view.locate_requested):
        qtbot.mouseClick(view.findChild(QPushButton), Qt.MouseButton.LeftButton)


def test_only_what_can_be_helped_offers_to_locate(view: VideoView) -> None:
    button = view.findChild(QPushButton)
    for show in (view.show_no_clip, lambda: view.show_no_picture("alpha")):
        show()
        assert view.message
        assert not button.isVisible()
    view.show_error("alpha.mp4 is damaged")
    assert button.isVisible()


def test_a_frame_replaces_a_message_and_a_message_a_frame(view: VideoView) -> None:
    view.show_error("alpha.mp4 is damaged")
    view.show_frame(red(10, 10))
    assert view.message == ""
    view.show_no_picture("alpha")
    assert view.grab().toImage().pixelColor(5, 5) == QColor(DARK.sunken)


def test_the_bars_follow_the_theme(view: VideoView) -> None:
    view.show_waiting()
    view.set_theme(LIGHT)
    assert view.grab().toImage().pixelColor(5, 5) == QColor(LIGHT.sunken)
