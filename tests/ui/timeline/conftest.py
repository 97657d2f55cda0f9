"""A timeline that shows a clip, and what it asks for."""

from __future__ import annotations

import pytest

from avvp_studio.ui.timeline.timeline import Timeline
from tests.ui.timeline.hand import Wishes, content


@pytest.fixture
def timeline(qtbot):
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(1260, 380)
    widget.set_content(content())
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def wishes(timeline):
    return Wishes(timeline)
