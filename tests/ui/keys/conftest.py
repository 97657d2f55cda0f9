"""Actions of a bare window, with keys that are kept in settings."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.keys.bindings import Bindings


@pytest.fixture
def owner(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


@pytest.fixture
def bindings(settings: QSettings) -> Bindings:
    return Bindings(settings)


@pytest.fixture
def actions(owner: QMainWindow, appearance: Appearance, bindings: Bindings) -> Actions:
    return Actions(owner, appearance, bindings)
