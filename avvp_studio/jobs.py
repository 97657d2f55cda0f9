"""The jobs of a project: starts trainer processes one after another, follows them, finds them again.

A job is a detached process that is followed through the files of its run folder only, so it outlives the
window; a studio that opens the project later reads the same files from the start and carries on.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from avvp_studio.domain.job import JobOrder, JobState, JobStatus
from avvp_studio.job_folder import JobFolder, Record, find_job_folders, next_name
from avvp_studio.processes import reap, start
from trainer.protocol import FINISH_FILE, LOG_FILE, STOP_FILE, Failed, Stopped

__all__ = ["Jobs", "next_name"]

NOT_OURS = "This job was not ordered here by this studio, so it was not started; order it again if you want it"
POLL_MS = 200
GRACE_S = 8.0
"""How long a job may take to obey a stop before its process is ended."""


class Jobs(QObject):
    """Runs jobs in the order in which they were given, one at a time, and tells how they go."""

    jobs_changed = Signal()
    """The list of jobs is another one."""
    job_changed = Signal(str)
    """There is news of the job of this name."""
    job_ended = Signal(str)
    """The job of this name is over (not sent for those found already ended)."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None, *, only_looks: bool = False) -> None:
        """With `only_looks`, waiting jobs are shown and never started."""
        super().__init__(parent)
        self._only_looks = only_looks
        self._runs: Path | None = None
        self._jobs: dict[str, JobFolder] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_timeout)

    @property
    def statuses(self) -> tuple[JobStatus, ...]:
        """All jobs of the project, the newest first."""
        return tuple(job.status for job in reversed(self._jobs.values()))

    def status(self, name: str) -> JobStatus | None:
        job = self._jobs.get(name)
        return job.status if job else None

    def run_dir(self, name: str) -> Path | None:
        job = self._jobs.get(name)
        return job.run_dir if job else None

    @property
    def is_busy(self) -> bool:
        return any(not job.status.state.is_over for job in self._jobs.values())

    def attach(self, runs: Path | None) -> None:
        """Follow the jobs of another project (or of none). Running jobs go on, unwatched."""
        self._timer.stop()
        self._runs = runs
        self._jobs = {}
        if runs is not None:
            try:
                self._find(runs)
            except OSError as error:
                self.failed.emit(f"{runs}: the runs cannot be listed ({error.strerror}); check the permissions")
        self.jobs_changed.emit()
        self._advance()

    def _find(self, runs: Path) -> None:
        for job in find_job_folders(runs):
            self._jobs[job.status.name] = job
            job.take_news()
            if job.status.state.is_over:
                continue
            if job.record.process is not None:
                job.status = replace(job.status, state=JobState.RUNNING)
                if job.is_asked_to_stop:  # by an earlier window
                    job.stop_requested_at = time.monotonic()
            elif not job.record.is_ours(runs.parent):
                job.write_last_word(Failed(error=NOT_OURS))

    def submit(self, order: JobOrder) -> None:
        """Queue a job. It starts at once when nothing else runs."""
        if self._runs is None:
            raise RuntimeError("no project is open")
        run_dir = self._runs / order.name
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            record = Record(order, ordered=time.time())
            record.write(run_dir)
        except OSError as error:
            self.failed.emit(
                f"{run_dir}: the job could not be written ({error.strerror}), so nothing was started; "
                "free some space or allow writing there, and try again"
            )
            return
        self._jobs[order.name] = JobFolder(run_dir, record)
        self.jobs_changed.emit()
        self._advance()

    def finish(self, name: str) -> None:
        """Ask a training to end well after the epoch under way: with its checkpoint, and its parses."""
        job = self._jobs.get(name)
        if job is None or not job.status.can_finish:
            return
        try:
            (job.run_dir / FINISH_FILE).touch()
        except OSError as error:
            self.failed.emit(
                f"{job.run_dir}: the training could not be asked to finish ({error.strerror}), so it goes on; "
                "free some space or allow writing there, and ask again"
            )

    def is_finishing(self, name: str) -> bool:
        """Whether a training was asked to end after its epoch, by this window or an earlier one."""
        job = self._jobs.get(name)
        return job is not None and job.status.can_finish and job.is_asked_to_finish

    def stop(self, name: str) -> None:
        """Ask a job to stop after its step; a queued one is taken out of the queue."""
        job = self._jobs.get(name)
        if job is None or job.status.state.is_over:
            return
        with suppress(OSError):  # on a full disk the process is ended without being asked
            (job.run_dir / STOP_FILE).touch()
        if job.status.state is JobState.QUEUED:
            self._drop(job)
        elif job.stop_requested_at is None:
            job.stop_requested_at = time.monotonic()

    def is_stopping(self, name: str) -> bool:
        job = self._jobs.get(name)
        return job is not None and job.stop_requested_at is not None and not job.status.state.is_over

    # -- following ---------------------------------------------------------------------------------------

    def _on_timeout(self) -> None:
        reap()
        for job in self._in_state(JobState.RUNNING):
            self._poll(job)
        self._advance()

    def _in_state(self, state: JobState) -> list[JobFolder]:
        return [job for job in self._jobs.values() if job.status.state is state]

    def _poll(self, job: JobFolder) -> None:
        is_alive = job.is_alive  # asked before reading: what a process says last must not be missed
        has_news = job.take_news()
        if job.status.state is JobState.RUNNING:
            if is_alive:
                _press(job)
            else:
                has_news = True
                _close(job)
        if has_news:
            self._announce(job)

    def _announce(self, job: JobFolder) -> None:
        self.job_changed.emit(job.status.name)
        if job.status.state.is_over:
            self.job_ended.emit(job.status.name)

    def _drop(self, job: JobFolder) -> None:
        """Take a waiting job out of the queue."""
        job.write_last_word(Stopped())
        self._announce(job)

    # -- starting ----------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Start the next queued job if nothing runs; watch as long as anything does."""
        for job in self._in_state(JobState.QUEUED):
            forerunner = self.status(job.record.order.after)
            if forerunner and forerunner.state.is_over and forerunner.state is not JobState.FINISHED:
                self._drop(job)
        waiting = self._in_state(JobState.QUEUED)
        if waiting and not self._only_looks and not self._in_state(JobState.RUNNING):
            self._start(waiting[0])
        if self.is_busy:
            self._timer.start()
        else:
            self._timer.stop()

    def _start(self, job: JobFolder) -> None:
        order, process = job.record.order, None
        try:
            if not job.claim():
                job.follow_other_window()
                return
            process = start(order.module, order.arguments, folder=job.run_dir, log=job.run_dir / LOG_FILE)
            job.record = replace(job.record, process=process)
            job.record.write(job.run_dir)
        except OSError as error:
            if process is not None:
                process.end(by_force=False)
            job.write_last_word(Failed(error=f"{order.title} could not be started: {error}"))
            self._announce(job)
            return
        job.status = replace(job.status, state=JobState.RUNNING, started=process.began)
        self.job_changed.emit(order.name)


def _press(job: JobFolder) -> None:
    """End a process that was asked to stop and does not."""
    if job.stop_requested_at is None or job.record.process is None:
        return
    waited = time.monotonic() - job.stop_requested_at
    if waited > GRACE_S:
        job.record.process.end(by_force=waited > 2 * GRACE_S)


def _close(job: JobFolder) -> None:
    """The process is gone without a last word: say so in its place."""
    if job.is_asked_to_stop:
        job.write_last_word(Stopped())
        return
    reason = job.why_it_ended()
    job.write_last_word(
        Failed(
            error=f"The process ended without a word{f' ({reason})' if reason else ''}: start it again, "
            f"and if it ends so again, see {job.run_dir / LOG_FILE}"
        )
    )
