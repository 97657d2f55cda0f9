"""Videos for a project that exists: looked for and into, added as clips, and taken back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from avvp_studio.domain.project import Clip
from avvp_studio.domain.videos import Found, Video
from avvp_studio.exchange.media_folder import is_sound, list_media
from avvp_studio.media.probe import MediaError, probe
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects.errors import project_errors
from avvp_studio.store import Store
from trainer.annotations import feature_key
from trainer.labels import segment_count

_SAY_EVERY_S = 0.1
BAD_NAME = "its name holds a tab, a line break or letters of another encoding; rename it"


@dataclass(frozen=True)
class Added:
    """The clips that were added, and those that got the media that they lacked, as they are now."""

    new: tuple[Clip, ...]
    given_media: tuple[Clip, ...] = ()

    @property
    def clips(self) -> tuple[Clip, ...]:
        return (*self.new, *self.given_media)


@dataclass(frozen=True)
class TakenBack:
    """The clips that are gone, those that stay with their labels, and those that lack their media again."""

    removed: frozenset[str]
    kept: tuple[str, ...]
    changed: tuple[Clip, ...]


def find_videos(
    places: Sequence[Path],
    clips: Iterable[Clip],
    progress: Callable[[Found], object],
    should_stop: Callable[[], bool] = lambda: False,
    lengths: dict[Path, float] | None = None,
) -> Found:
    """Look which videos lie among files and in folders, and into each of them but those with known `lengths`.

    A file is one clip, called as it is; where a clip has that name, it gets a number behind it. A project's
    clip of that name that lacks its media gets the file. Files that are a clip's media already are known.
    The lengths that were found are added to `lengths`, for the next search.
    """
    files, left_out = list_media(places)
    search = _Search(clips, left_out, {} if lengths is None else lengths)
    said = time.monotonic()
    for done, path in enumerate(files):
        if should_stop():
            break
        if time.monotonic() - said > _SAY_EVERY_S:
            progress(search.count(done, len(files)))
            said = time.monotonic()
        search.look_into(path)
    return replace(
        search.count(len(files), len(files)),
        videos=tuple(search.videos),
        known=tuple(search.known),
        left_out=tuple(search.left_out),
    )


def add_videos(root: Path, videos: Sequence[Video], split: str) -> Added:
    """Store all of them as clips of a split, or none. Raises ProjectError."""
    with project_errors(root), Store.open(ProjectPaths(root).database) as store:
        known = {clip.name: clip for clip in store.clips()}
        given = [
            replace(known[video.clip], media=video.path)
            for video in videos
            if video.is_of_clip and video.clip in known
        ]
        new = [
            Clip(video.clip, split, video.path, video.duration, segment_count(video.duration))
            for video in videos
            if not video.is_of_clip
        ]
        store.bring_in(clips=new, changed=given)
    return Added(tuple(new), tuple(given))


def take_back(root: Path, added: Added) -> TakenBack:
    """Undo `add_videos`; clips that somebody has labelled since stay. Raises ProjectError.

    No file is deleted: the videos stay where they are, and what was made of them in the project.
    """
    names = [clip.name for clip in added.new]
    with project_errors(root), Store.open(ProjectPaths(root).database) as store:
        kept = store.remove_clips(names)
        store.set_media({clip.name: None for clip in added.given_media})
    without = tuple(replace(clip, media=None) for clip in added.given_media)
    return TakenBack(frozenset(names).difference(kept), kept, without)


@dataclass
class _Search:
    """What was found so far."""

    clips: Iterable[Clip]
    left_out: list[tuple[Path, str]]
    lengths: dict[Path, float]
    videos: list[Video] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        clips = list(self.clips)
        self._media = {os.path.realpath(clip.media) for clip in clips if clip.media is not None}
        self._names = {clip.name for clip in clips}
        self._keys = {feature_key(clip.name) for clip in clips}
        self._of_name = {feature_key(clip.name): clip for clip in clips} | {clip.name: clip for clip in clips}
        self._seen: dict[Path, Path] = {}
        self._numbers: dict[str, int] = {}
        self._seconds = 0.0

    def count(self, looked_at: int, total: int) -> Found:
        return Found(len(self.videos), self._seconds, looked_at, total)

    def look_into(self, path: Path) -> None:
        """Sort a file in. Videos come before sounds, so that a sound beside its video is known as such."""
        beside = self._seen.setdefault(path.with_suffix(""), path)
        real = os.path.realpath(path)
        if real in self._media:
            self.known.append(path)
        elif beside != path and is_sound(path):
            self.left_out.append((path, f"it lies beside {beside.name}, which has this name"))
        elif not path.stem.isprintable():
            self.left_out.append((path, BAD_NAME))
        else:
            self._media.add(real)
            self._add(path)

    def _add(self, path: Path) -> None:
        try:
            if path not in self.lengths:
                self.lengths[path] = round(probe(path).duration, 3)
        except MediaError as error:
            self.left_out.append((path, str(error)))
            return
        duration = self.lengths[path]
        clip = self._of_name.get(path.stem)
        lacks_media = clip is not None and (clip.media is None or not clip.media.is_file())
        if clip is not None and lacks_media:
            del self._of_name[path.stem]  # the next file of this name is another clip
            video = Video(path, clip.name, duration, is_of_clip=True)
        else:
            video = Video(path, self._free_name(path.stem), duration)
        self._seconds += duration
        self.videos.append(video)

    def _free_name(self, stem: str) -> str:
        """A name that no clip has, nor its features."""
        name, number = stem, self._numbers.get(stem, 2)
        while name in self._names or feature_key(name) in self._keys:
            name, number = f"{stem}-{number}", number + 1
        self._numbers[stem] = number
        self._names.add(name)
        self._keys.add(feature_key(name))
        return name
