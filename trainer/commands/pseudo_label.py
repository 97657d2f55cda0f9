"""`pseudo-label`: make some by a generator or as VALOR does, take them from published folders, write those."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from trainer.commands.arguments import (
    ArgumentParser,
    Subcommands,
    a_number,
    a_positive_number,
    a_probability,
    add_device,
    add_run_dir,
    alone,
)
from trainer.jobs import UsageError, check_file, read_noted
from trainer.label_folders import LAYOUTS
from trainer.parses import write_parses
from trainer.protocol import Finished, Note, Reporter, Started
from trainer.pseudo_labels import (
    Making,
    Thresholds,
    given_thresholds,
    known_thresholds,
    labels_of_folder,
    labels_to_folder,
    thresholds_of,
)
from trainer.texts import texts_path


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("pseudo-label", help="pseudo-labels of segments, as a parse file")
    ways: Subcommands = command.add_subparsers(required=True, metavar="WAY")
    _add_generator(ways)
    _add_valor(ways)
    _add_from_folder(ways)
    _add_to_folder(ways)


def _add_generator(ways: Subcommands) -> None:
    command = ways.add_parser("generator", help="label the clips of a dataset by a trained generator")
    command.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    command.add_argument("--features", type=Path, required=True, metavar="DIR", help="of clips and categories")
    _add_target(command)
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--threshold", type=a_probability, metavar="P", help="one for all; without it they are searched on val"
    )
    _add_thresholds_of(which)
    _add_making(command)
    _add_hard(command)
    add_device(command)
    add_run_dir(command)
    command.set_defaults(command=alone(by_generator))


def _add_valor(ways: Subcommands) -> None:
    command = ways.add_parser(
        "valor",
        help="label the clips of a dataset by how like their segments are to captions",
        description="Label clips as VALOR does: a segment has a category where scale * cosine of its features "
        "and those of the caption (`texts`) exceeds a threshold. Nothing is trained.",
    )
    command.add_argument("--features", type=Path, required=True, metavar="DIR", help="of clips and categories")
    _add_target(command)
    command.add_argument(
        "--captions", default="llp", metavar="NAME|FILE", help="with thresholds; llp, which has VALOR's"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--thresholds",
        choices=("published", "val", "val-unfiltered"),
        help="those of the captions, or searched on val, the first that can be; or searched on val as if its "
        "clips had no video-level labels",
    )
    which.add_argument(
        "--threshold", nargs=2, type=a_number, metavar=("AUDIO", "VISUAL"), help="one logit each for all"
    )
    _add_thresholds_of(which)
    _add_making(command)
    command.add_argument("--soft", action="store_true", help="probabilities instead of labels of 0 and 1")
    for modality, usual in (("audio", "clap512"), ("visual", "clip")):
        text = f"in the space of its captions; {usual}"
        command.add_argument(f"--features-{modality}", default=usual, metavar="SET", help=text)
    add_run_dir(command)
    command.set_defaults(command=alone(by_valor))


def _add_from_folder(ways: Subcommands) -> None:
    command = ways.add_parser("from-folder", help="read labels as VALOR or UWAV publish them")
    command.add_argument("folder", type=Path, metavar="DIR")
    _add_target(command)
    _add_making(command)
    _add_hard(command)
    add_run_dir(command)
    command.set_defaults(command=alone(from_folder))


def _add_to_folder(ways: Subcommands) -> None:
    command = ways.add_parser("to-folder", help="write what a parse file predicts as VALOR or UWAV publish it")
    command.add_argument("parses", type=Path, metavar="P.npz")
    command.add_argument("--layout", choices=LAYOUTS, required=True)
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    add_run_dir(command)
    command.set_defaults(command=alone(to_folder))


def _add_target(command: ArgumentParser) -> None:
    command.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    command.add_argument("--out", type=Path, required=True, metavar="P.npz")


def _add_making(command: ArgumentParser) -> None:
    usual = Making()
    command.add_argument(
        "--temperature",
        type=a_positive_number,
        default=usual.temperature,
        metavar="X",
        help=f"of soft labels, sigmoid((z - threshold) / X); {usual.temperature:g}",
    )
    command.add_argument(
        "--unfiltered", action="store_true", help="also of categories that the video-level labels lack"
    )


def _add_hard(command: ArgumentParser) -> None:
    command.add_argument("--hard", action="store_true", help="labels of 0 and 1")


def _add_thresholds_of(which: argparse._MutuallyExclusiveGroup) -> None:
    which.add_argument(
        "--thresholds-of", type=Path, metavar="OTHER.npz", help="those of a file that was made before"
    )


def by_generator(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Label every clip of a dataset by a generator."""
    _check_out(arguments.out)
    from trainer.device import choose_device, prepare_torch
    from trainer.pseudo_labels.generator import Labelling

    prepare_torch()
    device = choose_device(arguments.device)
    reporter.send(Started(kind="pseudo-label", pid=os.getpid(), device=str(device)))
    dataset = read_noted(arguments.dataset, reporter)
    thresholds = None
    if arguments.threshold is not None:
        thresholds = known_thresholds(arguments.threshold, len(dataset.categories))
    elif arguments.thresholds_of is not None:
        thresholds = thresholds_of(arguments.thresholds_of, dataset.categories)
    labelling = Labelling(
        checkpoint=arguments.checkpoint, features=arguments.features, dataset=dataset, device=device
    )
    making = _making(arguments, hard=arguments.hard)
    write_parses(arguments.out, labelling.make(making, thresholds, reporter))
    reporter.send(Finished(outputs={"pseudo_labels": str(arguments.out)}))


