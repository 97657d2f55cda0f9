"""From videos to tracks: looks for videos, adds them, and orders the jobs that find tracks in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

from PySide6.QtCore import QObject

from avvp_studio.domain.job import JobOrder, JobState, JobStatus
from avvp_studio.domain.videos import DEFAULT, JOINT, Found, VideosRequest
from avvp_studio.extraction import ZERO_SHOT, ZERO_SHOT_JOINT, order_install, order_tracks
from avvp_studio.jobs import Jobs, next_name
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import Added, TakenBack, add_videos, find_videos, take_back
from avvp_studio.recipes import EncoderCatalogue
from avvp_studio.tasks import Task, Tasks
from avvp_studio.ui.add_videos_dialog import AddVideosDialog
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.timeline.wording import reach_text
from avvp_studio.ui.videos_form import INSTALL_COMMAND
from avvp_studio.workspace import Workspace

NO_PROJECT = "Videos go into a project: make one, or open one"
NOT_INSTALLED = f"Tracks without training need the default encoders (`{INSTALL_COMMAND}`)"
NO_JOINT = (
    "Name your checkpoints of CLIP and CLAP once (`python -m trainer encoders model clip FOLDER`, and likewise "
    "clap), then choose this again"
)
FINDING = "Tracks are being found"


class Adding(QObject):
    """What happens when videos are to be added to the open project, or tracks found without a training."""

    def __init__(
        self,
        window: MainWindow,
        workspace: Workspace,
        jobs: Jobs,
        tasks: Tasks,
        encoders: EncoderCatalogue,
        failed: Callable[[Exception], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._workspace, self._jobs, self._tasks = window, workspace, jobs, tasks
        self._encoders = encoders
        self._failed = failed
        self._dialog: AddVideosDialog | None = None
        self._places: tuple[Path, ...] = ()
        self._lengths: dict[Path, float] = {}
        self._look: Task | None = None
        self._is_dropped = Event()
        self._waiting: Callable[[Path], None] | None = None
        window.videos_requested.connect(self.ask)
        window.tracks_requested.connect(self.find_tracks)
        window.joint_tracks_requested.connect(self.find_joint_tracks)
        workspace.project_changed.connect(self._on_project_changed)
        for told in (encoders.loaded, encoders.failed):
            told.connect(self._on_encoders_told)
        jobs.jobs_changed.connect(self._show_what_is_missing)
        jobs.job_ended.connect(self._on_job_ended)

    def ask(self, places: tuple[Path, ...] = ()) -> None:
        """Ask what to add; without a project, how to come to one, after which this is asked again."""
        project = self._workspace.project
        if project is None:
            self._places = places
            new_project = self._window.actions_by_name["new"].trigger
            self._window.message_bar.show_note(NO_PROJECT, offer=("New project…", new_project))
            return
        self._places = ()
        dialog = AddVideosDialog(self._window)
        dialog.begin_at(project.root.parent)
        dialog.places_chosen.connect(self._look_at)
        dialog.requested.connect(self._add)
        dialog.install_requested.connect(self.install)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog = dialog
        self._encoders.reload()
        self._show_encoders()
        dialog.open()
        if places:
            self._look_at(places)

    def close(self) -> None:
        """Stop looking."""
        self._drop_look()

    def find_tracks(self) -> None:
        """Find tracks in all clips of the project by the default encoders, once known whether they can."""
        self._waiting = self._find_by_default
        self._encoders.reload()

    def find_joint_tracks(self) -> None:
        """Find tracks in all clips of the project by CLIP and CLAP, or the one that can."""
        self._waiting = self._find_by_joint
        self._encoders.reload()

    def install(self) -> None:
        """Install the default encoders as a job of the open project."""
        project = self._workspace.project
        if project is not None and not self._installing:
            runs = ProjectPaths(project.root).runs
            self._jobs.submit(order_install(project.root, next_name(runs, "encoders")))
            self._window.show_jobs()
            self._show_encoders()

    # -- looking -----------------------------------------------------------------------------------------

    def _look_at(self, places: tuple[Path, ...]) -> None:
        """Look at these places, and at those before them once more: names depend on all of them."""
        self._drop_look()
        self._places = tuple(dict.fromkeys((*self._places, *places)))
        if self._dialog is None:
            return
        self._dialog.show_looking()
        self._is_dropped = Event()  # each search has its own: an earlier one may still be on its way out
        clips, should_stop = self._workspace.clips, self._is_dropped.is_set
        search = partial(find_videos, self._places, clips, should_stop=should_stop, lengths=self._lengths)
        self._look = self._tasks.run(
            search, done=self._on_found, failed=self._on_look_failed, progress=self._on_found
        )

    def _drop_look(self) -> None:
        self._is_dropped.set()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _on_found(self, found: Found) -> None:
        if self._dialog is not None:
            self._dialog.show_found(found)

    def _on_look_failed(self, error: Exception) -> None:
        self._on_found(Found())
        self._failed(error)

    def _on_dialog_closed(self) -> None:
        self._drop_look()
        self._places, self._lengths = (), {}
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _on_project_changed(self) -> None:
        places = self._places
        if places and self._dialog is None and self._workspace.project is not None:
            self.ask(places)

    # -- adding ------------------------------------------------------------------------------------------

    def _add(self, request: VideosRequest) -> None:
        project = self._workspace.project
        if project is None:
            return
        root = project.root
        self._window.message_bar.show_progress(f"Adding {len(request.videos):,} videos", 0, 0)
        self._tasks.run(
            partial(add_videos, root, request.videos, request.split),
            done=lambda added: self._on_added(root, added, request.encoder),
            failed=self._failed,
        )

    def _on_added(self, root: Path, added: Added, encoder: str) -> None:
        bar = self._window.message_bar
        bar.end_progress()
        if not self._is_open(root):
            return
        self._workspace.show_stored(added.clips)
        clip = self._workspace.clip
        if added.clips and (clip is None or clip.name != added.clips[0].name):
            self._workspace.open_clip(added.clips[0].name)
        count = len(added.clips)
        text = "1 video was added" if count == 1 else f"{count:,} videos were added"
        name = next_name(ProjectPaths(root).runs, "tracks")
        bar.show_note(text, offer=("Take back", lambda: self._take_back(root, added, name)))
        if encoder:
            self._order(root, encoder, name)

    def _take_back(self, root: Path, added: Added, name: str) -> None:
        for status in self._jobs.statuses:  # what was ordered for them
            if status.name in (name, f"{name}-features"):
                self._jobs.stop(status.name)
        self._tasks.run(
            partial(take_back, root, added),
            done=lambda taken: self._on_taken_back(root, taken),
            failed=self._failed,
        )

    def _on_taken_back(self, root: Path, taken: TakenBack) -> None:
        if self._is_open(root):
            self._workspace.show_stored(taken.changed, taken.removed)
            self._window.message_bar.show_note(f"The videos were taken back{_stay_text(len(taken.kept))}")

    def _order(self, root: Path, encoder: str, name: str) -> None:
        after = self._installing if encoder == DEFAULT else ""
        self._window.show_jobs()
        self._tasks.run(
            partial(order_tracks, root, encoder, name, after=after),
            done=lambda orders: self._on_ordered(root, orders),
            failed=self._failed,
        )

    def _on_ordered(self, root: Path, orders: tuple[JobOrder, ...]) -> None:
        if self._is_open(root):
            for order in orders:
                self._jobs.submit(order)

    def _is_open(self, root: Path) -> bool:
        project = self._workspace.project
        return project is not None and project.root == root

    # -- encoders and jobs -------------------------------------------------------------------------------

    @property
    def _installing(self) -> str:
        """The job that installs the default encoders; "" when none does."""
        under_way = (status for status in self._jobs.statuses if not status.state.is_over)
        return next((status.name for status in under_way if status.kind == "install"), "")

    def _show_encoders(self) -> None:
        if self._dialog is not None:
            is_unknown = self._encoders.is_asking and not self._encoders.is_loaded
            finders = None if is_unknown else self._encoders.finders
            self._dialog.show_encoders(finders, is_installing=bool(self._installing))

    def _on_encoders_told(self) -> None:
        self._show_encoders()
        project, waiting = self._workspace.project, self._waiting
        if waiting is not None and project is not None:
            self._waiting = None
            waiting(project.root)

    def _find_by_default(self, root: Path) -> None:
        if DEFAULT in self._encoders.finders or self._installing:
            self._order(root, DEFAULT, next_name(ProjectPaths(root).runs, "tracks"))
        else:
            self._window.message_bar.show_note(NOT_INSTALLED, offer=("Install them", self._install_and_find))

    def _find_by_joint(self, root: Path) -> None:
        choice = next((finder for finder in self._encoders.finders if finder in JOINT), "")
        if choice:
            self._order(root, choice, next_name(ProjectPaths(root).runs, "tracks"))
        else:
            self._window.message_bar.show_note(NO_JOINT)

    def _install_and_find(self) -> None:
        self.install()
        self.find_tracks()

    def _on_job_ended(self, name: str) -> None:
        status = self._jobs.status(name)
        if status is None:
            return
        if status.kind == "install":
            self._encoders.reload()
        elif status.kind == ZERO_SHOT and status.state is JobState.FINISHED:
            self._workspace.reload_parses()
            note = f"Tracks were found without training{self._what_is_out_of_reach()}"
            self._window.message_bar.show_note(note)
        self._show_what_is_missing()

    def _what_is_out_of_reach(self) -> str:
        """Of how many categories the tracks can say nothing."""
        project, files = self._workspace.project, self._workspace.parse_files
        stems = (ZERO_SHOT, ZERO_SHOT_JOINT)
        parser = next((name for name, path in files.items() if path.stem in stems), None)  # the newest
        if project is None or parser is None:
            return ""
        text = reach_text(self._workspace.reach(parser), project.categories)
        return f". They {text}, which is marked in the lanes" if text else ""

    def _show_what_is_missing(self) -> None:
        """Say why clips have no tracks, where one looks for them."""
        statuses = self._jobs.statuses
        is_finding = any(status.kind == ZERO_SHOT and not status.state.is_over for status in statuses)
        self._window.clip_view.show_reasons(reasons(statuses), FINDING if is_finding else "")


def _stay_text(count: int) -> str:
    """How many of the clips that were taken back are still there."""
    if not count:
        return ""
    return f", but {count:,} that {'has' if count == 1 else 'have'} labels by now"


def reasons(statuses: tuple[JobStatus, ...]) -> dict[str, str]:
    """Why clips have no features, by name, as the newest extraction that met them says."""
    found: dict[str, str] = {}
    for status in reversed(statuses):  # they come newest first
        if status.kind == "extract":
            found.update(status.failures)
    return found
