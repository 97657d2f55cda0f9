"""The keys in force are kept, and given on in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.keys.bindings import Bindings
from avvp_studio.ui.keys.keymap import Keymap


def test_changed_keys_are_found_again(bindings: Bindings, settings: QSettings) -> None:
    bindings.set_keymap(Keymap("elan").changed("mute", ("Ctrl+,", '"')))
    settings.sync()
    again = Bindings(QSettings(settings.fileName(), QSettings.Format.IniFormat))
    assert again.keymap == bindings.keymap
    assert again.problem == ""


def test_settings_that_cannot_be_read_give_the_usual_keys_and_one_message(settings: QSettings) -> None:
    settings.setValue("keys", '[keys]\nplay = ["Banana"]')
    bindings = Bindings(settings)
    assert bindings.keymap == Keymap()
    assert "'Banana' is not a key" in bindings.problem
    assert settings.value("keys") == '[keys]\nplay = ["Banana"]'  # nothing is thrown away before a change


def test_actions_obey_and_tell_of_changed_keys_at_once(bindings: Bindings, actions: Actions) -> None:
    assert actions["mute"].toolTip() == "Sound on or off  (M)"
    bindings.set_keymap(Keymap().changed("mute", ("F6", "X")))
    assert actions["mute"].toolTip() == "Sound on or off  (F6 or X)"
    assert [key.toString() for key in actions["mute"].shortcuts()] == ["F6", "X"]
    bindings.set_keymap(Keymap().changed("mute", ()))
    assert actions["mute"].toolTip() == "Sound on or off"


def test_texts_name_the_first_key_in_force_or_else_the_menu_entry(bindings: Bindings, actions: Actions) -> None:
    text = "{loop} loops, {mute} mutes {this}, {"
    assert actions.with_keys(text) == "R loops, M mutes {this}, {"
    bindings.set_keymap(Keymap().changed("loop", ()).changed("mute", ("X",)))
    assert actions.with_keys(text) == "“Loop” loops, X mutes {this}, {"


def test_a_file_of_keys_carries_them_to_another_machine(bindings: Bindings, tmp_path: Path) -> None:
    bindings.set_keymap(Keymap("editor").changed("play", ("P",)))
    bindings.export_to(tmp_path / "keys.toml")
    other = Bindings()
    assert other.import_from(tmp_path / "keys.toml") == ()
    assert other.keymap == bindings.keymap


@pytest.mark.parametrize("content", [b"keys = [", b"\xff\xfe\x00", b"#" * 1_000_001, b"a = " + b"[" * 9999])
def test_a_broken_file_is_named_and_changes_nothing(bindings: Bindings, tmp_path: Path, content: bytes) -> None:
    bindings.set_keymap(Keymap("elan"))
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.toml: "):
        bindings.import_from(path)
    assert bindings.keymap == Keymap("elan")
