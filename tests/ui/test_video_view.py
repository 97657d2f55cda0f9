"""The picture keeps its shape; where there is none, the view says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.ui.placement import Placement
from avvp_studio.ui.theme import DARK, LIGHT
from avvp_studio.ui.tone import Tone
from avvp_studio.ui.video_view import VideoView


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


def wheel(qtbot: QtBot, view: VideoView, at: QPoint, notches: int) -> None:
    event = QWheelEvent(
        QPointF(at),
        QPointF(view.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def halves(width: int, height: int) -> QImage:
    """Red at the left, blue at the right."""
    image = red(width, height)
    painter = QPainter(image)
    painter.fillRect(width // 2, 0, width, height, QColor("#0000ff"))
    painter.end()
    return image


def test_the_wheel_zooms_at_the_cursor(qtbot: QtBot, view: VideoView) -> None:
    view.show_frame(halves(400, 200))
    wheel(qtbot, view, QPoint(100, 100), 8)
    grabbed = view.grab().toImage()
    assert view.scale > 5
    assert grabbed.pixelColor(grabbed.width() - 2, 10) == QColor("#ff0000")  # the blue half is outside
    wheel(qtbot, view, QPoint(100, 100), -8)
    assert view.placement.is_fitted


def test_the_wheel_over_a_message_does_nothing(qtbot: QtBot, view: VideoView) -> None:
    view.show_no_picture("alpha")
    wheel(qtbot, view, QPoint(100, 100), 3)
    assert view.placement.is_fitted


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_a_drag_pans_what_is_larger_than_the_view(
    qtbot: QtBot, view: VideoView, button: Qt.MouseButton
) -> None:
    view.show_frame(halves(800, 400))
    view.place(Placement(1.0))
    middle = view.grab().toImage().pixelColor(199, 100)
    assert middle == QColor("#ff0000")
    assert view.cursor().shape() is Qt.CursorShape.OpenHandCursor
    qtbot.mousePress(view, button, pos=QPoint(300, 100))
    qtbot.mouseMove(view, QPoint(200, 100))
    assert view.cursor().shape() is Qt.CursorShape.ClosedHandCursor
    qtbot.mouseRelease(view, button, pos=QPoint(200, 100))
    assert view.cursor().shape() is Qt.CursorShape.OpenHandCursor
    grabbed = view.grab().toImage()
    assert grabbed.pixelColor(98, 100) == QColor("#ff0000")
    assert grabbed.pixelColor(102, 100) == QColor("#0000ff")
    qtbot.mouseMove(view, QPoint(10, 100))
    assert view.grab().toImage() == grabbed


def test_a_whole_picture_has_nothing_to_drag(qtbot: QtBot, view: VideoView) -> None:
    view.show_frame(red(800, 400))
    assert view.cursor().shape() is Qt.CursorShape.ArrowCursor
    with qtbot.assertNotEmitted(view.placement_changed):
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
        qtbot.mouseMove(view, QPoint(200, 100))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))


def test_one_to_one_is_of_the_file_also_where_its_frames_are_smaller(view: VideoView) -> None:
    view.set_picture_size(QSize(800, 400))
    view.show_frame(halves(100, 50))
    view.place(Placement(1.0))
    grabbed = view.grab().toImage()
    assert grabbed.pixelColor(10, 100) == QColor("#ff0000")
    assert grabbed.pixelColor(390, 100) == QColor("#0000ff")
    assert grabbed.pixelColor(10, 2) == QColor("#ff0000")  # no bars: 800 x 400 fills more than the view


def test_the_zoom_outlives_the_frame(view: VideoView) -> None:
    view.show_frame(red(800, 400))
    view.place(Placement(2.0))
    view.show_frame(red(800, 400))
    view.show_waiting()
    assert view.placement == Placement(2.0)


def test_a_tone_changes_the_frame_that_is_shown_and_the_next(view: VideoView) -> None:
    grey = QImage(400, 200, QImage.Format.Format_RGB32)
    grey.fill(QColor(80, 80, 80))
    view.show_frame(grey)
    view.set_tone(Tone(brightness=50))
    brighter = view.grab().toImage().pixelColor(200, 100).red()
    assert brighter > 100
    view.show_frame(grey)
    assert view.grab().toImage().pixelColor(200, 100).red() == brighter
    view.set_tone(Tone())
    assert view.grab().toImage().pixelColor(200, 100).red() == 80


def test_texts_stand_on_the_picture_in_its_upper_corners(view: VideoView) -> None:
    view.show_frame(red(400, 200))
    view.set_texts("left", "right")
    grabbed = view.grab().toImage()
    assert grabbed.pixelColor(12, 12) != QColor("#ff0000")
    assert grabbed.pixelColor(387, 12) != QColor("#ff0000")
    assert grabbed.pixelColor(200, 12) == QColor("#ff0000")
    view.show_no_picture("alpha")
    assert view.grab().toImage().pixelColor(12, 12) == QColor(DARK.sunken)


def test_a_double_click_is_reported(qtbot: QtBot, view: VideoView) -> None:
    with qtbot.waitSignal(view.double_clicked):
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)


def test_a_picture_that_was_filmed_upright_keeps_its_shape(view: VideoView) -> None:
    view.set_picture_size(QSize(400, 200))  # as it lies in the file; its frames are turned
    view.show_frame(red(100, 200))
    assert view.picture_size == QSize(200, 400)
    grabbed = view.grab().toImage()
    assert grabbed.pixelColor(200, 100) == QColor("#ff0000")
    assert grabbed.pixelColor(140, 100) == QColor(DARK.sunken)


def test_the_first_picture_of_a_clip_is_placed_anew(qtbot: QtBot, view: VideoView) -> None:
    with qtbot.waitSignal(view.placement_changed):
        view.show_frame(red(100, 50))
    with qtbot.assertNotEmitted(view.placement_changed):
        view.show_frame(red(100, 50))
