"""The user guide, in a window of its own: the same text as in the documentation."""

from __future__ import annotations

from PySide6.QtGui import QColor, QTextCursor, QTextDocument, QTextTable
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from avvp_studio.paths import resource_path
from avvp_studio.ui.theme import Theme

_ABOVE_HEADING, _BELOW = 18, 7


class GuideWindow(QDialog):
    """Shows `resources/guide/guide.md`. Beside the work, not in front of it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("User guide")
        self.resize(740, 780)
        text = QTextBrowser(openLinks=False)
        document = text.document()
        document.setMarkdown(resource_path("guide/guide.md").read_text(encoding="utf-8"))
        document.setDocumentMargin(24)
        _space(document)
        _rule(document, QColor(theme.border))
        text.moveCursor(QTextCursor.MoveOperation.Start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(text)


def _space(document: QTextDocument) -> None:
    """Set blocks apart: markdown's own are not."""
    block = document.begin()
    while block.isValid():
        cursor = QTextCursor(block)
        layout = cursor.blockFormat()
        if layout.headingLevel() > 0:
            layout.setTopMargin(_ABOVE_HEADING)
        if cursor.currentTable() is None:
            layout.setBottomMargin(_BELOW)
        cursor.setBlockFormat(layout)
        block = block.next()


def _rule(document: QTextDocument, colour: QColor) -> None:
    """Draw tables with thin lines and room around their text."""
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            layout = frame.format()
            layout.setBorderBrush(colour)
            layout.setCellPadding(5)
            layout.setBottomMargin(_ABOVE_HEADING)
            frame.setFormat(layout)
