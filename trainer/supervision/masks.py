"""The masks of E-CMANet (arXiv 2509.14097): where its teacher is sure, and where both modalities agree."""

from __future__ import annotations

from array_api_compat import array_namespace

from trainer.labels import ABSENT
from trainer.supervision.cells import AUDIO, VISUAL, Array, gated, inside_of

_SMALLEST_NORM = 1e-8
_ROUNDING = 1e-9


def fuse(segment: Array, reviewed: Array | None = None) -> Array:
    """Mean of the modalities: (..., 2, T, C) probabilities -> (..., T, C). Eq. 1 and 3.

    With `reviewed`, a modality in which a person found the category absent is left out of the mean of that
    cell, as long as the other one is not.
    """
    xp = array_namespace(segment)
    audio, visual = segment[..., AUDIO, :, :], segment[..., VISUAL, :, :]
    mean = 0.5 * (audio + visual)
    if reviewed is None:
        return mean
    unheard, unseen = reviewed[..., AUDIO, :, :] == ABSENT, reviewed[..., VISUAL, :, :] == ABSENT
    return xp.where(unheard & ~unseen, visual, xp.where(unseen & ~unheard, audio, mean))


def adaptive_mask(
    probabilities: Array,
    labels: Array | None,
    valid: Array | None = None,
    *,
    gamma: float = 1.0,
) -> tuple[Array, Array]:
    """The segments at least as probable as gamma times the category's mean over the clip. Eq. 4-5.

    `probabilities` (..., T, C) are the fused ones of the teacher. Only categories whose `labels` say present
    are masked; all are where `labels` is None (the literal Eq. 5). Returns the mask (..., T, C) bool and the
    thresholds (..., C) float64.

    Thresholds are float64, whatever comes in: in float32 the mean of equal numbers can exceed them, and the
    mask of a constant track would depend on the order of the sum.
    """
    xp = array_namespace(probabilities)
    inside = inside_of(xp, probabilities, valid)
    exact = xp.astype(probabilities, xp.float64)
    count = xp.sum(xp.astype(inside, xp.float64), axis=-2)
    mean = xp.sum(xp.where(inside, exact, xp.zeros_like(exact)), axis=-2) / xp.clip(count, 1.0, None)
    thresholds = gamma * mean
    mask = (exact >= thresholds[..., None, :]) & inside
    return gated(mask, labels), thresholds


def topk_mask(
    probabilities: Array, labels: Array | None, valid: Array | None = None, *, k: int, share: float = 0.0
) -> Array:
    """The k most probable segments of each category, or all T of a shorter clip. Section 2.3.

    With a `share`, k is that part of the clip's segments, rounded up: for clips of different lengths. Arguments
    as in `adaptive_mask`; returns the mask (..., T, C) bool. Of equal segments the earlier one wins. Raises
    ValueError when k is less than 1.
    """
    if k < 1:
        raise ValueError(f"a top-k mask keeps at least one segment, not {k}")
    xp = array_namespace(probabilities)
    inside = inside_of(xp, probabilities, valid)
    scores = xp.where(inside, -probabilities, xp.full_like(probabilities, xp.inf))
    order = xp.argsort(scores, axis=-2, stable=True)
    ranks = xp.argsort(order, axis=-2, stable=True)
    if not share:
        return gated((ranks < k) & inside, labels)
    # Rank r is among the first ceil(share * T) where r < share * T. Less a little: 0.07 * 100 is above 7.
    length = xp.sum(xp.astype(inside, xp.float64), axis=-2)[..., None, :]
    return gated((xp.astype(ranks, xp.float64) < share * length - _ROUNDING) & inside, labels)


def agreement_pairs(
    segment: Array, labels: Array | None, valid: Array | None = None, *, tau_audio: float, tau_visual: float
) -> Array:
    """Omega: where a labelled category is both heard and seen with confidence. The conditions of Eq. 7.

    `segment` (..., 2, T, C) probabilities of the student -> (..., T, C) bool. Both thresholds are exclusive.
    """
    xp = array_namespace(segment)
    heard = segment[..., AUDIO, :, :] > tau_audio
    seen = segment[..., VISUAL, :, :] > tau_visual
    return gated(heard & seen & inside_of(xp, heard, valid), labels)


def cosine_similarity(audio: Array, visual: Array) -> Array:
    """s_t, the cosine of what is heard and what is seen: (..., T, D) twice -> (..., T) in [-1, 1]. Eq. 7.

    Norms are clamped from below, so a zero vector is similar to nothing (0) and has a finite gradient.
    """
    xp = array_namespace(audio)
    # Clamped before the root, whose derivative at 0 is infinite.
    norm_audio, norm_visual = (
        xp.sqrt(xp.clip(xp.sum(x * x, axis=-1), _SMALLEST_NORM**2, None)) for x in (audio, visual)
    )
    return xp.sum(audio * visual, axis=-1) / (norm_audio * norm_visual)
