"""`evaluate`: score a parse file against dense truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from trainer import evaluation
from trainer.annotations import SPLITS
from trainer.commands.arguments import Subcommands, a_count, a_threshold
from trainer.evaluation import RULE_NAMES
from trainer.jobs import UsageError, check_categories, check_file, read_noted
from trainer.metrics import RESAMPLES
from trainer.parses import read_parses
from trainer.prediction import GATES
from trainer.protocol import Reporter
from trainer.scoring import scored_names


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("evaluate", help="score a parse file against dense truth")
    command.add_argument("parses", type=Path, metavar="P.npz")
    command.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    command.add_argument("--split", choices=SPLITS, required=True)
    command.add_argument("--json", action="store_true", help="for programs")
    rule = command.add_argument_group("when a segment is predicted", "without these, as the parse file says")
    rule.add_argument("--rule", choices=RULE_NAMES, help="as the published code of that name")
    rule.add_argument("--gate", choices=GATES, help="which probability of the whole clip must be reached too")
    rule.add_argument("--threshold", type=a_threshold, metavar="T", help="of segments and whole clips")
    for option, whose in (("--segment-thresholds", "segments"), ("--video-thresholds", "whole clips")):
        rule.add_argument(
            option,
            nargs=2,
            type=a_threshold,
            metavar=("AUDIO", "VISUAL"),
            help=f"of {whose}; a number each, or one for each category: 0.4,0.5,...",
        )
    rule.add_argument("--strict", action=argparse.BooleanOptionalAction, help="a threshold must be exceeded")
    more = command.add_argument_group("more to say")
    more.add_argument("--ao-vo", action="store_true", help="CoLeaF's scores of what is only heard, only seen")
    more.add_argument("--per-category", action="store_true", help="scores and true events of each category")
    more.add_argument("--per-clip", type=Path, metavar="FILE.csv", help="write the scores of each clip there")
    more.add_argument(
        "--bootstrap", type=a_count, default=0, metavar="N", help="95 %% intervals, of N resamples of the clips"
    )
    more.add_argument("--against", type=Path, metavar="OTHER.npz", help="compare on the clips that both hold")
    command.set_defaults(command=evaluate)


def evaluate(arguments: argparse.Namespace, _: Reporter) -> None:
    """Score a parse file on a split, alone or against another one."""
    check_file(arguments.per_clip)
    paths = [arguments.parses, *([arguments.against] if arguments.against else [])]
    files = [read_parses(path) for path in paths]
    dataset = read_noted(arguments.dataset, Reporter(None), files[0].categories)
    for path, file in zip(paths, files, strict=True):
        check_categories(dataset, file.categories, str(path))
    names = scored_names(dataset, arguments.split)
    if not names:
        raise UsageError(
            f"{arguments.dataset}: no clip of the {arguments.split} split has complete dense truth"
        )
    held = [name for name in names if all(name in file for file in files)]
    if not held:
        which = " and ".join(map(str, paths)) + (": hold none" if arguments.against else ": holds none")
        raise UsageError(f"{which} of the {len(names)} clips of the {arguments.split} split")
    asked = {
        "name": arguments.rule,
        "gate": arguments.gate,
        "threshold": arguments.threshold,
        "segment": arguments.segment_thresholds and tuple(arguments.segment_thresholds),
        "video": arguments.video_thresholds and tuple(arguments.video_thresholds),
        "strict": arguments.strict,
    }
    found = [
        evaluation.evaluate(
            file, dataset, held, evaluation.asked_rule(file.rule, **asked), only=arguments.ao_vo
        )
        for file in files
    ]
    report = evaluation.Report(
        split=arguments.split,
        evaluation=found[0],
        missing=len(names) - len(held),
        resamples=arguments.bootstrap or (RESAMPLES if arguments.against else 0),
        per_category=arguments.per_category,
        other_path=arguments.against,
        other=found[1] if arguments.against else None,
    )
    if arguments.per_clip is not None:
        evaluation.write_per_clip(arguments.per_clip, report.evaluation)
    print(json.dumps(evaluation.as_json(report), indent=1) if arguments.json else evaluation.as_text(report))
