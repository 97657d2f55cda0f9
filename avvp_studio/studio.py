"""A running studio: the objects that hold state, the window that shows them, and the wires between."""

from __future__ import annotations

import traceback
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QApplication

from avvp_studio.adding import Adding
from avvp_studio.domain.job import JobOrder, JobState, TrainingRequest
from avvp_studio.first_start import FirstStart
from avvp_studio.jobs import Jobs, next_name
from avvp_studio.media.sound_file import save_sound
from avvp_studio.paths import ProjectPaths
from avvp_studio.pictures import Pictures
from avvp_studio.player import Player
from avvp_studio.projects import create_from_folders, export_project
from avvp_studio.proxies import Proxies
from avvp_studio.recipes import EncoderCatalogue, RecipeCatalogue
from avvp_studio.soundtrack import Soundtrack
from avvp_studio.tasks import Tasks
from avvp_studio.training import lacking_features, order_training, usual_recipe
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.export_dialog import ExportRequest
from avvp_studio.ui.jobs.job_panel import JobPanel
from avvp_studio.ui.jobs.launch_form import LaunchForm
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.new_project_dialog import NewProjectRequest
from avvp_studio.workspace import Workspace

MAKING_SAMPLE = "Making the sample project"
SAMPLE_ADVICE = (
    "Sixty short clips with picture and sound are rendered on this machine, once. "
    "Then a first parser is trained on them, while you can already look and label."
)


