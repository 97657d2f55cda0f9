"""Keys, actions and menus fit together."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QScrollArea

from avvp_studio.paths import resource_path
from avvp_studio.ui.actions import MENUS, Actions
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.icons import icon, pixmap
from avvp_studio.ui.keys.keymap import canonical
from avvp_studio.ui.keys_sheet import KeysSheet, balanced
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.shortcuts import KEYS
from avvp_studio.ui.theme import DARK, LIGHT

ICONS = sorted(path.stem for path in resource_path("icons").glob("*.svg"))


@pytest.fixture
def actions(qtbot, appearance: Appearance) -> Actions:
    owner = QMainWindow()
    qtbot.addWidget(owner)
    made = Actions(owner, appearance)
    made.owner = owner  # kept alive with the actions
    return made


def test_every_action_has_a_key_that_can_be_typed(actions: Actions) -> None:
    assert sorted(KEYS) == sorted(actions)
    for name, keys in KEYS.items():
        assert keys, name
        for key in keys:
            assert canonical(key), key


def test_every_action_can_be_reached_from_a_menu_and_says_what_it_does(actions: Actions) -> None:
    in_menus = {name for names in MENUS.values() for name in names.split()}
    for name in actions:
        submenu = f">{name.partition('_')[0]}"  # of arm_1, of theme_dark
        assert name in in_menus or submenu in in_menus, name
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
    named = [name for name in KEYS if not name.startswith("arm_")]
    keys, title = actions.bindings.text, actions.title
    assert [name for name in named if keys(name) not in shown or title(name) not in shown] == []


def test_the_sheet_of_keys_fits_the_screen(qtbot, actions: Actions) -> None:
    sheet = KeysSheet(actions, actions.owner)
    qtbot.addWidget(sheet)
    needed = sheet.findChild(QScrollArea).widget().sizeHint().width()
    assert needed < sheet.width() <= sheet.screen().availableSize().width() < 1218


def test_groups_of_keys_share_the_columns_evenly() -> None:
    groups = [(str(size), [("", "")] * size) for size in (8, 2, 3, 9, 4)]
    assert [[title for title, _ in column] for column in balanced(groups, 2)] == [["8", "2", "3"], ["9", "4"]]


def test_looking_a_menu_up_takes_nothing_away(qtbot, actions: Actions) -> None:
    bar = actions.owner.menuBar()
    actions.fill_menus(bar, QMenu(actions.owner))
    for entry in bar.actions():
        for inner in entry.menu().actions():
            inner.menu()
    del entry, inner
    gc.collect()
    actions.show_candidates(3)
