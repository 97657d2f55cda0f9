"""`encoders`: what makes features, and what each needs to run here; the weights of the default ones."""

from __future__ import annotations

import argparse
import json
import os
from importlib.util import find_spec
from typing import Any

from trainer.commands import own_features
from trainer.commands.arguments import Subcommands, add_run_dir, alone
from trainer.encoders.catalogue import ENCODERS, GROUPS
from trainer.encoders.encoding import EncoderError
from trainer.encoders.fetching import install
from trainer.encoders.weights import INSTALL, OF_ENCODERS, WEIGHTS, cache_folder, missing
from trainer.protocol import Finished, Note, Reporter, Started

_PACKAGES = {
    "yamnet": ("ai_edge_litert", "flatbuffers"),
    "efficientnet": ("ai_edge_litert", "flatbuffers"),
    "clip": ("transformers",),
    "clip-crop": ("transformers",),
    "clap": ("transformers",),
    "clap-map": ("transformers",),
}
"""What an encoder needs beyond what is always there, by the names that are imported."""
_EXTRAS = {"ai_edge_litert": "encoders", "flatbuffers": "encoders", "transformers": "clip"}


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("encoders", help="list what makes features, and make it ready")
    parts = command.add_subparsers(required=True, metavar="WHAT")
    listing = parts.add_parser("list", help="what makes features, and what each needs to run here")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(command=list_encoders)
    installing = parts.add_parser(
        "install", help="fetch the weights of the default encoders, about 120 MB, once"
    )
    installing.add_argument("group", choices=["default"])
    add_run_dir(installing)
    installing.set_defaults(command=alone(install_encoders))
    own_features.add_to(parts)


def list_encoders(arguments: argparse.Namespace, _: Reporter) -> None:
    """Say of each encoder what it makes, whether it runs here, and what to do where it does not."""
    entries = [_listed(name) for name in ENCODERS]
    if arguments.json:
        print(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        sets = ", ".join(f"{name} ({modality})" for name, modality in entry["sets"].items())
        print(f"{entry['name']:{width}}  {entry['summary']}")
        print(f"{'':{width}}    {'ready' if entry['ready'] else 'needs ' + entry['needs']} | makes {sets}")
    for group, names in GROUPS.items():
        print(f"{group:{width}}  {' + '.join(names)}")


def install_encoders(_: argparse.Namespace, reporter: Reporter) -> None:
    """Fetch the weights that are not there yet, and have the names of all classes read by MiniLM."""
    from trainer.encoders.minilm import encode
    from trainer.zero_shot.bridge import read_ahead

    reporter.send(Started(kind="encoders", pid=os.getpid()))
    install(WEIGHTS, reporter)
    reporter.send(Note(text="reading the names of all classes, once, which takes up to a minute"))
    try:
        read_ahead(encode)
    except EncoderError as error:  # the weights are there all the same
        reporter.send(Note(text=str(error)))
    reporter.send(Finished(outputs={"weights": str(cache_folder())}))


def _listed(name: str) -> dict[str, Any]:
    entry, needs = ENCODERS[name], _needs(name)
    return {
        "name": name,
        "summary": entry.summary,
        "sets": {features: modality.value for features, modality in entry.sets.items()},
        "groups": [group for group, names in GROUPS.items() if name in names],
        "ready": not needs,
        "needs": needs,
    }


def _needs(name: str) -> str:
    """What to do before an encoder runs here; empty where nothing is missing."""
    lacking = [package for package in _PACKAGES.get(name, ()) if find_spec(package) is None]
    if lacking:
        return f"{' and '.join(lacking)}: pip install 'avvp-studio[{_EXTRAS[lacking[0]]}]'"
    if ENCODERS[name].on_torch:
        given = "FOLDER" if "transformers" in _PACKAGES.get(name, ()) else "FILE"
        return f"weights: --model {name}={given}, or --download"
    return f"weights: {INSTALL}" if missing(OF_ENCODERS.get(name, ())) else ""
