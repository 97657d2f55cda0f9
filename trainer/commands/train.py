"""`train`: train a parser by a recipe, or go on with a run."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

from trainer.commands.arguments import Subcommands, a_count, add_device
from trainer.config import Config, LabelKind
from trainer.jobs import (
    PSEUDO_LABELS_FILE,
    STAGE_FILE,
    RunExistsError,
    UsageError,
    alone_in,
    begun,
    check_file,
    every_clip,
    feature_store,
    forget_wishes,
    parse_to,
    read_noted,
)
from trainer.parses import read_parses
from trainer.protocol import FINISH_FILE, STOP_FILE, Finished, Reporter, Started
from trainer.recipe_files import CONFIG_FILE, load_recipe

_TAUGHT_BY: dict[LabelKind, str] = {
    "video": "video-level labels",
    "dense": "dense truth",
    "pseudo": "pseudo-labels",
}


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "train",
        help="train a parser by a recipe",
        description="Train a parser by a recipe; with several processes, which share every batch, by "
        "`torchrun --nproc-per-node N -m trainer train ...`. In the run folder, a file named "
        f'"{STOP_FILE}" ends the training between two steps, and one named "{FINISH_FILE}" ends it '
        "well after the epoch under way; --resume goes on after both.",
    )
    command.add_argument("recipe", nargs="?", metavar="RECIPE", help="a recipe's name, or a .toml file")
    command.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    command.add_argument("--features", type=Path, required=True, metavar="DIR")
    command.add_argument(
        "--pseudo-labels", type=Path, metavar="P.npz", help="for a recipe that is taught by them: a parse file"
    )
    command.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="where the run is kept")
    add_device(command)
    command.add_argument(
        "--threads", type=a_count, metavar="N", help="of the CPU; all cores but one, shared by the processes"
    )
    command.add_argument("--seed", type=int)
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    command.add_argument("--parse", type=Path, metavar="OUT.npz", help="then parse every clip of the dataset")
    command.add_argument("--resume", action="store_true", help="go on with the run in --run-dir")
    command.set_defaults(command=train)


def train(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Train by a recipe, or go on with a run; then parse the dataset if that is asked for."""
    _check_run(arguments)
    is_first = os.environ.get("RANK", "0") == "0"
    with alone_in(arguments.run_dir) if is_first else nullcontext():
        if arguments.resume:
            forget_wishes(arguments.run_dir)
        _train(arguments, reporter)


def _train(arguments: argparse.Namespace, reporter: Reporter) -> None:
    run_dir: Path = arguments.run_dir
    from trainer import engine
    from trainer.checkpoint import model_config_types
    from trainer.device import choose_device, prepare_torch
    from trainer.group import Group

    group = Group.of_environment()
    prepare_torch(group.local_size, threads=arguments.threads)
    device = choose_device(arguments.device, None if group.is_alone else group.local_rank)
    recipe = str(run_dir / CONFIG_FILE) if arguments.resume else arguments.recipe
    seed = [] if arguments.seed is None else [f"training.seed={arguments.seed}"]
    config = load_recipe(recipe, [*arguments.set, *seed], models=model_config_types())
    place = _pseudo_labels_file(arguments, config)
    pseudo_labels = None if place is None else read_parses(place)
    reporter = reporter if group.is_first else Reporter(None)
    with group.joined(device):  # all of them have looked at the run folder before the first writes to it
        reporter.send(
            Started(
                kind="train",
                pid=os.getpid(),
                device=str(device) if group.is_alone else f"{device.type}, {group.size} processes",
                recipe=config.recipe,
                epochs=config.training.epochs,
            )
        )
        dataset = read_noted(arguments.dataset, reporter)
        store = feature_store(arguments.features, config)
        with begun(run_dir, config, arguments.dataset, place) if group.is_first else nullcontext():
            result = engine.train(
                *(config, dataset, store, run_dir),
                device=device,
                reporter=reporter,
                resume=arguments.resume,
                group=group,
                pseudo_labels=pseudo_labels,
            )
    if not group.is_first:
        return
    outputs = {"checkpoint": str(result.checkpoint)}
    if arguments.parse is not None:
        names, out = every_clip(dataset), arguments.parse
        parse_to(out, result.checkpoint, arguments.features, names, dataset, device, reporter)
        outputs["parses"] = str(arguments.parse)
    numbers = {f"val/{name}": value for name, value in result.metrics.items()}
    reporter.send(Finished(outputs=outputs, metrics=numbers))


def _check_run(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before torch is loaded."""
    run_dir: Path = arguments.run_dir
    check_file(arguments.parse)
    holds_run = (run_dir / CONFIG_FILE).is_file()
    if arguments.resume:
        if arguments.set or arguments.seed is not None:
            raise UsageError("--resume goes on with the run's own config: leave out --set and --seed")
        if arguments.pseudo_labels is not None:
            raise UsageError("--resume goes on with the run's own pseudo-labels: leave out --pseudo-labels")
        if not holds_run:
            raise UsageError(f"{run_dir}: there is no run to resume: it holds no {CONFIG_FILE}")
    elif any(run_dir.glob(f"*/{STAGE_FILE}")):
        raise RunExistsError(f"{run_dir}: holds a pipeline; give another --run-dir")
    elif arguments.recipe is None:
        raise UsageError("say which recipe to train; `recipes` lists them")
    elif holds_run:
        raise RunExistsError(
            f"{run_dir}: already holds a run; give --resume to go on with it, or another --run-dir"
        )


def _pseudo_labels_file(arguments: argparse.Namespace, config: Config) -> Path | None:
    """Where the pseudo-labels of a recipe that is taught by them are; any other must not be given some."""
    given: Path | None = arguments.pseudo_labels
    if config.labels.kind != "pseudo":
        if given is not None:
            raise UsageError(
                f"{config.recipe} is taught by {_TAUGHT_BY[config.labels.kind]}: leave out --pseudo-labels"
            )
        return None
    if arguments.resume:
        return Path(arguments.run_dir) / PSEUDO_LABELS_FILE
    if given is None:
        raise UsageError(
            f"{config.recipe} is taught by pseudo-labels: give them with --pseudo-labels (`pseudo-label` makes "
            "them, and any parse file will do), or let `pipeline` make them"
        )
    kept = Path(arguments.run_dir) / PSEUDO_LABELS_FILE
    if kept.exists() and not (given.exists() and kept.samefile(given)):
        raise RunExistsError(f"{kept}: is there already, and is not {given}; give another --run-dir")
    return given
