"""The clip in view: picture, transport and timeline, in step with the player and the workspace."""

from __future__ import annotations

import os.path
from collections.abc import Mapping

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from avvp_studio.domain.project import Clip
from avvp_studio.player import Player
from avvp_studio.soundtrack import Soundtrack
from avvp_studio.ui.actions import DIGITS, Actions
from avvp_studio.ui.row_bar import RowBar
from avvp_studio.ui.shortcuts import keys_text
from avvp_studio.ui.theme import Theme
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.timeline import Timeline
from avvp_studio.ui.transport import Transport
from avvp_studio.ui.video_view import VideoView
from avvp_studio.workspace import Workspace

_STEPS = ("second_back", "frame_back", "play", "frame_forward", "second_forward")
_ALWAYS = ("loop", "mute")


class ClipView(QWidget):
    """Draws what workspace, player and soundtrack say, and hands them what the user does."""

    locate_requested = Signal(str)
    """Where is the video of the clip of this name?"""
    rows_changed = Signal(object)
    """The categories of interest, in the order shown: the digits arm the first ten."""

    def __init__(
        self, workspace: Workspace, player: Player, soundtrack: Soundtrack, actions: Actions, theme: Theme
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._player = player
        self._soundtrack = soundtrack
        self._actions = actions
        self._theme = theme
        self._rows: tuple[str, ...] = ()
        self._said: tuple[object, ...] = ()
        self._reasons: Mapping[str, str] = {}
        self._no_tracks = ""
        self.content: TimelineContent | None = None
        self._shows_all = False
        self.video = VideoView(theme)
        self.transport = Transport([actions[name] for name in _STEPS], [actions[name] for name in _ALWAYS])
        self.row_bar = RowBar(theme)
        self.timeline = Timeline()
        self.timeline.set_theme(theme)
        self._splitter = self._arrange()
        self._connect_workspace()
        self._connect_player()
        self._connect_widgets()
        self._on_project_changed()
        self._on_clip_changed()

    def _arrange(self) -> QSplitter:
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.transport)
        column.addWidget(self.row_bar)
        column.addWidget(self.timeline, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False, handleWidth=5)
        splitter.addWidget(self.video)
        splitter.addWidget(lower)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 4)
        splitter.setSizes([300, 420])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)
        return splitter

    def _connect_workspace(self) -> None:
        workspace = self._workspace
        workspace.project_changed.connect(self._on_project_changed)
        workspace.clip_changed.connect(self._on_clip_changed)
        workspace.events_changed.connect(self._show_content)
        workspace.tracks_changed.connect(self._show_content)
        workspace.armed_changed.connect(self._on_armed_changed)
        workspace.selection_changed.connect(self._on_selection_changed)

    def _connect_player(self) -> None:
        player, transport = self._player, self.transport
        player.frame_changed.connect(self.video.show_frame)
        player.position_changed.connect(self._on_position_changed)
        player.playing_changed.connect(lambda is_on: self._actions.set_checked("play", is_on, self._theme))
        player.rate_changed.connect(transport.set_rate)
        player.media_changed.connect(self._on_media_changed)
        player.failed.connect(self._on_player_failed)
        self._soundtrack.peaks_changed.connect(self._on_peaks_changed)
        transport.rate_chosen.connect(player.set_rate)
        self._actions["loop"].toggled.connect(lambda: self._apply_loop())
        self._actions["mute"].toggled.connect(self._on_mute_toggled)

    def _connect_widgets(self) -> None:
        workspace, timeline, bar = self._workspace, self.timeline, self.row_bar
        timeline.seek_requested.connect(self._player.seek)
        timeline.scrub_requested.connect(self._player.scrub)
        timeline.selection_requested.connect(workspace.select)
        timeline.arm_requested.connect(workspace.arm)
        bar.all_chosen.connect(self._on_all_chosen)
        bar.category_chosen.connect(workspace.arm)
        bar.disarm_requested.connect(lambda: workspace.arm(None))
        bar.left.connect(timeline.setFocus)
        self.video.locate_requested.connect(self._on_locate_requested)

    @property
    def rows(self) -> tuple[str, ...]:
        """The categories of interest, in the order that the digits arm them."""
        return self._rows

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for part in (self.video, self.row_bar, self.timeline):
            part.set_theme(theme)
        self._on_armed_changed()

    def save_state(self) -> QByteArray:
        return self._splitter.saveState()

    def restore_state(self, state: QByteArray) -> None:
        self._splitter.restoreState(state)

    def show_advice(self) -> None:
        """Without a clip: say how to come to one."""
        if self._workspace.project is None:
            self.video.show_no_clip("Open or make a project in the File menu.")
        elif self._workspace.clips:
            self.video.show_no_clip("Choose one in the library.")
        else:
            keys = keys_text("add_videos")
            self.video.show_no_clip(f"Add videos in the File menu ({keys}), or drop them on the window.")

    def show_reasons(self, reasons: Mapping[str, str], otherwise: str) -> None:
        """Say why clips have no tracks, by name, and what holds for the others."""
        self._reasons, self._no_tracks = reasons, otherwise
        self._show_content()

    def show_range(self, onset: float, offset: float) -> None:
        """Select a range and go to where it begins."""
        self._workspace.select((onset, offset))
        self._player.seek(onset)

    def _on_project_changed(self) -> None:
        project = self._workspace.project
        self.row_bar.set_categories(project.categories if project else ())

    def _on_clip_changed(self) -> None:
        clip = self._workspace.clip
        self._rows = ()
        self.transport.set_duration(clip.duration if clip else 0.0)
        self._show_content()
        self.timeline.zoom_to_fit()
        if clip is None:
            self._player.close()
            self._soundtrack.clear()
            self.rows_changed.emit(self._rows)
            self.show_advice()
            return
        self.video.show_waiting()
        media = clip.media if clip.media is not None and os.path.isfile(clip.media) else None
        self._player.open(media, clip.duration)
        self._apply_loop()
        if self._workspace.paths is not None:
            self._soundtrack.request(clip.name, media, self._workspace.paths.peaks)
        if media is None:
            self.video.show_missing(clip.name, clip.media)

    def _show_content(self) -> None:
        clip, project = self._workspace.clip, self._workspace.project
        if clip is None or project is None:
            self._show(None)
            return
        self._update_rows()
        rows = project.categories if self._shows_all or not self._rows else self._rows
        said = (clip, self._workspace.events, self._workspace.tracks, rows, self._why_no_tracks(clip))
        if said != self._said or self.content is None:  # opening a clip is told by several signals, drawn once
            self._said = said
            self._show(self._read(clip, project.categories, rows))

    def _show(self, content: TimelineContent | None) -> None:
        self.content = content
        self.timeline.set_content(content)

    def _read(self, clip: Clip, categories: tuple[str, ...], rows: tuple[str, ...]) -> TimelineContent:
        return TimelineContent(
            duration=clip.duration,
            segments=clip.segments,
            categories=categories,
            rows=rows,
            states=self._workspace.states,
            tracks=self._workspace.tracks,
            video_labels=clip.video_labels,
            events=self._workspace.events,
            no_tracks=self._why_no_tracks(clip),
        )

    def _why_no_tracks(self, clip: Clip) -> str:
        reason = self._reasons.get(clip.name, "")
        if clip.media is not None:
            reason = reason.removeprefix(f"{clip.media}: ")  # there is little room
        if reason.startswith(("is ", "has ", "cannot ")):
            reason = f"the file {reason}"
        return f"No tracks: {reason}" if reason else self._no_tracks

    def _update_rows(self) -> None:
        """Rows keep their place, and so their digits, while a clip is open; new ones go to the end."""
        armed = self._workspace.armed
        wanted = (*self._rows, *self._workspace.candidates(), *((armed,) if armed else ()))
        self._rows = tuple(dict.fromkeys(wanted))
        self.timeline.set_digits(dict(zip(self._rows, DIGITS, strict=False)))
        self.rows_changed.emit(self._rows)

    def _on_armed_changed(self) -> None:
        armed, project = self._workspace.armed, self._workspace.project
        if armed and armed not in self._rows:
            self._show_content()
        index = project.categories.index(armed) if project and armed in project.categories else 0
        self.timeline.set_armed(armed)
        self.row_bar.show_armed(armed, index)

    def _on_selection_changed(self) -> None:
        selection = self._workspace.selection
        self.timeline.set_selection(selection)
        self.row_bar.show_selection(selection)
        self._apply_loop()

    def _apply_loop(self) -> None:
        clip = self._workspace.clip
        if clip is None or not self._actions["loop"].isChecked():
            self._player.set_loop(None)
            return
        onset, offset = self._workspace.selection or (0.0, clip.duration)
        self._player.set_loop((onset, min(offset, clip.duration)))

    def _on_mute_toggled(self, is_muted: bool) -> None:
        self._player.set_muted(is_muted)
        self._actions.set_checked("mute", is_muted, self._theme)

    def _on_all_chosen(self, shows_all: bool) -> None:
        self._shows_all = shows_all
        self._show_content()

    def _on_position_changed(self, position: float) -> None:
        self.timeline.set_playhead(position)
        self.transport.set_position(position)

    def _on_media_changed(self) -> None:
        info, clip = self._player.info, self._workspace.clip
        if clip is not None and info is not None and info.video is None:
            self.video.show_no_picture(clip.name)

    def _on_player_failed(self, text: str) -> None:
        if not self.video.has_picture:  # with one, only the sound failed, which the message bar says
            self.video.show_error(text.partition("\n")[0])

    def _on_peaks_changed(self) -> None:
        self.timeline.set_peaks(self._soundtrack.peaks, self._soundtrack.note)

    def _on_locate_requested(self) -> None:
        if self._workspace.clip is not None:
            self.locate_requested.emit(self._workspace.clip.name)
