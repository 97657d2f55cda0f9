"""Pseudo-labels of segments from logits, and how they are weighted (VALOR, UWAV, EAR).

Equations are those of UWAV (arXiv 2505.09615); EAR (arXiv 2605.08723) follows it in its Eq. 9 and S-22 to S-24,
as far as its text tells. `thresholds` (2, C) are those of each modality and category.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from array_api_compat import array_namespace, device

from trainer.labels import ABSENT
from trainer.supervision.cells import Array, at_least

ReweightingScale: TypeAlias = Literal["code", "paper"]
"""Whether the rates of the categories are summed, as in UWAV's code, or averaged, as in its Eq. 18-19."""

_HALF = 0.5
_NEXT_TO_HALF = 0.5 + 2.0**-24
"""The next larger float32."""
_LARGEST_LOGIT = 500.0
"""Beyond it a probability is 0 or 1 in float64, and the exponential overflows soon after."""
_SMALLEST_NORM = 1e-12


def text_logits(features: Array, texts: Array, *, scale: float) -> Array:
    """VALOR's logits of segments, scale * cos(g, e): features (..., T, D), texts (C, D) -> (..., T, C).

    Both are of one modality and space. A segment without direction, all zeros, is like nothing: the least logit
    that there is, -scale (VALOR says nothing of it; at cosine 0 it would exceed thresholds below 0).
    """
    xp = array_namespace(features)
    norms, lengths = (xp.sqrt(xp.sum(x * x, axis=-1))[..., None] for x in (features, texts))
    directions = texts / at_least(xp, lengths, _SMALLEST_NORM)
    cosines = (features / at_least(xp, norms, _SMALLEST_NORM)) @ directions.T
    return scale * xp.where(norms > _SMALLEST_NORM, cosines, -xp.ones_like(cosines))


def class_thresholds(logits: Array, truth: Array, candidates: Array) -> Array:
    """The threshold of each category with the best F-score of segments: (..., C) three times -> (C,) float64.

    UWAV's search on validation truth. `truth` bool says where the category is, `candidates` bool which cells
    may be predicted (those of categories that the clip's label has); predicted is what exceeds the threshold.
    Every cut between two different logits is tried; true cells that are no candidates count as missed. The
    threshold is the mean of the cut's two logits, and minus infinity where all candidates are best predicted.
    Of equal cuts the lowest wins. A category without a true candidate has none: nan. Raises ValueError when
    the logit of a candidate is not finite.
    """
    xp = array_namespace(logits)
    width = logits.shape[-1]
    logits, truth, candidates = (xp.reshape(x, (-1, width)).T for x in (logits, truth, candidates))
    if not xp.all(xp.isfinite(logits) | ~candidates):
        raise ValueError("thresholds need finite logits: some are infinite or not a number")
    exact = xp.astype(logits, xp.float64)
    scores = xp.where(candidates, exact, xp.full_like(exact, -xp.inf))  # (C, N); no candidates first
    order = xp.argsort(scores, axis=-1, stable=True)
    scores, hits = (_gather(xp, x, order) for x in (scores, truth & candidates))
    f_scores = _f_scores_of_cuts(xp, scores, hits, xp.sum(xp.astype(truth, xp.int64), axis=-1))
    best = xp.argmax(f_scores, axis=-1)[:, None]  # the first of equals
    above, below = (_gather(xp, scores, xp.clip(place, 0, None))[:, 0] for place in (best, best - 1))
    is_all = (best[:, 0] == 0) | xp.isinf(below)
    below, above = (xp.where(is_all, xp.zeros_like(x), x) for x in (below, above))
    threshold = xp.where(is_all, xp.full_like(below, -xp.inf), _between(xp, below, above))
    return xp.where(xp.any(hits, axis=-1), threshold, xp.full_like(threshold, xp.nan))


