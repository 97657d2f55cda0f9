"""Every key on one sheet, made from the actions themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.ui.actions import DIGITS, Actions

Group = tuple[str, list[tuple[str, str]]]

OTHERS = "Project and help"
"""The group of all actions that no other group names."""
TIMELINE = "Timeline"
"""The group of what the mouse does there."""

_GROUPS: dict[str, str] = {
    "Play": "play play_selection play_around frame_back frame_forward second_back second_forward"
    " jump_back jump_forward to_start to_end shuttle_back shuttle_stop shuttle_forward loop"
    " slower faster mute scrub_sound",
    "Move": "previous_clip next_clip search_clip",
    TIMELINE: "",
    "Choose": "arm_1 search_category escape set_in set_out select_all",
    "Label": "heard seen both not_heard not_seen neither forget forget_labels undo redo",
    "Change labels": "split merge extend onset_earlier onset_later offset_earlier offset_later"
    " label_earlier label_later copy_to_seen copy_to_heard free hold_delay",
    "Accept predictions": "accept accept_event accept_lane accept_all rest_absent rest_absent_all forget_all",
    "Thresholds": "heard_threshold_up heard_threshold_down seen_threshold_up seen_threshold_down"
    " threshold_to_all reset_threshold reset_thresholds copy_thresholds scores",
    "Window": "palette zoom_in zoom_out zoom_fit library side",
    "Bands": "band_minimap band_thumbnails band_waveform band_spectrogram spectrogram_mel"
    " spectrogram_shorter spectrogram_longer spectrogram_fainter spectrogram_louder",
    "Rows": "rows_candidates rows_all rows_labelled rows_predicted rows_edited rows_disagreeing"
    " lanes_heat lanes_stacked lanes_compact row_pin row_up row_down row_taller row_lower rows_reset",
    "Picture": "full_screen picture_fit picture_actual picture_in picture_out brighter darker"
    " more_contrast less_contrast reset_tone picture_info use_proxies make_proxy remove_proxy",
    OTHERS: "",
}
_MOST_COLUMNS = 3
_HEADING = 2
"""Rows that a heading takes."""
_FRAME = 60
"""Pixels of the window beside the sheet."""

_TIMELINE = (
    ("Click", "Move the playhead"),
    ("Drag on the ruler or the sound", "Scrub; with Shift, select"),
    ("Drag; click on the minimap", "Move the view; go there"),
    ("Drag on another lane", "Select"),
    ("Drag right on an armed lane", "Mark present; with Alt, both"),
    ("Drag left on an armed lane", "Mark absent; with Alt, both"),
    ("Shift+drag on an armed lane", "Forget"),
    ("Drag the end of a label", "Make it longer or shorter"),
    ("Ctrl+drag a label", "Move it; with Shift, copy it"),
    ("Double click on a label", "Play it"),
    ("Hold a key for marking while playing", "Mark until it is let go"),
    ("Drag the line of a threshold up or down", "Move it; with Shift, finely; with Alt, all"),
    ("Double click on a threshold you moved", "The parser's own again"),
    ("Drag a header", "Move the row"),
    ("Drag the line under a header", "Make the row taller; with Shift, all rows"),
    ("Double click on that line", "The usual height"),
    ("Wheel; with Shift; with Ctrl", "Zoom; time; rows"),
    ("Drag with the middle button", "Move along the time"),
)


class KeysSheet(QDialog):
    """Shows the keys in force beside what they do."""

    edit_requested = Signal()

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self._actions = actions
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        edit = QPushButton("Edit keys…", autoDefault=False)
        edit.clicked.connect(self.edit_requested)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(edit)
        column = QVBoxLayout(self)
        column.addWidget(self._scroll)
        column.addLayout(foot)
        sheet = self._show()
        actions.bindings.changed.connect(self._show)
        needed = sheet.sizeHint()
        width = min(needed.width() + _FRAME, self._room)
        self.resize(width, min(needed.height() + 80, 760))

    @property
    def _room(self) -> int:
        return self.screen().availableSize().width()

    def _show(self) -> QWidget:
        """As many columns as the screen has room for."""
        groups = self._groups()
        for count in range(_MOST_COLUMNS, 0, -1):
            sheet = _sheet(balanced(groups, count))
            if sheet.sizeHint().width() + _FRAME <= self._room:
                break
        self._scroll.setWidget(sheet)
        return sheet

    def _groups(self) -> list[Group]:
        """Titles, and keys beside what they do."""
        groups: list[Group] = []
        for title, names in _GROUPS.items():
            shown = self._others() if title == OTHERS else names.split()
            rows = [(self._keys(name), self._text(name)) for name in shown]
            groups.append((title, list(_TIMELINE) if title == TIMELINE else rows))
        return groups

    def _others(self) -> list[str]:
        named = {name for names in _GROUPS.values() for name in names.split()}
        named |= {f"arm_{digit}" for digit in DIGITS}
        return [name for name in self._actions if name not in named]

    def _keys(self, name: str) -> str:
        bindings = self._actions.bindings
        if name != "arm_1":
            return bindings.text(name) or "none"
        return " ".join(bindings.text(f"arm_{digit}") for digit in DIGITS)

    def _text(self, name: str) -> str:
        return "Arm a candidate" if name == "arm_1" else self._actions.title(name)


def balanced(groups: Sequence[Group], count: int) -> list[Sequence[Group]]:
    """The groups in their order, in so many columns that the longest is as short as can be."""

    def columns(cuts: tuple[int, ...]) -> list[Sequence[Group]]:
        return [groups[onset:offset] for onset, offset in pairwise((0, *cuts, len(groups)))]

    def longest(cuts: tuple[int, ...]) -> int:
        return max(sum(len(rows) + _HEADING for _, rows in column) for column in columns(cuts))

    return columns(min(combinations(range(1, len(groups)), count - 1), key=longest))


def _sheet(columns: Sequence[Sequence[Group]]) -> QWidget:
    sheet = QWidget()
    beside = QHBoxLayout(sheet)
    beside.setSpacing(36)
    for groups in columns:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(4)
        for title, rows in groups:
            _add_group(grid, title, rows)
        grid.setRowStretch(grid.rowCount(), 1)
        beside.addLayout(grid)
    return sheet


def _add_group(grid: QGridLayout, title: str, rows: Sequence[tuple[str, str]]) -> None:
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