class Studio(QObject):
    """Builds everything that one window needs. `home` is where the sample project lives.

    One that `only_looks` starts no job that waits in a project: it is there for a picture.
    """

    def __init__(
        self, app: QApplication, settings: QSettings, home: Path, *, theme: str = "", only_looks: bool = False
    ) -> None:
        super().__init__()
        self.player = Player(self)
        self.tasks = Tasks(self, after=self.player.has_opened)
        self.workspace = Workspace(self)
        self.soundtrack = Soundtrack(self.tasks, self)
        self.proxies = Proxies(self.tasks, self)
        self.pictures = Pictures(self, after=self.player.has_opened)
        self.jobs = Jobs(self, only_looks=only_looks)
        self.recipes = RecipeCatalogue(self)
        self.encoders = EncoderCatalogue(self)
        self.first_start = FirstStart(home, self.jobs, self.tasks, self)
        appearance = Appearance(app, theme or str(settings.value("theme", "system")))
        self.job_panel = JobPanel(self.jobs, appearance.theme)
        self.window = MainWindow(
            self.workspace,
            self.player,
            self.soundtrack,
            self.proxies,
            self.pictures,
            self.job_panel,
            appearance,
            settings,
        )
        self._messages = self.window.message_bar
        self._is_asked_to_train = False
        self.adding = Adding(
            self.window, self.workspace, self.jobs, self.tasks, self.encoders, self._on_task_failed, self
        )
        self._wire()

    def _wire(self) -> None:
        window = self.window
        window.open_requested.connect(self.open_project)
        window.new_project_requested.connect(self._on_new_project_requested)
        window.export_requested.connect(self._on_export_requested)
        window.save_sound_requested.connect(self.save_sound)
        window.train_requested.connect(self._on_train_requested)
        self.jobs.job_changed.connect(self._on_job_changed)
        self.jobs.job_ended.connect(self._on_job_ended)
        self.first_start.project_ready.connect(self._on_sample_ready)
        self.recipes.loaded.connect(self._ask_how_to_train)
        for told in (self.encoders.loaded, self.encoders.failed):
            told.connect(self._ask_how_to_train)
        self.first_start.failed.connect(self._on_sample_failed)
        for source in (self.jobs, self.recipes, self.encoders):
            source.failed.connect(self._messages.show_error)

    # -- projects ----------------------------------------------------------------------------------------

    def open_project(self, root: Path) -> bool:
        """Open a project folder; on failure the message bar says why and what was open stays open."""
        root = root.absolute()  # jobs run in folders of their own
        if not self.workspace.open_project(root):
            return False
        self.jobs.attach(ProjectPaths(root).runs)
        return True

    def open_sample(self) -> None:
        """Open the sample project, making it first if this is the first start."""
        if not self.first_start.is_done:
            self.window.show_making(MAKING_SAMPLE, SAMPLE_ADVICE, 0, 0)
            self.window.show_jobs()
        self.first_start.begin()

    def report_unexpected(self, error: BaseException) -> None:
        """The last door: what nobody foresaw is one sentence here, and a traceback for those who mend it."""
        traceback.print_exception(error)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        self._messages.show_error(
            f"Something went wrong that should not ({what}). Every label that is shown is stored; "
            "if the window does not answer well, start it again."
        )

    def close(self) -> None:
        """Let go of everything. Running jobs go on by themselves."""
        self.adding.close()
        self.recipes.shutdown()
        self.encoders.shutdown()
        self.jobs.attach(None)
        self.player.shutdown()
        self.proxies.shutdown()
        self.pictures.shutdown()
        self.tasks.shutdown()
        self.workspace.close_project()

    def _on_sample_ready(self, root: Path) -> None:
        self.window.end_making()
        if self.open_project(root):
            if not self.workspace.parsers:
                self._messages.show_note(
                    "The sample is ready to play and label. A first parser is being trained."
                )
            self.first_start.train_first_parser()

    def _on_sample_failed(self, text: str) -> None:
        self.window.end_making()
        self._messages.show_error(text)

    def _on_new_project_requested(self, request: NewProjectRequest) -> None:
        self._messages.show_progress(f"Making {request.name}", 0, 0)
        self.tasks.run(
            partial(
                create_from_folders,
                request.root,
                vocabulary=request.vocabulary,
                annotations=request.annotations,
                media=request.media,
                name=request.name,
            ),
            done=lambda report: self._on_created(request.root, report.lines),
            failed=self._on_task_failed,
            progress=lambda stage, done, total: self._messages.show_progress(
                f"Making {request.name}: {stage}", done, total
            ),
        )

    def _on_created(self, root: Path, notes: tuple[str, ...]) -> None:
        self._messages.end_progress()
        if self.open_project(root):
            self._messages.show_note(f"{root.name} was made: {notes[0]}", "\n".join(notes[1:]))

    def _on_export_requested(self, request: ExportRequest) -> None:
        project = self.workspace.project
        if project is None:
            return
        self._messages.show_progress(f"Exporting to {request.out}", 0, 0)
        self.tasks.run(
            lambda: export_project(project.root, request.format, request.out),
            done=lambda report: self._on_exported(request.out, report.losses),
            failed=self._on_task_failed,
        )

    def _on_exported(self, out: Path, losses: tuple[str, ...]) -> None:
        self._messages.end_progress()
        self._messages.show_note(f"The labels were exported to {out}", "\n".join(losses))

    def save_sound(self, out: Path) -> None:
        """Write the sound of the selection, or of the whole clip, to a file."""
        clip = self.workspace.clip
        if clip is None or clip.media is None:
            return
        onset, offset = self.workspace.selection or (0.0, clip.duration)
        self.tasks.run(
            partial(save_sound, clip.media, out, onset=onset, offset=offset),
            done=lambda _: self._messages.show_note(f"The sound was saved to {out}"),
            failed=self._on_task_failed,
        )

    def _on_task_failed(self, error: BaseException) -> None:
        self._messages.end_progress()
        if isinstance(error, ValueError):  # one of ours: it says what to do
            self._messages.show_error(str(error))
        elif isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            self._messages.show_error(f"{where}{error.strerror or error}; nothing was changed")
        else:
            self.report_unexpected(error)

    # -- training ----------------------------------------------------------------------------------------

    def train(self, request: TrainingRequest) -> None:
        """Freeze the labels and queue a training on them."""
        project = self.workspace.project
        if project is None:
            return
        root = project.root
        name = next_name(ProjectPaths(root).runs, request.recipe.name.replace("/", "-"))
        self.window.show_jobs()
        self.tasks.run(
            partial(order_training, root, request, name, self.encoders.ready),
            done=lambda orders: self._on_ordered(root, orders),
            failed=self._on_task_failed,
        )

    def _on_ordered(self, root: Path, orders: tuple[JobOrder, ...]) -> None:
        project = self.workspace.project
        if project is not None and project.root == root:
            for order in orders:
                self.jobs.submit(order)

    def _on_train_requested(self) -> None:
        if self.workspace.project is None:
            self._messages.show_error("There is nothing to train on: open a project first")
        else:
            self._is_asked_to_train = True
            self.recipes.load()
            self.encoders.load()
            self._ask_how_to_train()

    def _ask_how_to_train(self) -> None:
        """Once the trainer has told of its recipes, and which features it can make here."""
        project = self.workspace.project
        is_told = self.recipes.is_loaded and not self.encoders.is_asking
        if project is None or not is_told or not self._is_asked_to_train:
            return
        self._is_asked_to_train = False
        edited = len(self.workspace.edited)
        noun = "clip was" if edited == 1 else "clips were"
        summary = (
            f"{edited} {noun} labelled by hand. In training clips these labels teach the parser; "
            "in val and test clips they only score it."
        )
        recipes = self.recipes.recipes
        ready = self.encoders.ready
        lacking = {recipe.name: lacking_features(project.root, recipe, ready) for recipe in recipes}
        parses = self.workspace.parse_files
        usual = usual_recipe(project.root)
        form = LaunchForm(recipes, summary, self.window, lacking=lacking, parses=parses, usual=usual)
        form.submitted.connect(self.train)
        form.finished.connect(form.deleteLater)
        form.open()

    def _on_job_changed(self, name: str) -> None:
        status = self.jobs.status(name)
        if self.workspace.project is None and status is not None and status.kind == "render":
            self.window.show_making(MAKING_SAMPLE, SAMPLE_ADVICE, status.done, status.total)

    def _on_job_ended(self, name: str) -> None:
        status = self.jobs.status(name)
        if status is None:
            return
        if status.state is JobState.FINISHED and status.kind == "train":
            self.workspace.reload_parses()
            how = "drawn solid, the old ones dashed" if len(self.workspace.parsers) > 1 else "shown now"
            self._messages.show_note(f"{status.title} is done: its tracks are {how}")
        elif status.state is JobState.FAILED and status.kind != "render":  # of that one FirstStart tells
            self._messages.show_error(f"{status.title} failed: {status.error}")