def soft_pseudo_labels(
    logits: Array, thresholds: Array, labels: Array | None = None, *, temperature: float = 2.0
) -> Array:
    """sigmoid((z - threshold) / temperature), 0 for categories that the clip lacks: (..., 2, T, C) float32.

    Eq. 12, which has no temperature (1); UWAV's code has 2. `labels` (..., C) are video-level: what is absent
    is filtered out, what is unknown is not; None filters nothing. Above 0.5 exactly where
    `hard_pseudo_labels` are true. Raises ValueError when a threshold is not a number or the temperature is not
    above 0.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature of soft pseudo-labels is above 0, not {temperature}")
    xp = array_namespace(logits)
    margins = _margins(xp, logits, thresholds)
    bounded = xp.clip(margins / temperature, -_LARGEST_LOGIT, _LARGEST_LOGIT)
    soft = xp.astype(1 / (1 + xp.exp(-bounded)), xp.float32)
    # The sigmoid of a margin near 0 rounds to a half, which would lose the side that it is on.
    soft = xp.where(margins > 0, xp.clip(soft, _NEXT_TO_HALF, None), xp.clip(soft, None, _HALF))
    return xp.where(_kept(xp, soft, labels), soft, xp.zeros_like(soft))


def hard_pseudo_labels(logits: Array, thresholds: Array, labels: Array | None = None) -> Array:
    """Where a logit exceeds its threshold: (..., 2, T, C) bool. Eq. 10.

    Arguments as in `soft_pseudo_labels`.
    """
    xp = array_namespace(logits)
    hard = _margins(xp, logits, thresholds) > 0
    return hard & _kept(xp, hard, labels)


def label_rates(pseudo: Array, valid: Array | None = None) -> Array:
    """The share of segments whose pseudo-label exceeds 0.5: (N, 2, T, C) -> (2, C) float32. Eq. 18-19.

    Of the segments that the N clips have, `valid` (N, T) bool, and whose pseudo-label is known: -1 is unknown.
    0 where none is.
    """
    xp = array_namespace(pseudo)
    known = pseudo >= 0
    if valid is not None:
        known = known & valid[:, None, :, None]
    found, every = (
        xp.astype(xp.sum(cells, axis=(0, 2), dtype=xp.int64), xp.float64)
        for cells in (known & (pseudo > _HALF), known)
    )
    return xp.astype(found / xp.clip(every, 1.0, None), xp.float32)


def reweighting(rates: Array, *, weight: float, scale: ReweightingScale = "code") -> tuple[Array, Array]:
    """The weights of the categories that a clip has, and of those that it lacks: rates (..., C) -> (...) twice.

    Eq. 18-19: `weight` (W) times the sum of 1 - rate, and the sum of the rates. Scale "paper" divides both by
    C, as printed; UWAV's code does not. Raises ValueError when the scale is none.
    """
    if scale not in get_args(ReweightingScale):
        raise ValueError(f"the scale of weights is {' or '.join(get_args(ReweightingScale))}, not {scale!r}")
    xp = array_namespace(rates)
    exact = xp.astype(rates, xp.float64)
    over = 1 if scale == "code" else rates.shape[-1]
    present, absent = weight * xp.sum(1 - exact, axis=-1) / over, xp.sum(exact, axis=-1) / over
    return xp.astype(present, rates.dtype), xp.astype(absent, rates.dtype)


def _f_scores_of_cuts(xp: Any, scores: Array, hits: Array, true: Array) -> Array:
    """F (C, N) float64 of predicting every sorted score (C, N) from a place on; -1 where that is no cut.

    `hits` (C, N) bool are the true ones among them, `true` (C,) counts these and those that are no candidates.
    A quotient of whole numbers, so equal scores are equal in any order of the sums.
    """
    size = scores.shape[-1]
    number = xp.cumulative_sum(xp.astype(hits, xp.int64), axis=-1)
    found = number[:, -1:] - number + xp.astype(hits, xp.int64)
    predicted = size - xp.arange(size, device=device(scores))
    f_scores = xp.astype(2 * found, xp.float64) / xp.astype(predicted + true[:, None], xp.float64)
    is_new = xp.ones_like(scores, dtype=xp.bool)
    is_new[:, 1:] = scores[:, 1:] > scores[:, :-1]
    return xp.where(is_new & ~xp.isinf(scores), f_scores, xp.full_like(f_scores, -1.0))


def _between(xp: Any, below: Array, above: Array) -> Array:
    """The middle; or `below` where no number lies between, as predicted is what is larger."""
    middle = below + 0.5 * (above - below)
    return xp.where(middle < above, middle, below)


def _gather(xp: Any, values: Array, places: Array) -> Array:
    """values[c, places[c, n]]: (C, N) and (C, M) -> (C, M)."""
    rows = xp.arange(values.shape[0], device=device(values))[:, None]
    return values[rows, places]


def _margins(xp: Any, logits: Array, thresholds: Array) -> Array:
    """z - threshold (..., 2, T, C) in float64, whose sign is that of the comparison."""
    exact = xp.astype(thresholds, xp.float64)
    if xp.any(xp.isnan(exact)):
        missing = int(xp.sum(xp.astype(xp.isnan(exact), xp.int64)))
        raise ValueError(f"pseudo-labels need a threshold for every category, and {missing} are not a number")
    return xp.astype(logits, xp.float64) - exact[..., None, :]


def _kept(xp: Any, like: Array, labels: Array | None) -> Array:
    """Which cells (..., 2, T, C) the video-level labels (..., C) leave."""
    if labels is None:
        return xp.ones_like(like, dtype=xp.bool)
    return (labels != ABSENT)[..., None, None, :]
