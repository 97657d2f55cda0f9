"""Above the timeline: which categories are shown, a search for any of them, and what is armed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from PySide6.QtCore import QSize, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLabel, QListView, QMenu, QToolButton, QWidget

from avvp_studio.domain.row_order import RowChoice
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.buttons import action_button, tool_button
from avvp_studio.ui.events_model import seconds_text
from avvp_studio.ui.icons import icon
from avvp_studio.ui.names import display_name
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import Theme, category_colour

_LOOKS = {"lanes_heat": "Heat", "lanes_stacked": "Stacked", "lanes_compact": "Compact"}
_COUNTED = "{title}  {count}"
_LONGEST_NAME = 240
_SHORTEST_NAME = 40
"""Pixels for the name of the armed category: what the rest leaves, within these bounds."""
_ROOM_FOR_LOOKS = 620
"""Pixels of the whole bar; with less, how rows look is in the menu only."""


class RowBar(QWidget):
    """Reports what was chosen; shows what it is told."""

    searched = Signal(str)
    """What is typed to find categories; empty when the search is over."""
    category_chosen = Signal(str)
    disarm_requested = Signal()
    left = Signal()
    """The search is over: the timeline should have the keys."""

    def __init__(self, theme: Theme, actions: Actions) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._categories: dict[str, str] = {}
        self._theme = theme
        self._shown_armed: tuple[str, int] | None = None
        self._looks: list[QToolButton] = []
        self._chooser = tool_button(tip="Which categories have rows")
        self._choices = QMenu(self)
        self._counts: dict[RowChoice, int] = {}
        self._search = SearchField(clearButtonEnabled=True)
        self._matches = QStringListModel()
        self._armed = QLabel(textFormat=Qt.TextFormat.RichText)
        self._disarm = tool_button(side=12)
        self._selection = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._actions = actions
        self._arrange()
        self._connect()
        self._show_keys()
        self.set_theme(theme)
        self.show_armed(None, 0)
        self.show_selection(None)

    def _arrange(self) -> None:
        self._chooser.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._chooser.setMenu(self._choices)
        self._chooser.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._chooser.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow after the text
        self._chooser.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(4)
        row.addWidget(self._chooser)
        for name, short in _LOOKS.items():
            self._actions[name].setIconText(short)
            self._looks.append(action_button(self._actions[name]))
            row.addWidget(self._looks[-1])
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

    def minimumSizeHint(self) -> QSize:
        """So narrow that the bar never widens a window."""
        return QSize(_SHORTEST_NAME, super().minimumSizeHint().height())

    def resizeEvent(self, resized: QResizeEvent) -> None:
        for button in self._looks:
            button.setVisible(self.width() >= _ROOM_FOR_LOOKS)
        self._write_armed()
        super().resizeEvent(resized)

    def _connect(self) -> None:
        completer = QCompleter(self._matches, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        popup = QListView()
        popup.setObjectName("completions")
        completer.setPopup(popup)
        self._search.setCompleter(completer)
        completer.activated.connect(self._choose)
        self._search.textChanged.connect(self.searched)
        self._choices.aboutToShow.connect(self._fill_choices)
        self._disarm.clicked.connect(self.disarm_requested)
        self._search.returnPressed.connect(self._on_entered)
        self._search.escaped.connect(self.left)
        self._actions.bindings.changed.connect(self._show_keys)

    def show_choice(self, choice: RowChoice, by_choice: Mapping[RowChoice, Sequence[str]]) -> None:
        """Say of which categories there are rows, and of how many each choice would have."""
        self._counts = {choice: len(categories) for choice, categories in by_choice.items()}
        title = self._actions.title(f"rows_{choice}")
        count = self._counts.get(choice)
        self._chooser.setText(title if count is None else _COUNTED.format(title=title, count=count))
        self._chooser.setAccessibleName(f"Rows: {self._chooser.text()}")

    def _fill_choices(self) -> None:
        self._choices.clear()
        for choice in RowChoice:
            action = self._actions[f"rows_{choice}"]
            count, title = self._counts.get(choice, 0), self._actions.title(f"rows_{choice}")
            keys = self._actions.bindings.text(f"rows_{choice}")
            entry = self._choices.addAction(
                "\t".join(filter(None, (_COUNTED.format(title=title, count=count), keys)))
            )
            entry.setCheckable(True)
            entry.setChecked(action.isChecked())
            entry.triggered.connect(action.trigger)

    def set_categories(self, categories: Sequence[str]) -> None:
        self._categories = {display_name(name): name for name in categories}
        self._matches.setStringList(list(self._categories))

    def focus_search(self) -> None:
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def show_armed(self, category: str | None, index: int) -> None:
        """Say which category a drag marks; `index` is its place in the project."""
        self._shown_armed = (category, index) if category is not None else None
        self._disarm.setVisible(category is not None)
        self._write_armed()

    def _write_armed(self) -> None:
        if self._shown_armed is None:
            muted = self._theme.text_muted
            self._armed.setText(f"<span style='color:{muted}'>Nothing armed</span>")
            self._armed.setToolTip("")
            return
        category, index = self._shown_armed
        name, font = display_name(category), QFont(self.font())
        font.setBold(True)
        room = min(max(_SHORTEST_NAME, self._room_for_name()), _LONGEST_NAME)
        short = QFontMetrics(font).elidedText(name, Qt.TextElideMode.ElideMiddle, room)
        dot = f"<span style='color:{category_colour(index)}'>●</span>"
        self._armed.setText(f"{dot} <b>{escape(short)}</b> armed")
        self._armed.setToolTip(name)

    def _room_for_name(self) -> int:
        """What the other parts leave when the search is as short as its words."""
        looks = [button for button in self._looks if self.width() >= _ROOM_FOR_LOOKS]
        others = (self._chooser, *looks, self._selection, self._disarm)
        taken = sum(part.sizeHint().width() + 4 for part in others) + self._search.minimumWidth()
        return self.width() - taken - self.fontMetrics().horizontalAdvance("● armed") - 48

    def show_selection(self, selection: tuple[float, float] | None) -> None:
        if selection is None:
            self._selection.setText("")
        else:
            self._selection.setText(f"{seconds_text(selection[0])}–{seconds_text(selection[1])} s")
        self._write_armed()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._chooser.setIcon(icon("chevron-down", theme, theme.text_muted))
        self._disarm.setIcon(icon("close", theme, theme.text_muted))

    def _show_keys(self) -> None:
        words = self._actions.with_keys("Find category  ( {search_category} )")
        self._search.setPlaceholderText(words)
        self._search.setMinimumWidth(min(220, self.fontMetrics().horizontalAdvance(words) + 26))
        tip = self._actions.with_keys("Put the category down  ({escape})")
        self._disarm.setToolTip(tip)
        self._disarm.setAccessibleName(tip)

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
