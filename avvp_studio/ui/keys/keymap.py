"""Which action has which keys: a preset, and over it what a person changed. Values and their text form."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from PySide6.QtGui import QKeySequence

from avvp_studio.ui.keys.presets import PRESETS, USUAL, Keys
from avvp_studio.ui.shortcuts import KEYS, Scope, scope_of

_ONLY_WITH_OTHERS = {"Shift", "Control", "Alt", "AltGr", "Meta"}
"""Those that only go with another."""


def canonical(key: str) -> str:
    """The one way to write a key ("Esc" for "escape"); empty for what is no key, or several."""
    read = QKeySequence(key)
    text = read.toString(QKeySequence.SequenceFormat.PortableText) if read.count() == 1 else ""
    return "" if text.rpartition("+")[2] in _ONLY_WITH_OTHERS else text


@dataclass(frozen=True)
class Keymap:
    """Gives no key twice within a scope: own keys go before the preset's, and those before the usual ones."""

    preset: str = USUAL
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, name: str) -> tuple[str, ...]:
        """The keys of an action, as they are written in files."""
        return self._in_force.get(name, ())

    def owner(self, key: str, scope: Scope) -> str:
        """The action that has a key within a scope; empty when the key is free there."""
        return self._owners.get((scope, canonical(key)), "")

    def changed(self, name: str, keys: Iterable[str]) -> Keymap:
        """With other keys for an action. What had one of them loses it."""
        wanted = tuple(dict.fromkeys(filter(None, map(canonical, keys))))
        own = {
            other: tuple(key for key in had if key not in wanted or scope_of(other) is not scope_of(name))
            for other, had in self.own.items()
            if other != name
        }
        return replace(self, own={**own, name: wanted}).tidied()

    def reset(self, name: str) -> Keymap:
        """Without what was changed of one action."""
        return replace(self, own={other: keys for other, keys in self.own.items() if other != name})

    def with_preset(self, preset: str) -> Keymap:
        """Another preset under the same changes."""
        return replace(self, preset=preset).tidied()

    def tidied(self) -> Keymap:
        """Without changes that change nothing."""
        found = self
        for name in self.own:
            without = found.reset(name)
            if without._in_force == found._in_force:
                found = without
        return found

    def text(self) -> str:
        """As the text of a TOML file."""
        rows = [f"{name} = {json.dumps(list(keys), ensure_ascii=False)}" for name, keys in self.own.items()]
        return "\n".join([f'preset = "{self.preset}"', "", "[keys]", *rows, ""])

    @cached_property
    def _in_force(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {name: [] for name in KEYS}
        for (_, key), name in self._owners.items():
            found[name].append(key)
        return {name: tuple(keys) for name, keys in found.items()}

    @cached_property
    def _owners(self) -> dict[tuple[Scope, str], str]:
        owners: dict[tuple[Scope, str], str] = {}
        for name, keys in self._by_rank():
            for key in map(canonical, keys):
                owners.setdefault((scope_of(name), key), name)
        return owners

    def _by_rank(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The keys that each action asks for, whoever goes first before the others."""
        preset = PRESETS[self.preset].keys
        layers: tuple[Keys, ...] = (self.own, preset, KEYS)
        told: set[str] = set()
        for layer in layers:
            yield from ((name, keys) for name, keys in layer.items() if name in KEYS and name not in told)
            told.update(layer)


def read_keymap(text: str) -> tuple[Keymap, tuple[str, ...]]:
    """A keymap from its text, and the names in it of actions that there are not.

    Raises ValueError: what is wrong, and where.
    """
    try:
        told = tomllib.loads(text)  # its error is a ValueError that names the line
    except RecursionError as error:
        raise ValueError("it has too many brackets within one another") from error
    preset = told.get("preset", USUAL)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}; there are {', '.join(PRESETS)}")
    keys = told.get("keys", {})
    if not isinstance(keys, dict):
        raise ValueError('"keys" is not a table of actions')
    own = {name: _read_keys(name, value) for name, value in keys.items() if name in KEYS}
    _refuse_doubles(own)
    return Keymap(preset, own), tuple(name for name in keys if name not in KEYS)


def _read_keys(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise ValueError(f'{name}: its keys are not a list like ["Ctrl+L"]')
    for key in value:
        if not canonical(key):
            raise ValueError(f"{name}: {key!r} is not a key")
    return tuple(dict.fromkeys(map(canonical, value)))


def _refuse_doubles(own: Mapping[str, tuple[str, ...]]) -> None:
    owners: dict[tuple[Scope, str], str] = {}
    for name, keys in own.items():
        for key in keys:
            other = owners.setdefault((scope_of(name), key), name)
            if other != name:
                raise ValueError(f"{key} is given to both {other} and {name}")
