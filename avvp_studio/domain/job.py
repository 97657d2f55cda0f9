"""A job as its messages tell it: a value that each message carries one step further."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from trainer.protocol import Epoch, Failed, Finished, Message, Note, Progress, Started, Stopped

NO_FEATURES = ": no features, "
"""Between a clip's name and the reason, in what the trainer notes of a file that it cannot encode."""
_FILES = re.compile(r"\d+ of (\d+) files")
"""How the trainer says how far an extraction is."""


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe of the trainer, as its `recipes` command lists it. `features` names the sets that it needs.

    `published` holds the ten numbers of the table that `source` names, in the order of trainer.metrics; None
    where the paper prints none. `labels` says what teaches it: "video"-level labels, "dense" truth, or "pseudo"
    labels, which it has to be given.
    """

    name: str
    summary: str
    features: tuple[str, ...]
    source: str = ""
    published: tuple[float | None, ...] = ()
    epochs: int = 0
    labels: str = "video"


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What a person asks of a training; None leaves a value to the recipe.

    `pseudo_labels` is the parse file that teaches a recipe of such labels.
    """

    recipe: Recipe
    device: str = "auto"
    epochs: int | None = None
    seed: int | None = None
    pseudo_labels: Path | None = None


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What is to run: a trainer command line, or another module's, and the name of its run folder.

    With `after`, it runs only if the job of that name ended well.
    """

    name: str
    title: str
    kind: str
    arguments: tuple[str, ...]
    module: str = "trainer"
    after: str = ""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What is known of a job. `name` is its run folder's; `title` is what a person reads."""

    name: str
    title: str
    kind: str
    state: JobState = JobState.QUEUED
    device: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    detail: str = ""
    eta_s: float | None = None
    started: float | None = None
    ended: float | None = None
    epochs: tuple[Epoch, ...] = ()
    planned_epochs: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    outputs: tuple[tuple[str, str], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()

    @property
    def failures(self) -> dict[str, str]:
        """Of an extraction: the clips that got no features, by name, and why."""
        parts = (note.partition(NO_FEATURES) for note in self.notes if self.kind == "extract")
        return {clip: reason for clip, is_such, reason in parts if is_such}

    @property
    def files(self) -> int:
        """Of an extraction: how many files it is about, as far as it has said so; else 0."""
        counted = _FILES.fullmatch(self.detail) if self.kind == "extract" else None
        return int(counted[1]) if counted else 0

    @property
    def can_finish(self) -> bool:
        """Whether it may be asked to end well after the epoch under way: a training that still trains."""
        return self.kind == "train" and self.state is JobState.RUNNING and self.stage != "parse"

    @property
    def current_epoch(self) -> int:
        """The epoch that a training is in, from 1. Its `done` and `total` count steps between two epochs."""
        ended = self.epochs[-1].epoch if self.epochs else 0
        return min(ended + 1, self.planned_epochs)

    @property
    def early_end(self) -> tuple[int, int] | None:
        """Of a training that was finished before its last epoch: the epoch it ended after, and how many."""
        if self.state is not JobState.FINISHED or not self.epochs:
            return None
        last = self.epochs[-1]
        return (last.epoch, last.epochs) if last.epoch < last.epochs else None

    @property
    def fraction(self) -> float | None:
        """How much of the current stage is done, or None when that is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def advanced(self, message: Message) -> JobStatus:
        """The status after one more message."""
        match message:
            case Started():
                # A resumed run starts again: what an earlier attempt ended with no longer holds.
                return replace(
                    self,
                    state=JobState.RUNNING,
                    device=message.device,
                    started=self.started or message.time,
                    ended=None,
                    planned_epochs=message.epochs,
                    error="",
                )
            case Progress():
                return replace(
                    self,
                    stage=message.stage,
                    done=message.done,
                    total=message.total,
                    detail=message.detail,
                    eta_s=message.eta_s,
                )
            case Epoch():
                earlier = tuple(epoch for epoch in self.epochs if epoch.epoch < message.epoch)
                return replace(
                    self,
                    stage="train",
                    done=message.epoch,
                    total=message.epochs,
                    eta_s=message.eta_s,
                    epochs=(*earlier, message),
                    planned_epochs=message.epochs,
                )
            case Note():
                return replace(self, notes=(*self.notes, message.text))
            case Finished():
                return replace(
                    self,
                    state=JobState.FINISHED,
                    eta_s=None,
                    ended=message.time,
                    outputs=tuple(message.outputs.items()),
                    metrics=tuple(message.metrics.items()),
                )
            case Failed():
                return replace(self, state=JobState.FAILED, eta_s=None, ended=message.time, error=message.error)
            case Stopped():
                return replace(self, state=JobState.STOPPED, eta_s=None, ended=message.time)
            case _:
                return self
