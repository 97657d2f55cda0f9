"""The jobs of a project: starts trainer processes one after another, follows them, finds them again.

A job is a detached process that is followed through the files of its run folder only, so it outlives the
window; a studio that opens the project later reads the same files from the start and carries on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from avvp_studio.domain.job import JobOrder, JobState, JobStatus
from trainer.protocol import LOG_FILE, MESSAGES_FILE, STOP_FILE, Failed, Message, Stopped, read_message

JOB_FILE = "job.json"
POLL_MS = 200
GRACE_S = 8.0
"""How long a job may take to obey a stop before its process is ended."""
_TOO_LITTLE_SPACE = 1_000_000
"""A disk with fewer free bytes is called full."""

_children: list[subprocess.Popen[bytes]] = []
"""Processes that this one started, kept until they end so that none is left a zombie."""


@dataclass(frozen=True, slots=True)
class _Record:
    """What `job.json` holds: the order, and once it runs, which process it is."""

    order: JobOrder
    pid: int | None = None
    process_time: float | None = None

    def write(self, run_dir: Path) -> None:
        partial = run_dir / (JOB_FILE + ".part")
        partial.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        os.replace(partial, run_dir / JOB_FILE)

    @staticmethod
    def read(run_dir: Path) -> _Record | None:
        """The record of a run folder, whose name is the job's; None when there is none, or it is damaged."""
        try:
            fields = json.loads((run_dir / JOB_FILE).read_text(encoding="utf-8"))
            order = JobOrder(**{**fields["order"], "name": run_dir.name})
            order = replace(order, arguments=tuple(order.arguments))
            record = _Record(order, fields.get("pid"), fields.get("process_time"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return record if record._is_sound() else None

    def _is_sound(self) -> bool:
        order = self.order
        words = (order.title, order.kind, order.module, order.after, *order.arguments)
        return (
            all(isinstance(word, str) for word in words)
            and (self.pid is None or (isinstance(self.pid, int) and 0 < self.pid < 2**31))
            and (self.process_time is None or isinstance(self.process_time, int | float))
        )

    def process(self) -> psutil.Process | None:
        """The process, if it still is the same one (process numbers are used again)."""
        if self.pid is None:
            return None
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - (self.process_time or 0.0)) < 1.0
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class _Followed:
    """A job in view: its record, its status so far, and how much of its messages has been read."""

    def __init__(self, run_dir: Path, record: _Record) -> None:
        self.run_dir = run_dir
        self.record = record
        order = record.order
        self.status = JobStatus(name=order.name, title=order.title, kind=order.kind)
        self.stop_requested_at: float | None = None
        self._offset = 0

    def read_new(self) -> list[Message]:
        """The messages of all whole lines that were written since the last call."""
        try:
            with (self.run_dir / MESSAGES_FILE).open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError:  # not there yet, or the disk is away for a moment
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.decode("utf-8", errors="replace").splitlines()
        return [message for line in lines if (message := read_message(line)) is not None]

    def is_alive(self) -> bool:
        return self.record.process() is not None


class Jobs(QObject):
    """Runs jobs in the order in which they were given, one at a time, and tells how they go."""

    jobs_changed = Signal()
    """The list of jobs is another one."""
    job_changed = Signal(str)
    """There is news of the job of this name."""
    job_ended = Signal(str)
    """The job of this name is over (not sent for those found already ended)."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: Path | None = None
        self._jobs: dict[str, _Followed] = {}
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
        found = [
            (folder.stat().st_mtime, folder, record)
            for folder in (runs.iterdir() if runs.exists() else ())
            if (record := _Record.read(folder)) is not None
        ]
        for _, folder, record in sorted(found, key=lambda entry: (entry[2].order.name, entry[0])):
            job = _Followed(folder, record)
            self._jobs[record.order.name] = job
            was_started = record.pid is not None
            self._take_news(job)
            if was_started and not job.status.state.is_over:
                job.status = replace(job.status, state=JobState.RUNNING)

    def submit(self, order: JobOrder) -> None:
        """Queue a job. It starts at once when nothing else runs."""
        if self._runs is None:
            raise RuntimeError("no project is open")
        run_dir = self._runs / order.name
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            record = _Record(order)
            record.write(run_dir)
        except OSError as error:
            self.failed.emit(
                f"{run_dir}: the job could not be written ({error.strerror}), so nothing was started; "
                "free some space or allow writing there, and try again"
            )
            return
        self._jobs[order.name] = _Followed(run_dir, record)
        self.jobs_changed.emit()
        self._advance()

    def stop(self, name: str) -> None:
        """Ask a job to stop after its step; a queued one is taken out of the queue."""
        job = self._jobs.get(name)
        if job is None or job.status.state.is_over:
            return
        with suppress(OSError):  # on a full disk the process is ended without being asked
            (job.run_dir / STOP_FILE).touch()
        if job.status.state is JobState.QUEUED:
            self._write_last_word(job, Stopped())
            self._poll(job)
        elif job.stop_requested_at is None:
            job.stop_requested_at = time.monotonic()

    def is_stopping(self, name: str) -> bool:
        job = self._jobs.get(name)
        return job is not None and job.stop_requested_at is not None and not job.status.state.is_over

    # -- following ---------------------------------------------------------------------------------------

    def _on_timeout(self) -> None:
        _children[:] = [child for child in _children if child.poll() is None]
        for job in [job for job in self._jobs.values() if job.status.state is JobState.RUNNING]:
            self._poll(job)
        self._advance()

    def _poll(self, job: _Followed) -> None:
        was_over = job.status.state.is_over
        is_alive = job.is_alive()  # asked before reading: what a process says last must not be missed
        has_news = self._take_news(job)
        if job.status.state is JobState.RUNNING:
            if is_alive:
                self._press(job)
            else:
                has_news = True
                self._close(job)
        if has_news:
            self.job_changed.emit(job.status.name)
        if job.status.state.is_over and not was_over:
            self.job_ended.emit(job.status.name)

    def _take_news(self, job: _Followed) -> bool:
        messages = job.read_new()
        for message in messages:
            job.status = job.status.advanced(message)
        return bool(messages)

    def _press(self, job: _Followed) -> None:
        """End a process that was asked to stop and does not."""
        if job.stop_requested_at is None:
            return
        waited = time.monotonic() - job.stop_requested_at
        process = job.record.process()
        if process is not None and waited > GRACE_S:
            _try(process.kill if waited > 2 * GRACE_S else process.terminate)

    def _close(self, job: _Followed) -> None:
        """The process is gone without a last word: say so in its place."""
        if job.stop_requested_at is not None or (job.run_dir / STOP_FILE).exists():
            self._write_last_word(job, Stopped())
        else:
            log = job.run_dir / LOG_FILE
            reason = _last_line(log) or _lack_of_space(job.run_dir)
            text = (
                f"The process ended without a word{f' ({reason})' if reason else ''}: start it again, "
                f"and if it ends so again, see {log}"
            )
            self._write_last_word(job, Failed(error=text))
        self._take_news(job)

    def _write_last_word(self, job: _Followed, message: Message) -> None:
        try:
            with (job.run_dir / MESSAGES_FILE).open("a", encoding="utf-8") as file:
                file.write("\n" + message.to_json() + "\n")
        except OSError:
            job.status = job.status.advanced(message)

    # -- starting ----------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Start the next queued job if nothing runs; watch as long as anything does."""
        self._drop_orphans()
        waiting = [job for job in self._jobs.values() if job.status.state is JobState.QUEUED]
        if waiting and not any(job.status.state is JobState.RUNNING for job in self._jobs.values()):
            self._start(waiting[0])
        if self.is_busy:
            self._timer.start()
        else:
            self._timer.stop()

    def _drop_orphans(self) -> None:
        """Take jobs out of the queue whose forerunner did not end well."""
        for job in [job for job in self._jobs.values() if job.status.state is JobState.QUEUED]:
            forerunner = self.status(job.record.order.after)
            if forerunner and forerunner.state.is_over and forerunner.state is not JobState.FINISHED:
                self._write_last_word(job, Stopped())
                self._poll(job)

    def _start(self, job: _Followed) -> None:
        order = job.record.order
        try:
            with (job.run_dir / LOG_FILE).open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", order.module, *order.arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=job.run_dir,
                    env=_environment(),
                    start_new_session=True,
                )
            _children.append(child)
            job.record = replace(job.record, pid=child.pid, process_time=_settle(child.pid))
            job.record.write(job.run_dir)
        except OSError as error:
            self._write_last_word(job, Failed(error=f"{order.title} could not be started: {error}"))
            self._poll(job)
            return
        job.status = replace(job.status, state=JobState.RUNNING, started=time.time())
        self.job_changed.emit(order.name)


