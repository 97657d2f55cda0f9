"""What there is to know of a recipe before one starts it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from avvp_studio.domain.job import Recipe
from avvp_studio.ui.theme import tabular
from trainer.metrics import KINDS, LEVELS, METRICS

_TAUGHT_BY = {
    "dense": "Taught by dense audio-visual truth of train clips; needs text features of the categories.",
    "pseudo": "Taught by pseudo-labels of every segment: the parses of another parser, chosen below.",
}
"""By `Recipe.labels`; what goes without saying is not said."""

NO_RECIPES = "The trainer has no recipes: reinstall AVVP Studio."


class RecipeDetails(QWidget):
    """Summary, features, source and published numbers of one recipe."""

    def __init__(self) -> None:
        super().__init__()
        self._name = QLabel(NO_RECIPES, wordWrap=True)
        self._name.setProperty("role", "title")
        self._summary = QLabel(wordWrap=True)
        self._taught = QLabel(wordWrap=True)
        self._features = QLabel(wordWrap=True)
        self._lack = QLabel(wordWrap=True)
        self._lack.setProperty("role", "error")
        self._source = QLabel(wordWrap=True)
        self._source.setProperty("role", "muted")
        self._numbers = _Numbers()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        labels = (self._name, self._summary, self._taught, self._features, self._lack, self._source)
        for part in (*labels, self._numbers):
            column.addWidget(part)
        for label in labels:
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addStretch(1)

    def show_recipe(self, recipe: Recipe, lacking: Sequence[str]) -> None:
        """Show a recipe, and which of its feature sets the project lacks."""
        self._name.setText(recipe.name)
        self._summary.setText(recipe.summary)
        self._taught.setText(_TAUGHT_BY.get(recipe.labels, ""))
        self._taught.setVisible(bool(self._taught.text()))
        self._features.setText(f"Features: {', '.join(recipe.features)}")
        self._lack.setText(
            f"Lacks the features {', '.join(lacking)}: how to add them is in the guide, Your own videos."
        )
        self._lack.setVisible(bool(lacking))
        has_numbers = any(number is not None for number in recipe.published)
        self._source.setText(f"Published: {recipe.source}" if has_numbers and recipe.source else recipe.source)
        self._source.setVisible(bool(recipe.source))
        self._numbers.show_numbers(recipe.published if has_numbers else ())


class _Numbers(QWidget):
    """The ten numbers as the papers print them, a level a row; a kind that is not printed is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._cells = {(level, kind): self._cell() for level in ("", *LEVELS) for kind in ("", *KINDS)}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        for place, ((level, kind), cell) in enumerate(self._cells.items()):
            if not (level and kind):
                cell.setText(level or kind)
                cell.setProperty("role", "muted")
            side = Qt.AlignmentFlag.AlignRight if kind else Qt.AlignmentFlag.AlignLeft
            grid.addWidget(cell, *divmod(place, len(KINDS) + 1), side)
        grid.setColumnStretch(len(KINDS) + 1, 1)

    @staticmethod
    def _cell() -> QLabel:
        cell = QLabel()
        cell.setFont(tabular(cell.font()))
        return cell

    def show_numbers(self, numbers: Sequence[float | None]) -> None:
        """Show the numbers in the order of METRICS; None is one that the paper does not print."""
        self.setVisible(bool(numbers))
        printed = {
            tuple(name.split("/")): number
            for name, number in zip(METRICS, numbers, strict=False)
            if number is not None
        }
        kinds = {kind for _, kind in printed}
        for (level, kind), cell in self._cells.items():
            cell.setVisible(not kind or kind in kinds)
            if level and kind:
                number = printed.get((level, kind))
                cell.setText("–" if number is None else f"{number:.1f}")
