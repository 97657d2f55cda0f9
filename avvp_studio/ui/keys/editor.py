"""Change which keys do what."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.keys.key_form import KeyForm
from avvp_studio.ui.keys.key_list import KeyList
from avvp_studio.ui.keys.keymap import Keymap
from avvp_studio.ui.keys.presets import PRESETS
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.shortcuts import Scope, scope_of

_FILES = "Keys (*.toml)"
IMPORTED = "The keys of {path} hold now."
IMPORTED_PARTLY = "The keys of {path} hold now, but for those of actions that there are not: {names}."
EXPORTED = "The keys were written to {path}."
NONE_FOUND = "No action is called that or has such a key."


class KeyEditor(QDialog):
    """A list of actions, the keys of the chosen one below it, and presets. Changes hold at once."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Edit keys")
        self._bindings = actions.bindings
        self._search = SearchField(placeholderText="Search by name or key", clearButtonEnabled=True)
        self._scopes = QComboBox()
        self._presets = QComboBox()
        self.list = KeyList(actions)
        self.form = KeyForm(actions)
        self._count = QLabel()
        self._said = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._reset = QPushButton("Reset all")
        self._fill_choices(actions)
        self._arrange()
        self._connect()
        self._show()
        self._filter()
        self.resize(680, 660)
        self._search.setFocus()

    def _fill_choices(self, actions: Actions) -> None:
        self._scopes.addItem("In every place", None)
        for scope in Scope:
            if any(scope_of(name) is scope for name in actions):
                self._scopes.addItem(scope.value, scope)
        for name, preset in PRESETS.items():
            self._presets.addItem(preset.title, name)
        self._search.setAccessibleName("Search by name or key")
        self._scopes.setToolTip("Show the actions whose keys hold there")
        self._scopes.setAccessibleName("Where keys hold")
        self._presets.setToolTip("The set of keys to begin from; what you changed stays")
        self._presets.setAccessibleName("Preset")

    def _arrange(self) -> None:
        top, bottom, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        top.addWidget(self._search, 1)
        top.addWidget(self._scopes)
        top.addSpacing(8)
        top.addWidget(QLabel("Preset"))
        top.addWidget(self._presets)
        self._count.setProperty("role", "muted")
        self._said.setProperty("role", "muted")
        bottom.addWidget(self._count, 1)
        for title, function in (("Import…", self._on_import), ("Export…", self._on_export)):
            button = QPushButton(title, autoDefault=False)
            button.clicked.connect(function)
            bottom.addWidget(button)
        close = QPushButton("Close", autoDefault=False)
        close.clicked.connect(self.close)
        self._reset.setAutoDefault(False)
        bottom.addWidget(self._reset)
        bottom.addWidget(close)
        column.setContentsMargins(14, 14, 14, 12)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        column.addWidget(self.form)
        column.addWidget(self._said)
        column.addLayout(bottom)

    def _connect(self) -> None:
        self._search.textChanged.connect(self._filter)
        self._search.left_downwards.connect(self.list.setFocus)
        self._search.escaped.connect(self.close)
        self._scopes.currentIndexChanged.connect(self._filter)
        self._presets.activated.connect(self._on_preset_chosen)
        self.list.chosen.connect(self.form.set_action)
        self.form.changed.connect(self.list.setFocus)
        self.list.itemActivated.connect(self.form.focus_field)
        self._reset.clicked.connect(self._on_reset_all)
        self._bindings.changed.connect(self._show)

    def import_from(self, path: Path) -> None:
        """Take the keys of a file, or say what is wrong with it."""
        try:
            unknown = self._bindings.import_from(path)
        except (ValueError, OSError) as error:
            self._say(_text(error, path), is_error=True)
            return
        sentence = IMPORTED_PARTLY if unknown else IMPORTED
        self._say(sentence.format(path=path, names=", ".join(unknown)))

    def export_to(self, path: Path) -> None:
        """Write the keys to a file, or say why that cannot be done."""
        try:
            self._bindings.export_to(path)
        except OSError as error:
            self._say(_text(error, path), is_error=True)
        else:
            self._say(EXPORTED.format(path=path))

    @property
    def said(self) -> str:
        """What the last import or export came to."""
        return self._said.text()

    def _show(self) -> None:
        keymap = self._bindings.keymap
        self._presets.setCurrentIndex(self._presets.findData(keymap.preset))
        count = len(keymap.own)
        self._count.setText("1 action changed" if count == 1 else f"{count} actions changed" if count else "")
        self._reset.setEnabled(count > 0)

    def _filter(self) -> None:
        scope = self._scopes.currentData()  # Qt gives it back as a plain string
        self.list.filter(self._search.text(), Scope(scope) if scope else None)
        if not self.list.shown:
            self._say(NONE_FOUND)
        elif self.said == NONE_FOUND:
            self._say("")

    def _on_preset_chosen(self, index: int) -> None:
        self._say("")
        self._bindings.set_keymap(self._bindings.keymap.with_preset(self._presets.itemData(index)))

    def _on_reset_all(self) -> None:
        self._say("")
        self._bindings.set_keymap(Keymap(self._bindings.keymap.preset))

    def _on_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Import keys", str(Path.home()), _FILES)
        if chosen:
            self.import_from(Path(chosen))

    def _on_export(self) -> None:
        suggested = str(Path.home() / "avvp-studio-keys.toml")
        chosen, _ = QFileDialog.getSaveFileName(self, "Export keys", suggested, _FILES)
        if chosen:
            self.export_to(Path(chosen))

    def _say(self, text: str, *, is_error: bool = False) -> None:
        self._said.setText(text)
        self._said.setVisible(bool(text))
        self._said.setProperty("role", "error" if is_error else "muted")
        self._said.style().unpolish(self._said)
        self._said.style().polish(self._said)


def _text(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}; no key was changed"
    return str(error)
