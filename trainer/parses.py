"""Parse files: what a parser believes about clips, as probabilities per modality, segment and category."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.whole_files import written_whole

DEFAULT_THRESHOLD = 0.5

NPZ_DAMAGE = (
    *(OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What reading an .npz file that is damaged, or is none, may raise."""


class ParseError(ValueError):
    """A parse file that cannot be used, and why."""


@dataclass(frozen=True, eq=False)
class Parse:
    """A parser's result for one clip: `audio` and `visual` (T, C), `video` (C,), float32 probabilities."""

    audio: NDArray[np.float32]
    visual: NDArray[np.float32]
    video: NDArray[np.float32]

    def predicted(self, threshold: float = DEFAULT_THRESHOLD) -> NDArray[np.bool_]:
        """The thresholded prediction (2, T, C): segment and video probability both at least `threshold`.

        Source: the prediction rule of HAN (Tian et al., ECCV 2020), gate "joint".
        """
        segments = np.stack([self.audio, self.visual]) >= threshold
        return np.asarray(segments & (self.video >= threshold))


@dataclass(frozen=True, eq=False)
class ParseFile:
    """The parses of many clips by one parser.

    `offsets` (N+1,) cut the concatenated `audio` and `visual` (sum T, C) into clips; `video` is (N, C).
    `meta` says what made it: "parser", "checkpoint", "features", "threshold", "gate".
    """

    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    audio: NDArray[np.float32]
    visual: NDArray[np.float32]
    video: NDArray[np.float32]
    categories: tuple[str, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @property
    def threshold(self) -> float:
        return float(self.meta.get("threshold", DEFAULT_THRESHOLD))

    def clip(self, name: str) -> Parse | None:
        """The parse of one clip, or None when the file does not hold it."""
        i = self._index.get(name)
        if i is None:
            return None
        rows = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        return Parse(self.audio[rows], self.visual[rows], self.video[i])

    @staticmethod
    def from_clips(
        clips: Mapping[str, Parse], categories: Sequence[str], meta: Mapping[str, Any] | None = None
    ) -> ParseFile:
        """The parses of clips by name, each with the columns `categories`."""
        width = len(categories)
        lengths = [len(parse.audio) for parse in clips.values()]
        empty = np.empty((0, width), np.float32)
        return ParseFile(
            names=tuple(clips),
            offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
            audio=np.concatenate([empty, *(parse.audio for parse in clips.values())]).astype(np.float32),
            visual=np.concatenate([empty, *(parse.visual for parse in clips.values())]).astype(np.float32),
            video=np.concatenate([empty, *(parse.video[None] for parse in clips.values())]).astype(np.float32),
            categories=tuple(categories),
            meta=dict(meta or {}),
        )


def write_parses(path: Path, parses: ParseFile) -> None:
    """Write a parse file whole, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(parses.names, dtype=np.str_),
            offsets=parses.offsets,
            audio=parses.audio,
            visual=parses.visual,
            video=parses.video,
            categories=np.array(parses.categories, dtype=np.str_),
            meta=np.array(json.dumps(dict(parses.meta), ensure_ascii=False)),
        )


def read_parses(path: Path) -> ParseFile:
    """Read a parse file. Raises ParseError when it is missing, damaged, or its arrays do not fit together."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            parses = ParseFile(
                names=tuple(str(name) for name in arrays["names"]),
                offsets=arrays["offsets"].astype(np.int64),
                audio=arrays["audio"].astype(np.float32),
                visual=arrays["visual"].astype(np.float32),
                video=arrays["video"].astype(np.float32),
                categories=tuple(str(category) for category in arrays["categories"]),
                meta=json.loads(str(arrays["meta"])),
            )
    except FileNotFoundError:
        raise ParseError(f"{path}: there is no such parse file") from None
    except NPZ_DAMAGE as error:
        # Of text, numpy would say how to load it unsafely.
        reason = error if zipfile.is_zipfile(path) else "it is no .npz archive"
        raise ParseError(
            f"{path}: not a parse file, or damaged ({reason}); make it again with `avvp-trainer parse`"
        ) from error
    _check(path, parses)
    return parses


def _check(path: Path, parses: ParseFile) -> None:
    count, width, rows = len(parses.names), len(parses.categories), len(parses.audio)
    fits = (
        parses.offsets.shape == (count + 1,)
        and parses.offsets[0] == 0
        and parses.offsets[-1] == rows
        and bool(np.all(np.diff(parses.offsets) >= 0))
        and parses.audio.shape == parses.visual.shape == (rows, width)
        and parses.video.shape == (count, width)
        and isinstance(parses.meta, dict)
    )
    if not fits:
        raise ParseError(f"{path}: its arrays do not fit together; make it again with `avvp-trainer parse`")
    values = (parses.audio, parses.visual, parses.video)
    if not all(bool(np.all((array >= 0) & (array <= 1))) for array in values):  # not a number is neither
        raise ParseError(
            f"{path}: its probabilities are not all between 0 and 1; make it again with `avvp-trainer parse`"
        )
