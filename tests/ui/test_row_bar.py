"""The bar above the timeline, in windows of every width."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.row_bar import RowBar

LONG = "A_category_whose_name_is_really_quite_long_for_any_place_it_stands_in"


@pytest.fixture
def bar(qtbot: QtBot, window: MainWindow, appearance: Appearance) -> RowBar:
    made = RowBar(appearance.theme, Actions(window, appearance))
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.parametrize("width", [470, 580, 730, 1500])
def test_the_search_can_be_read_beside_a_long_name_and_a_selection(
    qtbot: QtBot, bar: RowBar, width: int
) -> None:
    bar.show_armed(LONG, 2)
    bar.show_selection((3.0, 6.25))
    bar.resize(width, bar.sizeHint().height())
    qtbot.waitUntil(lambda: bar._armed.width() >= bar._armed.sizeHint().width())
    search = bar._search
    words = search.fontMetrics().horizontalAdvance(search.placeholderText())
    assert search.width() >= words + 16
    assert bar._disarm.geometry().right() < width
    assert bar._armed.toolTip() == LONG.replace("_", " ")


def test_a_name_that_has_room_is_written_whole(bar: RowBar) -> None:
    bar.resize(730, bar.sizeHint().height())
    bar.show_armed("Baby_cry", 2)
    assert "<b>Baby cry</b>" in bar._armed.text()
    bar.show_armed(None, 0)
    assert not bar._armed.toolTip()


def test_in_a_narrow_bar_how_rows_look_is_in_the_menu_only(bar: RowBar) -> None:
    bar.resize(1000, bar.sizeHint().height())
    assert all(button.isVisible() for button in bar._looks)
    bar.resize(500, bar.sizeHint().height())
    assert not any(button.isVisible() for button in bar._looks)
