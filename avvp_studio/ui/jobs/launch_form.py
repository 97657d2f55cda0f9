"""The form that starts a training: which recipe, on which device, for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.job import Recipe, TrainingRequest
from avvp_studio.ui.jobs.pseudo_labels_field import PseudoLabelsField
from avvp_studio.ui.jobs.recipe_details import RecipeDetails
from avvp_studio.ui.jobs.recipe_tree import RecipeTree

_USUAL = "ecma/signal"
"""The recipe for small projects: it needs nothing that is not there."""
_DEVICES = {"auto": "GPU if there is one", "cuda": "GPU (CUDA)", "cpu": "CPU"}


class LaunchForm(QDialog):
    """Asks how to train. Opened without blocking; sends `submitted` with a TrainingRequest.

    `lacking` names, by recipe, the feature sets that the project has not and cannot make: such a recipe is
    shown with the reason, and cannot be started. `parses` are the project's parse files by parser, one of which
    may teach a recipe of pseudo-labels. The `usual` recipe is chosen at first.
    """

    submitted = Signal(object)

    def __init__(
        self,
        recipes: Sequence[Recipe],
        summary: str,
        parent: QWidget | None = None,
        *,
        lacking: Mapping[str, Sequence[str]] | None = None,
        parses: Mapping[str, Path] | None = None,
        usual: str = _USUAL,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a parser")
        self._recipes = tuple(recipes)
        self._lacking = dict(lacking or {})
        self._usual = usual
        self._tree = RecipeTree(self._recipes, self._lacking)
        self._details = RecipeDetails()
        self._form = QFormLayout()
        self._pseudo_labels = PseudoLabelsField(parses or {})
        self._device = QComboBox()
        for device, text in _DEVICES.items():
            self._device.addItem(text, device)
        self._epochs = QSpinBox(minimum=0, maximum=10_000)
        self._seed = QSpinBox(minimum=0, maximum=2**31 - 1, value=1)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._start = self._buttons.addButton("Start training", QDialogButtonBox.ButtonRole.AcceptRole)
        self._start.setProperty("role", "primary")
        self._arrange(summary)
        self._start.setDefault(True)  # in its dialog by now, else Cancel would become the default
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._tree.escaped.connect(self.reject)
        self._tree.chosen.connect(self._on_recipe_chosen)
        self._pseudo_labels.chosen.connect(self._enable_start)
        self._on_recipe_chosen()
        if self._recipes:
            self.choose(self._first_choice())
        self._tree.setFocus()

    def _arrange(self, summary: str) -> None:
        form = self._form
        form.setHorizontalSpacing(16)
        form.addRow("Pseudo-labels", self._pseudo_labels)
        form.addRow("Device", self._device)
        form.addRow("Epochs", self._epochs)
        form.addRow("Seed", self._seed)
        line = QFrame()
        line.setProperty("role", "line")
        line.setFixedHeight(1)
        right, columns, rows = QVBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        right.setSpacing(12)
        right.addWidget(self._details, 1)
        right.addWidget(line)
        right.addLayout(form)
        columns.setSpacing(18)
        columns.addWidget(self._tree, 1)
        columns.addLayout(right, 1)
        rows.setContentsMargins(18, 16, 18, 14)
        rows.setSpacing(14)
        rows.addWidget(QLabel(summary, wordWrap=True))
        rows.addLayout(columns, 1)
        rows.addWidget(self._buttons)
        self.setMinimumSize(700, 480)  # below it the longest details would be cut
        self.resize(780, 500)

    def choose(self, index: int) -> None:
        """Choose a recipe by its place in the list that the form was given."""
        self._tree.choose(self._recipes[index].name)

    def request(self) -> TrainingRequest:
        """What the form says now; only where a recipe is chosen."""
        recipe = self._tree.recipe
        assert recipe is not None
        return TrainingRequest(
            recipe=recipe,
            device=str(self._device.currentData()),
            epochs=self._epochs.value() or None,
            seed=self._seed.value(),
            pseudo_labels=self._pseudo_labels.path if recipe.labels == "pseudo" else None,
        )

    def accept(self) -> None:
        super().accept()
        self.submitted.emit(self.request())

    @property
    def can_start(self) -> bool:
        return self._start.isEnabled()

    def _first_choice(self) -> int:
        """The usual recipe, else the first that can be started, else the first."""
        usable = [i for i, recipe in enumerate(self._recipes) if not self._lacking.get(recipe.name)]
        return next((i for i in usable if self._recipes[i].name == self._usual), next(iter(usable), 0))

    def _on_recipe_chosen(self) -> None:
        recipe = self._tree.recipe
        self._form.setRowVisible(self._pseudo_labels, recipe is not None and recipe.labels == "pseudo")
        self._enable_start()
        if recipe is not None:
            self._details.show_recipe(recipe, self._lacking.get(recipe.name, ()))
            own = f" ({recipe.epochs})" if recipe.epochs else ""
            self._epochs.setSpecialValueText(f"as the recipe says{own}")

    def _enable_start(self) -> None:
        recipe = self._tree.recipe
        is_taught = recipe is not None and (recipe.labels != "pseudo" or self._pseudo_labels.path is not None)
        self._start.setEnabled(recipe is not None and is_taught and not self._lacking.get(recipe.name))
