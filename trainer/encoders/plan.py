"""What an extraction has to do: which sets of which clips are missing, or of media that changed since."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trainer.annotations import feature_key, parse_llp_name
from trainer.encoders.media import LONGEST, shown
from trainer.encoders.store import Origin, SetFolder

_LONGEST_NAME = 255
"""Bytes of a file's name that every usual file system can keep."""
_ENDING = len(".npy.part")


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip by its name, its media file or the address of it, and its duration in seconds if it is known."""

    name: str
    path: Path | str
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A clip that is to be encoded: which `sets` of it, and what its media file is like."""

    clip: Clip
    key: str
    sets: tuple[str, ...]
    duration: float | None
    size: int
    mtime_ns: int

    def origin(self, seconds: int, *, has_features: bool, notes: tuple[str, ...] = ()) -> Origin:
        """What its feature files are to say of their media."""
        return Origin(self.key, self.size, self.mtime_ns, self.duration, seconds, has_features, notes)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to do, what is current already, and what cannot be done and why."""

    work: list[Work] = field(default_factory=list)
    kept: list[Clip] = field(default_factory=list)
    failed: list[tuple[Clip, str]] = field(default_factory=list)


def plan_of(clips: Iterable[Clip], folders: Sequence[SetFolder]) -> Plan:
    """Compare clips with what there is of them."""
    plan = Plan()
    owners: dict[str, Clip] = {}
    for clip in clips:
        key = feature_key(clip.name)
        reason = _unusable(clip, key, owners.setdefault(key, clip))
        if reason:
            plan.failed.append((clip, reason))
            continue
        duration = clip.duration if clip.duration is not None else _named_duration(clip.name)
        try:
            size, mtime_ns = _state(clip.path)
        except Exception as error:  # stores that addresses lead to have errors of their own
            reason = getattr(error, "strerror", None) or str(error)
            plan.failed.append(
                (clip, f"{shown(clip.path)}: cannot be read ({reason}); put it back, or allow reading it")
            )
            continue
        given = (key, size, mtime_ns, duration)
        missing = tuple(folder.name for folder in folders if not folder.is_current(*given))
        if missing:
            plan.work.append(Work(clip, key, missing, duration, size, mtime_ns))
        else:
            plan.kept.append(clip)
    return plan


def _named_duration(name: str) -> float | None:
    """The seconds that an LLP name tells, if it is one."""
    parsed = parse_llp_name(name)
    if parsed is None or parsed.end - parsed.start > LONGEST:
        return None
    return parsed.end - parsed.start


def _state(path: Path | str) -> tuple[int, int]:
    """The size and the time of the last change (ns; 0 where a store does not say) of a media file."""
    if isinstance(path, Path):
        state = os.stat(path)
        return state.st_size, state.st_mtime_ns
    system, place = importlib.import_module("fsspec").url_to_fs(path)
    changed = 0
    with suppress(NotImplementedError, KeyError):
        changed = int(system.modified(place).timestamp() * 1e9)
    return int(system.size(place) or 0), changed


def _unusable(clip: Clip, key: str, owner: Clip) -> str:
    """Why a clip can have no feature file of its own; empty if it can."""
    if "/" in key or "\\" in key or "\0" in key:
        return "a clip's name may hold no slash; rename it"
    if key.startswith("."):
        return "a clip's name may not begin with a dot: its features would be hidden; rename it"
    if not key or len(os.fsencode(key)) + _ENDING > _LONGEST_NAME:
        return f"a clip's name may have 1 to {_LONGEST_NAME - _ENDING} bytes; rename it"
    if owner is clip:
        return ""
    if owner.name == clip.name:
        return f"{shown(clip.path)} has the same name as {shown(owner.path)}; rename one of them"
    return f"{shown(owner.name)} is of the same video, and has its file {shown(key)}.npy; keep one of them"
