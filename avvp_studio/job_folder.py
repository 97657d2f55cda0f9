"""The run folder of a job: what was ordered, which process does it, and what that said so far."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from avvp_studio.domain.job import JobOrder, JobState, JobStatus
from avvp_studio.processes import ProcessId
from trainer.protocol import FINISH_FILE, LOG_FILE, MESSAGES_FILE, STOP_FILE, Failed, Message, read_message
from trainer.whole_files import written_whole

JOB_FILE = "job.json"
CLAIM_FILE = "claim"
OWN_MODULES = ("trainer", "avvp_studio.sample")
_CLAIM_HOLDS_S = 30.0
_TOO_LITTLE_SPACE = 1_000_000
"""A disk with fewer free bytes is called full."""


@dataclass(frozen=True, slots=True)
class Record:
    """What `job.json` holds: the order, when it was given, and once it runs, which process it is."""

    order: JobOrder
    ordered: float = 0.0
    process: ProcessId | None = None

    def write(self, run_dir: Path) -> None:
        with written_whole(run_dir / JOB_FILE) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @staticmethod
    def read(run_dir: Path) -> Record | None:
        """The record of a run folder, whose name is the job's; None when there is none, or it is damaged."""
        try:
            fields = json.loads((run_dir / JOB_FILE).read_text(encoding="utf-8"))
            order = JobOrder(**{**fields["order"], "name": run_dir.name})
            order = replace(order, arguments=tuple(order.arguments))
            process = fields.get("process")
            ordered = float(fields.get("ordered", 0.0))
            record = Record(order, ordered, None if process is None else ProcessId(**process))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return record if record._is_sound() else None

    def _is_sound(self) -> bool:
        order = self.order
        words = (order.title, order.kind, order.module, order.after, *order.arguments)
        return all(isinstance(word, str) for word in words) and (self.process is None or self.process.is_sound)

    def is_ours(self, root: Path) -> bool:
        """Whether this program may have written the order: its own modules, and no path out of `root`."""
        root = root.resolve()
        return self.order.module in OWN_MODULES and all(
            not (argument.startswith("-") and "=" in argument)
            and (root / argument).resolve().is_relative_to(root)
            for argument in self.order.arguments
        )


class JobFolder:
    """A job in view: its record, its status so far, and how much of its messages has been read."""

    def __init__(self, run_dir: Path, record: Record) -> None:
        self.run_dir = run_dir
        self.record = record
        order = record.order
        began = record.process.began if record.process else None
        self.status = JobStatus(name=order.name, title=order.title, kind=order.kind, started=began)
        self.stop_requested_at: float | None = None
        self._offset = 0

    def take_news(self) -> bool:
        """Read what was written since the last call; whether there was anything."""
        messages = list(self._new_messages())
        for message in messages:
            self.status = self.status.advanced(message)
        return bool(messages)

    def _new_messages(self) -> Iterator[Message]:
        try:
            with (self.run_dir / MESSAGES_FILE).open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError:  # not there yet, or the disk is away for a moment
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode("utf-8", errors="replace").splitlines():
            message = read_message(line)
            if message is not None:
                yield message

    @property
    def is_alive(self) -> bool:
        return self.record.process is not None and self.record.process.process() is not None

    @property
    def is_asked_to_stop(self) -> bool:
        return self.stop_requested_at is not None or (self.run_dir / STOP_FILE).exists()

    @property
    def is_asked_to_finish(self) -> bool:
        return (self.run_dir / FINISH_FILE).exists()

    def claim(self) -> bool:
        """Take a waiting job for this window; false when another window has it already. Raises OSError."""
        try:
            os.close(os.open(self.run_dir / CLAIM_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        return True

    def follow_other_window(self) -> None:
        """Another window claimed it: follow the process that it started, if it came to that."""
        self.record = Record.read(self.run_dir) or self.record
        if self.record.process is not None:
            self.status = replace(self.status, state=JobState.RUNNING)
        elif time.time() - (self.run_dir / CLAIM_FILE).stat().st_mtime > _CLAIM_HOLDS_S:
            self.write_last_word(Failed(error="The window that was to start this job ended: order it again"))

    def write_last_word(self, message: Message) -> None:
        """Say in the job's place how it ended."""
        try:
            with (self.run_dir / MESSAGES_FILE).open("a", encoding="utf-8") as file:
                file.write("\n" + message.to_json() + "\n")
        except OSError:
            self.status = self.status.advanced(message)
        self.take_news()

    def why_it_ended(self) -> str:
        """What a process that ended without a word left: the last line of its log, or a full disk."""
        return _last_line(self.run_dir / LOG_FILE) or _lack_of_space(self.run_dir)


def next_name(runs: Path, stem: str) -> str:
    """A run folder's name that sorts by time and is not taken: `20260131-142530-stem`."""
    base = f"{time.strftime('%Y%m%d-%H%M%S')}-{stem}"
    name, count = base, 2
    while (runs / name).exists():
        name, count = f"{base}-{count}", count + 1
    return name


def find_job_folders(runs: Path) -> list[JobFolder]:
    """The jobs under a folder of runs, the oldest first. Raises OSError."""
    folders = sorted(runs.iterdir()) if runs.exists() else []
    found = [JobFolder(folder, record) for folder in folders if (record := Record.read(folder)) is not None]
    return sorted(found, key=lambda job: job.record.ordered)


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
