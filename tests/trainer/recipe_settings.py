"""Recipes as the trainer reads them, and in which settings one is not another."""

from __future__ import annotations

from functools import cache

from trainer.checkpoint import model_config_types
from trainer.config import Config
from trainer.recipe_files import load_recipe, to_table

MODELS = model_config_types()


@cache
def load(name: str) -> Config:
    return load_recipe(name, models=MODELS)


def differences(name: str, base: str) -> dict[str, object]:
    """The settings, section by section, in which a recipe is not its base; what it says of itself aside."""
    one, other = (
        {
            f"{section}.{key}": value
            for section, table in to_table(load(recipe)).items()
            if isinstance(table, dict)
            for key, value in table.items()
        }
        for recipe in (name, base)
    )
    return {key: value for key, value in one.items() if value != other[key]}
