"""What files that a user hands over are: annotations and of which kind, media, or parses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from avvp_studio.exchange.media_folder import is_media, scan
from trainer.annotations import (
    CATEGORIES_FILE,
    CLIPS_COLUMNS,
    DENSE_COLUMNS,
    LLP_FILES,
    OWN_FILES,
    REVIEWED_COLUMNS,
    SNAPSHOT_FILE,
    SPLITS,
    UNAV_FILES,
    WEAK_COLUMNS,
    AnnotationError,
    dataset_files,
    read_header,
)
from trainer.labels import Modality

_ROLES = {name: role for names in (OWN_FILES, LLP_FILES, UNAV_FILES) for role, name in names.items()}
_TAKEN_FROM_THE_PROJECT = frozenset((CATEGORIES_FILE, SNAPSHOT_FILE, "AVVP_dataset_full.csv"))
_TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".txt"))


@dataclass
class Sources:
    """Files by what they are: annotations by role (see trainer.annotations.read_files), media, parses."""

    annotations: dict[str, list[Path]] = field(default_factory=dict)
    media: list[Path] = field(default_factory=list)
    parses: list[Path] = field(default_factory=list)


def recognise(paths: Iterable[Path]) -> Sources:
    """Tell files and folders apart by name, and tables by their header. Raises AnnotationError for others."""
    sources = Sources()
    for path in paths:
        if path.is_dir():
            _add_folder(sources, path)
        elif not path.exists():
            raise AnnotationError(f"{path}: there is no such file or folder")
        elif path.suffix == ".npz":
            sources.parses.append(path)
        elif is_media(path):
            sources.media.append(path)
        elif path.suffix.lower() in _TABLE_SUFFIXES or path.name in _ROLES:
            if path.name not in _TAKEN_FROM_THE_PROJECT:
                sources.annotations.setdefault(_role(path), []).append(path)
        elif path.name not in _TAKEN_FROM_THE_PROJECT:
            raise AnnotationError(f"{path}: not a kind of file that can be imported; {_known()}")
    return sources


def _add_folder(sources: Sources, folder: Path) -> None:
    annotations = dataset_files(folder)
    for role, paths in annotations.items():
        sources.annotations.setdefault(role, []).extend(paths)
    has_media = bool(scan([folder]).by_stem)
    if has_media:
        sources.media.append(folder)
    if not annotations and not has_media:
        raise AnnotationError(f"{folder}: nothing in this folder can be imported; {_known()}")


def _known() -> str:
    return "give annotations (.csv), videos or sounds, or parses (.npz)"


def _role(path: Path) -> str:
    """What a table holds: by its name if that is known, else by its header and the words in its name."""
    if path.name in _ROLES:
        return _ROLES[path.name]
    columns = read_header(path)
    words: tuple[str, ...]
    if columns == REVIEWED_COLUMNS:
        return "reviewed"
    if columns == CLIPS_COLUMNS:
        return "clips"
    if columns == WEAK_COLUMNS:
        words = SPLITS
    elif columns == DENSE_COLUMNS:
        words = tuple(Modality)
    else:
        raise AnnotationError(f"{path}:1: these columns are not known; {_headers()}")
    named = [word for word in words if word in path.name.lower()]
    if len(named) != 1:
        raise AnnotationError(f"{path}: which is it, {' or '.join(words)}? Put one of these words in its name")
    return named[0]


def _headers() -> str:
    known = (WEAK_COLUMNS, DENSE_COLUMNS, REVIEWED_COLUMNS)
    return "the header is one of " + " or ".join("<tab>".join(columns) for columns in known)
