"""The supervision that parsers invent and people correct: one rule for training and for the inspectors.

Every function takes numpy arrays or torch tensors and returns the same kind. Shapes end in the letters
T segments, C categories, D width; the axis written 2 is the modality (0 audio, 1 visual); `...` is any number
of leading axes, the same in all arguments, such as the clips of a batch or none at all.
`valid` (..., T) bool says which segments the clip has; None means all of them.
`labels` (..., C) are video-level states: -1 unknown, 0 absent, 1 present.
`reviewed` (..., 2, T, C) int8 holds the states of what a person checked: -1 unseen, 0 absent, 1 present.
Equations are those of E-CMANet (arXiv 2509.14097) unless said otherwise.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from array_api_compat import array_namespace

from trainer.labels import ABSENT, PRESENT, UNSEEN

Array: TypeAlias = Any
"""A numpy array or a torch tensor: the array API has no static type for both."""

_AUDIO, _VISUAL = 0, 1
_SMALLEST_NORM = 1e-8
_ROUNDING = 1e-9


def fuse(segment: Array, reviewed: Array | None = None) -> Array:
    """Mean of the modalities: (..., 2, T, C) probabilities -> (..., T, C). Eq. 1 and 3.

    With `reviewed`, a modality in which a person found the category absent is left out of the mean of that
    cell, as long as the other one is not.
    """
    xp = array_namespace(segment)
    audio, visual = segment[..., _AUDIO, :, :], segment[..., _VISUAL, :, :]
    mean = 0.5 * (audio + visual)
    if reviewed is None:
        return mean
    unheard, unseen = reviewed[..., _AUDIO, :, :] == ABSENT, reviewed[..., _VISUAL, :, :] == ABSENT
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
    inside = _segments(xp, probabilities, valid)
    exact = xp.astype(probabilities, xp.float64)
    count = xp.sum(xp.astype(inside, xp.float64), axis=-2)
    mean = xp.sum(xp.where(inside, exact, xp.zeros_like(exact)), axis=-2) / xp.clip(count, 1.0, None)
    thresholds = gamma * mean
    mask = (exact >= thresholds[..., None, :]) & inside
    return _gate(mask, labels), thresholds


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
    inside = _segments(xp, probabilities, valid)
    scores = xp.where(inside, -probabilities, xp.full_like(probabilities, xp.inf))
    order = xp.argsort(scores, axis=-2, stable=True)
    ranks = xp.argsort(order, axis=-2, stable=True)
    if not share:
        return _gate((ranks < k) & inside, labels)
    # Rank r is among the first ceil(share * T) where r < share * T. Less a little: 0.07 * 100 is above 7.
    length = xp.sum(xp.astype(inside, xp.float64), axis=-2)[..., None, :]
    return _gate((xp.astype(ranks, xp.float64) < share * length - _ROUNDING) & inside, labels)


def agreement_pairs(
    segment: Array, labels: Array | None, valid: Array | None = None, *, tau_audio: float, tau_visual: float
) -> Array:
    """Omega: where a labelled category is both heard and seen with confidence. The conditions of Eq. 7.

    `segment` (..., 2, T, C) probabilities of the student -> (..., T, C) bool. Both thresholds are exclusive.
    """
    xp = array_namespace(segment)
    heard = segment[..., _AUDIO, :, :] > tau_audio
    seen = segment[..., _VISUAL, :, :] > tau_visual
    return _gate(heard & seen & _segments(xp, heard, valid), labels)


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


def reference_targets(video: Array, labels: Array, *, audio: float, visual: float) -> Array:
    """G: where the anchor finds a labelled category in a modality, for the reference branch to find. CoLeaF.

    `video` (..., 2, C) probabilities of the anchor -> (..., 2, C) bool. Both thresholds are inclusive.
    """
    xp = array_namespace(video)
    found = (video[..., _AUDIO, :] >= audio, video[..., _VISUAL, :] >= visual)
    return xp.stack(found, axis=-2) & (labels > 0)[..., None, :]


def event_weights(present: Array) -> Array:
    """theta: how much of what is heard is only heard, and how much of what is seen is only seen. CoLeaF.

    `present` (..., 2, C) bool, of the reference branch -> (..., 2) float64; 0 where nothing is present.
    """
    xp = array_namespace(present)
    both = present[..., _AUDIO, :] & present[..., _VISUAL, :]
    alone = xp.sum(xp.astype(present & ~both[..., None, :], xp.float64), axis=-1)
    every = xp.sum(xp.astype(present, xp.float64), axis=-1)
    return alone / xp.clip(every, 1.0, None)


def cooccurrence_targets(
    reference: Array,
    anchor: Array,
    labels: Array,
    *,
    audio: tuple[float, float],
    visual: tuple[float, float],
) -> Array:
    """What the anchor should say for categories to occur together as the reference branch finds. CoLeaF.

    `reference` and `anchor` (..., 2, C) probabilities -> the same: the reference's for a labelled category that
    it is sure of, which is up to the first or from the second bound of the modality; else the anchor's own.
    """
    xp = array_namespace(reference)
    sure = xp.stack(
        [
            (reference[..., axis, :] <= low) | (reference[..., axis, :] >= high)
            for axis, (low, high) in ((_AUDIO, audio), (_VISUAL, visual))
        ],
        axis=-2,
    )
    return xp.where(sure & (labels > 0)[..., None, :], reference, anchor)


def correct_mask(mask: Array, reviewed: Array) -> Array:
    """A person's corrections of a mask (..., T, C) that says "it is here, heard or seen".

    A cell leaves when it was reviewed absent in both modalities, and enters when reviewed present in one.
    """
    present, absent = reviewed == PRESENT, reviewed == ABSENT
    return (mask | _either(present)) & ~_both(absent)


def correct_pairs(pairs: Array, reviewed: Array) -> Array:
    """A person's corrections of pairs (..., T, C) that say "it is here, heard and seen".

    A cell leaves when it was reviewed absent in one modality, and enters when it was reviewed present in both.
    """
    present, absent = reviewed == PRESENT, reviewed == ABSENT
    return (pairs | _both(present)) & ~_either(absent)


def correct_pseudo_labels(labels: Array, reviewed: Array) -> Array:
    """A person's corrections of pseudo-labels (..., 2, T, C), hard or soft: 1 where present, 0 where absent."""
    return _set(array_namespace(labels), labels, reviewed == PRESENT, reviewed == ABSENT)


