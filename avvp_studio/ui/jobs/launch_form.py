"""The form that starts a training: which recipe, on which device, for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.domain.job import Recipe, TrainingRequest

_DEVICES = {"auto": "GPU if there is one", "cuda": "GPU (CUDA)", "cpu": "CPU"}


class LaunchForm(QDialog):
    """Asks how to train. Opened without blocking; sends `submitted` with a TrainingRequest.

    `lacking` names, by recipe, the feature sets that the project has not and cannot make: such a recipe is
    shown with the reason, and cannot be started. The first one that can is chosen.
    """

    submitted = Signal(object)

    def __init__(
        self,
        recipes: Sequence[Recipe],
        summary: str,
        parent: QWidget | None = None,
        *,
        lacking: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a parser")
        self._recipes = tuple(recipes)
        self._lacking = dict(lacking or {})
        self._recipe = QComboBox()
        for recipe in self._recipes:
            self._recipe.addItem(recipe.name)
        self._about = QLabel(wordWrap=True)
        self._about.setProperty("role", "muted")
        self._about.setMinimumWidth(380)
        self._device = QComboBox()
        for device, text in _DEVICES.items():
            self._device.addItem(text, device)
        self._epochs = QSpinBox(minimum=0, maximum=10_000)
        self._epochs.setSpecialValueText("as the recipe says")
        self._seed = QSpinBox(minimum=0, maximum=2**31 - 1, value=1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._start = buttons.addButton("Start training", QDialogButtonBox.ButtonRole.AcceptRole)
        self._start.setProperty("role", "primary")
        self._start.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.addRow("Recipe", self._recipe)
        form.addRow("", self._about)
        form.addRow("Device", self._device)
        form.addRow("Epochs", self._epochs)
        form.addRow("Seed", self._seed)
        rows = QVBoxLayout(self)
        rows.setSpacing(14)
        rows.addWidget(QLabel(summary, wordWrap=True))
        rows.addLayout(form)
        rows.addWidget(buttons)
        self._recipe.currentIndexChanged.connect(self._on_recipe_chosen)
        self.choose(self._first_usable())
        self._on_recipe_chosen(self._recipe.currentIndex())

    def choose(self, index: int) -> None:
        """Choose a recipe by its place in the list."""
        self._recipe.setCurrentIndex(index)

    def request(self) -> TrainingRequest:
        """What the form says now."""
        return TrainingRequest(
            recipe=self._recipes[self._recipe.currentIndex()],
            device=str(self._device.currentData()),
            epochs=self._epochs.value() or None,
            seed=self._seed.value(),
        )

    def accept(self) -> None:
        super().accept()
        self.submitted.emit(self.request())

    @property
    def can_start(self) -> bool:
        return self._start.isEnabled()

    def _first_usable(self) -> int:
        return next((i for i, recipe in enumerate(self._recipes) if not self._lacking.get(recipe.name)), 0)

    def _on_recipe_chosen(self, index: int) -> None:
        self._start.setEnabled(False)
        if not self._recipes:
            self._about.setText("The trainer has no recipes: reinstall AVVP Studio.")
            return
        recipe = self._recipes[index]
        lacking = self._lacking.get(recipe.name, ())
        self._start.setEnabled(not lacking)
        needs = f"Features: {', '.join(recipe.features)}"
        if lacking:
            needs = (
                f"Lacks the features {', '.join(lacking)}: how to add them is in the guide, Your own videos."
            )
        self._about.setText(f"{recipe.summary}\n{needs}")
