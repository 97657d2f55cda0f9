"""The form that starts a training: which recipe, on which device, for how long."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Asks how to train. Opened without blocking; sends `submitted` with a TrainingRequest."""

    submitted = Signal(object)

    def __init__(self, recipes: Sequence[Recipe], summary: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a parser")
        self._recipes = tuple(recipes)
        self._recipe = QComboBox()
        for recipe in self._recipes:
            self._recipe.addItem(recipe.name)
        self._about = QLabel(wordWrap=True)
        self._about.setObjectName("muted")
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
        self._on_recipe_chosen(0)

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

    def _on_recipe_chosen(self, index: int) -> None:
        self._start.setEnabled(bool(self._recipes))
        if not self._recipes:
            self._about.setText("The trainer has no recipes: reinstall AVVP Studio.")
            return
        recipe = self._recipes[index]
        self._about.setText(f"{recipe.summary}\nFeatures: {', '.join(recipe.features)}")
