"""The trainer's recipes and encoders, as it lists them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject

from avvp_studio.domain.job import Recipe
from avvp_studio.domain.videos import BUILT_IN, DEFAULT, JOINT
from avvp_studio.trainer_list import TrainerList
from trainer.feature_files import DEFAULT_SETS, ENCODER_OF_SET

_MATCHER = "minilm"
"""Which matches the names of categories with the classes that the default encoders know."""


class RecipeCatalogue(TrainerList):
    """The recipes; none before `loaded`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(["recipes", "--json"], "recipes", parent)
        self.recipes: tuple[Recipe, ...] = ()

    def take(self, listed: list[dict[str, Any]]) -> None:
        self.recipes = tuple(map(_recipe, listed))


class EncoderCatalogue(TrainerList):
    """Which encoders can run here."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(["encoders", "list", "--json"], "encoders", parent)
        self.ready: frozenset[str] = frozenset({BUILT_IN})
        """Their names. Before `loaded`, what always can."""
        self.finders: tuple[str, ...] = ()
        """By which of them tracks can be found before any training: the default group, and those of `JOINT`."""

    def take(self, listed: list[dict[str, Any]]) -> None:
        ready = {str(entry["name"]) for entry in listed if entry["ready"]}
        readers = {str(entry["name"]) for entry in listed if entry["texts"]}
        default = {*(ENCODER_OF_SET[features] for features in DEFAULT_SETS), _MATCHER}
        joint = next((choice for choice in JOINT if {*choice.split("+")} <= readers), "")
        self.ready = frozenset({*ready, BUILT_IN})
        self.finders = tuple(filter(None, (DEFAULT if default <= ready else "", joint)))


def _recipe(entry: dict[str, Any]) -> Recipe:
    """A recipe out of an entry of the list."""
    return Recipe(
        name=entry["name"],
        summary=entry["summary"],
        features=tuple(entry["features"]),
        source=entry["source"],
        published=tuple(entry["published"]),
        epochs=entry["epochs"],
        labels=entry["labels"],
    )
