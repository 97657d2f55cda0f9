"""The commands that need no window: new, import, extract, export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avvp_studio.domain.videos import DEFAULT
from avvp_studio.extraction import order_extraction
from avvp_studio.job_folder import next_name
from avvp_studio.paths import ProjectPaths
from avvp_studio.processes import run
from avvp_studio.projects import (
    ProjectError,
    create_from_folders,
    export_project,
    import_files,
)
from avvp_studio.store import Store, StoreError
from trainer.annotations import AnnotationError
from trainer.parses import ParseError


class ShotError(ValueError):
    """A picture that cannot be made, and why."""


USER_ERRORS = (ProjectError, AnnotationError, StoreError, ParseError, ShotError)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `new`, `import`, `extract` and `export`; each parsed result carries its function as `run`."""
    new = commands.add_parser("new", help="make a project from annotations and media")
    new.add_argument("project", type=Path)
    new.add_argument("--vocabulary", required=True, help="llp, or a file with one category a line")
    new.add_argument("--annotations", type=Path, help="a folder with a dataset's files, or LLP's own")
    new.add_argument("--media", type=Path, help="a folder of videos")
    new.add_argument("--name", help="the project's name (default: its folder's)")
    new.set_defaults(run=_new)

    bring = commands.add_parser("import", help="add labels, media or parses to a project")
    bring.add_argument("project", type=Path)
    bring.add_argument("files", type=Path, nargs="+", metavar="FILE")
    bring.set_defaults(run=_import)

    extract = commands.add_parser("extract", help="make features of the clips of a project")
    extract.add_argument("project", type=Path)
    extract.add_argument(
        "--encoder", action="append", metavar="NAME", help="default, signal, …; may be repeated"
    )
    extract.set_defaults(run=_extract)

    export = commands.add_parser("export", help="write the labels for training or for other tools")
    export.add_argument("project", type=Path)
    export.add_argument("--format", required=True, choices=("dataset", "llp"))
    export.add_argument("--out", type=Path, required=True)
    export.set_defaults(run=_export)


def run_command(arguments: argparse.Namespace) -> int:
    """Run what was parsed. A user's mistake is one line on stderr and exit code 2; a job has its own code."""
    try:
        code = arguments.run(arguments)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"avvp-studio: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except USER_ERRORS as error:
        print(f"avvp-studio: {error}", file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0


def _new(arguments: argparse.Namespace) -> None:
    report = create_from_folders(
        arguments.project,
        vocabulary=arguments.vocabulary,
        annotations=arguments.annotations,
        media=arguments.media,
        name=arguments.name or "",
        progress=_show_progress,
    )
    counts, *notes = report.lines
    print(f"{arguments.project}: {counts}")
    for note in notes:
        print(f"  {note}")


def _import(arguments: argparse.Namespace) -> None:
    report = import_files(arguments.project, arguments.files, progress=_show_progress)
    for line in report.lines:
        print(line)


def _extract(arguments: argparse.Namespace) -> int:
    """Run the trainer's extraction on the videos of a project, in front of the user; returns its exit code."""
    paths = ProjectPaths(arguments.project.absolute())
    with Store.open(paths.database) as store:
        clips = [clip for clip in store.clips() if clip.media]
    if not clips:
        raise ProjectError(f"{arguments.project}: no clip has a video; import some, and extract then")
    name = next_name(paths.runs, "features")
    order = order_extraction(paths, name, clips, arguments.encoder or [DEFAULT])
    return run(order.module, order.arguments)


def _export(arguments: argparse.Namespace) -> None:
    report = export_project(arguments.project, arguments.format, arguments.out)
    print(f"{arguments.out}: {', '.join(report.files)}")
    for loss in report.losses:
        print(f"  note: {loss}")


def _show_progress(stage: str, done: int, total: int) -> None:
    """One line that renews itself, on a terminal; nothing in a pipe."""
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\r{stage}: {done} of {total}\033[K", end=end, file=sys.stderr, flush=True)
