"""`parse`: parse clips by a checkpoint."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.annotations import SPLITS, Dataset
from trainer.commands.arguments import Subcommands, add_device, add_engine, add_run_dir
from trainer.features import some
from trainer.jobs import UsageError, check_categories, check_file, every_clip, parse_to, read_noted
from trainer.parses import write_parses
from trainer.protocol import Finished, Note, Reporter, Started
from trainer.supervision_files import SupervisionError, read_supervision

if TYPE_CHECKING:
    import torch


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("parse", help="parse clips by a checkpoint")
    command.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    command.add_argument("--features", required=True, metavar="DIR", help="with --engine ray also an address")
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
    add_engine(command)
    add_run_dir(command)
    command.set_defaults(command=parse)


def parse(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Parse clips by a checkpoint."""
    from trainer.checkpoint import read_info
    from trainer.device import choose_device, prepare_torch

    if arguments.split and arguments.dataset is None:
        raise UsageError("--split is of a --dataset: give that too, or leave it out")
    _check_outputs(arguments)
    prepare_torch()
    device = choose_device(arguments.device)
    reporter.send(Started(kind="parse", pid=os.getpid(), device=str(device)))
    info = read_info(arguments.checkpoint)
    names, dataset = list(dict.fromkeys(arguments.clips or ())), None
    if arguments.dataset is not None:
        dataset = read_noted(arguments.dataset, reporter, info.categories)
        check_categories(dataset, info.categories, str(arguments.checkpoint))
        names = list(dataset.splits.get(arguments.split, {})) if arguments.split else every_clip(dataset)
    if arguments.engine == "ray":
        reporter.send(Finished(outputs=_parse_on_cluster(arguments, names, dataset, device, reporter)))
        return
    written = parse_to(
        arguments.out,
        arguments.checkpoint,
        Path(arguments.features),
        names,
        dataset,
        device,
        reporter,
        supervision=arguments.supervision,
    )
    reporter.send(Finished(outputs=written))


def _parse_on_cluster(
    arguments: argparse.Namespace,
    names: Sequence[str],
    dataset: Dataset | None,
    device: torch.device,
    reporter: Reporter,
) -> dict[str, str]:
    """Parse with the workers of a cluster, and write the one parse file here."""
    from trainer.cluster.parsing import parse_on_cluster

    parsed = parse_on_cluster(
        arguments.checkpoint,
        arguments.features,
        names,
        reporter,
        address=arguments.address,
        # The machine that asks need not be one that works.
        device=arguments.device if arguments.device != "auto" else device.type,
        segments=None if dataset is None else dataset.segments,
    )
    if parsed.missing:
        text = f"{len(parsed.missing)} of {len(names)} clips have no features: {some(parsed.missing)}"
        reporter.send(Note(text=text))
    for text in parsed.notes:
        reporter.send(Note(text=text))
    write_parses(arguments.out, parsed.file)
    return {"parses": str(arguments.out)}


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse places to write to where nothing can be written, or where something of another kind is."""
    out: Path = arguments.out
    made: Path | None = arguments.supervision
    if arguments.engine == "ray" and made is not None:
        raise UsageError("--supervision is not made by --engine ray: leave one of them out")
    for path in (out, made):
        check_file(path)
        if path is not None and path.resolve() == arguments.checkpoint.resolve():
            raise UsageError(f"{path}: is the checkpoint; give another name for what is written")
    if made is None:
        return
    if made.resolve() == out.resolve():
        raise UsageError(f"{out}: --out and --supervision are two files: give each its own name")
    if made.exists():
        _check_replaceable(made)


def _check_replaceable(path: Path) -> None:
    """Refuse to write over what no `parse` wrote: another kind of file, or what a run trained on."""
    try:
        is_of_run = read_supervision(path).trained > 0
    except SupervisionError:
        raise UsageError(
            f"{path}: is already there, and is no supervision file, or a damaged one; delete it, or give "
            "another name"
        ) from None
    if is_of_run:
        raise UsageError(f"{path}: is what a run trained on; give another name for what is written")
