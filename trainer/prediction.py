"""Prediction rules: which probabilities of a parse are predictions.

The published codes differ in it, and so do their scores: every parse file carries its rule, and `RULES` holds
those of the published codes by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

DEFAULT_THRESHOLD = 0.5

Gate = Literal["joint", "modality", "audio-joint", "none"]
GATES: tuple[Gate, ...] = get_args(Gate)

Combine = Literal["each", "product"]
COMBINES: tuple[Combine, ...] = get_args(Combine)

Threshold: TypeAlias = float | tuple[float, ...]
"""One for all categories, or one for each."""


class RuleError(ValueError):
    """What is no prediction rule, or none for these categories, and why."""


@dataclass(frozen=True)
class PredictionRule:
    """When a category is predicted in a segment: its probability there and the gate both reach their threshold.

    The gate asks whether the category is in the clip at all, of the probability that it is

    joint        heard or seen somewhere in the clip, for both modalities (HAN, VALOR, UWAV),
    modality     heard somewhere for audio, seen somewhere for visual (MA, JoMoLD, CMPAE, CoLeaF),
    audio-joint  heard or seen somewhere for audio, seen somewhere for visual (MM-CSE),
    none         nothing (LEAP, whose hard "or" over time passes whatever any segment passes).

    `combine` says which probability of a segment is asked:

    each     that of the modality, for each modality,
    product  audio times visual for both at once, against audio's threshold: what is heard and seen at once,
             of parsers that know nothing else (UnAV-100 as UWAV scores it).

    `segment` and `video` are the thresholds of audio and visual, in [0, 1]; `strict`: to reach is to exceed.
    They are compared in float32, as probabilities are. Raises RuleError for what is no rule.
    """

    gate: Gate = "joint"
    segment: tuple[Threshold, Threshold] = (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD)
    video: tuple[Threshold, Threshold] = (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD)
    strict: bool = False
    combine: Combine = "each"

    def __post_init__(self) -> None:
        if self.gate not in GATES:
            raise RuleError(f"its gate is one of {', '.join(GATES)}, not {self.gate!r}")
        if self.combine not in COMBINES:
            raise RuleError(f"its combine is one of {', '.join(COMBINES)}, not {self.combine!r}")
        for threshold in (*self.segment, *self.video):
            for value in threshold if isinstance(threshold, tuple) else (threshold,):
                if not (isinstance(value, int | float) and 0 <= value <= 1):
                    raise RuleError(f"its threshold is not a number from 0 to 1, but {value!r}")

    @staticmethod
    def at(threshold: Threshold, gate: Gate = "joint", *, strict: bool = False) -> PredictionRule:
        """The rule in which every threshold is this one."""
        return PredictionRule(gate, (threshold, threshold), (threshold, threshold), strict)

    @property
    def threshold(self) -> float | None:
        """The one threshold of segments and videos, or None when they differ."""
        found = {*self._asked, *(self.video if self.gate != "none" else ())}
        threshold = found.pop()
        return None if found or isinstance(threshold, tuple) else threshold

    @property
    def _asked(self) -> tuple[Threshold, Threshold]:
        """The thresholds that are in force: audio's for both, where it is their product that is asked."""
        audio, visual = self.segment
        return (audio, audio) if self.combine == "product" else (audio, visual)

    def segment_threshold(self, axis: int, category: int) -> float:
        """What the probability of a segment has to reach; `axis`: 0 audio, 1 visual; `category`: its column.

        Of a product it is what either factor has to reach, though that may not suffice.
        """
        threshold = self._asked[axis]
        return threshold[category] if isinstance(threshold, tuple) else threshold

    def with_columns(self, columns: Sequence[int]) -> PredictionRule:
        """The rule for categories in another order; -1 is one that the parser does not know."""

        def picked(threshold: Threshold) -> Threshold:
            if not isinstance(threshold, tuple):
                return threshold
            return tuple(threshold[column] if column >= 0 else 1.0 for column in columns)

        audio, visual = map(picked, self.segment)
        audio_video, visual_video = map(picked, self.video)
        return replace(self, segment=(audio, visual), video=(audio_video, visual_video))

    def __str__(self) -> str:
        """In words, for the line above a table of scores."""
        sign = ">" if self.strict else ">="
        if self.threshold is not None:
            strict = " (strict)" if self.strict else ""
            product = " of audio times visual" if self.combine == "product" else ""
            return f"threshold {self.threshold:g}{strict}{product}, gate {self.gate}"
        product = "audio times visual of " if self.combine == "product" else ""
        segments = f"{product}segments {sign} {_said(self._asked)}"
        if self.gate == "none":
            return f"{segments}, gate none"
        return f"{segments}, gate {self.gate}: videos {sign} {_said(self.video)}"

    def to_meta(self) -> dict[str, Any]:
        """What a parse file's meta says of the rule. "threshold" is there when one number is all thresholds."""
        one = {} if self.threshold is None else {"threshold": self.threshold}
        return {
            **one,
            "gate": self.gate,
            "strict": self.strict,
            "combine": self.combine,
            "segment_thresholds": list(self.segment),
            "video_thresholds": list(self.video),
        }

    @staticmethod
    def from_meta(meta: Mapping[str, Any]) -> PredictionRule:
        """The rule that `to_meta` wrote; older files say only "threshold" and "gate", or nothing (HAN's)."""
        one = meta.get("threshold", DEFAULT_THRESHOLD)
        segment, video = (
            _pair(meta.get(key, (one, one))) for key in ("segment_thresholds", "video_thresholds")
        )
        return PredictionRule(
            gate=meta.get("gate", "joint"),
            segment=segment,
            video=video,
            strict=meta.get("strict", False) is True,
            combine=meta.get("combine", "each"),
        )


