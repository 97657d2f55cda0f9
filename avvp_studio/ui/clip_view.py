"""The clip in view: picture, transport and timeline, in step with the player and the workspace."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from avvp_studio.domain.clip_scores import ClipTruth
from avvp_studio.domain.project import Clip
from avvp_studio.player import Player
from avvp_studio.proxies import Proxies
from avvp_studio.soundtrack import Soundtrack
from avvp_studio.ui.actions import DIGITS, Actions
from avvp_studio.ui.proxy_bar import ProxyBar
from avvp_studio.ui.row_bar import RowBar
from avvp_studio.ui.score_bar import ScoreBar
from avvp_studio.ui.shown_rows import ShownRows
from avvp_studio.ui.theme import Theme
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.wishes import Resize
from avvp_studio.ui.timeline.timeline import Timeline
from avvp_studio.ui.transport import Transport
from avvp_studio.ui.video_view import VideoView
from avvp_studio.workspace import Workspace

RATE_TIP = "Playing rate  ({slower} slower, {faster} faster)"
ADD_VIDEOS = "Add videos in the File menu ({add_videos}), or drop them on the window."
_STEPS = ("second_back", "frame_back", "play", "frame_forward", "second_forward")
_TALLER = 1.25
_ALWAYS = ("loop", "mute", "full_screen")


class ClipView(QWidget):
    """Draws what workspace, player and soundtrack say, and hands them what the user does."""

    locate_requested = Signal(str)
    """Where is the video of the clip of this name?"""
    rows_changed = Signal(object)
    """The categories of interest, in the order shown: the digits arm the first ten."""

    def __init__(
        self,
        workspace: Workspace,
        player: Player,
        soundtrack: Soundtrack,
        proxies: Proxies,
        actions: Actions,
        rows: ShownRows,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._player = player
        self._soundtrack = soundtrack
        self._proxies = proxies
        self._actions = actions
        self._theme = theme
        self._shown_rows = rows
        self._said: tuple[object, ...] = ()
        self._reasons: Mapping[str, str] = {}
        self._no_tracks = ""
        self.content: TimelineContent | None = None
        self._shared_out: QByteArray | None = None  # how picture and timeline shared the room
        self.video = VideoView(theme)
        self.proxy_bar = ProxyBar(proxies, theme)
        self.transport = Transport([actions[name] for name in _STEPS], [actions[name] for name in _ALWAYS])
        self.row_bar = RowBar(theme, actions)
        self.score_bar = ScoreBar(theme, actions)
        self.timeline = Timeline()
        self.timeline.set_theme(theme)
        self._splitter = self._arrange()
        self._connect_workspace()
        self._connect_player()
        self._connect_widgets()
        self._on_project_changed()
        self._on_clip_changed()
        self._on_keys_changed()

    def _arrange(self) -> QSplitter:
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.proxy_bar)
        column.addWidget(self.transport)
        column.addWidget(self.row_bar)
        column.addWidget(self.score_bar)
        column.addWidget(self.timeline, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False, handleWidth=5)
        splitter.addWidget(self.video)
        splitter.addWidget(lower)
        splitter.setStretchFactor(0, 4)
        splitter.setStretchFactor(1, 7)
        splitter.setSizes([260, 490])
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
        self._shown_rows.changed.connect(self._on_rows_arranged)
        self._shown_rows.arranged.connect(self._show_arrangement)
        timeline.arrange_requested.connect(self._shown_rows.carry_out)
        bar.searched.connect(self._shown_rows.seek)
        timeline.tracks_tried.connect(self.score_bar.set_tracks)
        timeline.seek_requested.connect(self._player.seek)
        timeline.scrub_requested.connect(self._player.scrub)
        timeline.play_requested.connect(self._player.play_once)
        timeline.selection_requested.connect(workspace.select)
        timeline.arm_requested.connect(workspace.arm)
        bar.category_chosen.connect(workspace.arm)
        bar.disarm_requested.connect(lambda: workspace.arm(None))
        bar.left.connect(timeline.setFocus)
        self.video.locate_requested.connect(self._on_locate_requested)
        self._actions.bindings.changed.connect(self._on_keys_changed)

    @property
    def rows(self) -> tuple[str, ...]:
        """The categories of interest, in the order that the digits arm them."""
        return self._shown_rows.interest

    def row_commands(self) -> dict[str, Callable[[], object]]:
        """What the actions for rows do, by the action's name."""
        return self._shown_rows.commands() | {
            "row_taller": lambda: self._stretch_rows(_TALLER),
            "row_lower": lambda: self._stretch_rows(1 / _TALLER),
        }

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for part in (self.video, self.proxy_bar, self.row_bar, self.score_bar, self.timeline):
            part.set_theme(theme)
        self._on_armed_changed()

    def save_state(self) -> QByteArray:
        return self._splitter.saveState()

    def restore_state(self, state: QByteArray) -> None:
        self._splitter.restoreState(state)

    def show_timeline(self, is_shown: bool) -> None:
        """Show the timeline again, or leave its room to the picture."""
        if is_shown == self.timeline.isVisibleTo(self):
            return
        for part in (self.row_bar, self.timeline):
            part.setVisible(is_shown)
        self.score_bar.set_wanted(is_shown and self._actions["scores"].isChecked())
        if is_shown and self._shared_out is not None:
            self._splitter.restoreState(self._shared_out)
        else:
            self._shared_out = self._splitter.saveState()
            self._splitter.setSizes([self._splitter.height(), 0])

    def search_category(self) -> None:
        """Let a category be typed, also where the room is the picture's."""
        self.row_bar.show()
        self.row_bar.focus_search()

    def show_advice(self) -> None:
        """Without a clip: say how to come to one."""
        if self._workspace.project is None:
            self.video.show_no_clip("Open or make a project in the File menu.")
        elif self._workspace.clips:
            self.video.show_no_clip("Choose one in the library.")
        else:
            self.video.show_no_clip(self._actions.with_keys(ADD_VIDEOS))

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
        self._shown_rows.begin_clip()
        self.transport.set_duration(clip.duration if clip else 0.0)
        self._show_content()
        self.timeline.zoom_to_fit()
        if clip is None:
            self._player.close()
            self._soundtrack.clear()
            self._proxies.open(None, None)
            self.rows_changed.emit(self.rows)
            self.show_advice()
            return
        self.video.show_waiting()
        media = clip.media if clip.media is not None and os.path.isfile(clip.media) else None
        paths = self._workspace.paths
        proxy = self._proxies.open(media, paths.proxies if paths is not None else None)
        self._player.open(media, clip.duration, proxy)
        self._apply_loop()
        if paths is not None:
            self._soundtrack.request(clip.name, media, paths.peaks)
        if media is None:
            self.video.show_missing(clip.name, clip.media)

    def _show_content(self) -> None:
        clip, project = self._workspace.clip, self._workspace.project
        if clip is None or project is None:
            self._show(None)
            return
        self._update_rows()
        rows = self._shown_rows.rows
        said = (clip, self._workspace.events, self._workspace.tracks, rows, self._why_no_tracks(clip))
        if said != self._said or self.content is None:  # opening a clip is told by several signals, drawn once
            self._said = said
            self._show(self._read(clip, project.categories, rows))

    def _show(self, content: TimelineContent | None) -> None:
        self.content = content
        self.timeline.set_content(content)
        self._show_scores(content)

    def _show_scores(self, content: TimelineContent | None) -> None:
        clip = self._workspace.clip
        self.score_bar.set_tracks(content.tracks if content is not None else ())
        if content is None or clip is None:
            self.score_bar.set_truth(None)
        else:
            is_both = self._workspace.is_audio_visual_only
            self.score_bar.set_truth(ClipTruth(content.states, clip.is_complete, is_both))

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
            no_rows=self._shown_rows.no_rows,
        )

    def _why_no_tracks(self, clip: Clip) -> str:
        reason = self._reasons.get(clip.name, "")
        if clip.media is not None:
            reason = reason.removeprefix(f"{clip.media}: ")  # there is little room
        if reason.startswith(("is ", "has ", "cannot ")):
            reason = f"the file {reason}"
        return f"No tracks: {reason}" if reason else self._no_tracks

    def _update_rows(self) -> None:
        self._shown_rows.update()
        self._show_arm_keys()
        self._show_arrangement()
        self.rows_changed.emit(self.rows)

    def _show_arrangement(self) -> None:
        """Looks, sizes, and what the chooser says of them."""
        self.timeline.set_pinned(self._shown_rows.order.pinned)
        self.timeline.set_arrangement(self._shown_rows.arrangement)
        for name, is_checked in self._shown_rows.states().items():
            self._actions.set_checked(name, is_checked, self._theme)
        self.row_bar.show_choice(self._shown_rows.order.choice, self._shown_rows.by_choice)

    def _on_rows_arranged(self) -> None:
        self._show_arrangement()
        self._show_content()

    def _stretch_rows(self, factor: float) -> None:
        """The armed row, or all of them."""
        armed = self._workspace.armed
        names = (armed,) if armed is not None else self._shown_rows.rows
        for name in names:
            height = self.timeline.row_height(name)
            if height is not None:
                self._shown_rows.carry_out(Resize(round(height * factor), names))
                return

    def _show_arm_keys(self) -> None:
        keys = [self._actions.bindings.first_text(f"arm_{digit}") for digit in DIGITS]
        self.timeline.set_digits({row: key for row, key in zip(self.rows, keys, strict=False) if key})

    def _on_keys_changed(self) -> None:
        self._show_arm_keys()
        self.transport.set_rate_tip(self._actions.with_keys(RATE_TIP))
        if self._workspace.clip is None:
            self.show_advice()

    def _on_armed_changed(self) -> None:
        armed, project = self._workspace.armed, self._workspace.project
        if armed and armed not in self.rows:
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
