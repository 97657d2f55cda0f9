"""`pipeline`: train a generator, label by it or as VALOR does, and train a parser by the labels, as one job."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from trainer.commands.arguments import Subcommands, a_count, a_probability, add_device
from trainer.jobs import RunExistsError, UsageError, alone_in, check_file, forget_wishes
from trainer.protocol import FINISH_FILE, STOP_FILE, Reporter, Started
from trainer.recipe_files import CONFIG_FILE


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "pipeline",
        help="pre-train a generator, label by it, train a parser by the labels",
        description="Train a parser that pseudo-labels teach, and all that it needs before: the generator, on "
        "a dataset with dense truth, and its pseudo-labels. Recipes of VALOR's labels need no generator, and "
        "neither --source nor --generator. Each stage has a folder in the run folder; the "
        "same command goes on where it was stopped, and does again only what is made of what changed. In "
        f'the run folder, a file named "{STOP_FILE}" stops the stage under way, and one named "{FINISH_FILE}" '
        "ends the training under way well, after its epoch.",
    )
    command.add_argument("recipe", metavar="RECIPE", help="the parser's: a recipe's name, or a .toml file")
    command.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    command.add_argument("--features", type=Path, required=True, metavar="DIR", help="of clips and categories")
    command.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="where all of it is kept")
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--source", type=Path, metavar="DIR", help="the dataset with dense truth that a generator is trained on"
    )
    which.add_argument(
        "--generator", type=Path, metavar="CHECKPOINT", help="a generator that is trained already"
    )
    command.add_argument("--source-features", type=Path, metavar="DIR", help="of the source and its categories")
    command.add_argument(
        "--set-generator", action="append", default=[], metavar="KEY=VALUE", help="change a setting of it"
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the parser"
    )
    command.add_argument(
        "--threshold",
        type=a_probability,
        metavar="P",
        help="of a generator's labels, where no validation clip has truth to search thresholds by",
    )
    command.add_argument("--captions", metavar="NAME|FILE", help="with thresholds of VALOR's labels; llp")
    command.add_argument("--seed", type=int, help="of both trainings")
    add_device(command)
    command.add_argument("--threads", type=a_count, metavar="N", help="of the CPU; all cores but one")
    command.add_argument("--parse", type=Path, metavar="OUT.npz", help="then parse every clip of the dataset")
    command.set_defaults(command=pipeline)


def pipeline(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Do the stages that are not done."""
    _check(arguments)
    with alone_in(arguments.run_dir):
        forget_wishes(arguments.run_dir)
        _pipeline(arguments, reporter)


def _pipeline(arguments: argparse.Namespace, reporter: Reporter) -> None:
    from trainer.device import choose_device, prepare_torch
    from trainer.pipeline import Order, Pretraining, run_pipeline

    prepare_torch(threads=arguments.threads)
    device = choose_device(arguments.device)
    reporter.send(Started(kind="pipeline", pid=os.getpid(), device=str(device), recipe=arguments.recipe))
    seed = [] if arguments.seed is None else [f"training.seed={arguments.seed}"]
    generator: Path | Pretraining | None = arguments.generator
    if arguments.source is not None:
        generator = Pretraining(
            dataset=arguments.source,
            features=arguments.source_features,
            overrides=(*arguments.set_generator, *seed),
        )
    order = Order(
        recipe=arguments.recipe,
        overrides=(*arguments.set, *seed),
        dataset=arguments.dataset,
        features=arguments.features,
        run_dir=arguments.run_dir,
        generator=generator,
        captions=arguments.captions,
        threshold=arguments.threshold,
        parse=arguments.parse,
        device=device,
    )
    reporter.send(run_pipeline(order, reporter))


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before torch is loaded."""
    check_file(arguments.parse)
    if "WORLD_SIZE" in os.environ:
        raise UsageError(
            "a pipeline is one process: with torchrun, `train` its generator and its parser one by one"
        )
    if arguments.source is not None and arguments.source_features is None:
        raise UsageError("--source needs --source-features: the folder of the source's features")
    if arguments.source is None and (arguments.source_features or arguments.set_generator):
        why = "--source is not there" if arguments.generator is None else "--generator is trained already"
        raise UsageError(f"{why}: leave out --source-features and --set-generator")
    if (arguments.run_dir / CONFIG_FILE).is_file():
        raise RunExistsError(f"{arguments.run_dir}: holds a training; give another --run-dir")
