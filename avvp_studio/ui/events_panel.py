"""The clip in view: what it is, its video-level labels, and every label on its timeline."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedWidget, QTableView, QVBoxLayout, QWidget

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.media.probe import MediaInfo
from avvp_studio.ui.chips import Chips
from avvp_studio.ui.events_model import CATEGORY_COLUMN, EventsModel
from avvp_studio.ui.names import display_name
from avvp_studio.ui.theme import Theme, category_colour
from avvp_studio.workspace import Workspace

_WIDTHS = {0: 28, 2: 42, 3: 42, 4: 60, 5: 54}

NO_LABELS = (
    "No labels yet.\n\nArm a category with a digit key and drag along its lanes: "
    "right where it is there, left where it is not."
)


class EventsPanel(QWidget):
    """Follows the workspace; a click on a label chooses it, Delete forgets the chosen ones."""

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
        self._table.forget_requested.connect(self.forget_chosen)
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

    def set_media(self, info: MediaInfo | None) -> None:
        """Say what the clip's file holds, once it is known."""
        clip = self._workspace.clip
        self._facts.setText(_facts(clip, info) if clip else "")

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
        self.set_media(None)
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
    """A plain table whose Delete key is its own, before any shortcut of the window."""

    forget_requested = Signal()

    def __init__(self) -> None:
        super().__init__(showGrid=False, wordWrap=False)
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

    def fit_columns(self) -> None:
        """Fixed widths for all but the category, which takes what is left."""
        head = self.horizontalHeader()
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(CATEGORY_COLUMN, QHeaderView.ResizeMode.Stretch)
        head.setSortIndicator(CATEGORY_COLUMN, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_delete(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_delete(event):
            self.forget_requested.emit()
        else:
            super().keyPressEvent(event)


def _is_delete(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


def _facts(clip: Clip, info: MediaInfo | None) -> str:
    parts = [clip.split, f"{clip.duration:.1f} s"]
    if info is not None and info.video is not None:
        video = info.video
        parts += [f"{video.width}×{video.height}", f"{video.fps:.4g} fps", video.codec]
    if info is not None:
        parts.append(info.audio.codec if info.audio is not None else "no sound")
    if clip.is_complete:
        parts.append("complete truth")
    return " · ".join(parts)
