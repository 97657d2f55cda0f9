"""Above the timeline: which categories are shown, a search for any of them, and what is armed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QCompleter, QHBoxLayout, QLabel, QListView, QWidget

from avvp_studio.ui.buttons import tool_button
from avvp_studio.ui.events_model import seconds_text
from avvp_studio.ui.icons import icon
from avvp_studio.ui.names import display_name
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import Theme, category_colour

_ARMED_WIDTH = 170
"""Pixels for the armed category, so that the search keeps its room beside a long name."""


class RowBar(QWidget):
    """Reports what was chosen; shows what it is told."""

    all_chosen = Signal(bool)
    """True: show every category; False: only those of interest."""
    category_chosen = Signal(str)
    disarm_requested = Signal()
    left = Signal()
    """The search is over: the timeline should have the keys."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._categories: dict[str, str] = {}
        self._theme = theme
        self._candidates = tool_button(
            "Candidates", "Categories that the clip is labelled with, or a parser predicts", is_checkable=True
        )
        self._all = tool_button("All", "Every category of the project", is_checkable=True)
        self._search = SearchField(placeholderText="Find category  ( / )", clearButtonEnabled=True)
        self._matches = QStringListModel()
        self._armed = QLabel(textFormat=Qt.TextFormat.RichText)
        self._disarm = tool_button(tip="Put the category down  (Esc)", side=12)
        self._selection = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._arrange()
        self._connect()
        self.set_theme(theme)
        self.show_armed(None, 0)
        self.show_selection(None)

    def _arrange(self) -> None:
        group = QButtonGroup(self)
        self._candidates.setChecked(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        for button in (self._candidates, self._all):
            group.addButton(button)
            row.addWidget(button)
        self._search.setMaximumWidth(220)
        self._search.setAccessibleName("Find category")
        self._selection.setProperty("role", "muted")
        row.addSpacing(6)
        row.addWidget(self._search, 1)
        row.addStretch(1)
        row.addWidget(self._selection)
        row.addSpacing(10)
        row.addWidget(self._armed)
        row.addWidget(self._disarm)

    def _connect(self) -> None:
        completer = QCompleter(self._matches, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        popup = QListView()
        popup.setObjectName("completions")
        completer.setPopup(popup)
        self._search.setCompleter(completer)
        completer.activated.connect(self._choose)
        self._all.toggled.connect(self.all_chosen)
        self._disarm.clicked.connect(self.disarm_requested)
        self._search.returnPressed.connect(self._on_entered)
        self._search.escaped.connect(self.left)

    def set_categories(self, categories: Sequence[str]) -> None:
        self._categories = {display_name(name): name for name in categories}
        self._matches.setStringList(list(self._categories))

    def focus_search(self) -> None:
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def show_armed(self, category: str | None, index: int) -> None:
        """Say which category a drag marks; `index` is its place in the project."""
        self._disarm.setVisible(category is not None)
        if category is None:
            muted = self._theme.text_muted
            self._armed.setText(f"<span style='color:{muted}'>Nothing armed</span>")
        else:
            dot = f"<span style='color:{category_colour(index)}'>●</span>"
            name = display_name(category)
            short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _ARMED_WIDTH)
            self._armed.setText(f"{dot} <b>{escape(short)}</b> armed")
            self._armed.setToolTip(name)

    def show_selection(self, selection: tuple[float, float] | None) -> None:
        if selection is None:
            self._selection.setText("")
        else:
            self._selection.setText(f"{seconds_text(selection[0])}–{seconds_text(selection[1])} s")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._disarm.setIcon(icon("close", theme, theme.text_muted))

    def _on_entered(self) -> None:
        typed = display_name(self._search.text().strip().casefold())
        found = [text for text in self._categories if typed in text.casefold()]
        exact = [text for text in found if text.casefold() == typed]
        if typed and found:
            self._choose((exact or found)[0])

    def _choose(self, text: str) -> None:
        category = self._categories.get(text)
        if category is not None:
            self.category_chosen.emit(category)
            # The completer writes the text it completed after this returns.
            QTimer.singleShot(0, self._search.clear)
            self.left.emit()
