"""The stages of a pipeline: "pre-train" in RUN/generator, "label" in RUN/labels, "train" in RUN/parser.

Everything that can be wrong is looked for before the first stage: hours later would be too late.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer import engine
from trainer.checkpoint import STATE_FILE, model_config_types
from trainer.config import Config, ConfigError
from trainer.dataset import VAL
from trainer.features import some
from trainer.jobs import (
    PSEUDO_LABELS_FILE,
    UsageError,
    alone_in,
    begun,
    every_clip,
    forget_wishes,
    parse_to,
)
from trainer.models import MODELS
from trainer.parses import read_parses, write_parses
from trainer.pipeline.material import Material, no_labels
from trainer.pipeline.stage import (
    Inputs,
    StageFolder,
    StageReporter,
    StageState,
    ended,
    features_hash,
    parses_hash,
    part_hash,
)
from trainer.protocol import Finished, Note, Reporter, Stage, Started, StopRequested
from trainer.pseudo_labels import Making, known_thresholds
from trainer.pseudo_labels.generator import Labelling, file_hash, load_generator, target_texts
from trainer.pseudo_labels.labels import check_searchable
from trainer.recipe_files import load_recipe

PRETRAIN, LABEL, TRAINING = "pre-train", "label", "train"
_FOLDERS = {PRETRAIN: "generator", LABEL: "labels", TRAINING: "parser"}


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What a generator is trained on: a `dataset` of dense truth and its `features`, by the parser's own recipe
    for it with `overrides`."""

    dataset: Path
    features: Path
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of a pipeline.

    `generator`: how one is trained, or the checkpoint of one. `threshold`: the probability of all pseudo-labels
    where there is no truth to search one by. `parse`: where every clip's parse goes in the end, if anywhere.
    """

    recipe: str
    overrides: tuple[str, ...] = ()
    dataset: Path
    features: Path
    run_dir: Path
    generator: Pretraining | Path
    threshold: float | None = None
    parse: Path | None = None
    device: torch.device


def run_pipeline(order: Order, reporter: Reporter) -> Finished:
    """Do all stages of which the inputs changed, or that were not done. Gives what there is then.

    Raises what its stages raise, UsageError for what cannot be meant, and StopRequested when asked to stop,
    after which the same order goes on.
    """
    return _Pipeline(order, reporter).run()


class _Pipeline:
    """One order: its recipes and datasets, all read and checked."""

    def __init__(self, order: Order, reporter: Reporter) -> None:
        self._order, self._reporter = order, reporter
        config = load_recipe(order.recipe, order.overrides, models=model_config_types())
        if config.labels.kind != "pseudo":
            raise UsageError(
                f"{config.recipe} is not taught by pseudo-labels and needs no pipeline: `train` it"
            )
        self._target = Material.read(config, order.dataset, order.features, reporter)
        if order.threshold is None:
            check_searchable(self._target.dataset)
        self._source: Material | None = None
        if isinstance(order.generator, Path):
            info = load_generator(order.generator, torch.device("cpu"))[1]
            self._labeller, self._widths = info.config, info.widths
        else:
            self._source = self._read_source(config, order.generator)
            self._labeller, self._widths = self._source.config, self._source.rehearse(reporter)
        self._inputs, self._to_label = self._check_target()
        self._texts = self._target.texts(self._labeller)
        self._number, self._stages = 0, 2 if self._source is None else 3

    def _read_source(self, config: Config, source: Pretraining) -> Material:
        """What a generator is to be trained on, by the recipe that the parser's names."""
        recipe = config.labels.generator
        if not recipe:
            raise UsageError(
                f"{config.recipe} names no recipe of a generator: add --set labels.generator=NAME, or give a "
                "trained one with --generator"
            )
        plain = load_recipe(recipe, models=model_config_types())
        if plain.labels.kind != "dense" or not MODELS[plain.parser][1].reads_texts:
            raise UsageError(f"{recipe} trains no generator of pseudo-labels; `recipes` lists those that do")
        try:
            changed = load_recipe(recipe, source.overrides, models=model_config_types())
        except ConfigError as error:
            raise UsageError(f"{recipe}: {str(error).replace('--set ', '--set-generator ')}") from error
        return Material.read(changed, source.dataset, source.features, self._reporter)

    def _check_target(self) -> tuple[Inputs, str]:
        """Read all of the target's features, which packs them, and rehearse its training without labels.

        Gives the inputs of that training, and the hash of the features that are labelled by.
        """
        target, labeller = self._target, self._labeller
        own = target.read_features(target.config, self._reporter)
        labelled = target.read_features(labeller, self._reporter, self._widths)
        ours, theirs = (dict(zip(x.names, x.lengths.tolist(), strict=True)) for x in (own, labelled))
        wrong = [
            f"{name} ({count} segments, and {theirs[name]} to be labelled)"
            for name, count in ours.items()
            if theirs.get(name, count) != count
        ]
        if wrong:
            raise UsageError(
                f"{len(wrong)} clips have other numbers of segments in the features of {target.config.recipe} "
                f"than in those of {labeller.recipe}: {some(wrong)}"
            )
        if self._order.threshold is None:
            check_searchable(target.dataset, theirs)
        target_texts(labeller.features, self._widths, target.features, target.dataset)
        target.rehearse(self._reporter, no_labels(theirs, target.dataset.categories))
        return target.inputs(own), features_hash(labelled, every_clip(target.dataset))

    def run(self) -> Finished:
        order, target = self._order, self._target
        checkpoint = order.generator if isinstance(order.generator, Path) else self._pretrain()
        labels = self._label(checkpoint)
        parser = self._train(labels)
        outputs = {
            "generator": str(checkpoint),
            "pseudo_labels": str(labels),
            "checkpoint": str(parser.output("checkpoint")),
        }
        if order.parse is not None:
            parse_to(
                order.parse,
                parser.output("checkpoint"),
                order.features,
                every_clip(target.dataset),
                target.dataset,
                order.device,
                self._reporter,
            )
            outputs["parses"] = str(order.parse)
        return Finished(outputs=outputs, metrics=_validated(parser.metrics))

    # The stages

    def _pretrain(self) -> Path:
        source = self._source
        assert source is not None
        features = source.read_features(source.config, self._reporter)
        inputs = {**source.inputs(features), "texts": source.texts(source.config)}
        stage, state = self._open(PRETRAIN, inputs)
        if state is not StageState.DONE:
            reporter = StageReporter(PRETRAIN, stage.folder, self._reporter, tells_epochs=False)
            stage = self._trained(stage, source, reporter)
        return stage.output("checkpoint")

    def _label(self, checkpoint: Path) -> Path:
        target, labels = self._target, self._target.config.labels
        inputs: Inputs = {
            "generator": file_hash(checkpoint),
            "dataset": part_hash(target.dataset, truth=(VAL,)),
            "features": self._to_label,
            "texts": self._texts,
            "settings": {
                "labels.temperature": labels.temperature,
                "labels.filtered": labels.filtered,
                "--threshold": self._order.threshold,
            },
        }
        stage, state = self._open(LABEL, inputs)
        if state is not StageState.DONE:
            stage = self._labelled(stage, checkpoint)
        return stage.output("pseudo_labels")

    def _labelled(self, stage: StageFolder, checkpoint: Path) -> StageFolder:
        order, target, labels = self._order, self._target, self._target.config.labels
        reporter = StageReporter(LABEL, stage.folder, self._reporter)
        reporter.send(Started(kind="pseudo-label", pid=os.getpid(), device=str(order.device)))
        labelling = Labelling(
            checkpoint=checkpoint, features=target.features, dataset=target.dataset, device=order.device
        )
        thresholds = None
        if order.threshold is not None:
            thresholds = known_thresholds(order.threshold, len(target.dataset.categories))
        making = Making(temperature=labels.temperature, filtered=labels.filtered)
        out = stage.folder / PSEUDO_LABELS_FILE
        with ended(reporter):
            write_parses(out, labelling.make(making, thresholds, reporter))
        reporter.send(Finished(outputs={"pseudo_labels": str(out)}))
        return stage.end({"pseudo_labels": out})

    def _train(self, labels: Path) -> StageFolder:
        taught = parses_hash(read_parses(labels), self._target.clips)
        inputs = {**self._inputs, "pseudo-labels": taught}
        stage, state = self._open(TRAINING, inputs)
        if state is StageState.DONE:
            return stage
        reporter = StageReporter(TRAINING, stage.folder, self._reporter)
        return self._trained(stage, self._target, reporter, labels)

    def _trained(
        self, stage: StageFolder, material: Material, reporter: StageReporter, labels: Path | None = None
    ) -> StageFolder:
        """Train in the stage's folder, as `train` does, or go on there."""
        config, device = material.config, self._order.device
        started = Started(
            kind="train",
            pid=os.getpid(),
            device=str(device),
            recipe=config.recipe,
            epochs=config.training.epochs,
        )
        with (
            alone_in(stage.folder),
            ended(reporter),
            begun(stage.folder, config, material.folder, labels),
        ):
            reporter.send(started)
            result = engine.train(
                *(config, material.dataset, material.store, stage.folder),
                device=device,
                reporter=reporter,
                resume=(stage.folder / STATE_FILE).exists(),
                pseudo_labels=None if labels is None else read_parses(labels),
            )
        outputs = {"checkpoint": str(result.checkpoint)}
        reporter.send(Finished(outputs=outputs, metrics=_validated(result.metrics)))
        return stage.end({"checkpoint": result.checkpoint}, result.metrics)

    def _open(self, name: str, inputs: Inputs) -> tuple[StageFolder, StageState]:
        """The next stage: told of, and begun unless it is done. A wish to finish was of the one before."""
        if self._reporter.is_stop_requested:
            raise StopRequested
        self._number += 1
        folder = self._order.run_dir / _FOLDERS[name]
        with alone_in(folder):
            pass  # nobody goes on with it by `train --resume`
        stage, state = StageFolder(name, folder, inputs).opened(self._reporter)
        is_done = state is StageState.DONE
        self._reporter.send(Stage(name=name, number=self._number, stages=self._stages, skipped=is_done))
        forget_wishes(self._order.run_dir, stop=False)
        if is_done:
            text = f"{name}: nothing that it is made of has changed: {stage.folder} is kept as it is"
            self._reporter.send(Note(text=text))
            return stage, state
        if state is StageState.BEGUN:
            self._reporter.send(Note(text=f"{name}: goes on where it was stopped"))
        stage.begin()
        forget_wishes(stage.folder)
        return stage, state


def _validated(metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"val/{name}": value for name, value in metrics.items()}
