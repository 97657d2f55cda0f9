"""The main window: docks, menus and a status line around the clip in view, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from avvp_studio.pictures import Pictures
from avvp_studio.player import Player
from avvp_studio.proxies import Proxies
from avvp_studio.soundtrack import Soundtrack
from avvp_studio.ui.actions import DIGITS, Actions
from avvp_studio.ui.announcing import Announcing, announce
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.banding import Banding
from avvp_studio.ui.clip_view import ClipView
from avvp_studio.ui.events_panel import EventsPanel
from avvp_studio.ui.export_dialog import ExportDialog
from avvp_studio.ui.file_drops import FileDrops
from avvp_studio.ui.full_screen import FullScreen
from avvp_studio.ui.help import TITLE, Help
from avvp_studio.ui.hint_label import HintLabel
from avvp_studio.ui.holding import Holding
from avvp_studio.ui.icons import application_icon
from avvp_studio.ui.jobs.job_panel import JobPanel
from avvp_studio.ui.keys.bindings import Bindings
from avvp_studio.ui.keys.focus_keys import FocusKeys
from avvp_studio.ui.labelling import Labelling
from avvp_studio.ui.library_panel import LibraryPanel
from avvp_studio.ui.looking import Looking
from avvp_studio.ui.message_bar import MessageBar
from avvp_studio.ui.names import display_name
from avvp_studio.ui.new_project_dialog import NewProjectDialog
from avvp_studio.ui.playing import Playing
from avvp_studio.ui.shortcuts import Scope
from avvp_studio.ui.shown_rows import ShownRows
from avvp_studio.ui.theme import Theme
from avvp_studio.ui.thresholding import Thresholding
from avvp_studio.ui.tracks_menu import TracksMenu
from avvp_studio.workspace import Workspace
from trainer.labels import Event

_HINT_MS = 6000
_LET_GO = "Let go: the videos are added."
_LAYOUT_VERSION = 1


class MainWindow(QMainWindow):
    """Shows a workspace. What takes long or touches files it asks for by signal; somebody else does it."""

    open_requested = Signal(object)
    """A project folder (Path) was chosen."""
    new_project_requested = Signal(object)
    """A NewProjectRequest."""
    videos_requested = Signal(object)
    """Videos are to be added: those at these places (tuple of Path), or none chosen yet."""
    tracks_requested = Signal()
    """Tracks are wanted without any training."""
    joint_tracks_requested = Signal()
    """The same, by CLIP and CLAP."""
    export_requested = Signal(object)
    """An ExportRequest."""
    save_sound_requested = Signal(object)
    """The sound of the selection is wanted in this file (Path)."""
    train_requested = Signal()
    """Somebody wants to train on the labels as they are."""

    def __init__(
        self,
        workspace: Workspace,
        player: Player,
        soundtrack: Soundtrack,
        proxies: Proxies,
        pictures: Pictures,
        jobs_panel: JobPanel | None,
        appearance: Appearance,
        settings: QSettings,
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self.pictures = pictures
        self._settings = settings
        self._appearance = appearance
        self._jobs_panel = jobs_panel
        self._clip_actions: list[str] = []
        self.setWindowIcon(application_icon())
        self.bindings = Bindings(settings, self)
        self.actions_by_name = Actions(self, appearance, self.bindings)
        self.message_bar = MessageBar(appearance.theme)
        self.shown_rows = ShownRows(workspace, settings, self)
        self.clip_view = ClipView(
            workspace, player, soundtrack, proxies, self.actions_by_name, self.shown_rows, appearance.theme
        )
        self.library = LibraryPanel(workspace, appearance.theme, settings)
        self.events_panel = EventsPanel(workspace, appearance.theme)
        self.labelling = Labelling(workspace, player, lambda: self.shown_rows.rows, self)
        self.holding = Holding(self.labelling, self.actions_by_name, settings, self)
        self._tabs = QTabWidget(documentMode=True)
        self._arrange()
        self.full_screen = FullScreen(self, self.clip_view, (self._library_dock, self._side_dock))
        timeline = self.clip_view.timeline
        banding = Banding(timeline, workspace, pictures, self.actions_by_name, self.shown_rows, settings)
        banding.hinted.connect(self._on_hinted)
        Looking(self.clip_view.video, player, proxies, self.actions_by_name, settings)
        self.actions_by_name.bind(self.clip_view.row_commands())
        self._clip_actions += self.clip_view.row_commands()
        self._bind_thresholds()
        self._bind(Playing(workspace, player, self.actions_by_name, settings))
        self._connect(player, soundtrack, proxies)
        self._on_rows_changed(self.clip_view.rows)
        self._on_clip_changed()
        Announcing(workspace, timeline, partial(announce, timeline))
        self._restore_layout()
        self._watch_keys()
        self.clip_view.timeline.setFocus()

    def _arrange(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.message_bar)
        column.addWidget(self.clip_view, 1)
        self._tabs.setAccessibleName("Labels and jobs")
        self._tabs.addTab(self.events_panel, "Labels")
        if self._jobs_panel is not None:
            self._tabs.addTab(self._jobs_panel, self._jobs_panel.title)
        # The Tab key follows the order in which the parts come into the window: from left to right.
        self._library_dock = self._add_dock("Library", self.library, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCentralWidget(centre)
        self._side_dock = self._add_dock("Labels and jobs", self._tabs, Qt.DockWidgetArea.RightDockWidgetArea)
        self.resizeDocks([self._library_dock, self._side_dock], [250, 290], Qt.Orientation.Horizontal)
        self.actions_by_name.fill_menus(self.menuBar(), TracksMenu(self._workspace, self))
        self._hint = HintLabel(self._workspace, self.actions_by_name)
        self._project_status = QLabel()
        self.statusBar().addWidget(self._hint, 1)
        self.statusBar().addPermanentWidget(self._project_status)
        self.statusBar().setSizeGripEnabled(False)

    def _add_dock(self, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        dock.setTitleBarWidget(QWidget())  # the panels have headings of their own
        dock.setWidget(content)
        content.setMinimumWidth(210)
        self.addDockWidget(area, dock)
        return dock

    def _bind(self, playing: Playing) -> None:
        timeline = self.clip_view.timeline
        self._help = Help(self, self._workspace, self.actions_by_name, self._appearance, self._settings)
        self.actions_by_name.bind(self._help.commands() | self.holding.commands())
        for commands in (playing.commands(), self.labelling.commands() | {"escape": self._on_escape_triggered}):
            self.actions_by_name.bind(commands)
            self._clip_actions += commands
        self.actions_by_name.bind(
            {
                "open": self._on_open_triggered,
                "new": self._on_new_triggered,
                "add_videos": lambda: self.videos_requested.emit(()),
                "export": self._on_export_triggered,
                "save_sound": self._on_save_sound_triggered,
                "quit": self.close,
                "train": self.train_requested.emit,
                "find_tracks": self.tracks_requested.emit,
                "find_joint_tracks": self.joint_tracks_requested.emit,
                "jobs": self.show_jobs,
                "search_category": self.clip_view.search_category,
                "search_clip": self._on_search_clip_triggered,
                "sort_clips": self._on_sort_clips_triggered,
                "zoom_in": timeline.zoom_in,
                "zoom_out": timeline.zoom_out,
                "zoom_fit": timeline.zoom_to_fit,
                "full_screen": self.full_screen.toggle,
                "forget_labels": self.events_panel.forget_chosen,
            }
        )

    def _bind_thresholds(self) -> None:
        thresholding = Thresholding(self._workspace, self.actions_by_name, self._settings, self)
        self.actions_by_name.bind(thresholding.commands())
        self._clip_actions += thresholding.commands()
        thresholding.hinted.connect(self._on_hinted)
        self.clip_view.timeline.threshold_requested.connect(thresholding.carry_out)
        self.clip_view.score_bar.set_wanted(self.actions_by_name["scores"].isChecked())
        self.actions_by_name["scores"].toggled.connect(self.clip_view.score_bar.set_wanted)

    def _connect(self, player: Player, soundtrack: Soundtrack, proxies: Proxies) -> None:
        workspace, actions = self._workspace, self.actions_by_name
        workspace.project_changed.connect(self._on_clip_changed)
        workspace.clip_changed.connect(self._on_clip_changed)
        workspace.history_changed.connect(self._on_history_changed)
        for source in (workspace, proxies, self.shown_rows):
            source.failed.connect(self.message_bar.show_error)
        say = self.message_bar.show_error
        player.failed.connect(lambda text: say(text, is_passing=text == player.complaint))
        soundtrack.failed.connect(lambda text: say(text, is_passing=True))
        video, panel = self.clip_view.video, self.events_panel
        for told in (player.media_changed, video.placement_changed):
            told.connect(lambda: panel.set_media(player.info, video.picture_size.toTuple()))
        self.labelling.hinted.connect(self._on_hinted)
        self.shown_rows.hinted.connect(self._on_hinted)
        self.clip_view.timeline.label_requested.connect(self.labelling.carry_out)
        self.clip_view.timeline.drag_described.connect(self._hint.show_drag)
        self.holding.changed.connect(self.clip_view.timeline.set_held)
        self.holding.described.connect(self._hint.show_drag)
        actions["free"].toggled.connect(self._on_free_toggled)
        actions["free"].setChecked(self._settings.value("labelling/free", False, type=bool) is True)
        self.clip_view.rows_changed.connect(self._on_rows_changed)
        self.clip_view.video.double_clicked.connect(self.full_screen.toggle)
        self.clip_view.locate_requested.connect(self._on_locate_requested)
        self.events_panel.label_chosen.connect(self._on_label_chosen)
        self.library.left.connect(self.clip_view.timeline.setFocus)
        drops = FileDrops(self)
        drops.dropped.connect(self.videos_requested)
        drops.hovered.connect(lambda is_over: self.statusBar().showMessage(_LET_GO if is_over else ""))
        jobs = self._jobs_panel
        if jobs is not None:
            jobs.train_requested.connect(self.train_requested)
            jobs.title_changed.connect(lambda title: self._tabs.setTabText(self._tabs.indexOf(jobs), title))
        self._appearance.theme_changed.connect(self._on_theme_changed)
        for name, dock in (("library", self._library_dock), ("side", self._side_dock)):
            actions[name].toggled.connect(dock.setVisible)
            dock.visibilityChanged.connect(lambda _, name=name, dock=dock: self._show_dock_state(name, dock))

    def _watch_keys(self) -> None:
        parts = {
            Scope.TIMELINE: self.clip_view.timeline,
            Scope.PICTURE: self.clip_view.video,
            Scope.LIBRARY: self.library,
            Scope.LABELS: self.events_panel,
        }
        FocusKeys(parts, self.actions_by_name, self)
        if self.bindings.problem:
            self.message_bar.show_error(self.bindings.problem)

    def show_jobs(self) -> None:
        """Bring the jobs to the front."""
        if self._jobs_panel is not None:
            self._side_dock.show()
            self._tabs.setCurrentWidget(self._jobs_panel)

    def show_making(self, title: str, detail: str, done: int, total: int) -> None:
        """While there is no project yet: say in the middle what is being made, and how far it is."""
        self.clip_view.video.show_progress(title, detail, done, total)
        self.library.set_advice("The clips will be listed here.")

    def end_making(self) -> None:
        """Nothing is being made any more; without a project, say again how to come to one."""
        self.library.set_advice("")
        if self._workspace.project is None:
            self.clip_view.show_advice()

    def _on_escape_triggered(self) -> None:
        if self.full_screen.is_on:
            self.full_screen.leave()
        else:
            self.labelling.escape()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.full_screen.leave()
        self._settings.setValue("window/geometry", self.saveGeometry())
        self._settings.setValue("window/state", self.saveState(_LAYOUT_VERSION))
        self._settings.setValue("window/splitter", self.clip_view.save_state())
        self._settings.setValue("theme", self._appearance.choice)
        super().closeEvent(event)

    def _restore_layout(self) -> None:
        geometry, state, splitter = (
            self._settings.value(f"window/{key}") for key in ("geometry", "state", "splitter")
        )
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1280, 800)
        if state is not None:
            self.restoreState(state, _LAYOUT_VERSION)
        if splitter is not None:
            self.clip_view.restore_state(splitter)

    def _show_dock_state(self, name: str, dock: QDockWidget) -> None:
        self.actions_by_name[name].setChecked(not dock.isHidden())

    def _on_clip_changed(self) -> None:
        project, clip = self._workspace.project, self._workspace.clip
        self.message_bar.pass_on()
        self.setWindowTitle(
            " — ".join([*([clip.name] if clip else []), *([project.name] if project else []), TITLE])
        )
        self._project_status.setText(project.name if project else "No project is open")
        self._project_status.setToolTip(str(project.root) if project else "")
        for name in ("export", "train", "find_tracks", "find_joint_tracks"):
            self.actions_by_name[name].setEnabled(project is not None)
        for name in self._clip_actions:
            self.actions_by_name[name].setEnabled(clip is not None)
        self._on_history_changed()

    def _on_history_changed(self) -> None:
        texts = {"undo": self._workspace.undo_text, "redo": self._workspace.redo_text}
        for name, text in texts.items():
            action = self.actions_by_name[name]
            action.setEnabled(text is not None)
            action.setText(f"&{name.capitalize()} {text}" if text else f"&{name.capitalize()}")

    def _on_rows_changed(self, rows: tuple[str, ...]) -> None:
        self.labelling.set_candidates(rows)
        for i, digit in enumerate(DIGITS):
            if i < len(rows):
                self.actions_by_name[f"arm_{digit}"].setText(display_name(rows[i]))
        self.actions_by_name.show_candidates(min(len(rows), len(DIGITS)))

    def _on_hinted(self, text: str) -> None:
        self.statusBar().showMessage(self.actions_by_name.with_keys(text), _HINT_MS)

    def _on_free_toggled(self, is_free: bool) -> None:
        self.clip_view.timeline.set_free(is_free)
        self.labelling.subject.is_free = is_free
        self._settings.setValue("labelling/free", is_free)

    def _on_label_chosen(self, label: Event) -> None:
        self.clip_view.show_range(label.onset, label.offset)

    def _on_theme_changed(self, theme: Theme) -> None:
        self._settings.setValue("theme", self._appearance.choice)
        self.actions_by_name.set_theme(theme)
        for part in (self.message_bar, self.clip_view, self.library, self.events_panel):
            part.set_theme(theme)
        if self._jobs_panel is not None:
            self._jobs_panel.set_theme(theme)

    def _on_search_clip_triggered(self) -> None:
        self._library_dock.show()
        self.library.focus_search()

    def _on_sort_clips_triggered(self) -> None:
        self._library_dock.show()
        self.library.choose_order()

    def _on_open_triggered(self) -> None:
        project = self._workspace.project
        start = str(project.root.parent if project else Path.home())
        folder = QFileDialog.getExistingDirectory(self, "Open project", start)
        if folder:
            self.open_requested.emit(Path(folder))

    def _on_new_triggered(self) -> None:
        dialog = NewProjectDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.requested.connect(self.new_project_requested)
        dialog.open()

    def _on_export_triggered(self) -> None:
        if self._workspace.project is None:
            return
        dialog = ExportDialog(self._workspace.project.root, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.requested.connect(self.export_requested)
        dialog.open()

    def _on_save_sound_triggered(self) -> None:
        clip = self._workspace.clip
        if clip is None or clip.media is None:
            self.message_bar.show_error("There is no sound to save: open a clip whose video was found")
            return
        suggested = str(Path.home() / f"{clip.name}.wav")
        chosen, _ = QFileDialog.getSaveFileName(self, "Save sound", suggested, "Sound (*.wav *.flac *.ogg)")
        if chosen:
            self.save_sound_requested.emit(Path(chosen))

    def _on_locate_requested(self, name: str) -> None:
        # Videos lie together: begin where another clip's is.
        folders = (clip.media.parent for clip in self._workspace.clips if clip.media is not None)
        start = next((folder for folder in folders if folder.is_dir()), Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self, f"Where is the video of {name}?", str(start))
        if chosen:
            self._workspace.set_media(name, Path(chosen))