def by_valor(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Label every clip of a dataset by captions."""
    _check_out(arguments.out)
    _check_sets(arguments.features, arguments.features_audio, arguments.features_visual)
    from trainer.captions import read_captions
    from trainer.config import FeatureConfig
    from trainer.pseudo_labels.valor import ValorLabelling, told_thresholds

    reporter.send(Started(kind="pseudo-label", pid=os.getpid()))
    captions = read_captions(arguments.captions)
    dataset = read_noted(arguments.dataset, reporter)
    thresholds: Thresholds | None
    if arguments.threshold is not None:
        audio, visual = arguments.threshold
        thresholds = given_thresholds(audio, visual, len(dataset.categories))
    elif arguments.thresholds_of is not None:
        thresholds = thresholds_of(arguments.thresholds_of, dataset.categories, "valor")
    else:
        thresholds = told_thresholds(captions, dataset, arguments.thresholds, reporter)
    labelling = ValorLabelling(
        features=arguments.features,
        dataset=dataset,
        sets=FeatureConfig(audio=arguments.features_audio, visual=(arguments.features_visual,)),
        search_filtered=arguments.thresholds != "val-unfiltered",
    )
    making = _making(arguments, hard=not arguments.soft)
    write_parses(arguments.out, labelling.make(making, thresholds, reporter))
    reporter.send(Finished(outputs={"pseudo_labels": str(arguments.out)}))


def from_folder(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Read published labels into a parse file."""
    _check_out(arguments.out)
    reporter.send(Started(kind="pseudo-label", pid=os.getpid()))
    dataset = read_noted(arguments.dataset, reporter)
    file = labels_of_folder(arguments.folder, dataset, _making(arguments, hard=arguments.hard), reporter)
    write_parses(arguments.out, file)
    reporter.send(Finished(outputs={"pseudo_labels": str(arguments.out)}))


def to_folder(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Write what a parse file predicts as published labels."""
    reporter.send(Started(kind="pseudo-label", pid=os.getpid()))
    count = labels_to_folder(arguments.parses, arguments.layout, arguments.out)
    reporter.send(Note(text=f"labels of 0 and 1 of {count} clips, as the rule of {arguments.parses} predicts"))
    reporter.send(Finished(outputs={"pseudo_labels": str(arguments.out)}))


def _making(arguments: argparse.Namespace, *, hard: bool) -> Making:
    return Making(temperature=arguments.temperature, hard=hard, filtered=not arguments.unfiltered)


def _check_sets(features: Path, audio: str, visual: str) -> None:
    """Refuse what names no set, and one set for both: one space has the captions of one modality."""
    for name in (audio, visual):
        texts_path(features, name)
    if audio == visual:
        raise UsageError(
            f"--features-audio and --features-visual are both {audio!r}: give a set of audio and one of visual"
        )


def _check_out(out: Path) -> None:
    """Labels that took hours, or that a person chose, are not written over."""
    check_file(out)
    if out.exists():
        raise UsageError(f"{out}: is already there; delete it, or give another name")