def _pair(thresholds: Any) -> tuple[Threshold, Threshold]:
    if not (isinstance(thresholds, list | tuple) and len(thresholds) == 2):
        raise RuleError(f"its thresholds are one for audio and one for visual, not {thresholds!r}")
    audio, visual = (tuple(value) if isinstance(value, list) else value for value in thresholds)
    return audio, visual


def _said(thresholds: tuple[Threshold, Threshold]) -> str:
    audio, visual = (
        f"{min(value):g} to {max(value):g} by category" if isinstance(value, tuple) else f"{value:g}"
        for value in thresholds
    )
    return audio if thresholds[0] == thresholds[1] else f"{audio} (audio), {visual} (visual)"


HAN_RULE = PredictionRule()

RULES: dict[str, PredictionRule] = {
    "han": HAN_RULE,  # and MM-Pyramid, MGN, VALOR
    "uwav": PredictionRule(strict=True),
    "ma": PredictionRule("modality"),
    "jomold": PredictionRule("modality"),
    "mm-cse": PredictionRule("audio-joint"),
    "leap": PredictionRule("none"),
    "coleaf": PredictionRule("modality", segment=(0.25, 0.25), video=(0.52, 0.52)),
}
"""The rules of published codes. CMPAE's is `cmpae_rule`: it needs thresholds that were tuned."""


def cmpae_rule(visual: Sequence[float]) -> PredictionRule:
    """The rule of CMPAE and NREP; they tune the thresholds `visual` (C,) of visual videos on val clips."""
    return PredictionRule("modality", segment=(0.25, 0.25), video=(0.45, tuple(visual)))


def by_category(thresholds: tuple[Threshold, Threshold], categories: int) -> NDArray[np.float32]:
    """Those of audio and visual, (2, C) float32, or (2, 1) where one is for all. Raises RuleError."""
    for threshold in thresholds:
        if isinstance(threshold, tuple) and len(threshold) != categories:
            raise RuleError(
                f"the rule has {len(threshold)} thresholds for {categories} categories; give one for each"
            )
    arrays = [np.atleast_1d(np.asarray(threshold, np.float32)) for threshold in thresholds]
    return np.stack(np.broadcast_arrays(*arrays))
