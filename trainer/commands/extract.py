"""`extract`: make features of media files."""

from __future__ import annotations

import argparse
import csv
import importlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.commands.arguments import Subcommands, a_count, add_run_dir, alone
from trainer.jobs import UsageError, check_folder
from trainer.protocol import Finished, Note, Reporter, Started

if TYPE_CHECKING:
    from trainer.encoders.encoding import Loading
    from trainer.encoders.extract import ExtractReport
    from trainer.encoders.plan import Clip

_VIDEO = ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
_AUDIO = ".aac .aif .aiff .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma"
_MEDIA_SUFFIXES = (*_VIDEO.split(), *_AUDIO.split())


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("extract", help="make features of media files")
    command.add_argument(
        "--encoder",
        required=True,
        action="append",
        metavar="NAME",
        help="an encoder, or a group of them (default); may be given again (see: encoders list)",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--media",
        type=_place,
        metavar="DIR",
        help="a folder of media files named like their clips, with its subfolders",
    )
    which.add_argument(
        "--list", type=_place, metavar="FILE.tsv", help="columns filename, path and optionally duration"
    )
    command.add_argument(
        "--out",
        required=True,
        type=_named,
        metavar="FEATURES",
        help="a folder, or with --engine ray also an address",
    )
    command.add_argument(
        "--device", default="auto", type=_device, help="auto (default), cpu, cuda: of encoders on torch"
    )
    command.add_argument(
        "--half", action="store_true", help="compute in half precision, where the encoder offers it"
    )
    command.add_argument(
        "--model",
        action="append",
        default=[],
        type=_named_model,
        metavar="NAME=FOLDER",
        help="where an encoder's weights are, or with --download their name on the hub (to say it once: "
        "encoders model)",
    )
    command.add_argument("--download", action="store_true", help="allow encoders to fetch their weights")
    command.add_argument("--jobs", type=a_count, metavar="N", help="files read at once (default: the cores)")
    command.add_argument("--engine", choices=("local", "ray"), default="local", help="where to compute")
    command.add_argument("--address", metavar="A", help="of the cluster, with --engine ray")
    add_run_dir(command)
    command.set_defaults(command=alone(extract))


def extract(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Make the features of media files."""
    from trainer.encoders.catalogue import named
    from trainer.encoders.media import shown

    if arguments.address and arguments.engine != "ray":
        raise UsageError("--address is of a cluster: give --engine ray too, or leave it out")
    names = named(arguments.encoder)
    loadings = _loadings(names, arguments)
    if arguments.engine == "local":
        check_folder(Path(arguments.out))
    clips = _listed(arguments.list) if arguments.list else _found(arguments.media, reporter)
    reporter.send(Started(kind="extract", pid=os.getpid(), device=_device_of(names, arguments)))
    if arguments.engine == "ray":
        report = _on_cluster(clips, loadings, arguments, reporter)
    else:
        from trainer.encoders.extract import extract as extract_features
        from trainer.encoders.extract import load_encoders

        encoders = load_encoders(loadings, reporter)
        report = extract_features(encoders, clips, Path(arguments.out), reporter, jobs=arguments.jobs)
    reporter.send(Finished(outputs={"features": shown(arguments.out), "report": shown(report.path)}))


def _device_of(names: tuple[str, ...], arguments: argparse.Namespace) -> str:
    """Where encoders on torch compute; the others, and a cluster's machines, choose by themselves."""
    from trainer.encoders.catalogue import ENCODERS

    if arguments.engine != "local" or not any(ENCODERS[name].on_torch for name in names):
        return "cpu"
    from trainer.device import choose_device

    return str(choose_device(arguments.device))


def _on_cluster(
    clips: list[Clip], loadings: dict[str, Loading], arguments: argparse.Namespace, reporter: Reporter
) -> ExtractReport:
    """Hand the work to the cluster's engine, which not every installation has."""
    try:
        cluster = importlib.import_module("trainer.cluster.extract")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--engine ray needs {error.name}, which is not installed: pip install 'avvp-studio[cluster]'; "
            "or leave --engine out"
        ) from error
    report: ExtractReport = cluster.extract(
        loadings, clips, arguments.out, reporter, jobs=arguments.jobs, address=arguments.address or ""
    )
    return report


