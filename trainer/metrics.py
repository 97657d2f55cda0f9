"""The metrics of audio-visual video parsing, exactly as the field reports them (LLP's protocol).

A, V, AV (heard, seen, both), Type@AV (their mean) and Event@AV (counts of A and V together), each at the
level of segments and of events. A score is an F-score per clip, then the mean over the clips. CoLeaF's
variant, `only`, has Ao and Vo (heard but not seen, seen but not heard) in the place of A and V.

Every function takes numpy arrays or torch tensors and returns the same kind. N clips, T segments,
C categories; the axis written 2 is the modality (0 audio, 1 visual). Predictions and truths are bool or 0/1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from array_api_compat import array_namespace, is_numpy_namespace, to_device
from numpy.typing import NDArray

Array: TypeAlias = Any
"""A numpy array or a torch tensor: the array API has no static type for both."""

LEVELS = ("segment", "event")
KINDS = ("A", "V", "AV", "Type@AV", "Event@AV")
METRICS = tuple(f"{level}/{kind}" for level in LEVELS for kind in KINDS)
"""The ten numbers, in the order of the papers' tables."""

AUDIO_VISUAL_METRICS = ("segment/AV", "event/AV")
"""What can be said where truth is of what is heard and seen at once; UnAV-100's AV(Seg) and AV(Evn)."""

ONLY_KINDS = ("Ao", "Vo", "AV", "Type@AoVo", "Event@AoVo")
ONLY_METRICS = tuple(f"{level}/{kind}" for level in LEVELS for kind in ONLY_KINDS)
"""CoLeaF's ten. They reward silence: most clips hold nothing that is only seen, and saying so scores 1."""

RESAMPLES = 10_000
"""How often the bootstrap draws: the ends of its intervals then move by a few hundredths of their width."""

_CELLS_AT_ONCE = 1_000_000
"""T * C * clips of one pass: bounds the memory of large splits, and stays near the caches."""

_LONG = 64
"""Segments of a clip that is scored as one whole, as those of minutes are."""

_DRAWS_AT_ONCE = 2_000_000
"""Clips drawn in one pass of the bootstrap: bounds its memory."""


def scores(
    predicted: Array, truth: Array, valid: Array | None = None, *, only: bool = False
) -> dict[str, float]:
    """The ten numbers in per cent over N clips: (N, 2, T, C) twice, `valid` (N, T) bool (None: all segments).

    `only`: CoLeaF's ten instead. Raises ValueError when there are no clips or the shapes differ.
    """
    return means(scores_per_clip(predicted, truth, valid, only=only))


def scores_per_clip(
    predicted: Array, truth: Array, valid: Array | None = None, *, only: bool = False
) -> dict[str, Array]:
    """The ten F-scores of each clip, float64 (N,) in [0, 1]; arguments as in `scores`.

    A clip where nothing is true and nothing predicted scores 1.
    """
    xp = array_namespace(predicted)
    parts = [
        _by_kind(levels, partial(_mean_f_score, xp)) for levels in _counted(xp, predicted, truth, valid, only)
    ]
    names = ONLY_METRICS if only else METRICS
    return {name: xp.concat(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)}


def means(per_clip: Mapping[str, Array]) -> dict[str, float]:
    """The means over the clips in per cent: (N,) in [0, 1] each. Raises ValueError when there are no clips."""
    if any(values.shape[0] == 0 for values in per_clip.values()):
        raise ValueError("there are no clips to score")
    return {name: 100 * float(array_namespace(values).mean(values)) for name, values in per_clip.items()}


@dataclass(frozen=True, eq=False)
class CategoryScores:
    """How each category fares over all clips together.

    `f_scores` (C,) float64 in [0, 1] by metric: the counts of a category are summed over the clips, then
    F = 2 TP / (2 TP + FP + FN). So a clip weighs by what it holds, where in the ten numbers it weighs 1.
    Not a number where the category is neither true nor predicted (Type@AV: in any of its three kinds).
    `events` (C,) int by kind (A, V, AV or Ao, Vo, AV): the true events that the scores rest on.
    """

    f_scores: dict[str, Array]
    events: dict[str, Array]


