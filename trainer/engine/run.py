"""Training: epochs of steps, each validated and kept; stoppable between two steps, and resumable there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.annotations import Dataset
from trainer.checkpoint import (
    BEST_FILE,
    LAST_FILE,
    STATE_FILE,
    CheckpointError,
    CheckpointInfo,
    build_model,
    load_state,
    save_checkpoint,
    save_state,
)
from trainer.config import Config
from trainer.dataset import VAL
from trainer.dependencies import DEPENDENCIES_FILE, Dependencies, write_dependencies
from trainer.device import memory_explained, peak_memory_mb
from trainer.engine.loss_log import TOTAL, LossLog
from trainer.engine.schedule import clip_order, learning_rate
from trainer.engine.supervision_log import SupervisionLog, SupervisionWriter, joined_supervision
from trainer.engine.trainee import Trainee
from trainer.engine.training_data import TrainingData, read_training_data
from trainer.engine.validation import Validation
from trainer.features import FeatureStore
from trainer.group import Group
from trainer.parses import ParseFile
from trainer.progress import Pace
from trainer.protocol import Epoch, Note, Reporter, StopRequested
from trainer.scoring import scored_metrics, scored_names
from trainer.supervision_files import supervision_path
from trainer.whole_files import written_whole

METRICS_FILE = "metrics.json"

_AUDIO_VISUAL = "segment/AV"
"""What chooses the best checkpoint where the truth is audio-visual only."""

_LOOK_EVERY = 16
"""Steps on a GPU between two looks at the losses: a look waits for all steps before it."""


@dataclass(frozen=True)
class TrainingResult:
    """`checkpoint` is the best by validation, or the last where there was nothing to choose by."""

    checkpoint: Path
    epoch: int
    metrics: dict[str, float]


@dataclass
class _Course:
    """How far a run has come; `history` has one entry an epoch."""

    epoch: int = 0
    best_epoch: int = 0
    best: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(eq=False)
class _Pass:
    """An epoch under way: the `order` of its clips, the `steps` that are done, and what they said."""

    epoch: int
    order: Tensor
    losses: LossLog
    supervision: SupervisionLog
    steps: int = 0


def train(
    config: Config,
    dataset: Dataset,
    store: FeatureStore,
    run_dir: Path,
    *,
    device: torch.device,
    reporter: Reporter,
    resume: bool = False,
    group: Group | None = None,
    pseudo_labels: ParseFile | None = None,
) -> TrainingResult:
    """Train by the config; leave checkpoints, metrics.json and the supervision of epochs in the run folder.

    `pseudo_labels` are what a recipe of the kind "pseudo" is taught by beside the dataset: its categories by
    name, its clips by name, others do not matter.

    In a `group` every process calls this with the same arguments, all but the first with a silent reporter.
    Raises ConfigError, FeatureError, DatasetError, TextError or CheckpointError before the first step,
    DeviceError when memory does not suffice, TrainingError when the loss is lost or diverges, StopRequested
    when the reporter says so.
    """
    group = group or Group()
    with memory_explained(device, "the features and the parser", "use another --device"):
        data = read_training_data(config, dataset, store, device, reporter, group, pseudo_labels)
        training = _Training(config, data, run_dir, device, reporter, group)
        if resume:
            training.restore()
    batch = config.training.batch
    smaller = f"use smaller ones (--set training.batch={max(1, batch // 2)}) or another --device"
    with memory_explained(device, f"batches of {batch}", smaller), training.writing():
        return training.run()


class _Training:
    """One run: its data, its trainee, and how far it has come."""

    def __init__(
        self,
        config: Config,
        data: TrainingData,
        run_dir: Path,
        device: torch.device,
        reporter: Reporter,
        group: Group,
    ) -> None:
        torch.manual_seed(config.training.seed)
        self._config, self._data, self._run_dir = config, data, run_dir
        self._device, self._reporter, self._group = device, reporter, group
        parser = build_model(config, len(data.dataset.categories), data.widths)
        parser.prepare(data.material)
        self._trainee = Trainee(config, parser, group, device)
        # On the CPU, so that a seed gives one order on every device.
        self._order = torch.Generator().manual_seed(config.training.seed)
        self._writer = SupervisionWriter()
        self._course = _Course()
        self._begun: _Pass | None = None
        self._validation = Validation(config, data)
        self._select_by = self._chosen_metric()
        if config.training.precision != "float32" and device.type != "cuda":
            reporter.send(Note(text=f"training.precision is for CUDA: on {device} this is float32"))

    def _chosen_metric(self) -> str:
        asked, dataset = self._config.training.select_by, self._data.dataset
        if asked in scored_metrics(dataset):
            return asked
        if scored_names(dataset, VAL):
            text = f"the truth is audio-visual only: {_AUDIO_VISUAL} chooses the best checkpoint, not {asked}"
            self._reporter.send(Note(text=text))
        return _AUDIO_VISUAL

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What was to be written in the background is on the disk when the block has ended, however it ends."""
        try:
            yield
        finally:
            self._writer.wait()

    def run(self) -> TrainingResult:
        """Train what is left of the epochs, tell of each, and keep it."""
        epochs, first = self._config.training.epochs, self._course.epoch + 1
        pace = Pace(self._reporter, "train", self._steps_left(first))
        for epoch in range(first, epochs + 1):
            self._train_epoch(epoch, pace)
            is_finished = epoch < epochs and self._group.decided(self._reporter.is_finish_requested)
            self._end_epoch(pace, is_last=is_finished or epoch == epochs)
            if is_finished:
                self._reporter.send(Note(text=f"finished early, after epoch {epoch} of {epochs}"))
                break
        course = self._course
        if course.best:
            return TrainingResult(self._run_dir / BEST_FILE, course.best_epoch, course.best)
        self._reporter.send(Note(text="no validation clip has both truth and features: the last epoch is kept"))
        return TrainingResult(self._run_dir / LAST_FILE, course.epoch, {})

    def _steps_left(self, first: int) -> int:
        """The steps from epoch `first` on, but for those that were done before it was stopped."""
        clips = torch.arange(len(self._data.train))
        an_epoch = len(self._group.parts(clips, self._config.training.batch))
        done = 0 if self._begun is None else self._begun.steps
        return an_epoch * (self._config.training.epochs - first + 1) - done

    # One epoch

    def _begin(self, epoch: int) -> _Pass:
        training = self._config.training
        lengths = self._data.train.lengths
        order = clip_order(lengths, batch=training.batch, bucket=training.bucket, generator=self._order)
        self._trainee.parser.start_epoch(epoch)
        return self._new_pass(epoch, order)

    def _new_pass(self, epoch: int, order: Tensor) -> _Pass:
        if self._device.type == "cuda":
            order = order.pin_memory()  # so that a batch's index is sent without waiting
        history, divergence = self._course.history, self._config.training.divergence
        first = history[0]["losses"][TOTAL] if history else 0
        log = LossLog(epoch, self._group, most=divergence * first if divergence * first > 0 else math.inf)
        return _Pass(epoch, order, log, SupervisionLog(self._data.train))

    def _train_epoch(self, epoch: int, pace: Pace) -> None:
        """The steps of the epoch that are left. Raises StopRequested between two, when all is kept."""
        if self._begun is None:
            self._begun = self._begin(epoch)
        begun, group, clips = self._begun, self._group, self._data.train
        look_every = _LOOK_EVERY if self._device.type == "cuda" else 1
        self._trainee.set_rate(epoch)
        pace.start_part()
        for batch in group.parts(begun.order, self._config.training.batch)[begun.steps :]:
            is_asked = group.is_alone or begun.steps % look_every == 0
            if is_asked and group.decided(self._reporter.is_stop_requested):
                begun.losses.look()
                self._save_state(self._state())
                raise StopRequested
            part = clips.batch(group.part(batch))
            step = self._trainee.step(part, epoch)
            begun.losses.add(step.losses, len(batch))
            begun.supervision.add(part, step.supervision)
            begun.steps += 1
            if begun.steps % look_every == 0:
                begun.losses.look()
            pace.step(len(batch))

    def _end_epoch(self, pace: Pace, *, is_last: bool) -> None:
        """Look back on the epoch, validate, keep all, and tell."""
        assert self._begun is not None
        begun, self._begun = self._begun, None
        losses = begun.losses.means()
        self._trainee.check(begun.epoch, begun.steps)
        clips_per_s = pace.clips_per_s()
        begun.supervision.combine(self._group)
        entry: dict[str, Any] = {"epoch": begun.epoch, "losses": losses, "metrics": {}, "supervision": {}}
        entry["parameters"] = self._trainee.parser.scalars()
        if self._group.is_first:
            keep = self._config.training.keep_supervision
            is_kept = is_last or (keep > 0 and begun.epoch % keep == 0)
            entry["metrics"] = self._validation.metrics(self._trainee.parser)
            made = self._validation.supervision(self._trainee.parser)
            entry["supervision"] = self._validation.supervision_scores(made)
            if is_kept and begun.supervision.arrays:
                self._write_supervision(begun, made)
        self._keep(begun.epoch, entry)
        self._reporter.send(
            Epoch(
                epoch=begun.epoch,
                epochs=self._config.training.epochs,
                losses=losses,
                metrics={f"val/{name}": value for name, value in entry["metrics"].items()},
                lr=learning_rate(self._config, begun.epoch),
                eta_s=0.0 if is_last else pace.seconds_left(),
                supervision=entry["supervision"],
                parameters=entry["parameters"],
                clips_per_s=clips_per_s,
                peak_memory_mb=peak_memory_mb(self._device),
            )
        )

    # What is kept

    def _write_supervision(self, begun: _Pass, made: SupervisionLog) -> None:
        """That of the epoch's own clips, and of the validation clips."""
        logs, clips = (begun.supervision, made), len(begun.supervision.clips)
        found = joined_supervision(begun.epoch, self._data.dataset.categories, *logs, trained=clips)
        self._writer.write(supervision_path(self._run_dir, begun.epoch), found)

    def _keep(self, epoch: int, entry: dict[str, Any]) -> None:
        """Store the epoch: checkpoints first, then the state that says it is over."""
        course, metrics = self._course, entry["metrics"]
        is_best = bool(metrics) and metrics[self._select_by] > course.best.get(self._select_by, -math.inf)
        if is_best:
            course.best_epoch, course.best = epoch, metrics
        course.epoch = epoch
        course.history.append(entry)
        state = self._state()
        if not self._group.is_first:
            return
        info = CheckpointInfo(
            config=self._config,
            categories=self._data.dataset.categories,
            widths=self._data.widths,
            epoch=epoch,
            metrics=metrics,
            run=self._run_dir.name,
            labels=self._data.labels,
            scaling=self._data.scaling,
        )
        for name in (LAST_FILE, BEST_FILE) if is_best else (LAST_FILE,):
            save_checkpoint(self._run_dir / name, self._trainee.parser, info)
        if is_best or not course.best:
            self._write_dependencies(epoch)
        self._save_state(state)
        with written_whole(self._run_dir / METRICS_FILE) as partial:
            partial.write_text(json.dumps(asdict(course), indent=1), encoding="utf-8")

    def _write_dependencies(self, epoch: int) -> None:
        """Those of the weights that this run will be judged by, if the parser has any."""
        found = self._trainee.parser.dependencies()
        if found is None:
            return
        matrices = {name: matrix.detach().float().cpu().numpy() for name, matrix in found.items()}
        path = self._run_dir / DEPENDENCIES_FILE
        write_dependencies(path, Dependencies(epoch, self._data.dataset.categories, matrices))

    def _save_state(self, state: dict[str, Any]) -> None:
        if self._group.is_first:
            save_state(self._run_dir / STATE_FILE, state)

    def _state(self) -> dict[str, Any]:
        """All that the run needs to go on from here, bit for bit. Every process must ask for it."""
        begun = self._begun
        if begun is not None:
            begun.supervision.combine(self._group)
        return {
            "course": asdict(self._course),
            "clips": self._data.fingerprint,
            "order": self._order.get_state(),
            "trainee": self._trainee.state(),
            "begun": None
            if begun is None
            else {
                "order": begun.order,
                "steps": begun.steps,
                "losses": begun.losses.state(),
                "supervision": begun.supervision.arrays,
            },
        }

    def restore(self) -> None:
        """Go back to where the run was kept last, if it was: after a whole epoch, or where it was stopped."""
        path = self._run_dir / STATE_FILE
        if not path.is_file():
            return
        state, here = load_state(path), self._data.fingerprint
        if state.get("clips", here) != here:
            raise CheckpointError(
                f"{path}: the text features, the training clips or their labels changed since this run was "
                f"started; start a new run instead of resuming"
            )
        try:
            self._go_back(state)
        except (KeyError, TypeError, RuntimeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path}: does not fit this run; start a new one ({error})") from error

    def _go_back(self, state: dict[str, Any]) -> None:
        self._trainee.restore(state["trainee"])
        self._order.set_state(state["order"])
        self._course = _Course(**state["course"])
        if len(self._course.history) != self._course.epoch or any(
            TOTAL not in entry["losses"] for entry in self._course.history
        ):
            raise ValueError("its history is not that of its epochs")
        begun = state["begun"]
        if begun is not None:
            self._begun = self._new_pass(self._course.epoch + 1, begun["order"])
            self._begun.steps = begun["steps"]
            self._begun.losses.restore(begun["losses"])
            self._begun.supervision.restore(begun["supervision"], self._group)
