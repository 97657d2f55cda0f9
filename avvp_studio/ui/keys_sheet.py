"""Every key on one sheet, made from the actions themselves."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from avvp_studio.ui.actions import Actions
from avvp_studio.ui.shortcuts import keys_text

_COLUMNS: tuple[dict[str, str], ...] = (
    {
        "Play": "play frame_back frame_forward second_back second_forward jump_back jump_forward"
        " to_start to_end shuttle_back shuttle_stop shuttle_forward loop slower faster mute",
        "Move": "previous_clip next_clip search_clip",
    },
    {
        "Choose": "arm_1 search_category escape set_in set_out select_all",
        "Label": "heard seen both not_heard not_seen neither forget undo redo",
        "Window": "zoom_in zoom_out zoom_fit library side train jobs open new add_videos export"
        " guide keys quit",
    },
)

_TIMELINE = (
    ("Click", "Move the playhead"),
    ("Drag on the ruler or the sound", "Scrub; with Shift, select"),
    ("Drag on another lane", "Select"),
    ("Drag right on an armed lane", "Mark present"),
    ("Drag left on an armed lane", "Mark absent"),
    ("Shift+drag on an armed lane", "Forget"),
    ("Wheel; with Shift; with Ctrl", "Rows; time; zoom"),
)


class KeysSheet(QDialog):
    """Shows the keys beside what they do."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        sheet = QWidget()
        columns = QHBoxLayout(sheet)
        columns.setSpacing(36)
        for groups in _COLUMNS:
            grid = QGridLayout()
            grid.setHorizontalSpacing(18)
            grid.setVerticalSpacing(4)
            for title, names in groups.items():
                rows = [(_keys(name), _text(actions, name)) for name in names.split()]
                _add_group(grid, title, rows)
            if "Move" in groups:
                _add_group(grid, "Timeline", _TIMELINE)
            grid.setRowStretch(grid.rowCount(), 1)
            columns.addLayout(grid)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(sheet)
        column = QVBoxLayout(self)
        column.addWidget(scroll)
        self.resize(sheet.sizeHint().width() + 60, min(sheet.sizeHint().height() + 40, 720))


def _keys(name: str) -> str:
    return "1 to 9, 0" if name == "arm_1" else keys_text(name)


def _text(actions: Actions, name: str) -> str:
    return "Arm a candidate" if name == "arm_1" else actions.title(name)


def _add_group(
    grid: QGridLayout, title: str, rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]
) -> None:
    heading = QLabel(title)
    heading.setProperty("role", "title")
    heading.setContentsMargins(0, 10 if grid.count() else 0, 0, 2)
    grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
    for keys, text in rows:
        row = grid.rowCount()
        key = QLabel(keys, textFormat=Qt.TextFormat.PlainText)
        key.setProperty("role", "muted")
        grid.addWidget(key, row, 0)
        grid.addWidget(QLabel(text, textFormat=Qt.TextFormat.PlainText), row, 1)
