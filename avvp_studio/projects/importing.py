"""Import into a project that exists: annotations, media, parses; everything that was asked for, or nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avvp_studio.exchange.media_folder import scan
from avvp_studio.exchange.recognise import recognise
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects.clips import Progress, repeated_media
from avvp_studio.projects.errors import ProjectError, project_errors, staged_folder
from avvp_studio.projects.merge import Current, plan_import
from avvp_studio.store import Store
from trainer.annotations import IMPORTED, Dataset, Finding, read_files, summarise
from trainer.parses import ParseFile, read_parses, write_parses


@dataclass(frozen=True)
class ImportReport:
    """What an import added, what it survived or left as it was, and which files could not be read and why."""

    clips_added: int
    clips_labelled: int
    media_found: int
    parses: tuple[str, ...]
    findings: tuple[Finding, ...]
    unreadable: tuple[tuple[Path, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The report for a person to read."""
        counts = {"added": self.clips_added, "labelled": self.clips_labelled, "given media": self.media_found}
        done = [f"{count} clip{'s' * (count != 1)} {what}" for what, count in counts.items() if count]
        done += [f"parses {name} added" for name in self.parses]
        skipped = [f"skipped {path}: {reason}" for path, reason in self.unreadable]
        return (", ".join(done) or "nothing new", *summarise(self.findings), *skipped)


def import_files(root: Path, files: Sequence[Path], progress: Progress) -> ImportReport:
    """Import files and folders. A clip that a person labelled keeps its labels; the report names it.

    Raises ProjectError, AnnotationError or ParseError; then the project is as it was.
    """
    paths = ProjectPaths(root)
    sources = recognise(files)
    with project_errors(root), Store.open(paths.database) as store:
        current = Current.of(store)
        dataset = read_files(sources.annotations, store.categories(), known=current.names())
        audio_visual_only = _kind_of_truth(root, store.audio_visual_only(), current, dataset)
        media = scan(sources.media)
        parses = [_fitting(path, store.categories(), current) for path in sources.parses]
        changes = plan_import(current, dataset, media, progress)
        gathered = changes.gathered
        with staged_folder(paths.parses, where=root) as staging:
            staged = [staging / path.name for path in sources.parses]
            for path, parse in zip(staged, parses, strict=True):
                write_parses(path, parse)
            store.bring_in(
                clips=gathered.clips,
                events=gathered.events,
                changed=changes.changed.values(),
                edits=changes.edits,
                person=IMPORTED,
                audio_visual_only=audio_visual_only,
            )
            names = [name for path in staged if (name := _place(path, paths.parses))]
    return ImportReport(
        clips_added=len(gathered.clips),
        clips_labelled=len(changes.labelled),
        media_found=changes.media_found,
        parses=tuple(names),
        findings=(*dataset.findings, *gathered.findings, *repeated_media(media)),
        unreadable=tuple(gathered.unreadable),
    )


def _kind_of_truth(root: Path, present: bool, current: Current, dataset: Dataset) -> bool:
    """Whether dense truth is audio-visual only once the dataset is in. Two kinds are not brought together."""
    if not (dataset.truth or dataset.complete):
        return present
    if current.has_truth() and dataset.audio_visual_only != present:
        kinds = ("of each modality", "only of what is heard and seen at once")
        raise ProjectError(
            f"{root}: its dense truth is {kinds[present]}, and that of the import "
            f"{kinds[dataset.audio_visual_only]}; make another project for it"
        )
    return dataset.audio_visual_only


def _fitting(path: Path, categories: tuple[str, ...], current: Current) -> ParseFile:
    """A parse file with the project's categories in the project's order."""
    parses = read_parses(path)
    odd = sorted({*parses.categories} ^ {*categories})
    if odd:
        whose = "this file" if odd[0] in parses.categories else "the project"
        raise ProjectError(
            f"{path}: its {len(parses.categories)} categories are not the {len(categories)} of the project "
            f"({odd[0]!r} is only in {whose}); give parses made for this vocabulary"
        )
    if not any(name in current.clips for name in parses.names):
        raise ProjectError(
            f"{path}: none of its {len(parses.names)} clips is in the project; import those first"
        )
    return parses.with_categories(categories)


def _place(path: Path, folder: Path) -> str | None:
    """Move a parse file into the project under a free name; None when the project has it already."""
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 2
    while target.exists():
        if target.read_bytes() == path.read_bytes():
            return None
        target = folder / f"{path.stem}-{number}{path.suffix}"
        number += 1
    os.replace(path, target)
    return target.name