def next_name(runs: Path, stem: str) -> str:
    """A run folder's name that sorts by time and is not taken: `20260131-142530-stem`."""
    base = f"{time.strftime('%Y%m%d-%H%M%S')}-{stem}"
    name, count = base, 2
    while (runs / name).exists():
        name, count = f"{base}-{count}", count + 1
    return name


def _environment() -> dict[str, str]:
    """This process's environment, with the trainer importable also from a source tree."""
    source = str(Path(__file__).resolve().parent.parent)
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, *known]), "PYTHONUNBUFFERED": "1"}


def _settle(pid: int) -> float:
    """Make a new process polite to the window, and return when it started, which tells it from others."""
    try:
        process = psutil.Process(pid)
        process.nice(10)
        return float(process.create_time())
    except psutil.Error:  # it has ended already
        return time.time()


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:200] if lines else ""


def _lack_of_space(folder: Path) -> str:
    """A full disk silences even the log."""
    try:
        return "the disk is full; free some space" if shutil.disk_usage(folder).free < _TOO_LITTLE_SPACE else ""
    except OSError as error:
        return f"its folder cannot be read: {error.strerror}"


def _try(action: Callable[[], object]) -> None:
    """A process that ended in the meantime is no error."""
    try:
        action()
    except psutil.Error:
        return
