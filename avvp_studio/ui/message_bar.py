"""What went wrong and what is under way, in a line or two above the work; never in the way of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.ui.announcing import announce
from avvp_studio.ui.buttons import tool_button
from avvp_studio.ui.icon_label import IconLabel
from avvp_studio.ui.icons import icon
from avvp_studio.ui.theme import Theme, mix

_LINES = 2
"""How many lines of text are shown; what does not fit is under Details."""
_BESIDE_TEXT = 160
"""Pixels of the bar that the icon and the buttons take."""


class MessageBar(QWidget):
    """One message at a time. An error stays until it is dismissed; progress goes when it is done."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("messageBar")
        self._theme = theme
        self._kind = "note"
        self._is_passing = False
        self._cancel_function: Callable[[], None] | None = None
        self._icon = IconLabel(16)
        self._text = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(180)
        self._cancel = QPushButton("Cancel")
        self._offer = QPushButton()
        self._offer_function: Callable[[], None] | None = None
        self._more = tool_button("Details", "Show the whole message", is_checkable=True)
        self._close = tool_button(tip="Dismiss")
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setFixedHeight(110)
        self._details.setAccessibleName("The whole message")
        self._cancel.clicked.connect(self._on_cancelled)
        self._offer.clicked.connect(self._on_offer_taken)
        self._close.clicked.connect(self.dismiss)
        self._more.toggled.connect(self._details.setVisible)
        self._arrange()
        self.set_theme(theme)
        self.hide()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        for part in (self._bar, self._cancel, self._offer, self._more, self._close):
            row.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 8, 4)
        column.addLayout(row)
        column.addWidget(self._details)

    @property
    def text(self) -> str:
        """What is said; empty when the bar is away."""
        return "" if self.isHidden() else self._text.text()

    @property
    def kind(self) -> str:
        """ "error", "note" or "progress"."""
        return self._kind

    @property
    def details(self) -> str:
        return self._details.toPlainText()

    def show_error(self, text: str, *, is_passing: bool = False) -> None:
        """Say what went wrong. The first line is shown, wrapped; all of it under Details when there is more.

        What `is_passing` is wrong with what is in view, and goes with it.
        """
        self._say("error", text)
        self._is_passing = is_passing

    def show_note(
        self, text: str, details: str = "", offer: tuple[str, Callable[[], None]] | None = None
    ) -> None:
        """Say something good to know. An `offer` is a button, and what a click on it does."""
        self._say("note", f"{text}\n{details}" if details else text)
        if offer is not None:
            title, self._offer_function = offer
            self._offer.setText(title)
            self._offer.show()

    def show_progress(self, text: str, done: int, total: int, cancel: Callable[[], None] | None = None) -> None:
        """Say how far something is; a `total` of 0 means that nobody knows. An error is not painted over."""
        if self._kind == "error" and not self.isHidden():
            return
        if self._kind != "progress" or self.isHidden():
            self._say("progress", text)
        self._text.setText(text)
        self._cancel_function = cancel
        self._cancel.setVisible(cancel is not None)
        self._bar.setRange(0, total)
        self._bar.setValue(done)

    def end_progress(self) -> None:
        """Take the progress away; any other message stays."""
        if self._kind == "progress":
            self.dismiss()

    def pass_on(self) -> None:
        """Something else is in view: what was wrong with the thing before is not said of it."""
        if self._is_passing:
            self.dismiss()

    def dismiss(self) -> None:
        self._is_passing = False
        self._cancel_function = self._offer_function = None
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._close.setIcon(icon("close", theme, theme.text_muted))
        self._colour()

    def _say(self, kind: str, text: str) -> None:
        first = text.strip().partition("\n")[0]
        self._kind = kind
        self._is_passing = False
        self._text.setText(first)
        self._text.setMaximumHeight(_LINES * self._text.fontMetrics().lineSpacing())
        self._text.setToolTip(text)
        self._details.setPlainText(text)
        self._more.setChecked(False)
        self._details.hide()
        self._offer_details()
        self._bar.setVisible(kind == "progress")
        self._cancel.setVisible(False)
        self._offer.setVisible(False)
        self._close.setVisible(kind != "progress")
        self._cancel_function = self._offer_function = None
        self._colour()
        self.show()
        announce(self, first)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._offer_details()

    def _offer_details(self) -> None:
        has_more_lines = "\n" in self.details.strip()
        self._more.setVisible(has_more_lines or self._more.isChecked() or self._is_cut_off())

    def _is_cut_off(self) -> bool:
        room = QRect(0, 0, max(1, self.width() - _BESIDE_TEXT), 0)
        metrics = self._text.fontMetrics()
        needed = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, self._text.text()).height()
        return self._kind != "progress" and needed > _LINES * metrics.lineSpacing()

    def _colour(self) -> None:
        theme = self._theme
        tint = theme.danger if self._kind == "error" else theme.accent
        back = mix(tint, theme.surface, 0.16)
        self.setStyleSheet(f"#messageBar {{ background: {back}; border-bottom: 1px solid {tint}; }}")
        name = "error" if self._kind == "error" else "note"
        self._icon.set_icon(icon(name, theme, tint))

    def _on_offer_taken(self) -> None:
        taken = self._offer_function
        self.dismiss()
        if taken is not None:
            taken()

    def _on_cancelled(self) -> None:
        if self._cancel_function is not None:
            self._cancel.setVisible(False)
            self._text.setText(f"{self._text.text()} (stopping)")
            self._cancel_function()
