"""The trainer's recipes and encoders, as it lists them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject

from avvp_studio.domain.job import Recipe
from avvp_studio.domain.videos import BUILT_IN, DEFAULT
from avvp_studio.trainer_list import TrainerList
from trainer.feature_files import DEFAULT_SETS, ENCODER_OF_SET


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
        """Their names, and that of the default group if all of it can. Before `loaded`, what always can."""

    def take(self, listed: list[dict[str, Any]]) -> None:
        ready = {str(entry["name"]) for entry in listed if entry["ready"]}
        default = {ENCODER_OF_SET[features] for features in DEFAULT_SETS}
        self.ready = frozenset({*ready, BUILT_IN, *([DEFAULT] if default <= ready else [])})


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
