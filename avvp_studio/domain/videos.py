"""Videos that may become clips, and what is to become of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT = "default"
"""The group of encoders that find tracks before any training."""
BUILT_IN = "signal"
"""The encoder that runs on any machine; its features are for training."""
JOINT = ("clip+clap", "clip", "clap")
"""Encoders whose rows compare with texts, and which find tracks by that: both, or the one that is there."""


@dataclass(frozen=True, slots=True)
class Video:
    """A media file that can be read, the clip that it is to be, and its duration in seconds.

    `is_of_clip`: the project has that clip, and lacks its media.
    """

    path: Path
    clip: str
    duration: float
    is_of_clip: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at some places: what can be added, what is a clip already, what is left out and why.

    While somebody still looks, `looked_at` is less than `total`, and what was found so far is only counted.
    """

    count: int = 0
    seconds: float = 0.0
    looked_at: int = 0
    total: int = 0
    videos: tuple[Video, ...] = ()
    known: tuple[Path, ...] = ()
    left_out: tuple[tuple[Path, str], ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.looked_at >= self.total

    @property
    def numbered(self) -> tuple[Video, ...]:
        """Those that are called otherwise than their file, because another clip has that name."""
        return tuple(video for video in self.videos if not video.is_of_clip and video.clip != video.path.stem)


@dataclass(frozen=True, slots=True)
class VideosRequest:
    """Add these videos to a split; `encoder` then makes their features, and tracks where it can; "" none.

    Several encoders stand with + between them.
    """

    videos: tuple[Video, ...]
    split: str
    encoder: str = ""
