"""The workspace: the open project and clip, and the one door through which labels change."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from avvp_studio.domain.candidates import candidates
from avvp_studio.domain.clip_list import ClipList
from avvp_studio.domain.edit import Edit, EditError, difference, joined, mark, mark_text
from avvp_studio.domain.project import Clip, Project
from avvp_studio.domain.tracks import Reaches, Track
from avvp_studio.parse_folder import ParseFolder
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Standing, Store, StoreError
from avvp_studio.threshold_file import ThresholdFile
from trainer.labels import Event, Modality, State, state_grid
from trainer.prediction import PredictionRule

T = TypeVar("T")


class Workspace(QObject):
    """What is open, and every change to it.

    A change to labels is stored before it is shown; what cannot be stored is not shown, and `failed` says
    why. All state is set before the first signal of a change is emitted, so that a slot may read anything.
    """

    project_changed = Signal()
    clips_changed = Signal()
    """The list of clips, or what it says of one (`edited`, its media)."""
    clip_changed = Signal()
    """Another clip is open; the signals of its events, history, tracks and selection follow."""
    events_changed = Signal()
    history_changed = Signal()
    tracks_changed = Signal()
    selection_changed = Signal()
    armed_changed = Signal()
    failed = Signal(str)
    """One sentence for a person: what is wrong, where, and what to do."""

    def __init__(self, parent: QObject | None = None, *, author: str | None = None) -> None:
        super().__init__(parent)
        self.author = author or _login_name()
        self._store: Store | None = None
        self._paths: ProjectPaths | None = None
        self._project: Project | None = None
        self._list = ClipList()
        self._edited: frozenset[str] = frozenset()
        self._parses: ParseFolder | None = None
        self._clip: Clip | None = None
        self._is_audio_visual_only = False
        self._standing = Standing()
        self._states: NDArray[np.int8] | None = None
        self._tracks: tuple[Track, ...] = ()
        self._armed: str | None = None
        self._selection: tuple[float, float] | None = None

    # What is open

    @property
    def project(self) -> Project | None:
        return self._project

    @property
    def paths(self) -> ProjectPaths | None:
        return self._paths

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The same object for as long as no clip has changed."""
        return self._list.clips

    @property
    def edited(self) -> frozenset[str]:
        """The names of the clips that hold a person's word."""
        return self._edited

    @property
    def clip(self) -> Clip | None:
        return self._clip

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of the clip, sorted."""
        return self._standing.events

    @property
    def states(self) -> NDArray[np.int8]:
        """The state grid (2, T, C) of the clip; not to be written to."""
        if self._states is None:
            categories = self._project.categories if self._project else ()
            segments, complete = (self._clip.segments, self._clip.is_complete) if self._clip else (0, False)
            self._states = state_grid(self.events, categories, segments, complete=complete)
        return self._states

    @property
    def undo_text(self) -> str | None:
        return self._standing.undo_text

    @property
    def redo_text(self) -> str | None:
        return self._standing.redo_text

    @property
    def parsers(self) -> tuple[str, ...]:
        """The parsers that have left a parse file, newest first."""
        return self._parses.parsers if self._parses else ()

    @property
    def parse_files(self) -> dict[str, Path]:
        """The parse file of every parser, newest first."""
        return {parser: self._parses.path(parser) for parser in self._parses.parsers} if self._parses else {}

    def reach(self, parser: str) -> Reaches:
        """What a parser can know of, where it says so."""
        return self._parses.reach(parser) if self._parses else {}

    @property
    def shown(self) -> tuple[str, ...]:
        """Those of the parsers that are drawn, newest first."""
        return self._parses.shown if self._parses else ()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What the shown parsers believe about the clip, newest first."""
        return self._tracks

    @property
    def armed(self) -> str | None:
        """The category that the next mark is for."""
        return self._armed

    @property
    def selection(self) -> tuple[float, float] | None:
        """The chosen range in seconds."""
        return self._selection

    @property
    def is_audio_visual_only(self) -> bool:
        """Whether the project's truth is of what is heard and seen at once, and of nothing else."""
        return self._is_audio_visual_only

    def candidates(self) -> tuple[str, ...]:
        """The categories worth a look in this clip, first its video-level labels (see domain.candidates)."""
        if self._project is None or self._clip is None:
            return ()
        return candidates(self._project.categories, self._clip, self.events, self._tracks)

    # Opening

    def open_project(self, root: Path) -> bool:
        """Open a project and its first clip. Where that fails, what was open stays open."""
        store = None
        try:
            store = Store.open(ProjectPaths(root).database)
            clips, edited = tuple(store.clips()), frozenset(store.edited_clips())
        except StoreError as error:
            if store is not None:
                store.close()
            self.failed.emit(str(error))
            return False
        self._replace_project(store, Project(root, store.project_name(), store.categories()), clips, edited)
        return True

    def close_project(self) -> None:
        self._replace_project(None, None, (), frozenset())

    def open_clip(self, name: str | None) -> bool:
        """Open a clip, or none."""
        if self._store is None or name is None:
            self._set_clip(None, Standing())
            return True
        clip = self._list.by_name.get(name)
        if clip is None:
            self.failed.emit(f"{name}: the project has no such clip")
            return False
        found = self._ask(lambda store: (store.standing(name), store.audio_visual_only()))
        if found is None:
            return False
        standing, self._is_audio_visual_only = found
        self._set_clip(clip, standing)
        return True

    def step_clip(self, delta: int) -> None:
        """Open the clip `delta` places on in the order in view, or the last one on the way."""
        name = self._clip.name if self._clip else None
        wanted = self._list.step(name, delta)
        if wanted != name:
            self.open_clip(wanted)

    def set_order(self, names: Iterable[str]) -> None:
        """Say in which order `step_clip` goes; clips that are not named are passed over."""
        self._list = self._list.ordered(names)

    def show_stored(self, changed: Iterable[Clip] = (), removed: Collection[str] = ()) -> None:
        """Show what something else has stored: clips that are new or other than before, and clips removed.

        Nothing is read: of a hundred thousand clips the window cannot wait.
        """
        self._list = self._list.changed(changed, removed)
        self.clips_changed.emit()
        by_name = self._list.by_name
        if self._clip is None or by_name.get(self._clip.name) != self._clip:
            name = self._clip.name if self._clip else None
            self.open_clip(name if name in by_name else next(iter(by_name), None))

    def set_media(self, name: str, path: Path | None) -> bool:
        """Say where a clip's media is."""

        def locate(store: Store) -> Clip:
            store.set_media({name: path})
            return store.clip(name)

        clip = self._ask(locate)
        if clip is not None:
            self.show_stored([clip])
        return clip is not None

    # Labels

    def mark(self, modality: Modality, category: str, onset: float, offset: float, state: State) -> bool:
        """Say in the author's name that a category has `state` from onset to offset; UNSEEN forgets."""
        return self.mark_in((modality,), category, onset, offset, state)

    def mark_in(
        self, modalities: Sequence[Modality], category: str, onset: float, offset: float, state: State
    ) -> bool:
        """Say the same in several modalities, as one edit."""
        if self._clip is None:
            return False
        onset, offset = self._clip.within(onset, offset)
        try:
            edits = [
                mark(
                    self.events,
                    modality=modality,
                    category=category,
                    onset=onset,
                    offset=offset,
                    state=state,
                    author=self.author,
                )
                for modality in modalities
            ]
        except EditError as error:
            self.failed.emit(f"{self._clip.name}: {error}")
            return False
        return self.apply(joined(edits, mark_text(modalities, category, onset, offset, state)))

    def apply(self, edit: Edit) -> bool:
        """Store an edit of the clip, then show it. False when nothing was to be changed or it failed."""
        if self._clip is None or edit.is_empty:
            return False
        name = self._clip.name
        is_stored = self._do(lambda store: store.apply(name, edit, self.author))
        self._reread()  # where it failed, another program may have changed the clip
        return is_stored

    def undo(self) -> bool:
        """Take back the clip's last edit, of today or of last year."""
        return self._step_history(Store.undo)

    def redo(self) -> bool:
        """Make the edit that was taken back last hold again."""
        return self._step_history(Store.redo)

    # What is looked at

    def arm(self, category: str | None) -> None:
        if category is not None and (self._project is None or category not in self._project.categories):
            self.failed.emit(f"{category!r} is not a category of this project")
            return
        if category != self._armed:
            self._armed = category
            self.armed_changed.emit()

    def select(self, selection: tuple[float, float] | None) -> None:
        """Choose a range of the clip; one without length is none."""
        if selection is not None:
            onset, offset = self._clip.within(*sorted(selection)) if self._clip else (0.0, 0.0)
            selection = (onset, offset) if onset < offset else None
        if selection != self._selection:
            self._selection = selection
            self.selection_changed.emit()

    def show_parsers(self, names: Iterable[str]) -> None:
        """Choose the parsers that are drawn."""
        if self._parses is not None:
            self._parses.show(names)
            self._show_tracks()

    def use_rule_of(self, track: Track) -> None:
        """Let a parser predict in all clips as it does in a track, which is kept with the project."""
        if self._parses is not None:
            self._parses.use_rule_of(track)
            self._show_tracks()

    def rule_in_file(self, track: Track) -> PredictionRule:
        """The rule of a track for the columns of its parse file."""
        return self._parses.rule_in_file(track) if self._parses else track.rule

    def reload_parses(self) -> None:
        """Look for new parse files; a new newest one is shown, beside the one before it."""
        if self._parses is not None:
            self._parses.scan()
            self._show_tracks()

    # Inside

    def _replace_project(
        self,
        store: Store | None,
        project: Project | None,
        clips: tuple[Clip, ...],
        edited: frozenset[str],
    ) -> None:
        if self._store is not None:
            self._store.close()
        self._store, self._project, self._edited = store, project, edited
        self._paths, self._parses = None, None
        if project is not None:
            self._paths = ProjectPaths(project.root)
            thresholds = ThresholdFile(self._paths.thresholds, self.failed.emit)
            self._parses = ParseFolder(self._paths.parses, project.categories, self.failed.emit, thresholds)
            self._parses.scan()
        self._list = ClipList().renewed(clips)
        self._clip, self._standing, self._states = None, Standing(), None
        self._tracks, self._selection, self._armed = (), None, None
        self.project_changed.emit()
        self.clips_changed.emit()
        self.armed_changed.emit()
        self.open_clip(clips[0].name if clips else None)

    def _set_clip(self, clip: Clip | None, standing: Standing) -> None:
        self._clip, self._standing, self._states = clip, standing, None
        self._tracks, self._selection = self._read_tracks(), None
        self.clip_changed.emit()
        self.events_changed.emit()
        self.history_changed.emit()
        self.tracks_changed.emit()
        self.selection_changed.emit()

    def _step_history(self, step: Callable[[Store, str, str], Edit | None]) -> bool:
        name = self._clip.name if self._clip else ""
        edit = self._ask(lambda store: step(store, name, self.author)) if name else None
        self._reread()
        return edit is not None

    def _ask(self, question: Callable[[Store], T]) -> T | None:
        """The store's answer; None without a project, or where it failed, which is said."""
        if self._store is None:
            return None
        try:
            return question(self._store)
        except StoreError as error:
            self.failed.emit(str(error))
            return None

    def _do(self, change: Callable[[Store], None]) -> bool:
        """Whether the store has made the change."""

        def done(store: Store) -> bool:
            change(store)
            return True

        return self._ask(done) is True

    def _reread(self) -> None:
        """Show what is stored of the clip, and say what has become different."""
        if self._clip is None:
            return
        name, before = self._clip.name, self._standing
        now = self._ask(lambda store: store.standing(name))
        if now is None:
            return
        self._standing = now
        has_history_changed = (now.undo_text, now.redo_text) != (before.undo_text, before.redo_text)
        is_edited = now.undo_text is not None or any(event.author for event in now.events)
        has_status_changed = is_edited != (name in self._edited)
        gone, come = difference(before.events, now.events)
        if gone or come:
            self._draw_states({event.category for event in (*gone, *come)})
        if has_status_changed:
            self._edited = self._edited | {name} if is_edited else self._edited - {name}
        if gone or come:
            self.events_changed.emit()
        if has_history_changed:
            self.history_changed.emit()
        if has_status_changed:
            self.clips_changed.emit()

    def _draw_states(self, changed: Collection[str]) -> None:
        """Draw the columns of some categories anew. Who has the grid of before keeps it as it is."""
        if self._states is None or self._project is None or self._clip is None:
            return
        columns = {category: i for i, category in enumerate(self._project.categories) if category in changed}
        said = [event for event in self.events if event.category in columns]
        self._states = self._states.copy()
        self._states[:, :, list(columns.values())] = state_grid(
            said, tuple(columns), self._clip.segments, complete=self._clip.is_complete
        )

    def _show_tracks(self) -> None:
        self._tracks = self._read_tracks()
        self.tracks_changed.emit()

    def _read_tracks(self) -> tuple[Track, ...]:
        return self._parses.tracks(self._clip) if self._parses and self._clip else ()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user's name
        return "annotator"
