"""`recipes`: list what can be trained."""

from __future__ import annotations

import argparse
import json
import math
from itertools import groupby
from typing import Any

from trainer.commands.arguments import Subcommands
from trainer.metrics import KINDS
from trainer.protocol import Reporter
from trainer.recipe_files import read_settings, recipe_names

_TAUGHT_BY = {
    "video": "",
    "dense": ", taught by dense audio-visual truth and text features",
    "pseudo": ", taught by pseudo-labels",
}
"""What is said of a recipe's kind of labels; of video-level labels nothing, which is what is usual."""


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("recipes", help="list what can be trained")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=recipes)


def recipes(arguments: argparse.Namespace, _: Reporter) -> None:
    """List the recipes that come with the trainer."""
    entries = [_listed(name) for name in recipe_names()]
    if arguments.json:
        print(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(entry["name"]) for entry in entries)
    for (parser, features, labels), group in groupby(sorted(entries, key=_read_by), _read_by):
        print(f"{parser}, reads {', '.join(features)}{_TAUGHT_BY.get(labels, '')}")
        for entry in group:
            print(f"  {entry['name']:{width}}  {entry['summary']}")
            if entry["published"]:
                numbers = ["-" if number is None else f"{number:.1f}" for number in entry["published"]]
                segment, event = " ".join(numbers[:5]), " ".join(numbers[5:])
                print(f"  {'':{width}}    {entry['source']} | segment {segment} | event {event}")
        print()
    print(f"Published numbers are {', '.join(KINDS)}, at the level of segments and of events.")


def _read_by(entry: dict[str, Any]) -> tuple[str, list[str], str]:
    """What recipes are grouped by for people: the parser, the features that it reads, and what teaches it."""
    return entry["parser"], entry["features"], entry["labels"]


def _listed(name: str) -> dict[str, Any]:
    said = {key: setting.value for key, setting in read_settings(name).items()}
    sets = (said["features.audio"], *said["features.visual"], *said.get("features.joint", ()))
    return {
        "name": name,
        "parser": said["parser"],
        "features": list(dict.fromkeys(sets)),
        "labels": said.get("labels.kind", "video"),
        "summary": said.get("summary", ""),
        "epochs": said["training.epochs"],
        "source": said.get("source", ""),
        # JSON has no nan.
        "published": [None if math.isnan(number) else number for number in said.get("published", [])],
    }
