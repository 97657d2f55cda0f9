"""What a job says while it runs: one JSON object a line, appended to `messages.jsonl` of its run folder.

A reader skips lines and types it does not know, so that an older studio can follow a newer trainer.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

MESSAGES_FILE = "messages.jsonl"
LOG_FILE = "log.txt"
STOP_FILE = "stop"
"""A file of this name in the run folder asks the job to stop; it is looked for between two steps."""
FINISH_FILE = "finish"
"""A file of this name asks a training to end well after the epoch under way, as if that had been its last."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """Common to all messages: when it was written (seconds since the epoch)."""

    type: ClassVar[str]
    time: float = field(default_factory=time.time)

    def to_json(self) -> str:
        return json.dumps({"type": self.type, **asdict(self)}, ensure_ascii=False, allow_nan=True)


@dataclass(frozen=True, kw_only=True)
class Started(Message):
    """The job runs: what it is ("train", "pipeline", ...), its process, and for training its recipe."""

    type: ClassVar[str] = "started"
    kind: str
    pid: int
    device: str = "cpu"
    recipe: str = ""
    epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress(Message):
    """`done` of `total` units of the named stage ("load", "train", "pre-train", "label", ...) are finished."""

    type: ClassVar[str] = "progress"
    stage: str
    done: int
    total: int
    eta_s: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage(Message):
    """One stage of a job begins, `number` (from 1) of `stages`, or is `skipped`: what it made is kept."""

    type: ClassVar[str] = "stage"
    name: str
    number: int
    stages: int
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Epoch(Message):
    """An epoch (counted from 1) ended: mean losses by name, metrics by name ("val/segment/Type@AV", in %).

    `supervision` says how well what the parser trains on beside the labels meets the dense truth of the
    validation clips: "mask/precision" and "mask/recall" in %, "mask/cells" how many cells it marks; so "pairs".
    `parameters` are learnt numbers of the parser's that it names.
    `clips_per_s` counts training alone; `peak_memory_mb` is the device's, on a CPU that of the process.
    """

    type: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    losses: dict[str, float]
    metrics: dict[str, float] = field(default_factory=dict)
    lr: float = 0.0
    eta_s: float | None = None
    supervision: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    clips_per_s: float = 0.0
    peak_memory_mb: float = 0.0

    def __str__(self) -> str:
        """In a line: the loss, and the scores of segments."""
        numbers = {"loss": self.losses.get("total", math.nan), **self.metrics}
        shown = [f"{name} {value:.3g}" for name, value in numbers.items() if "/event/" not in name]
        return f"epoch {self.epoch} of {self.epochs}: {', '.join(shown)}"


@dataclass(frozen=True, kw_only=True)
class Note(Message):
    """Something a person should read; the job goes on."""

    type: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, kw_only=True)
class Finished(Message):
    """The job ended well. `outputs` names what it made ("checkpoint", "parses", ...) by path."""

    type: ClassVar[str] = "finished"
    outputs: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Failed(Message):
    """The job ended badly: one sentence that says what is wrong, where, and what to do."""

    type: ClassVar[str] = "failed"
    error: str


@dataclass(frozen=True, kw_only=True)
class Stopped(Message):
    """The job ended because it was asked to; what it had made so far is kept."""

    type: ClassVar[str] = "stopped"


_TYPES: dict[str, type[Message]] = {
    kind.type: kind for kind in (Started, Progress, Stage, Epoch, Note, Finished, Failed, Stopped)
}
_HINTS = {kind: get_type_hints(kind) for kind in _TYPES.values()}


def read_message(line: str) -> Message | None:
    """The message on a line, or None when the line is not one (library output, a half-written line)."""
    try:
        fields: Any = json.loads(line)
        kind = _TYPES[fields.pop("type")]
        hints = _HINTS[kind]
        known = {name: value for name, value in fields.items() if name in kind.__dataclass_fields__}
        return kind(**known) if all(_fits(value, hints[name]) for name, value in known.items()) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value out of JSON is of a field's type; an integer is a float."""
    if isinstance(hint, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(item, get_args(hint)[1]) for item in value.values())
    return isinstance(value, int | float if hint is float else hint)


class StopRequested(Exception):  # noqa: N818 - a wish, not an error
    """A job leaves its work because it was asked to stop; what it had made so far is kept."""


class Reporter:
    """Appends messages to a run folder; without a folder it is silent. Knows what was asked for there."""

    def __init__(self, run_dir: Path | None) -> None:
        self._run_dir = run_dir
        if run_dir is not None:
            run_dir.mkdir(parents=True, exist_ok=True)

    def send(self, message: Message) -> None:
        if self._run_dir is None:
            return
        path = self._run_dir / MESSAGES_FILE
        try:
            # Names of files may be no text at all: what cannot be written is escaped, as JSON does it.
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(message.to_json() + "\n")
        except OSError as error:
            error.filename = error.filename or str(path)  # a write does not know what it is written to
            raise

    @property
    def is_stop_requested(self) -> bool:
        return self._run_dir is not None and (self._run_dir / STOP_FILE).exists()

    @property
    def is_finish_requested(self) -> bool:
        return self._run_dir is not None and (self._run_dir / FINISH_FILE).exists()