def correct_presence(presence: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """A person's corrections of what says, (..., 2, C), whether a category is somewhere in a modality.

    True or 1 where a cell was reviewed present; False or 0 where every segment was reviewed absent.
    """
    xp = array_namespace(presence)
    present, absent = _whole_clip(xp, reviewed, valid)
    return _set(xp, presence, present, absent)


def correct_video_labels(labels: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """Video-level labels (..., C) after a person's corrections.

    A category with a cell reviewed present is present; one reviewed absent in every segment of both modalities
    is absent; any other stays what it was, unknown included.
    """
    xp = array_namespace(labels)
    present, absent = _whole_clip(xp, reviewed, valid)
    return _set(xp, labels, _any_modality(present), absent[..., _AUDIO, :] & absent[..., _VISUAL, :])


def correct_modality_labels(labels: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """Video-level labels of each modality: (..., C) -> (..., 2, C).

    The video-level label, corrected by what was reviewed in that modality alone. A category of which only a
    reviewed cell of the other modality tells is unknown: what is heard need not be seen.
    """
    xp = array_namespace(labels)
    present, absent = _whole_clip(xp, reviewed, valid)
    labels = labels[..., None, :]
    is_news = _any_modality(present)[..., None, :] & (labels <= 0)
    return _set(xp, xp.where(is_news, xp.full_like(labels, UNSEEN), labels), present, absent)


def _segments(xp: Any, like: Array, valid: Array | None) -> Array:
    """`valid` as a bool array that goes with `like` (..., T, C)."""
    return xp.ones_like(like, dtype=xp.bool) if valid is None else valid[..., None]


def _gate(mask: Array, labels: Array | None) -> Array:
    return mask if labels is None else mask & (labels > 0)[..., None, :]


def _either(cells: Array) -> Array:
    return cells[..., _AUDIO, :, :] | cells[..., _VISUAL, :, :]


def _both(cells: Array) -> Array:
    return cells[..., _AUDIO, :, :] & cells[..., _VISUAL, :, :]


def _any_modality(found: Array) -> Array:
    return found[..., _AUDIO, :] | found[..., _VISUAL, :]


def _whole_clip(xp: Any, reviewed: Array, valid: Array | None) -> tuple[Array, Array]:
    """(..., 2, C) each: reviewed present in some segment, and absent in every one."""
    inside = _segments(xp, reviewed, None if valid is None else valid[..., None, :])
    present = xp.any((reviewed == PRESENT) & inside, axis=-2)
    absent = xp.all((reviewed == ABSENT) | ~inside, axis=-2)
    return present, absent


def _set(xp: Any, labels: Array, present: Array, absent: Array) -> Array:
    """`labels` with ones where present and zeros where absent."""
    labels = xp.where(present, xp.ones_like(labels), labels)
    return xp.where(absent, xp.zeros_like(labels), labels)
