"""What `evaluate` says of a parse file: its scores by a stated rule, how sure they are, and against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer import metrics
from trainer.annotations import Dataset
from trainer.metrics import KINDS, LEVELS, METRICS, ONLY_KINDS, ONLY_METRICS, CategoryScores
from trainer.parses import ParseFile
from trainer.prediction import RULES, Gate, PredictionRule, Threshold, cmpae_rule
from trainer.scoring import scored_cells, scored_metrics
from trainer.tables import table_text, write_whole

RULE_NAMES = (*RULES, "cmpae")
CONFIDENCE = 0.95
SEED = 0
"""Of the bootstrap: who evaluates again sees the same intervals."""


class EvaluationError(ValueError):
    """What was asked for cannot be scored, and why."""


Scores: TypeAlias = dict[str, NDArray[np.float64]]
"""Of each clip, (N,) in [0, 1] by metric; of a difference in [-1, 1]."""

Ends: TypeAlias = dict[str, tuple[float, float]]
"""Where an interval begins and ends, in per cent by metric."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of the parses of some clips by a rule; with CoLeaF's ten where they were asked for."""

    parser: str
    rule: PredictionRule
    names: tuple[str, ...]
    per_clip: Scores
    by_category: CategoryScores
    categories: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """What was asked for. `missing` clips of the split are not scored, as not every parse file holds them.

    `resamples`: how often the bootstrap draws, 0 for no intervals. `other`: of the same clips.
    """

    split: str
    evaluation: Evaluation
    missing: int = 0
    resamples: int = 0
    per_category: bool = False
    other_path: Path | None = None
    other: Evaluation | None = None

    def ends(self, per_clip: Scores) -> Ends:
        if not self.resamples:
            return {}
        return metrics.intervals(per_clip, resamples=self.resamples, seed=SEED, level=CONFIDENCE)


def threshold(text: str) -> Threshold:
    """A threshold as it is typed: a number, or one for each category, separated by commas. ValueError."""
    values = tuple(map(_probability, text.split(",")))
    return values if len(values) > 1 else values[0]


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise EvaluationError(f"{text!r} is no number from 0 to 1")
    return value


def asked_rule(
    own: PredictionRule,
    *,
    name: str | None = None,
    gate: Gate | None = None,
    threshold: Threshold | None = None,
    segment: tuple[Threshold, Threshold] | None = None,
    video: tuple[Threshold, Threshold] | None = None,
    strict: bool | None = None,
) -> PredictionRule:
    """A parse file's own rule, or the one of a name, with what else was asked for in its place.

    Raises RuleError for what is no rule, EvaluationError for CMPAE's without its tuned thresholds.
    """
    if name == "cmpae":
        if video is None or not isinstance(video[1], tuple):
            raise EvaluationError(
                "cmpae has a threshold of visual videos for each category, tuned on the validation clips: "
                "give them with --video-thresholds 0.45 V1,V2,..."
            )
        rule = cmpae_rule(video[1])
    else:
        rule = own if name is None else RULES[name]
    if threshold is not None:
        rule = replace(PredictionRule.at(threshold, rule.gate, strict=rule.strict), combine=rule.combine)
    return replace(
        rule,
        gate=gate or rule.gate,
        segment=segment or rule.segment,
        video=video or rule.video,
        strict=rule.strict if strict is None else strict,
    )


def evaluate(
    parses: ParseFile, dataset: Dataset, names: Sequence[str], rule: PredictionRule, *, only: bool = False
) -> Evaluation:
    """Score the named clips; the file holds them, their truth is complete. `only`: by CoLeaF's ten too."""
    if only and dataset.audio_visual_only:
        raise EvaluationError(
            "the dataset's truth is audio-visual only: what is only heard or only seen has no score"
        )
    clips = {name: parse for name in names if (parse := parses.clip(name)) is not None}
    cells = scored_cells(clips, dataset, names, rule=rule)
    arrays = (cells.predicted, cells.truth, cells.valid)
    per_clip = metrics.scores_per_clip(*arrays)
    per_clip = {name: per_clip[name] for name in scored_metrics(dataset)}
    if only:
        per_clip |= metrics.scores_per_clip(*arrays, only=True)
    return Evaluation(
        parser=str(parses.meta.get("parser", "")),
        rule=rule,
        names=tuple(names),
        per_clip=per_clip,
        by_category=metrics.category_scores(*arrays),
        categories=dataset.categories,
    )


def write_per_clip(path: Path, evaluation: Evaluation) -> None:
    """Write the scores of each clip in per cent, a clip a line; tab-separated, as all our tables are."""
    scores = zip(*evaluation.per_clip.values(), strict=True)
    rows = (
        [name, *(f"{100 * score:.4f}" for score in row)]
        for name, row in zip(evaluation.names, scores, strict=True)
    )
    write_whole(path, table_text(["filename", *evaluation.per_clip], rows))


