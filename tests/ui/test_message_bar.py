"""Messages are short, stay out of the way, and are not lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from avvp_studio.ui.message_bar import MessageBar
from avvp_studio.ui.theme import DARK


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    made = MessageBar(DARK)
    qtbot.addWidget(made)
    made.resize(800, 40)
    return made


def button(bar: MessageBar, text: str) -> QToolButton:
    return next(found for found in bar.findChildren(QToolButton) if text in (found.text(), found.toolTip()))


def height(bar: MessageBar) -> int:
    bar.layout().activate()
    return bar.heightForWidth(300)


def test_an_error_stays_until_it_is_dismissed(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_error("labels.sqlite is locked by another program")
    bar.show_progress("Exporting", 1, 3)
    bar.end_progress()
    assert bar.text == "labels.sqlite is locked by another program"
    qtbot.mouseClick(button(bar, "Dismiss"), Qt.MouseButton.LeftButton)
    assert bar.text == ""


def test_the_first_line_is_shown_and_the_rest_can_be_unfolded(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_error("3 rows were odd\nrow 4: no such category\nrow 9: onset after offset")
    assert bar.text == "3 rows were odd"
    details = bar.findChild(QPlainTextEdit)
    assert not details.isVisible()
    qtbot.mouseClick(button(bar, "Details"), Qt.MouseButton.LeftButton)
    assert details.isVisible()
    assert "row 9" in bar.details


def test_a_long_message_takes_two_lines(bar: MessageBar) -> None:
    bar.show_error("there is no label database here")
    one_line = height(bar)
    bar.show_error("there is no label database here; choose a project folder, or make a new one")
    assert height(bar) > one_line
    assert not button(bar, "Details").isVisible()


def test_what_two_lines_do_not_hold_is_under_details(bar: MessageBar) -> None:
    bar.show_error("choose a project folder, or make a new one " * 2)
    assert not button(bar, "Details").isVisible()
    two_lines = height(bar)
    bar.show_error("choose a project folder, or make a new one " * 20)
    assert button(bar, "Details").isVisible()
    assert height(bar) <= two_lines


def test_details_are_offered_when_a_narrower_bar_cuts_the_message_off(bar: MessageBar) -> None:
    bar.show_error("choose a project folder, or make a new one " * 2)
    bar.resize(300, 60)
    assert button(bar, "Details").isVisible()


def test_a_short_message_has_no_details(bar: MessageBar) -> None:
    bar.show_note("Exported")
    assert not button(bar, "Details").isVisible()
    bar.show_note("Exported", "authors are not part of this format")
    assert button(bar, "Details").isVisible()


def test_progress_can_be_cancelled_and_goes_when_it_is_done(qtbot: QtBot, bar: MessageBar) -> None:
    cancelled: list[bool] = []
    bar.show_progress("Exporting", 1, 3, lambda: cancelled.append(True))
    bar.show_progress("Exporting", 2, 3, lambda: cancelled.append(True))
    qtbot.mouseClick(bar.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert cancelled == [True]
    bar.end_progress()
    assert bar.text == ""


def test_progress_without_a_way_to_stop_offers_none(bar: MessageBar) -> None:
    bar.show_progress("Exporting", 0, 0)
    assert not bar.findChild(QPushButton).isVisible()


def test_what_a_note_offers_is_done_once_and_goes_with_it(qtbot: QtBot, bar: MessageBar) -> None:
    taken: list[bool] = []
    bar.show_note("3 videos were added", offer=("Take back", lambda: taken.append(True)))
    take_back = next(each for each in bar.findChildren(QPushButton) if each.text() == "Take back")
    qtbot.mouseClick(take_back, Qt.MouseButton.LeftButton)
    assert (taken, bar.text) == ([True], "")
    bar.show_note("3 videos were added", offer=("Take back", lambda: taken.append(True)))
    bar.show_note("Exported")
    assert not take_back.isVisible()


def test_what_was_wrong_with_a_thing_goes_with_it_and_any_other_error_stays(bar: MessageBar) -> None:
    bar.show_error("This file is broken", is_passing=True)
    bar.pass_on()
    assert bar.text == ""
    bar.show_error("The disk is full")
    bar.pass_on()
    assert bar.text == "The disk is full"
