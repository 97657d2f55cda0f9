"""Which parse file teaches a parser that is trained on pseudo-labels: one of the project's, or any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QStyle, QStyleOptionComboBox, QWidget

_CHOOSE = "Choose a file…"


class PseudoLabelsField(QComboBox):
    """The parses of the project by parser, newest first, then a row that asks for a file."""

    chosen = Signal()
    """Another file was chosen."""

    def __init__(self, parses: Mapping[str, Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Pseudo-labels")
        self.setToolTip("The parses that teach the new parser, beside the labels")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(20)
        for parser, path in parses.items():
            self._add(self.count(), parser, path)
        self.addItem(_CHOOSE)
        self._last = self.currentIndex()
        self.activated.connect(self._on_activated)
        self.currentIndexChanged.connect(lambda _: self.chosen.emit())

    @property
    def path(self) -> Path | None:
        """The file that is chosen, or None."""
        data = self.currentData()
        return None if data is None else Path(data)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """A long name loses its middle: its end tells files apart."""
        super().initStyleOption(option)
        combo, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(combo, option, field, self).width()
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, room
        )

    def _add(self, place: int, text: str, path: Path) -> None:
        self.insertItem(place, text, str(path))
        self.setItemData(place, str(path), Qt.ItemDataRole.ToolTipRole)

    def _on_activated(self, index: int) -> None:
        if self.itemData(index) is not None:
            self._last = index
            return
        dialog = QFileDialog(self, "Pseudo-labels", filter="Parse files (*.npz)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_file_selected)
        dialog.rejected.connect(lambda: self.setCurrentIndex(self._last))
        dialog.open()

    def _on_file_selected(self, file: str) -> None:
        path = Path(file)
        known = self.findData(str(path))
        if known < 0:
            known = self.count() - 1
            self._add(known, path.name, path)
        self._last = known
        self.setCurrentIndex(known)
