"""`extract`: make features of media files."""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

from trainer.commands.arguments import Subcommands, add_run_dir
from trainer.jobs import UsageError
from trainer.protocol import Finished, Reporter, Started

_VIDEO = ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
_AUDIO = ".aac .aif .aiff .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma"
_MEDIA_SUFFIXES = (*_VIDEO.split(), *_AUDIO.split())


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("extract", help="make features of media files")
    command.add_argument("--encoder", required=True, metavar="NAME")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--media", type=Path, metavar="DIR", help="a folder of media files named like their clips"
    )
    which.add_argument(
        "--list", type=Path, metavar="FILE.tsv", help="columns filename, path and optionally duration"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FEATURES")
    add_run_dir(command)
    command.set_defaults(command=extract)


def extract(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Make the features of media files."""
    media, durations = _media_list(arguments.list) if arguments.list else (_media_folder(arguments.media), {})
    from trainer.encoders import extract as extract_features

    reporter.send(Started(kind="extract", pid=os.getpid()))
    extract_features(arguments.encoder, media, arguments.out, reporter, durations=durations)
    reporter.send(Finished(outputs={"features": str(arguments.out)}))


def _media_folder(folder: Path) -> dict[str, Path]:
    """The media files of a folder by clip name, which is their name without the suffix."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    media = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in _MEDIA_SUFFIXES}
    if not media:
        raise UsageError(f"{folder}: holds no media file ({', '.join(_MEDIA_SUFFIXES)})")
    return media


def _media_list(path: Path) -> tuple[dict[str, Path], dict[str, float]]:
    """The media files and durations that a tab-separated list names."""
    media: dict[str, Path] = {}
    durations: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if not {"filename", "path"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{path}:1: the header needs the columns filename and path, separated by a tab")
        for row in rows:
            name, place, duration = row["filename"], row["path"], row.get("duration")
            if not name or not place:
                raise UsageError(f"{path}:{rows.line_num}: a row needs a filename and a path")
            media[name] = path.parent / place
            if duration:
                try:
                    durations[name] = float(duration)
                except ValueError:
                    raise UsageError(
                        f"{path}:{rows.line_num}: the duration {duration!r} is no number"
                    ) from None
    return media, durations
