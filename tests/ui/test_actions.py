"""Keys, actions and menus fit together."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLabel, QMainWindow

from avvp_studio.paths import resource_path
from avvp_studio.ui.actions import MENUS, Actions
from avvp_studio.ui.icons import icon, pixmap
from avvp_studio.ui.keys_sheet import KeysSheet
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.shortcuts import KEYS, keys_text
from avvp_studio.ui.theme import DARK, LIGHT, Appearance

ICONS = sorted(path.stem for path in resource_path("icons").glob("*.svg"))


@pytest.fixture
def actions(qtbot, appearance: Appearance) -> Actions:
    owner = QMainWindow()
    qtbot.addWidget(owner)
    made = Actions(owner, appearance)
    made.owner = owner  # kept alive with the actions
    return made


def test_no_key_means_two_things() -> None:
    claimed = [QKeySequence(key).toString() for keys in KEYS.values() for key in keys]  # Esc is Escape
    assert sorted(set(claimed)) == sorted(claimed)


def test_every_key_can_be_typed_and_belongs_to_an_action(actions: Actions) -> None:
    assert set(KEYS) <= set(actions)
    for keys in KEYS.values():
        for key in keys:
            assert QKeySequence(key).toString(), key


def test_every_action_can_be_reached_from_a_menu_and_says_what_it_does(actions: Actions) -> None:
    in_menus = {name for names in MENUS.values() for name in names.split()}
    for name in actions:
        assert name in in_menus or (name.startswith("arm_") and ">arm" in in_menus), name
        assert actions[name].text(), name
        assert actions[name].statusTip(), name


def test_every_action_of_the_window_does_something(window: MainWindow) -> None:
    for name in window.actions_by_name:
        action = window.actions_by_name[name]
        signals = ("2triggered(bool)", "2toggled(bool)")
        assert any(action.receivers(signal) for signal in signals), name


def test_binding_a_name_that_is_not_there_is_refused(actions: Actions) -> None:
    with pytest.raises(KeyError):
        actions.bind({"fly": lambda: None})


def test_a_tool_tip_names_the_key(actions: Actions) -> None:
    assert actions["loop"].toolTip().endswith("(R or Ctrl+L)")
    assert keys_text("about") == ""


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_draws_something_in_the_colour_asked_for(qapp, name: str) -> None:
    image = pixmap(name, "#ff0000", 24, 2.0).toImage()
    assert image.width() == 48
    drawn = [image.pixelColor(x, y) for x in range(48) for y in range(48)]
    opaque = [colour for colour in drawn if colour.alpha() > 200]
    assert opaque
    assert name == "studio" or all(colour.red() > 240 and colour.green() < 15 for colour in opaque)


def test_an_icon_follows_the_theme(qapp) -> None:
    dark, light = (icon("play", theme).pixmap(16, 16).toImage() for theme in (DARK, LIGHT))
    assert dark != light


def test_the_sheet_of_keys_names_all_of_them(qtbot, actions: Actions) -> None:
    sheet = KeysSheet(actions, actions.owner)
    qtbot.addWidget(sheet)
    shown = {label.text() for label in sheet.findChildren(QLabel)}
    missing = [name for name in KEYS if not name.startswith("arm_") and keys_text(name) not in shown]
    assert missing == []
