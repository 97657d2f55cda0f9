"""Thresholds that a person chose in the place of a parser's own. They change the rule, never the parse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from trainer.labels import MODALITIES, Modality
from trainer.prediction import PredictionRule, Threshold

Levels: TypeAlias = Mapping[tuple[Modality, str], float]
"""The chosen threshold of segments, by modality and category."""

LEAST = 0.01
"""At 0 a parser would predict everything, even of what it knows nothing."""


def held(level: float) -> float:
    """A threshold as it is kept: in whole hundredths, and not 0."""
    return min(max(LEAST, round(level, 2)), 1.0)


def with_levels(rule: PredictionRule, categories: Sequence[str], levels: Levels) -> PredictionRule:
    """The rule with other thresholds of segments; what is said of other categories is left out.

    Where it is audio times visual that is asked, both modalities have one threshold.
    """
    places = {category: column for column, category in enumerate(categories)}
    found = [_each(threshold, len(categories)) for threshold in rule.segment]
    for (modality, category), level in levels.items():
        if category in places:
            found[_axis(rule, modality)][places[category]] = level
    audio, visual = (
        threshold if each == _each(threshold, len(categories)) else _short(each)
        for threshold, each in zip(rule.segment, found, strict=True)
    )
    return replace(rule, segment=(audio, visual))


def levels_of(
    rule: PredictionRule, own: PredictionRule, categories: Sequence[str]
) -> dict[tuple[Modality, str], float]:
    """Where a rule has other thresholds of segments than the parser's own."""
    return {
        (modality, category): rule.segment_threshold(modality.axis, column)
        for modality in MODALITIES
        for column, category in enumerate(categories)
        if rule.segment_threshold(modality.axis, column) != own.segment_threshold(modality.axis, column)
    }


def set_level(
    rule: PredictionRule,
    own: PredictionRule,
    categories: Sequence[str],
    modality: Modality,
    chosen: Iterable[str],
    level: float | None,
) -> PredictionRule:
    """The rule with another threshold of some categories; None is the parser's own again."""
    places = {category: column for column, category in enumerate(categories)}
    levels = {
        (modality, category): own.segment_threshold(modality.axis, places[category])
        if level is None
        else held(level)
        for category in chosen
    }
    changed = with_levels(rule, categories, levels)
    return changed if levels_of(changed, own, categories) else own


def to_json(levels: Levels) -> dict[str, dict[str, float]]:
    return {
        modality.value: {category: level for (of, category), level in levels.items() if of is modality}
        for modality in MODALITIES
    }


def from_json(said: Any) -> dict[tuple[Modality, str], float]:
    """Raises ValueError on what is none."""
    found = {}
    if not isinstance(said, dict):
        raise ValueError("the thresholds of a parser are not an object")
    for modality in MODALITIES:
        entries = said.get(modality.value, {})
        if not isinstance(entries, dict):
            raise ValueError(f"its {modality} thresholds are not numbers by category")
        for category, level in entries.items():
            if isinstance(level, bool) or not isinstance(level, int | float) or not 0 <= level <= 1:
                raise ValueError(f"the {modality} threshold of {category} is not a number from 0 to 1")
            found[modality, category] = float(level)
    return found


def _each(threshold: Threshold, count: int) -> list[float]:
    return list(threshold) if isinstance(threshold, tuple) else [threshold] * count


def _short(each: list[float]) -> Threshold:
    return each[0] if len(set(each)) == 1 else tuple(each)


def _axis(rule: PredictionRule, modality: Modality) -> int:
    """Which threshold a modality asks."""
    return 0 if rule.combine == "product" else modality.axis
