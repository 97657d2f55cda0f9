"""Prediction rules and scores as published code goes about them: clip by clip, class by class, event by event.

Slow, plain and written from the definition: what the vectorised ones are held against, and timed against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.metrics import KINDS, LEVELS, ONLY_KINDS
from trainer.parses import Parse
from trainer.prediction import PredictionRule

Cells = NDArray[np.bool_]
Counts = tuple[int, int, int]
"""True positives, false positives, false negatives."""


def predicted(parse: Parse, rule: PredictionRule) -> Cells:
    """The prediction of one clip (2, T, C), cell by cell."""
    segments, categories = parse.audio.shape
    found = np.zeros((2, segments, categories), bool)
    gate_of = {
        "joint": (parse.video, parse.video),
        "modality": (parse.audio_video, parse.visual_video),
        "audio-joint": (parse.video, parse.visual_video),
        "none": (None, None),
    }
    is_product = rule.combine == "product"
    for m, probabilities in enumerate((parse.audio, parse.visual)):
        for c in range(categories):
            gate = gate_of[rule.gate][m]
            if gate is not None and not reaches(gate[c], rule.video[m], c, rule.strict):
                continue
            for t in range(segments):
                value, threshold = probabilities[t, c], rule.segment[m]
                if is_product:
                    value, threshold = parse.audio[t, c] * parse.visual[t, c], rule.segment[0]
                found[m, t, c] = reaches(value, threshold, c, rule.strict)
    return found


def reaches(probability, threshold, category: int, strict: bool) -> bool:
    value = np.float32(threshold[category] if isinstance(threshold, tuple) else threshold)
    return bool(probability > value if strict else probability >= value)


def segment_counts(pred: Cells, true: Cells) -> Counts:
    """Of one category in one clip: (T,) twice."""
    pairs = list(zip(pred, true, strict=True))
    return (
        sum(p and t for p, t in pairs),
        sum(p and not t for p, t in pairs),
        sum(t and not p for p, t in pairs),
    )


def events_of(row: Sequence[bool]) -> list[tuple[int, int]]:
    """The maximal runs, half-open."""
    found, start = [], None
    for t, active in enumerate(row):
        if active and start is None:
            start = t
        if not active and start is not None:
            found.append((start, t))
            start = None
    if start is not None:
        found.append((start, len(row)))
    return found


def overlap_in_half(a: tuple[int, int], b: tuple[int, int]) -> bool:
    inter = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    union = (a[1] - a[0]) + (b[1] - b[0]) - inter
    return inter >= 0.5 * union


def event_counts(pred: Cells, true: Cells) -> Counts:
    """Of one category in one clip: (T,) twice."""
    predicted_events, true_events = events_of(pred), events_of(true)
    hits = 0
    for event in predicted_events:
        hits += any(overlap_in_half(event, other) for other in true_events)
    missed = 0
    for event in true_events:
        missed += not any(overlap_in_half(event, other) for other in predicted_events)
    return hits, len(predicted_events) - hits, missed


COUNTS: dict[str, Callable[[Cells, Cells], Counts]] = {"segment": segment_counts, "event": event_counts}


def f_score(counts: Sequence[Counts]) -> float:
    """The mean over the categories that occur; 1 without any."""
    values = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
    return sum(values) / len(values) if values else 1.0


def added(*counts: Counts) -> Counts:
    tp, fp, fn = (sum(column) for column in zip(*counts, strict=True))
    return tp, fp, fn


def kinds_of(cells: Cells, only: bool) -> list[Cells]:
    """(2, T, C) -> heard, seen, both (T, C) each."""
    audio, visual = cells
    return [audio & ~visual, visual & ~audio, audio & visual] if only else [audio, visual, audio & visual]


def counts_of(pred: Cells, true: Cells, level: str, *, only: bool = False) -> list[list[Counts]]:
    """By kind, by category, of one clip: (2, T, C) twice."""
    count = COUNTS[level]
    return [
        [count(p[:, c], t[:, c]) for c in range(p.shape[1])]
        for p, t in zip(kinds_of(pred, only), kinds_of(true, only), strict=True)
    ]


def clip_scores(pred: Cells, true: Cells, *, only: bool = False) -> dict[str, float]:
    """The ten numbers of one clip, in [0, 1]: (2, T, C) twice."""
    found = {}
    for level in LEVELS:
        audio, visual, both = counts_of(pred, true, level, only=only)
        a, v, av = (f_score(counts) for counts in (audio, visual, both))
        event = f_score([added(x, y) for x, y in zip(audio, visual, strict=True)])
        values = (a, v, av, (a + v + av) / 3, event)
        kinds = ONLY_KINDS if only else KINDS
        found |= {f"{level}/{kind}": value for kind, value in zip(kinds, values, strict=True)}
    return found


def scores(predicted: Sequence[Cells], truth: Sequence[Cells], *, only: bool = False) -> dict[str, float]:
    """The ten numbers in per cent over clips: (2, T, C) each."""
    clips = [clip_scores(p, t, only=only) for p, t in zip(predicted, truth, strict=True)]
    return {name: 100 * sum(clip[name] for clip in clips) / len(clips) for name in clips[0]}
