"""Training: the plain loop, seeded, stoppable between two steps and resumable at every epoch."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
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
from trainer.dataset import TRAIN, VAL, ClipTensors, DatasetError, check_splits, clip_tensors, trainable
from trainer.features import Features, FeatureStore, Scaling, some
from trainer.models.layers import Parser
from trainer.parsing import batch_of, batches_of, parse_clips
from trainer.progress import progress_of
from trainer.protocol import Epoch, Note, Reporter, StopRequested
from trainer.scoring import score_parses, scored_names
from trainer.whole_files import written_whole

METRICS_FILE = "metrics.json"
SUPERVISION_FILE = "supervision.npz"
SELECTED_BY = "segment/Type@AV"
"""The validation number that chooses the best checkpoint (HAN, VALOR); the first of equals is kept."""


class TrainingError(RuntimeError):
    """A training that cannot go on: what happened, where, and what to do."""


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


def train(
    config: Config,
    dataset: Dataset,
    store: FeatureStore,
    run_dir: Path,
    *,
    device: torch.device,
    reporter: Reporter,
    resume: bool = False,
) -> TrainingResult:
    """Train by the config; leave checkpoints, metrics.json and supervision.npz in the run folder.

    Raises FeatureError, DatasetError or CheckpointError before the first step, TrainingError when the loss
    is lost or memory does not suffice, StopRequested when the reporter says so.
    """
    check_splits(dataset)
    dataset = _trainable(dataset, reporter)
    with _memory_explained(config, device):
        # The features are on the device from here on: no name keeps the copy that was read.
        training = _Training(
            config, dataset, _read_features(dataset, store, reporter), run_dir, device, reporter
        )
        if resume:
            training.restore()
        return training.run()


def _trainable(dataset: Dataset, reporter: Reporter) -> Dataset:
    """Without the train clips of which nothing is known; says which those are, and of which little is."""
    kept = trainable(dataset)
    every, taught = dataset.splits[TRAIN], kept.splits[TRAIN]
    unknown = [name for name in every if name not in taught]
    reviewed_only = [name for name, labels in taught.items() if not labels]
    for names, text in (
        (unknown, "have no video-level label and nothing reviewed, and are left out"),
        (reviewed_only, "have no video-level label: only what was reviewed in them is trained"),
    ):
        if names:
            reporter.send(Note(text=f"{len(names)} of {len(every)} train clips {text}: {some(names)}"))
    return kept


def _read_features(dataset: Dataset, store: FeatureStore, reporter: Reporter) -> Features:
    """The features of train and val; clips that have none are left out and said, unless it is all of train."""
    train_clips, val_clips = (dataset.splits.get(split, {}) for split in (TRAIN, VAL))
    features = store.read([*train_clips, *val_clips], progress=progress_of(reporter, "load"))
    if not any(name in features.clips for name in train_clips):
        raise DatasetError(
            f"none of the {len(train_clips)} labelled train clips has features: extract them first "
            f"({some(list(train_clips))})"
        )
    if features.missing:
        counts = [
            f"{sum(name in clips for name in features.missing)} of {len(clips)} {split} clips"
            for split, clips in ((TRAIN, train_clips), (VAL, val_clips))
        ]
        reporter.send(
            Note(text=f"left out for want of features: {', '.join(counts)}: {some(features.missing)}")
        )
    if features.zeros:
        reporter.send(Note(text=f"{len(features.zeros)} feature files are all zeros: {some(features.zeros)}"))
    return features


class _Training:
    """One run: its tensors, its model, and how far it has come."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        features: Features,
        run_dir: Path,
        device: torch.device,
        reporter: Reporter,
    ) -> None:
        torch.manual_seed(config.training.seed)
        self._config, self._dataset, self._reporter = config, dataset, reporter
        self._run_dir = run_dir
        self._widths = features.widths
        clips = features.clips
        self._scaling: Scaling | None = None
        if config.features.standardise:
            self._scaling = Scaling.of(clips[name] for name in dataset.splits[TRAIN] if name in clips)
            clips = {name: self._scaling.apply(clip) for name, clip in clips.items()}
        self._clips = clip_tensors(dataset, TRAIN, clips, device)
        self._fingerprint = _fingerprint(self._clips)
        self._validation = clip_tensors(dataset, VAL, clips, device)
        self._model = build_model(config, len(dataset.categories), features.widths).to(device)
        self._optimiser = _optimiser(config, self._model.parameters())
        # On the CPU, so that a seed gives one order on every device.
        self._order = torch.Generator().manual_seed(config.training.seed)
        self._course = _Course()

    def run(self) -> TrainingResult:
        """Train what is left of the epochs, tell of each, and keep it."""
        epochs, first = self._config.training.epochs, self._course.epoch + 1
        progress = progress_of(self._reporter, "train")
        started = time.monotonic()
        for epoch in range(first, epochs + 1):
            losses = self._train_epoch(epoch, first, progress)
            metrics = self._validate()
            self._keep(epoch, losses, metrics)
            a_epoch = (time.monotonic() - started) / (epoch - first + 1)
            self._reporter.send(
                Epoch(
                    epoch=epoch,
                    epochs=epochs,
                    losses=losses,
                    metrics={f"val/{name}": value for name, value in metrics.items()},
                    lr=learning_rate(self._config, epoch),
                    eta_s=a_epoch * (epochs - epoch),
                )
            )
        course = self._course
        categories = np.array(self._dataset.categories, dtype=np.str_)
        about = {"categories": categories, "epoch": np.array(course.epoch)}
        _save_supervision(self._run_dir / SUPERVISION_FILE, self._model, self._clips, about)
        if course.best:
            return TrainingResult(self._run_dir / BEST_FILE, course.best_epoch, course.best)
        self._reporter.send(Note(text="no validation clip has both truth and features: the last epoch is kept"))
        return TrainingResult(self._run_dir / LAST_FILE, course.epoch, {})

    def _train_epoch(self, epoch: int, first: int, progress: Callable[[int, int], None]) -> dict[str, float]:
        """One pass over the clips in a new order; the mean losses by name, and their "total"."""
        training, count = self._config.training, len(self._clips)
        device = self._clips.valid.device
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self._config, epoch)
        order = torch.randperm(count, generator=self._order).to(device)
        batches = torch.split(order, training.batch)
        sums: dict[str, Tensor] = {}
        self._model.train()
        for step, index in enumerate(batches, start=1):
            if self._reporter.is_stop_requested:
                raise StopRequested
            losses = self._model.losses(batch_of(self._clips, index), epoch)
            total = torch.stack(list(losses.values())).sum()
            if not torch.isfinite(total):
                raise TrainingError(_lost(losses, epoch, step))
            self._optimiser.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            if training.clip_norm:
                torch.nn.utils.clip_grad_norm_(self._model.parameters(), training.clip_norm)
            self._optimiser.step()
            self._model.after_step()
            for name, loss in (losses | {"total": total}).items():
                sums[name] = sums.get(name, torch.zeros((), device=device)) + loss.detach() * len(index)
            done = (epoch - first) * len(batches) + step
            progress(done, (training.epochs - first + 1) * len(batches))
        return {name: float(value) / count for name, value in sums.items()}

    def _validate(self) -> dict[str, float]:
        parses = parse_clips(self._model, self._validation)
        threshold = self._config.prediction.threshold
        return score_parses(parses, self._dataset, scored_names(self._dataset, VAL), threshold=threshold)

    def _keep(self, epoch: int, losses: dict[str, float], metrics: dict[str, float]) -> None:
        """Store the epoch: checkpoints first, then the state that says it is over."""
        course = self._course
        info = CheckpointInfo(
            config=self._config,
            categories=self._dataset.categories,
            widths=self._widths,
            epoch=epoch,
            metrics=metrics,
            run=self._run_dir.name,
            scaling=self._scaling,
        )
        save_checkpoint(self._run_dir / LAST_FILE, self._model, info)
        if metrics and metrics[SELECTED_BY] > course.best.get(SELECTED_BY, -math.inf):
            course.best_epoch, course.best = epoch, metrics
            save_checkpoint(self._run_dir / BEST_FILE, self._model, info)
        course.epoch = epoch
        course.history.append({"epoch": epoch, "losses": losses, "metrics": metrics})
        save_state(self._run_dir / STATE_FILE, self._state())
        _write_json(self._run_dir / METRICS_FILE, asdict(course))

    def _state(self) -> dict[str, Any]:
        device = self._clips.valid.device
        return {
            "course": asdict(self._course),
            "clips": self._fingerprint,
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "order": self._order.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def restore(self) -> None:
        """Go back to the end of the last whole epoch, if there is one: the same run goes on, bit for bit."""
        path = self._run_dir / STATE_FILE
        if not path.is_file():
            return
        state = load_state(path)
        try:
            if state["clips"] != self._fingerprint:
                raise CheckpointError(
                    f"{path}: the training clips or their labels changed since this run was started; "
                    f"start a new run instead of resuming"
                )
            self._model.load_state_dict(state["model"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._order.set_state(state["order"])
            torch.set_rng_state(state["random"])
            device = self._clips.valid.device
            if device.type == "cuda" and state["random_cuda"] is not None:
                torch.cuda.set_rng_state(state["random_cuda"], device)
            self._course = _Course(**state["course"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{path}: does not fit this run; start a new one ({error})") from error


def learning_rate(config: Config, epoch: int) -> float:
    """The rate of an epoch (counted from 1) by the config's schedule."""
    schedule, top, epochs = config.schedule, config.optimiser.lr, config.training.epochs
    if schedule.kind == "constant":
        return top
    if schedule.kind == "step":
        return float(top * schedule.factor ** ((epoch - 1) // schedule.every))
    if epoch < schedule.warm_up:
        return top * epoch / schedule.warm_up
    share = (epoch - schedule.warm_up) / max(1, epochs - schedule.warm_up)
    return schedule.lr_min + 0.5 * (top - schedule.lr_min) * (1 + math.cos(math.pi * share))


def _optimiser(config: Config, parameters: Iterator[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Adam or AdamW over what is to be learnt; its rate is set anew in every epoch.

    Fused: one pass over the weights instead of some twelve, which takes a tenth off a step on a CPU.
    """
    settings = config.optimiser
    kind = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
    learnt = [parameter for parameter in parameters if parameter.requires_grad]
    betas = (settings.beta1, settings.beta2)
    return kind(learnt, lr=settings.lr, betas=betas, weight_decay=settings.weight_decay, fused=True)


def _lost(losses: dict[str, Tensor], epoch: int, step: int) -> str:
    names = [name for name, loss in losses.items() if not torch.isfinite(loss)] or ["total"]
    return (
        f"the loss is no longer a finite number ({', '.join(names)}, epoch {epoch}, step {step}): "
        f"lower the learning rate (--set optimiser.lr=...) or clip gradients (--set training.clip_norm=1.0)"
    )


@contextmanager
def _memory_explained(config: Config, device: torch.device) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        out = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not out:
            raise
        raise TrainingError(
            f"{device} has not enough memory for batches of {config.training.batch}: "
            f"use smaller ones (--set training.batch={max(1, config.training.batch // 2)}) or another --device"
        ) from error


def _fingerprint(clips: ClipTensors) -> str:
    """Tells whether two runs train on the same clips with the same labels."""
    digest = hashlib.sha256("\n".join(clips.names).encode())
    for tensor in (clips.labels, clips.reviewed):
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _save_supervision(path: Path, model: Parser, clips: ClipTensors, about: Mapping[str, Any]) -> None:
    """What the parser trains on beside the labels, as it stands after the last epoch: names (N,), lengths (N,),
    what is `about` all of it, and the parser's own arrays (N, ...), padded, floats as float16."""
    parts: dict[str, list[Tensor]] = {}
    for batch in batches_of(clips):
        for name, values in model.supervision(batch).items():
            parts.setdefault(name, []).append(values.half() if values.is_floating_point() else values)
    if not parts:
        return
    arrays: dict[str, Any] = {name: torch.cat(values).cpu().numpy() for name, values in parts.items()}
    arrays["names"] = np.array(clips.names, dtype=np.str_)
    arrays["lengths"] = clips.valid.sum(dim=1).cpu().numpy()
    arrays |= about
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _write_json(path: Path, value: Any) -> None:
    with written_whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1), encoding="utf-8")
