"""`encoders add` and `encoders recognise`: features that were made elsewhere."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from trainer.annotations import feature_key
from trainer.commands.arguments import Subcommands, add_run_dir
from trainer.features import some
from trainer.jobs import UsageError, check_folder, every_clip, read_noted
from trainer.labels import Modality
from trainer.own_sets import EVERY_FILE, OwnSet, check_name, look_through, register
from trainer.progress import progress_of
from trainer.protocol import Finished, Note, Reporter, Started
from trainer.recognise import Finding, recognised


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("add", help="make features of your own a feature set, where they lie")
    command.add_argument("name", metavar="NAME", help="what recipes are to call it")
    command.add_argument("--from", dest="folder", type=Path, required=True, metavar="DIR", help="of .npy files")
    command.add_argument(
        "--files",
        action="append",
        metavar="PATTERN",
        help="which files of it, * for the clip's key; several stand side by side (default: *.npy)",
    )
    command.add_argument("--modality", choices=[*Modality], required=True)
    command.add_argument("--out", type=Path, required=True, metavar="FEATURES")
    command.add_argument("--dataset", type=Path, metavar="DIR", help="whose clips they should be of")
    add_run_dir(command)
    command.set_defaults(command=add)
    command = subcommands.add_parser("recognise", help="say which published features lie below a folder")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(command=recognise)


def add(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Register a folder of features under a name, once every file in it is known to be good."""
    name, features, files = arguments.name, arguments.out, tuple(arguments.files or EVERY_FILE)
    check_name(features, name, arguments.folder, files)
    check_folder(features)
    reporter.send(Started(kind="encoders", pid=os.getpid()))
    segments = _segments(arguments.dataset, reporter)
    own = look_through(arguments.folder, files, progress_of(reporter, "check"))
    if arguments.dataset is not None:
        reporter.send(Note(text=_matched(own, segments, arguments.dataset)))
    modality = Modality(arguments.modality)
    rate = own.rate({key: count for key, count in segments.items() if count})
    for text in _said(own, modality, rate, is_timed=any(segments.values())):
        reporter.send(Note(text=text))
    path = register(features, name, modality, own, rate)
    setting = f"features.audio={name}" if modality is Modality.AUDIO else f"'features.visual=[\"{name}\"]'"
    reporter.send(Note(text=f"recipes read it with --set {setting}"))
    reporter.send(Finished(outputs={"encoder": str(path)}))


def _segments(folder: Path | None, reporter: Reporter) -> dict[str, int]:
    """The segments of every clip of a dataset by its key, 0 where nobody says how many."""
    if folder is None:
        return {}
    dataset = read_noted(folder, reporter)
    return {feature_key(name): dataset.segments.get(name, 0) for name in every_clip(dataset)}


def _matched(own: OwnSet, clips: Mapping[str, int], dataset: Path) -> str:
    """How many clips have features. Raises UsageError where no clip has."""
    held = sum(key in own.rows for key in clips)
    if not held:
        wanted = f"{next(iter(clips))}.npy is looked for" if clips else "it has no clips"
        raise UsageError(
            f"{own.folder}: no file is of a clip of {dataset}: {wanted}, and {next(iter(own.rows))}.npy is "
            "there; name the files as the clips are named (those of LLP by the 11 characters of the video)"
        )
    others = [key for key in own.rows if key not in clips]
    rest = f"; {len(others)} files are of no clip: {some(others)}" if others else ""
    return f"{held} of {len(clips)} clips of the dataset have features{rest}"


def _said(own: OwnSet, modality: Modality, rate: int | None, *, is_timed: bool) -> list[str]:
    """What a person should know of a set that can be used."""
    counts = sorted({*own.rows.values()})
    rows = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    said = [
        f"{len(own.rows)} clips, {rows} rows of {own.width} columns" + (f", {rate} a second" if rate else "")
    ]
    if own.is_clap_map and modality is Modality.AUDIO:
        said.append("each is read as a CLAP map of a whole clip")
    elif is_timed and rate is None:
        said.append(
            "rows are not so many a second in every clip: recipes read them with features.resample=true"
        )
    if own.zeros:
        said.append(f"{len(own.zeros)} hold nothing but zeros: {some(own.zeros)}")
    return said


def recognise(arguments: argparse.Namespace, _: Reporter) -> None:
    """Print what is known of the features below a folder."""
    if not arguments.folder.is_dir():
        raise UsageError(f"{arguments.folder}: there is no such folder")
    findings = recognised(arguments.folder)
    if not findings:
        raise UsageError(f"{arguments.folder}: there is no .npy file below it")
    print("\n\n".join(map(_shown, findings)))


def _shown(finding: Finding) -> str:
    title = " or ".join(finding.sets) or "not recognised"
    lines = [f"{title}: {finding.origin}" if finding.origin else title]
    files = f"{finding.count} file{'' if finding.count == 1 else 's'} {' and '.join(finding.files)}"
    lines.append(f"  {finding.folder}: {files}, {finding.shape}")
    lines += [f"  {note}" for note in finding.notes]
    return "\n".join([*lines, *(f"  use: {use}" for use in finding.uses)])
