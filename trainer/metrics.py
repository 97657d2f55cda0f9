"""The metrics of audio-visual video parsing, exactly as the field reports them (LLP's protocol).

A, V, AV (heard, seen, both), Type@AV (their mean) and Event@AV (counts of A and V together), each at the
level of segments and of events. A score is an F-score per clip, then the mean over the clips.

Every function takes numpy arrays or torch tensors and returns the same kind. N clips, T segments,
C categories; the axis written 2 is the modality (0 audio, 1 visual). Predictions and truths are bool or 0/1.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from array_api_compat import array_namespace

Array: TypeAlias = Any
"""A numpy array or a torch tensor: the array API has no static type for both."""

LEVELS = ("segment", "event")
KINDS = ("A", "V", "AV", "Type@AV", "Event@AV")
METRICS = tuple(f"{level}/{kind}" for level in LEVELS for kind in KINDS)
"""The ten numbers, in the order of the papers' tables."""

_CELLS_AT_ONCE = 1_000_000
"""T * C * clips of one pass: bounds the memory of large splits, and stays near the caches."""


def scores(predicted: Array, truth: Array, valid: Array | None = None) -> dict[str, float]:
    """The ten numbers in per cent over N clips: (N, 2, T, C) twice, `valid` (N, T) bool (None: all segments).

    Raises ValueError when there are no clips or the shapes differ.
    """
    if predicted.shape[0] == 0:
        raise ValueError("there are no clips to score")
    xp = array_namespace(predicted)
    per_clip = scores_per_clip(predicted, truth, valid)
    return {name: 100 * float(xp.mean(values)) for name, values in per_clip.items()}


def clip_scores(predicted: Array, truth: Array) -> dict[str, float]:
    """The ten numbers in per cent of one clip: (2, T, C) twice."""
    return scores(predicted[None, ...], truth[None, ...])


def scores_per_clip(predicted: Array, truth: Array, valid: Array | None = None) -> dict[str, Array]:
    """The ten F-scores of each clip, float64 (N,) in [0, 1]; arguments as in `scores`.

    A clip where nothing is true and nothing predicted scores 1.
    """
    if predicted.ndim != 4 or predicted.shape[1] != 2 or predicted.shape != truth.shape:
        raise ValueError(
            "predictions and truths are both (clips, 2, segments, categories), "
            f"not {tuple(predicted.shape)} and {tuple(truth.shape)}"
        )
    xp = array_namespace(predicted)
    clips, _, segments, categories = predicted.shape
    step = max(1, _CELLS_AT_ONCE // max(1, segments * categories))
    parts = [
        _score_some(
            xp, predicted[i : i + step], truth[i : i + step], None if valid is None else valid[i : i + step]
        )
        for i in range(0, max(1, clips), step)
    ]
    return {name: xp.concat([part[name] for part in parts]) for name in METRICS}


def _score_some(xp: Any, predicted: Array, truth: Array, valid: Array | None) -> dict[str, Array]:
    pred, true = (_kinds(xp, cells, valid) for cells in (predicted, truth))
    found: dict[str, Array] = {}
    for level, count in zip(LEVELS, (_count_segments, _count_events), strict=True):
        hits, total = count(xp, pred, true)
        audio, visual, both = (_f_score(xp, hits[kind], total[kind]) for kind in range(3))
        f_scores = (
            audio,
            visual,
            both,
            (audio + visual + both) / 3,
            _f_score(xp, hits[0] + hits[1], total[0] + total[1]),
        )
        found |= {f"{level}/{kind}": values for kind, values in zip(KINDS, f_scores, strict=True)}
    return found


def _kinds(xp: Any, cells: Array, valid: Array | None) -> Array:
    """(N, 2, T, C) -> (T, 3, N, C) bool: heard, seen, both; time first: steps in time are contiguous."""
    active = cells > 0
    if valid is not None:
        active = active & valid[:, None, :, None]
    active = xp.permute_dims(active, (2, 1, 0, 3))
    return xp.concat([active, active[:, :1] & active[:, 1:]], axis=1)


def _count_segments(xp: Any, pred: Array, true: Array) -> tuple[Array, Array]:
    """True positives, and predicted plus true: (T, 3, N, C) twice -> (3, N, C) twice."""
    hits, predicted, actual = (xp.sum(x, axis=0, dtype=xp.int32) for x in (pred & true, pred, true))
    return hits, predicted + actual


def _count_events(xp: Any, pred: Array, true: Array) -> tuple[Array, Array]:
    """The same for events, which are maximal runs; they match when they overlap in half of their union.

    The overlaps of predicted with true runs are exactly the maximal runs of `pred & true`, one for each
    pair. And no run matches two others: those are apart, so they cannot both fill half of it. So matching
    pairs are counted where an overlap starts, and are the true positives of either side.
    """
    both = pred & true
    lengths = [_run_lengths(xp, x) for x in (pred, true, both)]
    # intersection >= union / 2, where union = pred + true - intersection
    matching = both & (3 * lengths[2] >= lengths[0] + lengths[1])
    hits, predicted, actual = (
        xp.sum(_starts(xp, x) & at, axis=0, dtype=xp.int32)
        for x, at in ((both, matching), (pred, pred), (true, true))
    )
    return hits, predicted + actual


def _starts(xp: Any, active: Array) -> Array:
    """Where the runs along the first axis begin."""
    before = xp.concat([xp.zeros_like(active[:1]), active[:-1]], axis=0)
    return active & ~before


def _run_lengths(xp: Any, active: Array) -> Array:
    """The length of the run that each cell is in (T, ...), int16; 0 outside of runs."""
    ones = xp.astype(active, xp.int16)
    so_far, to_come = [ones[0]], [ones[-1]]
    for t in range(1, ones.shape[0]):
        so_far.append((so_far[-1] + 1) * ones[t])
        to_come.append((to_come[-1] + 1) * ones[-1 - t])
    return xp.stack(so_far) + xp.stack(to_come[::-1]) - ones


def _f_score(xp: Any, hits: Array, total: Array) -> Array:
    """2 TP / (2 TP + FP + FN), the mean over the categories that occur: (N, C) twice -> (N,); 1 without any.

    `total` is what is predicted plus what is true, which equals 2 TP + FP + FN.
    """
    occurs = total > 0
    values = (
        2 * xp.astype(hits, xp.float64) / xp.astype(xp.where(occurs, total, xp.ones_like(total)), xp.float64)
    )
    count = xp.sum(occurs, axis=-1)
    mean = xp.sum(values, axis=-1) / xp.clip(count, 1, None)
    return xp.where(count > 0, mean, xp.ones_like(mean))
