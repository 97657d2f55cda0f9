"""The library: every clip of the project, found by its name, its labels, its split and its status."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSettings, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.ui.library_delegate import ROW_HEIGHT, ClipDelegate
from avvp_studio.ui.library_filter import ClipFilter, Status
from avvp_studio.ui.library_model import ClipModel
from avvp_studio.ui.library_order import ClipOrder
from avvp_studio.ui.library_order_button import LibraryOrderButton
from avvp_studio.ui.search_field import SearchField
from avvp_studio.ui.theme import Theme
from avvp_studio.workspace import Workspace
from trainer.annotations import SPLITS

NO_PROJECT = "No clips yet.\nOpen or make a project in the File menu."
NO_MATCH = "No clip matches this filter."
NO_CLIPS = "No clips yet.\nAdd videos in the File menu, or drop them here."


class LibraryPanel(QWidget):
    """Lists clips, follows the open one and opens another; tells the workspace the order that is in view."""

    left = Signal()
    """A clip was opened from the filter: the keys should go to it."""

    def __init__(self, workspace: Workspace, theme: Theme, settings: QSettings) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._workspace = workspace
        self._clips = ClipModel()
        self._delegate = ClipDelegate(theme, self)
        self._search = SearchField(placeholderText="Filter by name or category", clearButtonEnabled=True)
        self._split = QComboBox()
        self._status = QComboBox()
        self._order = LibraryOrderButton(theme, settings)
        self._count = QLabel()
        self._list = _Rows()
        self._empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._show_all = QPushButton("Show all clips")
        self._advice = ""
        self._pages = QStackedWidget()
        self._fill_choices()
        self._arrange()
        self._connect()
        self._clips.set_order(self._order.order)
        self._clips.set_clips(workspace.clips, workspace.edited)
        self._show_rows()

    def _fill_choices(self) -> None:
        self._split.addItem("All splits", "")
        for split in SPLITS:
            self._split.addItem(split, split)
        for status in Status:
            self._status.addItem(status.value, status)
        self._search.setAccessibleName("Filter the library")
        self._list.setAccessibleName("Clips")
        self._split.setToolTip("Show one split only")
        self._split.setAccessibleName("Split")
        self._status.setToolTip("Show clips of one status only")
        self._status.setAccessibleName("Status")
        for choice in (self._split, self._status):
            choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _arrange(self) -> None:
        self._list.setModel(self._clips)
        self._list.setItemDelegate(self._delegate)
        self._count.setProperty("role", "muted")
        self._empty.setProperty("role", "muted")
        title = QLabel("Library")
        title.setProperty("role", "heading")
        head, search, choices, column = QHBoxLayout(), QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self._count)
        search.setSpacing(4)
        search.addWidget(self._search, 1)
        search.addWidget(self._order)
        choices.setSpacing(4)
        choices.addWidget(self._split, 1)
        choices.addWidget(self._status, 1)
        top = QVBoxLayout()
        top.setContentsMargins(10, 8, 10, 8)
        top.setSpacing(6)
        top.addLayout(head)
        top.addLayout(search)
        top.addLayout(choices)
        self._pages.addWidget(self._list)
        self._pages.addWidget(self._arrange_empty())
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._pages, 1)

    def _arrange_empty(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self._empty)
        column.addWidget(self._show_all, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_filter_changed)
        self._split.currentIndexChanged.connect(self._on_filter_changed)
        self._status.currentIndexChanged.connect(self._on_filter_changed)
        self._order.order_chosen.connect(self.sort)
        self._show_all.clicked.connect(self._on_show_all_clicked)
        self._search.returnPressed.connect(self._on_search_entered)
        self._search.left_downwards.connect(self._on_search_left)
        self._search.escaped.connect(self._on_search_left)
        self._list.clicked.connect(self._open)
        self._list.activated.connect(self._open)
        self._workspace.project_changed.connect(self._on_project_changed)
        self._workspace.clips_changed.connect(self._on_clips_changed)
        self._workspace.clip_changed.connect(self._on_clip_changed)

    @property
    def names(self) -> tuple[str, ...]:
        """The clips in view, in order."""
        return self._clips.names

    @property
    def count_text(self) -> str:
        return self._count.text()

    @property
    def advice(self) -> str:
        """What stands in place of the clips."""
        return self._empty.text()

    def focus_search(self) -> None:
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def choose_order(self) -> None:
        """Let a person say by what the clips are sorted."""
        self._order.open()

    def set_advice(self, text: str) -> None:
        """What stands in place of the clips while there are none; "" for how to come to some."""
        self._advice = text
        self._show_rows()

    def set_theme(self, theme: Theme) -> None:
        self._delegate.theme = theme
        self._order.set_theme(theme)
        self._list.viewport().update()

    def _on_project_changed(self) -> None:
        self._clips.set_clips(self._workspace.clips, self._workspace.edited)
        self._show_rows()

    def _on_clips_changed(self) -> None:
        if self._clips.set_clips(self._workspace.clips, self._workspace.edited):
            self._show_rows()

    def _on_filter_changed(self) -> None:
        chosen = ClipFilter(
            self._search.text().strip(), self._split.currentData(), Status(self._status.currentData())
        )
        if self._clips.set_filter(chosen):
            self._show_rows()

    def sort(self, order: ClipOrder) -> None:
        """List the clips in another order."""
        self._clips.set_order(order)
        self._show_rows()

    def _on_show_all_clicked(self) -> None:
        self._search.clear()
        for choice in (self._split, self._status):
            choice.setCurrentIndex(0)
        self._list.setFocus()

    def _show_rows(self) -> None:
        shown, total = self._clips.rowCount(), self._clips.total
        self._count.setText(f"{shown:,} of {total:,} clips" if total else "")
        advice = self._advice or (NO_PROJECT if self._workspace.project is None else NO_CLIPS)
        self._empty.setText(NO_MATCH if total else advice)
        self._show_all.setVisible(total > 0)
        self._pages.setCurrentIndex(0 if shown else 1)
        self._workspace.set_order(self._clips.names)
        self._on_clip_changed()

    def _on_clip_changed(self) -> None:
        clip = self._workspace.clip
        index = self._clips.set_current(clip.name if clip else "")
        if index.isValid():
            self._list.setCurrentIndex(index)
            self._list.scrollTo(index)

    def _on_search_entered(self) -> None:
        if self._clips.rowCount():
            self._open(self._clips.index(0))
            self.left.emit()

    def _on_search_left(self) -> None:
        self._list.setFocus()
        if not self._list.currentIndex().isValid() and self._clips.rowCount():
            self._list.setCurrentIndex(self._clips.index(0))

    def _open(self, index: QModelIndex) -> None:
        name = self._clips.clip(index).name
        if self._workspace.clip is None or self._workspace.clip.name != name:
            self._workspace.open_clip(name)


class _Rows(QTableView):
    """A list as a table of one column: QListView asks for every row whenever one changes."""

    def __init__(self) -> None:
        super().__init__(showGrid=False, wordWrap=False)
        self.setObjectName("clips")
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for header in (self.verticalHeader(), self.horizontalHeader()):
            header.hide()
