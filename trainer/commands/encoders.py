"""`encoders`: what makes features, and what each needs to run here; the weights of the default ones."""

from __future__ import annotations

import argparse
import json
import os
from importlib.util import find_spec
from typing import Any

from trainer.commands import own_features
from trainer.commands.arguments import Subcommands, add_run_dir, alone
from trainer.encoders.catalogue import ENCODERS, GROUPS, Entry
from trainer.encoders.chosen_models import CHOOSE, TAKERS, choose_model, chosen_model, forget_model, taker_of
from trainer.encoders.encoding import EncoderError
from trainer.encoders.fetching import install
from trainer.encoders.weights import INSTALL, OF_ENCODERS, WEIGHTS, cache_folder, missing, torch_cache
from trainer.jobs import UsageError
from trainer.protocol import Finished, Note, Reporter, Started

_PACKAGES = {
    "yamnet": ("ai_edge_litert", "flatbuffers"),
    "efficientnet": ("ai_edge_litert", "flatbuffers"),
    "clip": ("transformers",),
    "clip-crop": ("transformers",),
    "clap": ("transformers",),
    "clap-map": ("transformers",),
    "minilm": ("onnxruntime", "tokenizers"),
}
"""What an encoder needs beyond what is always there, by the names that are imported."""
_EXTRAS = {"transformers": "clip"}
"""What brings them; the others are of the extra "encoders"."""
_ALL = {**ENCODERS, "minilm": Entry("MiniLM: words, so that categories are matched with classes", {}, "minilm")}
"""With the encoder of texts, which makes no features."""


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
    choosing = parts.add_parser(
        "model",
        help="name the model of an encoder once for all",
        description="Name the model of an encoder once for all, so that --model need not be given. "
        "It is loaded to see that it works, and not copied.",
    )
    choosing.add_argument("encoder", choices=TAKERS)
    choosing.add_argument(
        "model", nargs="?", metavar="FOLDER_OR_FILE", help="or with --download its name on the hub"
    )
    choosing.add_argument("--download", action="store_true", help="it may be fetched from the hub")
    choosing.add_argument("--forget", action="store_true", help="take the choice back; no file is deleted")
    choosing.set_defaults(command=choose)
    own_features.add_to(parts)


def list_encoders(arguments: argparse.Namespace, _: Reporter) -> None:
    """Say of each encoder what it makes, whether it runs here, and what to do where it does not."""
    entries = [_listed(name) for name in _ALL]
    if arguments.json:
        print(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        sets = ", ".join(f"{name} ({modality})" for name, modality in entry["sets"].items())
        print(f"{entry['name']:{width}}  {entry['summary']}")
        state = "ready" if entry["ready"] else f"needs {entry['needs']}"
        print(f"{'':{width}}    {state}{f' | makes {sets}' if sets else ''}")
        if entry["model"]:
            print(f"{'':{width}}    its model: {entry['model']}")
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


def choose(arguments: argparse.Namespace, _: Reporter) -> None:
    """Keep where the model of an encoder is, or forget it."""
    name: str = arguments.encoder
    if arguments.forget == (arguments.model is not None):
        raise UsageError("give either the folder or file of the model, or --forget")
    if arguments.forget:
        forgotten = forget_model(name)
        print(f"{name}: {forgotten.path} is forgotten" if forgotten else f"{name}: no model was chosen")
        return
    chosen, lack = choose_model(name, arguments.model, download=arguments.download)
    print(f"{name}: ready, with {chosen.path}")
    if lack:
        print(f"It makes features, but reads no texts, so no tracks are found by it: {lack}")


def _listed(name: str) -> dict[str, Any]:
    entry, (model, texts, needs) = _ALL[name], _model_and_needs(name)
    return {
        "name": name,
        "summary": entry.summary,
        "sets": {features: modality.value for features, modality in entry.sets.items()},
        "groups": [group for group, names in GROUPS.items() if name in names],
        "ready": not needs,
        "needs": needs,
        "model": model,
        "texts": texts and not needs,
    }


def _model_and_needs(name: str) -> tuple[str, bool, str]:
    """Where an encoder's model is, if it is given one; whether that reads texts; what lacks to run here."""
    lacking = _lacking_packages(name)
    if not _ALL[name].on_torch:
        return "", False, lacking or (f"weights: {INSTALL}" if missing(OF_ENCODERS.get(name, ())) else "")
    try:
        chosen = chosen_model(name)
    except EncoderError as error:
        return "", False, lacking or str(error)
    if chosen is None:
        model, needs = _published(name)
        return model, False, lacking or needs
    gone = "" if os.path.exists(chosen.path) else f"its model, which is not there: {_to_choose(name)}"
    return chosen.path, chosen.texts, lacking or gone


def _lacking_packages(name: str) -> str:
    """What to install; empty where nothing is missing."""
    lacking = [package for package in _PACKAGES.get(name, ()) if find_spec(package) is None]
    if not lacking:
        return ""
    return f"{' and '.join(lacking)}: pip install 'avvp-studio[{_EXTRAS.get(lacking[0], 'encoders')}]'"


def _published(name: str) -> tuple[str, str]:
    """The weights of an encoder in torch's cache, and what to do without."""
    file = ENCODERS[name].published
    path = torch_cache() / file
    if file and os.path.isfile(path):
        return str(path), ""
    if file:
        return "", f"weights: {_to_choose(name)}, or --model {name}=FILE, or --download"
    return "", f"weights: {_to_choose(name)}, or --model {name}=FOLDER"


def _to_choose(name: str) -> str:
    return f"{CHOOSE} {taker_of(name)} {'FILE' if ENCODERS[name].published else 'FOLDER'}"
