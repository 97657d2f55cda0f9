"""`zero-shot`: parse clips by encoders alone, for any categories, before anything is trained."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.annotations import SPLITS, Dataset, read_categories
from trainer.commands.arguments import Subcommands, add_run_dir
from trainer.jobs import UsageError, check_file, every_clip, read_noted
from trainer.labels import Modality, segment_count
from trainer.parses import write_parses
from trainer.protocol import Finished, Note, Reporter, Started

if TYPE_CHECKING:
    from trainer.zero_shot.bridge import Reach
    from trainer.zero_shot.tracks import Matcher, ZeroShot

_WAYS = ("default", "clip")
_LONGEST_NAME = 32
_SHOWN = 40
"""Lines of the table; a parse file has them all."""


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "zero-shot",
        help="parse clips by encoders alone, for any categories",
        description="Parse clips by encoders alone: with CLIP and CLAP by text features, with the default "
        "encoders by how like the names of categories are to the classes that these know.",
    )
    command.add_argument("--features", type=Path, required=True, metavar="DIR")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--clips", nargs="+", action="extend", metavar="NAME", help="write --clips=-NAME for a dash"
    )
    which.add_argument("--list", type=Path, metavar="FILE.tsv", help="with a column filename, as of `extract`")
    which.add_argument(
        "--dataset", type=Path, metavar="DIR", help="its clips; what is known of train and val calibrates"
    )
    command.add_argument("--split", choices=SPLITS, help="only this split of the dataset")
    command.add_argument(
        "--categories", type=Path, metavar="FILE", help="one a line; without it those of the dataset"
    )
    command.add_argument("--using", choices=_WAYS, default=_WAYS[0], help="which features; default")
    command.add_argument("--out", type=Path, required=True, metavar="P.npz")
    add_run_dir(command)
    command.set_defaults(command=zero_shot)


def zero_shot(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Parse clips by encoders alone."""
    _check(arguments)
    from trainer.zero_shot.clips import ClipReader
    from trainer.zero_shot.tracks import ZeroShot

    reporter.send(Started(kind="zero-shot", pid=os.getpid()))
    given = None if arguments.categories is None else read_categories(arguments.categories)
    dataset = None if arguments.dataset is None else read_noted(arguments.dataset, reporter, given)
    names, segments = _clips(arguments, dataset)
    categories = given or (dataset.categories if dataset is not None else ())
    matcher = _matcher(arguments, categories, reporter)
    parser = ZeroShot(
        matcher=matcher,
        categories=categories,
        clips=ClipReader(arguments.features, matcher.sets, segments),
    )
    write_parses(arguments.out, parser.parse(names, dataset, reporter))
    for line in _table(parser):
        print(line, flush=True)
    reporter.send(Finished(outputs={"parses": str(arguments.out)}))


def _check(arguments: argparse.Namespace) -> None:
    check_file(arguments.out)
    if arguments.split and arguments.dataset is None:
        raise UsageError("--split is of a --dataset: give that too, or leave it out")
    if arguments.categories is None and arguments.dataset is None:
        raise UsageError("--categories is needed: a file of event names, one a line")


def _clips(arguments: argparse.Namespace, dataset: Dataset | None) -> tuple[list[str], Mapping[str, int]]:
    """The clips to parse, and how many segments they have, as far as that is known."""
    if dataset is not None:
        names = list(dataset.splits.get(arguments.split, {})) if arguments.split else every_clip(dataset)
        return names, dataset.segments
    if arguments.list is not None:
        return _listed(arguments.list)
    return list(dict.fromkeys(arguments.clips)), {}


def _listed(path: Path) -> tuple[list[str], dict[str, int]]:
    """The clips of a tab-separated list, and the segments of those with a duration."""
    names: dict[str, None] = {}
    segments: dict[str, int] = {}
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", strict=True)
        try:
            if "filename" not in (rows.fieldnames or ()):
                raise UsageError(f"{path}:1: the header needs the column filename")
            for row in rows:
                if not row["filename"]:
                    raise UsageError(f"{path}:{rows.line_num}: a row needs a filename")
                names[row["filename"]] = None
                if told := row.get("duration"):
                    segments[row["filename"]] = _segments(told, f"{path}:{rows.line_num}")
        except csv.Error as error:
            raise UsageError(f"{path}:{rows.line_num}: cannot be read ({error}); correct it") from error
    if not names:
        raise UsageError(f"{path}: names no clip")
    return list(names), segments


def _segments(duration: str, place: str) -> int:
    from trainer.encoders.media import LONGEST

    try:
        seconds = float(duration)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST:
        raise UsageError(
            f"{place}: the duration {duration!r} is no number of seconds above 0 and up to {LONGEST}"
        )
    return segment_count(seconds)


def _matcher(arguments: argparse.Namespace, categories: Sequence[str], reporter: Reporter) -> Matcher:
    """What tells the categories by the features that are asked for."""
    if arguments.using == "default":
        return _bridge(arguments.features, categories, reporter)
    from trainer.texts import TextError
    from trainer.zero_shot.category_texts import complete_texts
    from trainer.zero_shot.joint import joint_of

    made, problems = complete_texts(arguments.features, categories)
    try:
        joint, notes = joint_of(arguments.features, categories)
    except TextError as error:
        raise TextError(*problems[:1] or error.args) from error
    for text in [*made, *problems, *notes]:
        reporter.send(Note(text=text))
    return joint


def _bridge(features: Path, categories: Sequence[str], reporter: Reporter) -> Matcher:
    """By the sets of the default encoders that are there."""
    from trainer.encoders.minilm import encode
    from trainer.feature_files import has_set
    from trainer.features import FeatureError
    from trainer.zero_shot.bridge import bridge_to
    from trainer.zero_shot.clips import no_sets
    from trainer.zero_shot.concepts import every

    there = [one for one in every() if has_set(features, one.features)]
    if absent := [one.features for one in every() if one not in there]:
        text = no_sets(features, absent)
        if not there:
            raise FeatureError(text)
        reporter.send(Note(text=text))
    return bridge_to(categories, there, encode)


def _table(parser: ZeroShot) -> list[str]:
    """For people: by what each category is heard and seen."""
    width = min(max(map(len, parser.categories)), _LONGEST_NAME)
    lines = [f"{'':{width}}  {'heard by':{_LONGEST_NAME}}seen by"]
    rows = zip(parser.categories, parser.reach(Modality.AUDIO), parser.reach(Modality.VISUAL), strict=True)
    for name, heard, seen in list(rows)[:_SHOWN]:
        audio, visual = _cell(heard, "cannot be heard"), _cell(seen, "cannot be seen")
        lines.append(f"{name[:width]:{width}}  {audio:{_LONGEST_NAME}}{visual}")
    if len(parser.categories) > _SHOWN:
        lines.append(f"and {len(parser.categories) - _SHOWN} more; all are in the meta of the parse file")
    return lines


def _cell(reach: Reach, otherwise: str) -> str:
    """The best class, and how like the name it is."""
    if not reach.known:
        return otherwise
    return f"{reach.classes[0][: _LONGEST_NAME - 7]} {reach.similarity:.2f}"
