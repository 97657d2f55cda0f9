"""The stages of a pipeline: "pre-train" in RUN/generator, "label" in RUN/labels, "train" in RUN/parser.

The first is left out where a generator is given, and where VALOR's rule labels.

Everything that can be wrong is looked for before the first stage: hours later would be too late.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer import engine
from trainer.captions import read_captions
from trainer.checkpoint import STATE_FILE, model_config_types
from trainer.config import Config, ConfigError, FeatureConfig
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
from trainer.pipeline.labelling import ByGenerator, ByValor, Labeller
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
from trainer.pseudo_labels.generator import load_generator
from trainer.pseudo_labels.target import Target
from trainer.pseudo_labels.thresholds import VALOR, check_searchable
from trainer.pseudo_labels.valor import CAPTIONS, SETS
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

    `generator`: how one is trained, or the checkpoint of one; None for labels of VALOR's rule, by `captions`.
    `threshold`: the probability of all pseudo-labels of a generator, where there is no truth to search one by.
    `parse`: where every clip's parse goes in the end, if anywhere.
    """

    recipe: str
    overrides: tuple[str, ...] = ()
    dataset: Path
    features: Path
    run_dir: Path
    generator: Pretraining | Path | None
    captions: str | None = None
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
        self._source: Material | None = None
        self._labeller = self._read_labeller(config)
        self._inputs, self._to_label = self._check_target()
        self._texts = self._target.texts(self._labeller.sets)
        self._number, self._stages = 0, 2 if self._source is None else 3

    def _read_labeller(self, config: Config) -> Labeller:
        """What makes the labels: the generator that was given, VALOR's rule, or the generator to be trained."""
        order, given = self._order, self._order.generator
        if config.labels.generator == VALOR and not isinstance(given, Path):
            return self._read_valor(config)
        if order.captions is not None:
            raise UsageError(
                f"--captions are VALOR's, which does not label for {config.recipe} here: leave it out"
            )
        if order.threshold is None:
            check_searchable(self._target.dataset)
        if isinstance(given, Path):
            info = load_generator(given, torch.device("cpu"))[1]
            return ByGenerator(config=info.config, widths=info.widths, threshold=order.threshold)
        if given is None:
            raise UsageError(
                f"{config.recipe} needs a generator of pseudo-labels: give --source and --source-features to "
                "train one, or --generator CHECKPOINT"
            )
        self._source = self._read_source(config, given)
        widths = self._source.rehearse(self._reporter)
        return ByGenerator(config=self._source.config, widths=widths, threshold=order.threshold)

    def _read_valor(self, config: Config) -> Labeller:
        order, joint = self._order, config.features.joint
        if order.generator is not None:
            raise UsageError(
                f"{config.recipe} is taught by VALOR's labels, for which nothing is trained: leave out "
                "--source and what goes with it, or name a generator with --set labels.generator=NAME"
            )
        if order.threshold is not None:
            raise UsageError(
                "--threshold is a generator's probability, and VALOR's thresholds are logits: give with "
                "--captions a file that has them"
            )
        sets = FeatureConfig(audio=joint[0], visual=joint[1:]) if joint else SETS
        labeller = ByValor(captions=read_captions(order.captions or CAPTIONS), sets=sets)
        labeller.check(self._target.dataset)
        return labeller

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
        own = target.read_features(target.config.features, self._reporter)
        labelled = target.read_features(labeller.sets, self._reporter, labeller.widths)
        ours, theirs = (dict(zip(x.names, x.lengths.tolist(), strict=True)) for x in (own, labelled))
        wrong = [
            f"{name} ({count} segments, and {theirs[name]} to be labelled)"
            for name, count in ours.items()
            if theirs.get(name, count) != count
        ]
        if wrong:
            raise UsageError(
                f"{len(wrong)} clips have other numbers of segments in the features of {target.config.recipe} "
                f"than in those of {labeller.name}: {some(wrong)}"
            )
        labeller.check(target.dataset, theirs)
        self._to_be_labelled.texts(labeller.sets, labelled.widths)
        categories = target.dataset.categories
        target.rehearse(self._reporter, no_labels(theirs, categories, labeller.said(len(categories))))
        return target.inputs(own), features_hash(labelled, every_clip(target.dataset))

    @property
    def _to_be_labelled(self) -> Target:
        return Target(features=self._target.features, dataset=self._target.dataset)

    def run(self) -> Finished:
        order, target = self._order, self._target
        checkpoint = order.generator if isinstance(order.generator, Path) else None
        if self._source is not None:
            checkpoint = self._pretrain(self._source)
        labels = self._label(checkpoint)
        parser = self._train(labels)
        outputs = {} if checkpoint is None else {"generator": str(checkpoint)}
        outputs |= {"pseudo_labels": str(labels), "checkpoint": str(parser.output("checkpoint"))}
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

    def _pretrain(self, source: Material) -> Path:
        features = source.read_features(source.config.features, self._reporter)
        stage, state = self._open(PRETRAIN, source.inputs(features))
        if state is not StageState.DONE:
            reporter = StageReporter(PRETRAIN, stage.folder, self._reporter, tells_epochs=False)
            stage = self._trained(stage, source, reporter)
        return stage.output("checkpoint")

    def _label(self, checkpoint: Path | None) -> Path:
        dataset = self._target.dataset
        inputs: Inputs = {
            **self._labeller.inputs(dataset, self._target.config.labels, checkpoint),
            "dataset": part_hash(dataset, truth=(VAL,)),
            "features": self._to_label,
            "texts": self._texts,
        }
        stage, state = self._open(LABEL, inputs)
        if state is not StageState.DONE:
            stage = self._labelled(stage, checkpoint)
        return stage.output("pseudo_labels")

    def _labelled(self, stage: StageFolder, checkpoint: Path | None) -> StageFolder:
        labels, device = self._target.config.labels, self._order.device
        reporter = StageReporter(LABEL, stage.folder, self._reporter)
        reporter.send(Started(kind="pseudo-label", pid=os.getpid(), device=str(device)))
        out = stage.folder / PSEUDO_LABELS_FILE
        with ended(reporter):
            made = self._labeller.make(self._to_be_labelled, labels, checkpoint, device, reporter)
            write_parses(out, made)
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
