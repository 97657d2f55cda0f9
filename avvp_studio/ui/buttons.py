"""Flat buttons as this program wants them: small, and never in the way of the keys."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton


def tool_button(text: str = "", tip: str = "", *, is_checkable: bool = False, side: int = 14) -> QToolButton:
    """A flat button that leaves the focus, and so the keys, where they are."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip or text)
    button.setCheckable(is_checkable)
    button.setIconSize(QSize(side, side))
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def action_button(action: QAction, *, side: int = 18) -> QToolButton:
    """A flat button that shows an action's icon and does what the action does."""
    button = tool_button(side=side)
    button.setDefaultAction(action)
    return button
