"""Parse files: what a parser believes about clips, as probabilities per modality, segment and category."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.prediction import HAN_RULE, Gate, PredictionRule, RuleError, by_category
from trainer.whole_files import written_whole

Probabilities: TypeAlias = NDArray[np.float32]

NPZ_DAMAGE = (
    *(OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What reading an .npz file that is damaged, or is none, may raise."""


_AGAIN = "make it again with `avvp-trainer parse` or `pseudo-label`"


class ParseError(ValueError):
    """A parse file that cannot be used, and why."""


@dataclass(frozen=True, eq=False)
class Parse:
    """A parser's result for one clip, float32 probabilities: `audio` and `visual` (T, C) of its segments.

    Of the whole clip (C,): `video` that a category is heard or seen somewhere in it, `audio_video` that it
    is heard, `visual_video` that it is seen; those two are None where an older file does not say.
    Many clips of one length are a Parse too: every array then has an axis of clips in front.
    """

    audio: Probabilities
    visual: Probabilities
    video: Probabilities
    audio_video: Probabilities | None = None
    visual_video: Probabilities | None = None

    def predicted(self, rule: PredictionRule = HAN_RULE) -> NDArray[np.bool_]:
        """The prediction (2, T, C) by a rule; by HAN's when none is given (Tian et al., ECCV 2020).

        Raises ParseError when the rule needs what the parse does not hold, RuleError when it is of
        other categories.
        """
        reaches = np.greater if rule.strict else np.greater_equal
        segment = by_category(rule.segment, self.video.shape[-1])
        asked = (self.audio, self.visual)
        if rule.combine == "product":
            asked, segment = (self.audio * self.visual,) * 2, segment[[0, 0]]
        cells = reaches(np.stack(asked, axis=-3), segment[:, None])
        return np.asarray(cells & self.admitted(rule)[..., None, :])

    def admitted(self, rule: PredictionRule) -> NDArray[np.bool_]:
        """Which categories pass the gate of a rule (2, C); raises as `predicted` does."""
        if rule.gate == "none":
            return np.ones((*self.video.shape[:-1], 2, self.video.shape[-1]), np.bool_)
        reaches = np.greater if rule.strict else np.greater_equal
        return np.asarray(reaches(self._gates(rule.gate), by_category(rule.video, self.video.shape[-1])))

    def _gates(self, gate: Gate) -> Probabilities:
        """The probabilities that the gate asks for (2, C), audio first."""
        audio = self.audio_video if gate == "modality" else self.video
        visual = self.video if gate == "joint" else self.visual_video
        if audio is None or visual is None:
            raise ParseError(
                f'the gate "{gate}" asks what is heard and what is seen in a clip as a whole, and the parses '
                'do not say: parse the clips again, or use the gate "joint" or "none"'
            )
        return np.stack([audio, visual], axis=-2)

    def with_columns(self, columns: Sequence[int]) -> Parse:
        """The parse with its columns in another order; -1 is a category of probability 0."""
        return Parse(
            _picked(self.audio, columns),
            _picked(self.visual, columns),
            _picked(self.video, columns),
            None if self.audio_video is None else _picked(self.audio_video, columns),
            None if self.visual_video is None else _picked(self.visual_video, columns),
        )


