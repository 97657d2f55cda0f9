"""The clip in view: what it is, its video-level labels, and every label on its timeline."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedWidget, QTableView, QVBoxLayout, QWidget

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.media.probe import MediaInfo
from avvp_studio.ui.chips import Chips
from avvp_studio.ui.events_model import CATEGORY_COLUMN, EventsModel, seconds_text
from avvp_studio.ui.names import display_name
from avvp_studio.ui.theme import Theme, category_colour
from avvp_studio.workspace import Workspace

_AUTHOR = 5
_LEAST_CATEGORY = 64
_TIMES = (2, 3)
_FIRST_TO_GO = (_AUTHOR, 3)
_LEAST_TIME = 42
_PADDING = 6
"""Pixels beside the text of a cell, as the style sheet has it."""

NO_LABELS = (
    "No labels yet.\n\nArm a category with the key beside its name, and drag along its lanes: "
    "right where it is there, left where it is not."
)


class EventsPanel(QWidget):
    """Follows the workspace; a click on a label chooses it."""

    label_chosen = Signal(object)
    """An Event was clicked: show it."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._workspace = workspace
        self._name = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._facts = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._chips = Chips(theme)
        self._labels = EventsModel(theme)
        self._table = EventsTable()
        self._empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._pages = QStackedWidget()
        self._arrange()
        self._table.clicked.connect(self._on_clicked)
        self._table.activated.connect(self._on_clicked)
        workspace.clip_changed.connect(self._on_clip_changed)
        workspace.events_changed.connect(self._on_events_changed)
        self._on_clip_changed()

    def _arrange(self) -> None:
        self._name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._name.setStyleSheet("font-weight: 600;")
        for label in (self._facts, self._empty):
            label.setProperty("role", "muted")
        self._empty.setContentsMargins(16, 0, 16, 0)
        self._table.setModel(self._labels)
        self._table.fit_columns()
        self._table.setAccessibleName("Labels of the clip")
        top = QVBoxLayout()
        top.setContentsMargins(12, 10, 12, 10)
        top.setSpacing(6)
        for part in (self._name, self._facts, self._chips):
            top.addWidget(part)
        self._pages.addWidget(self._table)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._pages, 1)

    @property
    def empty_text(self) -> str:
        """What stands in place of the table; empty while there are labels."""
        return self._empty.text() if self._pages.currentIndex() else ""

    @property
    def facts(self) -> str:
        return self._facts.text()

    def set_media(self, info: MediaInfo | None, size: tuple[int, int] | None = None) -> None:
        """Say what the clip's file holds, once it is known; `size` is that of the picture as it is seen."""
        clip = self._workspace.clip
        self._facts.setText(_facts(clip, info, size) if clip else "")

    def set_theme(self, theme: Theme) -> None:
        self._labels.set_theme(theme)
        self._chips.set_theme(theme)

    def forget_chosen(self) -> None:
        """Take the labels back whose rows are chosen, in one edit."""
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        chosen = tuple(self._labels.events[row] for row in rows)
        if chosen:
            what = f"{display_name(chosen[0].category)} label" if len(chosen) == 1 else f"{len(chosen)} labels"
            self._workspace.apply(Edit(chosen, (), f"forget {what}"))

    def _on_clip_changed(self) -> None:
        clip = self._workspace.clip
        self._name.setText(clip.name if clip else "")
        self._name.setToolTip(clip.name if clip else "")
        self._name.setVisible(clip is not None)
        self._chips.set_words(self._chip_words(clip) if clip else ())
        self._table.fit_times(clip.duration if clip else 0.0)
        self.set_media(None)
        self._labels.set_events(())  # one that is chosen is not chosen in another clip that has the same
        self._on_events_changed()

    def _chip_words(self, clip: Clip) -> list[tuple[str, str]]:
        project = self._workspace.project
        categories = project.categories if project else ()
        known = [(name, category_colour(i)) for i, name in enumerate(categories) if name in clip.video_labels]
        return [(display_name(name), colour) for name, colour in known]

    def _on_events_changed(self) -> None:
        self._labels.set_events(self._workspace.events)
        clip = self._workspace.clip
        if clip is None:
            self._empty.setText("No clip is open.")
        else:
            self._empty.setText(NO_LABELS)
        self._pages.setCurrentIndex(0 if self._labels.events else 1)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.label_chosen.emit(self._labels.events[index.row()])


class EventsTable(QTableView):
    """A plain table of whole rows."""

    def __init__(self) -> None:
        super().__init__(showGrid=False, wordWrap=False)
        self._widths = {0: 28, _TIMES[0]: _LEAST_TIME, _TIMES[1]: _LEAST_TIME, 4: 60, _AUTHOR: 48}
        self.setTabKeyNavigation(False)
        self.setObjectName("labels")
        self.setIconSize(QSize(15, 15))
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setMinimumSectionSize(20)

    def resizeEvent(self, resized: QResizeEvent) -> None:
        self._fit_room()
        super().resizeEvent(resized)

    def _fit_room(self) -> None:
        """In a narrow panel what a label is of stays: first who said it goes, then when it ends."""
        room = self.viewport().width() - sum(self._widths.values())
        for column in _FIRST_TO_GO:
            self.setColumnHidden(column, room < _LEAST_CATEGORY)
            room += self._widths[column] if room < _LEAST_CATEGORY else 0

    def fit_times(self, duration: float) -> None:
        """Room for the times of a clip that long."""
        longest = seconds_text(int(duration) + 0.75)
        width = self.fontMetrics().horizontalAdvance(longest) + 2 * _PADDING
        for column in _TIMES:
            self._widths[column] = max(_LEAST_TIME, width)
            self.setColumnWidth(column, self._widths[column])
        self._fit_room()

    def fit_columns(self) -> None:
        """Fixed widths for all but the category, which takes what is left."""
        head = self.horizontalHeader()
        for column, width in self._widths.items():
            self.setColumnWidth(column, width)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(CATEGORY_COLUMN, QHeaderView.ResizeMode.Stretch)
        head.setSortIndicator(CATEGORY_COLUMN, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)


def _facts(clip: Clip, info: MediaInfo | None, size: tuple[int, int] | None) -> str:
    parts = [clip.split, f"{clip.duration:.1f} s"]
    if info is not None and info.video is not None:
        video = info.video
        width, height = size or (video.width, video.height)
        parts += [f"{width}×{height}", f"{video.fps:.4g} fps", video.codec]
    if info is not None:
        parts.append(info.audio.codec if info.audio is not None else "no sound")
    if clip.is_complete:
        parts.append("complete truth")
    return " · ".join(parts)
