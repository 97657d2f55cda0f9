"""New projects: from a vocabulary, annotations and media to a folder that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from avvp_studio.exchange.media_folder import MediaFiles, scan
from avvp_studio.paths import ProjectPaths, resource_path
from avvp_studio.projects.clips import Gathered, Progress, gather_dataset, gather_media, repeated_media
from avvp_studio.projects.errors import ProjectError, staged_folder
from avvp_studio.store import Store
from trainer.annotations import Dataset, Finding, read_categories, read_dataset, summarise

_BYTES_AT_LEAST, _BYTES_A_CLIP = 2_000_000, 2_000
_CLIPS_AT_ONCE = 2_000


@dataclass(frozen=True)
class CreateReport:
    """What a new project holds; `findings` were odd and survived, `unreadable` files were left out, and why."""

    clips: int
    with_media: int
    findings: tuple[Finding, ...]
    unreadable: tuple[tuple[Path, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The report for a person to read."""
        return (
            f"{self.clips} clips, {self.with_media} with media",
            *summarise(self.findings),
            *(f"skipped {path}: {reason}" for path, reason in self.unreadable),
        )


def load_vocabulary(name_or_path: str) -> tuple[str, ...]:
    """The categories of a vocabulary that comes with the program ("llp"), or of a file, one a line.

    Raises ProjectError when there is none of that name, AnnotationError when the file cannot be used.
    """
    folder = resource_path("vocabularies")
    names = sorted(path.stem for path in folder.glob("*.txt"))
    if name_or_path in names:
        return read_categories(folder / f"{name_or_path}.txt")
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(names)
        raise ProjectError(
            f"{name_or_path}: neither a vocabulary ({known}) nor a file; give a file with one category a line"
        )
    return read_categories(path)


def typed_categories(text: str) -> tuple[str, ...]:
    """The categories that somebody typed, one a line, in index order. Raises ProjectError."""
    names = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not names:
        raise ProjectError("Type the categories, one a line.")
    for name in names:
        if "," in name:
            raise ProjectError(f"{name!r} holds a comma: write one category a line.")
        if names.count(name) > 1:
            raise ProjectError(f"{name!r} is there twice: write each category once.")
    return tuple(names)


def create_from_folders(
    root: Path,
    *,
    vocabulary: str | tuple[str, ...],
    annotations: Path | None,
    media: Path | None,
    name: str,
    progress: Progress,
) -> CreateReport:
    """Make a project as a person asks for one: see `load_vocabulary`, `read_dataset`, `create_project`.

    Instead of the name of a vocabulary, its categories may be given.
    """
    categories = load_vocabulary(vocabulary) if isinstance(vocabulary, str) else vocabulary
    return create_project(
        root,
        categories=categories,
        name=name or root.resolve().name,
        dataset=read_dataset(annotations, categories) if annotations else None,
        media=media,
        progress=progress,
    )


def create_project(
    root: Path,
    *,
    categories: Sequence[str],
    name: str,
    dataset: Dataset | None,
    media: Path | None,
    progress: Progress,
) -> CreateReport:
    """Make a project. Without a dataset every media file becomes a clip of the train split.

    Raises ProjectError; then there is no project, and no half of one. What `progress` raises stops it as well.
    """
    root = root.absolute()
    _check_free(root)
    if dataset is not None and dataset.categories != tuple(categories):
        raise ProjectError(f"{root}: the annotations have other categories than it; use one vocabulary")
    files = MediaFiles({}) if media is None else scan([media])
    if dataset is not None:
        gathered = gather_dataset(dataset, files, progress)
        gathered.findings += _strangers(files, gathered)
    else:
        gathered = gather_media(files.by_stem.values(), progress)
        if media is not None and not gathered.clips:
            raise ProjectError(_nothing_in(media, gathered))
    needed = _BYTES_AT_LEAST + _BYTES_A_CLIP * len(gathered.clips)
    with staged_folder(root, where=root.parent, needed_bytes=needed) as staging:
        with Store.create(ProjectPaths(staging).database, name=name, categories=categories) as store:
            _store(store, gathered, progress)
            if dataset is not None and dataset.audio_visual_only:
                store.bring_in(audio_visual_only=True)
        if root.exists():
            root.rmdir()
        os.replace(staging, root)
    odd = () if dataset is None else dataset.findings
    return CreateReport(
        clips=len(gathered.clips),
        with_media=sum(clip.media is not None for clip in gathered.clips),
        findings=(*odd, *gathered.findings, *repeated_media(files)),
        unreadable=tuple(gathered.unreadable),
    )


def _check_free(root: Path) -> None:
    if ProjectPaths(root).database.exists():
        raise ProjectError(f"{root}: there is a project here already; open it, or choose another folder")
    if root.exists() and not root.is_dir():
        raise ProjectError(f"{root}: this is a file; choose another name for the project's folder")
    if root.is_dir() and any(root.iterdir()):
        raise ProjectError(f"{root}: the folder is not empty; choose a new or an empty one")


def _strangers(files: MediaFiles, gathered: Gathered) -> Iterator[Finding]:
    for path in files.beyond(clip.name for clip in gathered.clips):
        yield Finding(path.parent.name, None, "a media file belongs to no clip, left out", path.name)


def _nothing_in(media: Path, gathered: Gathered) -> str:
    if not gathered.unreadable:
        return f"{media}: there is no video or sound file in this folder; give the folder that holds them"
    _, reason = gathered.unreadable[0]
    return f"{media}: none of its {len(gathered.unreadable)} media files can be read; the first: {reason}"


def _store(store: Store, gathered: Gathered, progress: Progress) -> None:
    clips = gathered.clips
    for first in range(0, len(clips), _CLIPS_AT_ONCE):
        progress("store", first, len(clips))
        some = clips[first : first + _CLIPS_AT_ONCE]
        events = {clip.name: gathered.events[clip.name] for clip in some if clip.name in gathered.events}
        store.add_clips(some, events)
    progress("store", len(clips), len(clips))
