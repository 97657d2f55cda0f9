"""Who uses the keyboard sees that the keys go to the timeline."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLineEdit

from avvp_studio.ui.theme import CONTRAST_LIGHT, DARK


@pytest.mark.parametrize("theme", [DARK, CONTRAST_LIGHT])
def test_a_frame_around_the_timeline_shows_that_it_has_the_focus(qtbot, timeline, theme):
    timeline.set_theme(theme)
    other = QLineEdit(timeline.parentWidget())
    qtbot.addWidget(other)

    def frame() -> set[str]:
        picture = timeline.grab().toImage()
        right, bottom = picture.width() - 1, picture.height() - 1
        corners = ((x, y) for x in (0, right) for y in (0, bottom))
        middles = ((right // 2, 0), (right // 2, bottom), (0, bottom // 2))
        return {QColor(picture.pixel(x, y)).name() for x, y in (*corners, *middles)}

    timeline.activateWindow()
    timeline.setFocus()
    qtbot.waitUntil(timeline.hasFocus)
    assert frame() == {theme.accent}
    timeline.clearFocus()
    qtbot.waitUntil(lambda: not timeline.hasFocus())
    assert theme.accent not in frame()