def _named(text: str) -> str:
    """Not empty: that would be the working folder, which nobody asked for."""
    if not text:
        raise argparse.ArgumentTypeError("is empty, a name is needed")
    return text


def _place(text: str) -> Path:
    return Path(_named(text))


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"there is no device {text!r}; use auto, cpu or cuda")
    return text


def _named_model(text: str) -> tuple[str, str]:
    name, _, model = text.partition("=")
    if not name or not model:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER")
    return name, model


def _loadings(names: tuple[str, ...], arguments: argparse.Namespace) -> dict[str, Loading]:
    """How each encoder is to be loaded."""
    from trainer.encoders.chosen_models import chosen_model
    from trainer.encoders.encoding import Loading

    def model(name: str) -> str:
        return models.get(name) or (chosen.path if (chosen := chosen_model(name)) else "")

    models = dict(arguments.model)
    stray = [name for name in models if name not in names]
    if stray:
        raise UsageError(f"--model {stray[0]}=...: no such --encoder is asked for; add it, or leave this out")
    return {name: Loading(model(name), arguments.download, arguments.device, arguments.half) for name in names}


def _found(folder: Path, reporter: Reporter) -> list[Clip]:
    """The media files in a folder and its subfolders; a clip is named as its file, without the suffix.

    Links to folders are not followed, and what is hidden is left alone (other systems leave such files behind).
    """
    from trainer.encoders.media import shown
    from trainer.encoders.plan import Clip

    if not folder.is_dir():
        if folder.exists():
            raise UsageError(f"{folder}: is a file; give the folder that it is in, or name files in a --list")
        raise UsageError(f"{folder}: there is no such folder")

    def tell(error: OSError) -> None:
        reporter.send(
            Note(text=f"{shown(str(error.filename))}: the folder cannot be read ({error.strerror}); left out")
        )

    clips: list[Clip] = []
    for place, folders, files in os.walk(folder, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in _MEDIA_SUFFIXES and not name.startswith("."):
                clips.append(Clip(stem, Path(place, name)))
    if not clips:
        raise UsageError(f"{folder}: holds no media file ({', '.join(_MEDIA_SUFFIXES)})")
    return clips


def _listed(path: Path) -> list[Clip]:
    """The clips that a tab-separated list names."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", strict=True)
        try:
            clips = list(_clips(rows, path))
        except csv.Error as error:
            raise UsageError(
                f"{path}:{rows.line_num + 1}: cannot be read ({error}); a field that begins with a quotation "
                "mark needs them around it, and its own doubled"
            ) from error
    if not clips:
        raise UsageError(f"{path}: names no clip")
    return clips


def _clips(rows: csv.DictReader[str], path: Path) -> Iterator[Clip]:
    from trainer.encoders.plan import Clip

    if not {"filename", "path"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{path}:1: the header needs the columns filename and path, separated by a tab")
    for row in rows:
        name, place = row["filename"], row["path"]
        if not name or not place:
            raise UsageError(f"{path}:{rows.line_num}: a row needs a filename and a path")
        duration = _duration(row.get("duration"), f"{path}:{rows.line_num}")
        yield Clip(name, place if "://" in place else path.parent / place, duration)


def _duration(text: str | None, where: str) -> float | None:
    from trainer.encoders.media import LONGEST

    if not text:
        return None
    try:
        duration = float(text)
    except ValueError:
        duration = math.nan
    if not 0 < duration <= LONGEST:
        raise UsageError(f"{where}: the duration {text!r} is no number of seconds above 0 and up to {LONGEST}")
    return duration
