"""Recipes: TOML files that say what one training is, and only where it differs from their base.

A file is read into flat settings ("optimiser.lr" -> value and the file that says it), laid over
those of its base, and built into one frozen, typed `Config`. What a model's own settings are is
told by the caller (`models`), so that listing recipes loads no model code.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from trainer.config import Config, ConfigError
from trainer.whole_files import written_whole

RECIPES = Path(__file__).parent / "configs"
CONFIG_FILE = "config.toml"

_NOT_INHERITED = ("summary", "source", "published")


@dataclass(frozen=True)
class Setting:
    """A value and where it was said."""

    value: Any
    source: str


def recipe_names() -> list[str]:
    """The recipes that come with the trainer, in alphabetical order."""
    return sorted(path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.rglob("*.toml"))


def read_settings(name: str) -> dict[str, Setting]:
    """The flat settings of a recipe (a name, or the path of a .toml file) over those of its bases."""
    chain = list(_with_bases(name))
    settings: dict[str, Setting] = {}
    for own in reversed(chain):
        if "parser" in own and "parser" in settings and own["parser"].value != settings["parser"].value:
            settings = {key: setting for key, setting in settings.items() if not key.startswith("model.")}
        kept = {key: setting for key, setting in settings.items() if key not in _NOT_INHERITED}
        settings = kept | own
    settings.setdefault("recipe", Setting(name, name))
    return settings


def _with_bases(name: str) -> Iterator[dict[str, Setting]]:
    seen: list[str] = []
    current: str | None = name
    while current is not None:
        if current in seen:
            raise ConfigError(f"recipe {name}: its bases go round in a circle ({' > '.join([*seen, current])})")
        seen.append(current)
        own = _read_file(current)
        base = own.pop("base", None)
        yield own
        current = None if base is None else str(base.value)


def _read_file(name: str) -> dict[str, Setting]:
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no recipe {name!r}{_nearest(name, recipe_names())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe ({error})") from error
    source = str(path) if name.endswith(".toml") else f"configs/{name}.toml"
    return {key: Setting(value, source) for key, value in _flat(table)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _nearest(name: str, choices: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def load_recipe(name: str, overrides: Sequence[str] = (), *, models: Mapping[str, type]) -> Config:
    """The config of a recipe (or of a .toml file), with "key=value" overrides laid over it.

    `models` maps each parser to the dataclass of its own settings. A key may be given without its
    section ("epochs=3") where that is unambiguous. Raises ConfigError.
    """
    settings = read_settings(name)
    for text in overrides:
        settings = _override(settings, text, models)
    return _build_config(settings, models)


def config_from_table(table: Mapping[str, Any], source: str, *, models: Mapping[str, type]) -> Config:
    """The config that `to_table` took apart; `source` is named when it does not fit."""
    return _build_config({key: Setting(value, source) for key, value in _flat(table)}, models)


def _override(settings: dict[str, Setting], text: str, models: Mapping[str, type]) -> dict[str, Setting]:
    source = f"--set {text}"
    key, equals, value_text = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise ConfigError(f"{source}: give it as key=value")
    try:
        value = tomllib.loads(f"value = {value_text}")["value"]
    except tomllib.TOMLDecodeError:
        value = value_text
    known = list(_leaves(_config_types(settings, models)))
    if key not in known:
        full = [candidate for candidate in known if candidate.rpartition(".")[2] == key]
        if len(full) > 1:
            raise ConfigError(f"{source}: {key!r} could be {' or '.join(full)}; say which")
        key = full[0] if full else key
    if key == "parser" and value != settings["parser"].value:
        settings = {name: setting for name, setting in settings.items() if not name.startswith("model.")}
    return settings | {key: Setting(value, source)}


def _config_types(settings: Mapping[str, Setting], models: Mapping[str, type]) -> dict[str, Any]:
    """The field types of Config, its model settings resolved for the parser that is asked for."""
    parser = settings.get("parser")
    if parser is None:
        raise ConfigError(f"{_a_source(settings)}: says no parser; add one of {', '.join(map(repr, models))}")
    if parser.value not in [*models]:  # whatever it is: a list is in no mapping
        near = _nearest(str(parser.value), models) or f"; there are {', '.join(models)}"
        raise ConfigError(f"{parser.source}: there is no parser {parser.value!r}{near}")
    return get_type_hints(Config, include_extras=True) | {"model": models[parser.value]}


def _a_source(settings: Mapping[str, Setting]) -> str:
    """Who to name for what nobody says."""
    return next((setting.source for setting in settings.values()), "an empty config")


def _leaves(hints: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, kind in hints.items():
        if is_dataclass(kind):
            yield from _leaves(get_type_hints(kind, include_extras=True), f"{prefix}{key}.")
        else:
            yield prefix + key


def _build_config(settings: Mapping[str, Setting], models: Mapping[str, type]) -> Config:
    hints = _config_types(settings, models)
    known = list(_leaves(hints))
    for key, setting in settings.items():
        if key not in known:
            raise ConfigError(f"{setting.source}: there is no setting {key!r}{_nearest(key, known)}")
    config = _build(Config, hints, settings, "")
    assert isinstance(config, Config)
    return config


def _build(kind: type, hints: Mapping[str, Any], settings: Mapping[str, Setting], prefix: str) -> Any:
    values: dict[str, Any] = {}
    for entry in fields(kind):
        key, hint = prefix + entry.name, hints[entry.name]
        if is_dataclass(hint):
            assert isinstance(hint, type)
            values[entry.name] = _build(hint, get_type_hints(hint, include_extras=True), settings, f"{key}.")
        elif key in settings:
            values[entry.name] = _typed(key, hint, settings[key])
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ConfigError(f"{_a_source(settings)}: the setting {key!r} is missing")
    try:
        return kind(**values)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"[{prefix.rstrip('.')}]: {error}") from error


def _typed(key: str, hint: Any, setting: Setting) -> Any:
    """The setting's value as its declared type: an int will do for a float, a list for a tuple."""
    value, origin, arguments = setting.value, get_origin(hint), get_args(hint)
    if origin is Annotated:
        number = _typed(key, arguments[0], setting)
        if number not in arguments[1]:
            raise ConfigError(f"{setting.source}: {key} is {arguments[1]}, not {number!r}")
        return number
    if origin in (Union, types.UnionType):
        return _typed(key, next(part for part in arguments if part is not type(None)), setting)
    if origin is Literal:
        if value in arguments:
            return value
        choices = ", ".join(map(repr, arguments))
        raise ConfigError(f"{setting.source}: {key} is one of {choices}, not {value!r}")
    if origin is tuple:
        if isinstance(value, list | tuple):
            return tuple(_typed(key, arguments[0], Setting(item, setting.source)) for item in value)
        raise ConfigError(f"{setting.source}: {key} is a list, not {value!r}")
    if hint is float and type(value) is int:
        value = float(value)
    if hint is float and type(value) is float and not math.isfinite(value) and key != "published":
        raise ConfigError(f"{setting.source}: {key} is a finite number, not {value!r}")
    if type(value) is hint:
        return value
    named = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))
    raise ConfigError(f"{setting.source}: {key} is {named}, not {value!r}")


def to_table(config: Any) -> dict[str, Any]:
    """The config as nested plain values, complete; None is left out."""
    table: dict[str, Any] = {}
    for entry in fields(config):
        value = getattr(config, entry.name)
        if is_dataclass(value):
            table[entry.name] = to_table(value)
        elif value is not None:
            table[entry.name] = list(value) if isinstance(value, tuple) else value
    return table


def write_config(path: Path, config: Config) -> None:
    """Write the complete config as TOML that `load_recipe` reads back, whole, then renamed into place."""
    table = to_table(config)
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines = [f"{key} = {toml_value(value)}" for key, value in table.items() if key not in sections]
    for key, section in sections.items():
        lines += ["", f"[{key}]", *(f"{name} = {toml_value(value)}" for name, value in section.items())]
    with written_whole(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def toml_value(value: Any) -> str:
    """A value as a TOML file has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
