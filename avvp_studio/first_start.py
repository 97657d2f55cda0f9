"""The sample project, made step by step on the first start: clips, project, features, a first parser.

Every step is a fact on disk. A start that finds a step done goes on with the next, so closing the window or
losing power in the middle costs only the step that was under way.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from avvp_studio.domain.job import JobOrder, JobState, Recipe, TrainingRequest
from avvp_studio.jobs import Jobs, next_name
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import create_project
from avvp_studio.tasks import Tasks
from avvp_studio.training import order_training
from trainer.annotations import read_dataset

CLIPS = 60
CLIPS_JOB = "sample-clips"
FIRST_RECIPE = Recipe("ecma/signal", "", ("signal-audio", "signal-visual"))


class FirstStart(QObject):
    """Makes the sample project under `home` and says when it can be opened."""

    project_ready = Signal(object)
    """The project's folder exists: open it."""
    failed = Signal(str)

    def __init__(
        self, home: Path, jobs: Jobs, tasks: Tasks, parent: QObject | None = None, *, count: int = CLIPS
    ) -> None:
        super().__init__(parent)
        self._count = count
        self.project = home / "sample"
        self._clips = home / "sample-clips"
        self._setup = home / "setup"
        self._jobs = jobs
        self._tasks = tasks
        self._clips_job = ""
        jobs.job_ended.connect(self._on_job_ended)

    @property
    def is_done(self) -> bool:
        return ProjectPaths(self.project).database.exists()

    def begin(self) -> None:
        """Make what is missing; `project_ready` follows at once if nothing is."""
        if self.is_done:
            self.project_ready.emit(self.project)
            return
        self._jobs.attach(self._setup)
        running = [status for status in self._jobs.statuses if not status.state.is_over]
        if running:  # an earlier window began it
            self._clips_job = running[0].name
            return
        self._clips_job = next_name(self._setup, CLIPS_JOB)
        run_dir = self._setup / self._clips_job
        arguments = ("--out", str(self._clips), "--run-dir", str(run_dir), "--count", str(self._count))
        self._jobs.submit(
            JobOrder(self._clips_job, "Make the sample clips", "render", arguments, module="avvp_studio.sample")
        )

    def train_first_parser(self) -> None:
        """Order the first parser of the open sample project, unless it has one or is getting one."""
        paths = ProjectPaths(self.project)
        has_parser = paths.parses.is_dir() and any(paths.parses.glob("*.npz"))
        if has_parser or self._jobs.is_busy:
            return
        request = TrainingRequest(FIRST_RECIPE, device="cpu", seed=1)
        name = next_name(paths.runs, "first")
        self._tasks.run(
            lambda: order_training(self.project, request, name),
            done=self._submit,
            failed=lambda error: self.failed.emit(str(error)),
        )

    def _submit(self, orders: tuple[JobOrder, ...]) -> None:
        for order in orders:
            self._jobs.submit(order)

    def _on_job_ended(self, name: str) -> None:
        if name != self._clips_job:
            return
        status = self._jobs.status(name)
        if status is None or status.state is not JobState.FINISHED:
            error = status.error if status and status.error else "making the sample clips was stopped"
            self.failed.emit(f"There is no sample project yet: {error}. Start the program again to go on.")
            return
        self._tasks.run(
            self._create,
            done=lambda _: self.project_ready.emit(self.project),
            failed=lambda error: self.failed.emit(str(error)),
        )

    def _create(self) -> None:
        dataset = read_dataset(self._clips)
        create_project(
            self.project,
            categories=dataset.categories,
            name="Sample",
            dataset=dataset,
            media=self._clips / "media",
            progress=lambda *_: None,
        )
