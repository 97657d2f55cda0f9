"""`parse`: parse clips by a checkpoint."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from trainer.annotations import SPLITS
from trainer.commands.arguments import Subcommands, add_device, add_run_dir
from trainer.jobs import UsageError, check_categories, check_file, every_clip, parse_to, read_noted
from trainer.protocol import Finished, Reporter, Started


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("parse", help="parse clips by a checkpoint")
    command.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    command.add_argument("--features", type=Path, required=True, metavar="DIR")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--dataset", type=Path, metavar="DIR", help="the clips of a dataset folder")
    which.add_argument(
        "--clips", nargs="+", action="extend", metavar="NAME", help="write --clips=-NAME for a dash"
    )
    command.add_argument("--split", choices=SPLITS, help="only this split of the dataset")
    command.add_argument("--out", type=Path, required=True, metavar="P.npz")
    command.add_argument(
        "--supervision", type=Path, metavar="S.npz", help="also write what the parser makes to train on"
    )
    add_device(command)
    add_run_dir(command)
    command.set_defaults(command=parse)


def parse(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Parse clips by a checkpoint."""
    from trainer.checkpoint import read_info
    from trainer.device import choose_device, prepare_torch

    if arguments.split and arguments.dataset is None:
        raise UsageError("--split is of a --dataset: give that too, or leave it out")
    check_file(arguments.out)
    check_file(arguments.supervision)
    if arguments.supervision is not None and arguments.supervision.resolve() == arguments.out.resolve():
        raise UsageError(f"{arguments.out}: --out and --supervision are two files: give each its own name")
    prepare_torch()
    device = choose_device(arguments.device)
    reporter.send(Started(kind="parse", pid=os.getpid(), device=str(device)))
    info = read_info(arguments.checkpoint)
    names, dataset = list(dict.fromkeys(arguments.clips or ())), None
    if arguments.dataset is not None:
        dataset = read_noted(arguments.dataset, reporter, info.categories)
        check_categories(dataset, info.categories, str(arguments.checkpoint))
        names = list(dataset.splits.get(arguments.split, {})) if arguments.split else every_clip(dataset)
    written = parse_to(
        arguments.out,
        arguments.checkpoint,
        arguments.features,
        names,
        dataset,
        device,
        reporter,
        supervision=arguments.supervision,
    )
    reporter.send(Finished(outputs=written))