def category_scores(
    predicted: Array, truth: Array, valid: Array | None = None, *, only: bool = False
) -> CategoryScores:
    """The scores of each category over N clips; arguments as in `scores`."""
    xp = array_namespace(predicted)
    by_level = zip(*_counted(xp, predicted, truth, valid, only), strict=True)
    levels = [_pooled(xp, parts) for parts in by_level]
    f_scores = _by_kind(levels, partial(_f_score, xp))
    names, kinds = (ONLY_METRICS, ONLY_KINDS) if only else (METRICS, KINDS)
    return CategoryScores(
        f_scores=dict(zip(names, f_scores, strict=True)),
        events={kind: levels[1].actual[i] for i, kind in enumerate(kinds[:3])},
    )


def differences(per_clip: Mapping[str, Array], other: Mapping[str, Array]) -> dict[str, Array]:
    """How much better each clip scores than by another parser: (N,) each, the same clips in one order.

    The `intervals` of this are those of the paired difference: how hard a clip is cancels out.
    """
    return {name: values - other[name] for name, values in per_clip.items()}


def intervals(
    per_clip: Mapping[str, Array], *, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Where the means over the clips lie, in per cent: percentile bootstrap over clips (Efron 1979).

    The same seed gives the same intervals. They say how much rests on which clips were scored, and nothing of
    how much another training would differ. Raises ValueError when there are no clips.
    """
    means(per_clip)
    values = np.stack([np.asarray(to_device(scored, "cpu")) for scored in per_clip.values()], axis=1)  # (N, K)
    clips, random = len(values), np.random.default_rng(seed)
    found = []
    for first in range(0, resamples, step := max(1, _DRAWS_AT_ONCE // clips)):
        count = min(step, resamples - first)
        drawn = random.integers(0, clips, (count, clips)) + clips * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * clips).reshape(count, clips)
        found.append(times.astype(np.float64) @ values / clips)
    ends = 100 * np.percentile(np.concatenate(found), [50 * (1 - level), 50 * (1 + level)], axis=0)
    return {name: (float(low), float(high)) for name, low, high in zip(per_clip, *ends, strict=True)}


# --- counting ---


class _Counts(NamedTuple):
    """Of one level, for heard, seen and both: (3, N, C) each."""

    hits: Array
    predicted: Array
    actual: Array


def _counted(
    xp: Any, predicted: Array, truth: Array, valid: Array | None, only: bool
) -> Iterator[tuple[_Counts, _Counts]]:
    """The counts of segments and of events, some clips at a time."""
    if predicted.ndim != 4 or predicted.shape[1] != 2 or predicted.shape != truth.shape:
        raise ValueError(
            "predictions and truths are both (clips, 2, segments, categories), "
            f"not {tuple(predicted.shape)} and {tuple(truth.shape)}"
        )
    clips, _, segments, categories = predicted.shape
    step = max(1, _CELLS_AT_ONCE // max(1, segments * categories))
    for first in range(0, max(1, clips), step):
        some = slice(first, first + step)
        pred, true = (
            _kinds(xp, cells[some], None if valid is None else valid[some], only)
            for cells in (predicted, truth)
        )
        yield _count_segments(xp, pred, true), _count_events(xp, pred, true)


def _kinds(xp: Any, cells: Array, valid: Array | None, only: bool) -> Array:
    """(N, 2, T, C) -> (T, 3, N, C) bool: heard, seen, both; time first: steps in time are contiguous."""
    active = cells > 0
    if valid is not None:
        active = active & valid[:, None, :, None]
    clips, _, segments, categories = active.shape
    # Torch keeps the strides that a permutation made, all the way; the reshape makes rows of memory of them.
    active = xp.reshape(xp.permute_dims(active, (2, 1, 0, 3)), (segments, 2, clips * categories))
    audio, visual = active[:, :1], active[:, 1:]
    found = (audio & ~visual, visual & ~audio) if only else (audio, visual)
    return xp.reshape(xp.concat([*found, audio & visual], axis=1), (segments, 3, clips, categories))


def _count_segments(xp: Any, pred: Array, true: Array) -> _Counts:
    """(T, 3, N, C) twice."""
    return _Counts(*(xp.sum(cells, axis=0, dtype=xp.int32) for cells in (pred & true, pred, true)))


def _count_events(xp: Any, pred: Array, true: Array) -> _Counts:
    """The same for events, which are maximal runs; they match when they overlap in half of their union.

    The overlaps of predicted with true runs are exactly the maximal runs of `pred & true`, one for each
    pair. And no run matches two others: those are apart, so they cannot both fill half of it. So matching
    pairs are counted where an overlap starts, and are the true positives of either side.
    """
    both = pred & true
    lengths = [_run_lengths(xp, x) for x in (pred, true, both)]
    # intersection >= union / 2, where union = pred + true - intersection
    matching = both & (3 * lengths[2] >= lengths[0] + lengths[1])
    return _Counts(
        *(
            xp.sum(_starts(xp, x) & at, axis=0, dtype=xp.int32)
            for x, at in ((both, matching), (pred, pred), (true, true))
        )
    )


def _starts(xp: Any, active: Array) -> Array:
    """Where the runs along the first axis begin."""
    before = xp.concat([xp.zeros_like(active[:1]), active[:-1]], axis=0)
    return active & ~before


def _run_lengths(xp: Any, active: Array) -> Array:
    """The length of the run that each cell is in (T, ...), a small int that holds 3 T; 0 outside of runs."""
    if active.shape[0] > _LONG and is_numpy_namespace(xp):
        return _long_run_lengths(active)
    longest = 3 * active.shape[0]
    ones = xp.astype(active, xp.int8 if longest < 1 << 7 else xp.int16 if longest < 1 << 15 else xp.int32)
    so_far, to_come = [ones[0]], [ones[-1]]
    for t in range(1, ones.shape[0]):
        so_far.append((so_far[-1] + 1) * ones[t])
        to_come.append((to_come[-1] + 1) * ones[-1 - t])
    return xp.stack(so_far) + xp.stack(to_come[::-1]) - ones


def _long_run_lengths(active: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The same without a step of Python for each segment; of short clips that would take longer."""
    length = len(active)
    at = np.arange(length, dtype=np.int32).reshape(-1, *(1,) * (active.ndim - 1))
    before, lengths = np.where(active, np.int32(-1), at), np.where(active, np.int32(length), at)
    np.maximum.accumulate(before, out=before)
    np.minimum.accumulate(lengths[::-1], out=lengths[::-1])
    lengths -= before
    lengths -= active
    return lengths * active


def _pooled(xp: Any, parts: Iterable[_Counts]) -> _Counts:
    """The counts over all clips: (3, C) each."""
    return _Counts(*(xp.sum(xp.concat(same, axis=1), axis=1) for same in zip(*parts, strict=True)))


# --- from counts to scores ---


def _by_kind(levels: Iterable[_Counts], score: Callable[[Array, Array], Array]) -> list[Array]:
    """The five scores of each level. `score` is given true positives, and predicted plus true."""
    found = []
    for counts in levels:
        hits, total = counts.hits, counts.predicted + counts.actual
        audio, visual, both = (score(hits[kind], total[kind]) for kind in range(3))
        event = score(hits[0] + hits[1], total[0] + total[1])
        found += [audio, visual, both, (audio + visual + both) / 3, event]
    return found


def _f_score(xp: Any, hits: Array, total: Array) -> Array:
    """2 TP / (2 TP + FP + FN), not a number of nothing: (...) twice; `total` is equal to the denominator."""
    hits, total = (xp.astype(count, xp.float64) for count in (hits, total))
    return xp.where(total > 0, 2 * hits / xp.clip(total, 1, None), xp.nan)


def _mean_f_score(xp: Any, hits: Array, total: Array) -> Array:
    """The mean F-score of the categories that occur: (N, C) twice -> (N,); 1 without any."""
    occurs = total > 0
    values = xp.where(occurs, _f_score(xp, hits, total), 0.0)
    count = xp.sum(occurs, axis=-1)
    mean = xp.sum(values, axis=-1) / xp.clip(count, 1, None)
    return xp.where(count > 0, mean, 1.0)