@dataclass(frozen=True, eq=False)
class ParseFile:
    """The parses of many clips by one parser.

    `offsets` (N+1,) cut the concatenated `audio` and `visual` (sum T, C) into clips; `video`, and where they
    are known `audio_video` and `visual_video`, are (N, C). `meta` says what made it ("parser", "checkpoint",
    "features") and by which rule it predicts (`PredictionRule.to_meta`).
    """

    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    audio: Probabilities
    visual: Probabilities
    video: Probabilities
    categories: tuple[str, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    audio_video: Probabilities | None = None
    visual_video: Probabilities | None = None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def rule(self) -> PredictionRule:
        """By which the parser predicts. Raises RuleError when the meta says what is no rule."""
        return PredictionRule.from_meta(self.meta)

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def clip(self, name: str) -> Parse | None:
        """The parse of one clip, or None when the file does not hold it."""
        i = self._index.get(name)
        if i is None:
            return None
        rows = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        videos = (None if array is None else array[i] for array in (self.audio_video, self.visual_video))
        return Parse(self.audio[rows], self.visual[rows], self.video[i], *videos)

    def with_categories(self, categories: Sequence[str]) -> ParseFile:
        """The same parses with the columns in the order of `categories`, which the file all knows."""
        columns = [self.categories.index(category) for category in categories]
        every = Parse(self.audio, self.visual, self.video, self.audio_video, self.visual_video).with_columns(
            columns
        )
        meta = {**self.meta, **self.rule.with_columns(columns).to_meta()}
        return replace(self, categories=tuple(categories), meta=meta, **vars(every))

    @staticmethod
    def from_clips(
        clips: Mapping[str, Parse], categories: Sequence[str], meta: Mapping[str, Any] | None = None
    ) -> ParseFile:
        """The parses of clips by name, each with the columns `categories`.

        What is not known of every clip (`audio_video`, `visual_video`) is not kept of any.
        """
        parses = list(clips.values())
        empty = np.empty((0, len(categories)), np.float32)

        def joined(arrays: Iterable[Probabilities]) -> Probabilities:
            return np.concatenate([empty, *arrays]).astype(np.float32)

        def of_videos(arrays: list[Probabilities | None]) -> Probabilities | None:
            known = [array[None] for array in arrays if array is not None]
            return joined(known) if arrays and len(known) == len(arrays) else None

        return ParseFile(
            names=tuple(clips),
            offsets=np.concatenate(([0], np.cumsum([len(parse.audio) for parse in parses]))).astype(np.int64),
            audio=joined(parse.audio for parse in parses),
            visual=joined(parse.visual for parse in parses),
            video=joined(parse.video[None] for parse in parses),
            categories=tuple(categories),
            meta=dict(meta or {}),
            audio_video=of_videos([parse.audio_video for parse in parses]),
            visual_video=of_videos([parse.visual_video for parse in parses]),
        )


def _picked(values: Probabilities, columns: Sequence[int]) -> Probabilities:
    """(..., C) -> (..., columns); column -1 is zeros."""
    padded = np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)
    return padded[..., list(columns)]


_OPTIONAL = ("audio_video", "visual_video")


def write_parses(path: Path, parses: ParseFile) -> None:
    """Write a parse file whole, then rename it into place."""
    videos = {name: getattr(parses, name) for name in _OPTIONAL if getattr(parses, name) is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(parses.names, dtype=np.str_),
            offsets=parses.offsets,
            audio=parses.audio,
            visual=parses.visual,
            video=parses.video,
            **videos,
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
                **{name: arrays[name].astype(np.float32) for name in _OPTIONAL if name in arrays},
            )
    except FileNotFoundError:
        raise ParseError(f"{path}: there is no such parse file") from None
    except NPZ_DAMAGE as error:
        # Of text, numpy would say how to load it unsafely.
        reason = error if zipfile.is_zipfile(path) else "it is no .npz archive"
        raise ParseError(f"{path}: not a parse file, or damaged ({reason}); {_AGAIN}") from error
    _check(path, parses)
    return parses


def _check(path: Path, parses: ParseFile) -> None:
    """Refuse arrays that do not fit together, what is no probability, and a rule that is none or another's."""
    count, width, rows = len(parses.names), len(parses.categories), len(parses.audio)
    videos = [array for array in (parses.video, parses.audio_video, parses.visual_video) if array is not None]
    fits = (
        parses.offsets.shape == (count + 1,)
        and parses.offsets[0] == 0
        and parses.offsets[-1] == rows
        and bool(np.all(np.diff(parses.offsets) >= 0))
        and parses.audio.shape == parses.visual.shape == (rows, width)
        and all(array.shape == (count, width) for array in videos)
        and isinstance(parses.meta, dict)
    )
    if not fits:
        raise ParseError(f"{path}: its arrays do not fit together; {_AGAIN}")
    values = (parses.audio, parses.visual, *videos)
    if not all(bool(np.all((array >= 0) & (array <= 1))) for array in values):  # not a number is neither
        raise ParseError(f"{path}: its probabilities are not all between 0 and 1; {_AGAIN}")
    try:
        for thresholds in (parses.rule.segment, parses.rule.video):
            by_category(thresholds, width)
    except RuleError as error:
        raise ParseError(f"{path}: {error}; {_AGAIN}") from None
