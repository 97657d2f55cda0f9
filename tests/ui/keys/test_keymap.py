"""Presets, own keys over them, and their text form."""

from __future__ import annotations

from collections import Counter

import pytest

from avvp_studio.ui.actions import MENUS
from avvp_studio.ui.keys.keymap import Keymap, canonical, read_keymap
from avvp_studio.ui.keys.presets import PRESETS
from avvp_studio.ui.shortcuts import KEYS, Scope, scope_of


@pytest.mark.parametrize("preset", PRESETS)
def test_in_every_preset_every_action_has_a_key_and_no_key_two_actions(preset: str) -> None:
    keymap = Keymap(preset)
    assert [name for name in KEYS if not keymap.keys(name)] == []
    claimed = Counter((scope_of(name), key) for name in KEYS for key in keymap.keys(name))
    assert max(claimed.values()) == 1
    opening = {f"Alt+{title[title.index('&') + 1].upper()}" for title in MENUS}
    assert opening.isdisjoint(key for name in KEYS for key in keymap.keys(name))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gets_the_keys_it_asks_for_and_names_only_what_there_is(preset: str) -> None:
    asked = PRESETS[preset].keys
    assert set(asked) <= set(KEYS)
    assert {name: Keymap(preset).keys(name) for name in asked} == {
        name: tuple(map(canonical, keys)) for name, keys in asked.items()
    }


def test_a_key_has_one_spelling() -> None:
    assert [canonical(key) for key in ("escape", "ctrl+shift+p", " a ")] == ["Esc", "Ctrl+Shift+P", "A"]
    assert [canonical(key) for key in ("", "Banana", "Ctrl+", "Shift", "Ctrl+K, Ctrl+S")] == [""] * 5


def test_a_key_that_is_given_to_an_action_is_taken_from_the_one_that_had_it() -> None:
    keymap = Keymap().changed("play", ("L",))
    assert keymap.keys("play") == ("L",)
    assert keymap.keys("shuttle_forward") == ()
    assert keymap.owner("l", Scope.WINDOW) == "play"
    assert keymap.owner("Space", Scope.WINDOW) == ""


def test_a_key_taken_from_an_own_key_stays_with_who_took_it_last() -> None:
    keymap = Keymap().changed("play", ("L", "P")).changed("loop", ("L",))
    assert (keymap.keys("play"), keymap.keys("loop")) == (("P",), ("L",))


def test_resetting_one_action_gives_back_what_it_had_taken() -> None:
    keymap = Keymap().changed("play", ("L",)).changed("mute", ("X",))
    keymap = keymap.reset("play")
    assert keymap.keys("shuttle_forward") == ("L",)
    assert keymap.keys("play") == ("Space",)
    assert keymap.keys("mute") == ("X",)


def test_own_keys_stay_when_the_preset_changes() -> None:
    keymap = Keymap().changed("mute", ("Ctrl+Space",)).with_preset("elan")
    assert keymap.keys("mute") == ("Ctrl+Space",)
    assert keymap.keys("play") == ("Space",)
    assert keymap.keys("to_start") == ("Ctrl+B", "Home")


def test_what_is_as_the_preset_has_it_is_no_change() -> None:
    keymap = Keymap().changed("play", ("P",)).changed("play", ("Space",))
    assert keymap == Keymap()


def test_in_different_parts_of_the_window_a_key_may_mean_different_things() -> None:
    keymap = Keymap()
    assert scope_of("forget_labels") is Scope.LABELS
    assert keymap.owner("Delete", Scope.LABELS) == "forget_labels"
    assert keymap.owner("Delete", Scope.WINDOW) == "forget"
    assert keymap.changed("play", ("Delete",)).owner("Delete", Scope.LABELS) == "forget_labels"


def test_a_keymap_survives_its_text() -> None:
    keymap = Keymap("editor").changed("play", ("Ctrl+\\", '"')).changed("mute", ()).changed("heard", ("É",))
    assert read_keymap(keymap.text()) == (keymap, ())


def test_nothing_stored_is_the_usual_keys() -> None:
    assert read_keymap("") == (Keymap(), ())


def test_actions_that_there_are_not_are_passed_over_and_named() -> None:
    keymap, unknown = read_keymap('[keys]\nfly = ["F"]\nplay = ["P"]')
    assert (keymap.keys("play"), unknown) == (("P",), ("fly",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nkeys = ]", "line 2"),
        ("a = " + "[" * 9999, "too many brackets"),
        ('preset = "emacs"', "there is no preset 'emacs'"),
        ("preset = 3", "there is no preset 3"),
        ("keys = 3", "not a table"),
        ('[keys]\nplay = "P"', "play: its keys are not a list"),
        ("[keys]\nplay = [3]", "play: its keys are not a list"),
        ('[keys]\nplay = ["Banana"]', "play: 'Banana' is not a key"),
        ('[keys]\nplay = ["P"]\nmute = ["p"]', "P is given to both play and mute"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_what_and_where(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_keymap(text)