# --- for programs ---


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values. Not a number is null."""
    evaluation, other = report.evaluation, report.other
    found = {
        "parser": evaluation.parser,
        "split": report.split,
        **_rule_json(evaluation.rule),
        "clips": len(evaluation.names),
        "missing": report.missing,
        **_scores_json(metrics.means(evaluation.per_clip)),
    }
    bootstrap = {"confidence": CONFIDENCE, "resamples": report.resamples, "seed": SEED}
    if report.resamples:
        found["intervals"] = bootstrap | _scores_json(report.ends(evaluation.per_clip))
    if report.per_category:
        found["categories"] = _categories_json(evaluation)
    if other is not None:
        differences = metrics.differences(evaluation.per_clip, other.per_clip)
        found["against"] = {
            "parses": str(report.other_path),
            "parser": other.parser,
            **_rule_json(other.rule),
            **_scores_json(metrics.means(other.per_clip)),
            "difference": _scores_json(metrics.means(differences)),
            "intervals": bootstrap | _scores_json(report.ends(differences)),
        }
    return found


def _rule_json(rule: PredictionRule) -> dict[str, Any]:
    return {"threshold": rule.threshold, "rule": rule.to_meta()}


def _scores_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """By metric, CoLeaF's apart; segment/AV and event/AV are of both."""
    found = {"metrics": {name: values[name] for name in METRICS if name in values}}
    if ONLY_METRICS[0] in values:
        found["ao_vo"] = {name: values[name] for name in ONLY_METRICS}
    return found


def _categories_json(evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.by_category
    return {
        category: {
            "events": {kind: int(counts[i]) for kind, counts in scores.events.items()},
            "metrics": {
                name: None if np.isnan(values[i]) else 100 * float(values[i])
                for name, values in scores.f_scores.items()
                if name in evaluation.per_clip
            },
        }
        for i, category in enumerate(evaluation.categories)
    }


# --- for people ---


def as_text(report: Report) -> str:
    """The report as tables, each under the rule that it was scored by."""
    evaluation, other = report.evaluation, report.other
    left_out = f", {report.missing} more are not in the parse file{'s' * (other is not None)}"
    clips = f"{len(evaluation.names)} clips{left_out if report.missing else ''}"
    parts = [f"{report.split}: {clips}; {evaluation.rule}"]
    parts += _tables(metrics.means(evaluation.per_clip), report.ends(evaluation.per_clip))
    if other is not None:
        differences = metrics.differences(evaluation.per_clip, other.per_clip)
        parser = f" ({other.parser})" if other.parser else ""
        parts.append(f"against {report.other_path}{parser}, the same clips; {other.rule}")
        parts += _tables(metrics.means(other.per_clip), {})
        parts.append("difference to it, clip by clip; * where the interval leaves out 0")
        parts += _tables(metrics.means(differences), report.ends(differences), signed=True)
    if report.resamples:
        parts.append(
            f"[low high]: {CONFIDENCE:.0%} of {report.resamples} bootstrap resamples of the clips. "
            "How much another seed\nof the training would change is not in it."
        )
    if report.per_category:
        parts.append(f"by category, counts summed over the clips; {evaluation.rule}")
        parts.append(_category_table(evaluation))
    return "\n\n".join(parts)


def _tables(numbers: Mapping[str, float], ends: Ends, *, signed: bool = False) -> list[str]:
    """The table of the ten numbers, and the one of CoLeaF's where they are there."""
    tables = [_table(KINDS, numbers, ends, signed)]
    if ONLY_METRICS[0] in numbers:
        tables.append(_table(ONLY_KINDS, numbers, ends, signed))
    return tables


def _table(kinds: Sequence[str], numbers: Mapping[str, float], ends: Ends, signed: bool) -> str:
    """A line a level, and beneath it where the intervals lie; columns only of what was scored."""
    kinds = [kind for kind in kinds if f"segment/{kind}" in numbers]
    width = 14 if ends else max(10, *(len(kind) + 2 for kind in kinds))
    sign = "+" if signed else ""

    def line(head: str, cells: Sequence[str]) -> str:
        return f"{head:8}" + "".join(f"{cell:>{width}}" for cell in cells)

    def span(low: float, high: float) -> str:
        return f"[{low:{sign}.1f} {high:{sign}.1f}]"

    lines = [line("", kinds)]
    for level in LEVELS:
        names = [f"{level}/{kind}" for kind in kinds]
        certain = ["*" if signed and not ends[name][0] <= 0 <= ends[name][1] else "" for name in names]
        values = [f"{numbers[name]:{sign}.1f}{mark}" for name, mark in zip(names, certain, strict=True)]
        lines.append(line(level, values))
        if ends:
            lines.append(line("", [span(*ends[name]) for name in names]))
    return "\n".join(lines)


def _category_table(evaluation: Evaluation) -> str:
    """A line a category: how many true events there are, and the scores; "-" where there are none."""
    scores = evaluation.by_category
    kinds = [kind for kind in KINDS[:3] if f"segment/{kind}" in evaluation.per_clip]
    blocks = [[scores.events[kind] for kind in kinds]]
    blocks += [[100 * scores.f_scores[f"{level}/{kind}"] for kind in kinds] for level in LEVELS]
    titles = ("true events", *LEVELS)
    head_width, width = max(map(len, evaluation.categories)), max(7, 13 // len(kinds))

    def line(head: str, cells: Sequence[Sequence[str]]) -> str:
        return f"{head:{head_width}}" + " ".join(
            "".join(f"{cell:>{width}}" for cell in block) for block in cells
        )

    return "\n".join(
        [
            line("", [[f"{title:>{width * len(kinds)}}"] for title in titles]),
            line("", [kinds] * 3),
            *(
                line(category, [[_cell(values[i]) for values in block] for block in blocks])
                for i, category in enumerate(evaluation.categories)
            ),
        ]
    )


def _cell(value: Any) -> str:
    if isinstance(value, np.integer):
        return str(value)
    return "-" if np.isnan(value) else f"{value:.1f}"
