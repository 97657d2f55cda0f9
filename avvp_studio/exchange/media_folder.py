"""A folder of media: which file belongs to which clip, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.annotations import AnnotationError, feature_key

_VIDEO = ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
_AUDIO = ".aac .aif .aiff .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma"
VIDEO_SUFFIXES = frozenset(_VIDEO.split())
AUDIO_SUFFIXES = frozenset(_AUDIO.split())
MEDIA_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES


@dataclass(frozen=True)
class MediaFiles:
    """Media files by stem. `repeated` are those whose stem another file has already: (left out, taken)."""

    by_stem: dict[str, Path]
    repeated: tuple[tuple[Path, Path], ...] = ()

    def of_clip(self, name: str) -> Path | None:
        """The file of a clip: called as the clip is, or as its features are (the YouTube id)."""
        return self.by_stem.get(name) or self.by_stem.get(feature_key(name))

    def beyond(self, names: Iterable[str]) -> list[Path]:
        """The files that belong to none of the clips."""
        known = {stem for name in names for stem in (name, feature_key(name))}
        return [path for stem, path in self.by_stem.items() if stem not in known]


def is_media(path: Path) -> bool:
    """Whether a file's name says that it is a video or sound."""
    return path.suffix.lower() in MEDIA_SUFFIXES


def is_sound(path: Path) -> bool:
    """Whether a file's name says that it has sound and no picture."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def list_media(places: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files that were named, whatever they are, and the media in folders; videos before sounds.

    Places that cannot be read come with the reason; the others are listed all the same.
    """
    problems: list[tuple[Path, str]] = []

    def refused(error: OSError) -> None:
        problems.append((Path(error.filename), f"the folder cannot be read ({error.strerror})"))

    found: set[Path] = set()
    for place in places:
        if place.is_dir():
            found |= {path.absolute() for path in _walk_folder(place, refused)}
        elif place.exists():
            found.add(place.absolute())
        else:
            problems.append((place, "there is no such file or folder"))
    return sorted(found, key=_rank), problems


def scan(paths: Iterable[Path]) -> MediaFiles:
    """The media among files and in folders, with all that is below them. Videos go before sounds."""
    found = sorted({path.absolute() for start in paths for path in _walk(start)}, key=_rank)
    by_stem: dict[str, Path] = {}
    repeated = []
    for path in found:
        if by_stem.setdefault(path.stem, path) != path:
            repeated.append((path, by_stem[path.stem]))
    return MediaFiles(by_stem, tuple(repeated))


def _walk(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
        return
    if not start.is_dir():
        raise AnnotationError(f"{start}: there is no such folder of media; give a folder that exists")
    yield from _walk_folder(start, None)


def _walk_folder(start: Path, refused: Callable[[OSError], object] | None) -> Iterator[Path]:
    for folder, folders, names in os.walk(start, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if is_media(Path(name)) and not name.startswith("."))


def _rank(path: Path) -> tuple[bool, Path]:
    return is_sound(path), path
