"""How alike what is heard and what is seen should be: LEAP's overlap of events, and LINK's weights of pairs.

Equations are those of LINK (arXiv 2412.20872). A pair (i, j) is a segment as it is heard and one of the same
clip as it is seen; an axis written S is of segments as T is, those that are seen.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from array_api_compat import array_namespace

from trainer.labels import UNSEEN
from trainer.supervision.cells import Array, at_least

OverlapVariant: TypeAlias = Literal["iou", "leap_code"]

_PRESENT_FROM = 0.5
"""A pseudo-label above this says that the category is there."""

_SMALLEST_NORM = 1e-8
_OPPOSED = -0.2
"""Where lambda jumps (Eq. 11): pairs up to here have the weight 1."""
_LEAP_OFFSET = 0.01


def event_overlap(
    audio_labels: Array, visual_labels: Array, valid: Array | None = None, *, variant: OverlapVariant = "iou"
) -> Array:
    """r, how much the events of two segments overlap: labels (..., T, C) twice -> (..., T, S) float32.

    A label is a probability, or -1 where it is unknown; the events of a segment are those above 0.5.

    iou        the categories that both have over those that either has; 0 where neither has any (LEAP's EIoU),
    leap_code  r / (1 + r) + 0.01 of those that both have over the most that any segment of the clip has, as
               LEAP's code has it.

    0 at padding, and -1 where a segment has an unknown label. Raises ValueError for another variant.
    """
    if variant not in get_args(OverlapVariant):
        raise ValueError(f"the overlap of events is {' or '.join(get_args(OverlapVariant))}, not {variant!r}")
    xp = array_namespace(audio_labels)
    sets = [xp.astype(labels > _PRESENT_FROM, xp.float32) for labels in (audio_labels, visual_labels)]
    if valid is not None:
        sets = [events * xp.astype(valid[..., None], xp.float32) for events in sets]
    heard, seen = sets
    shared = heard @ xp.matrix_transpose(seen)
    sizes = [xp.sum(events, axis=-1) for events in sets]  # (..., T) and (..., S)
    if variant == "iou":
        either = sizes[0][..., :, None] + sizes[1][..., None, :] - shared
        overlap = shared / at_least(xp, either, 1.0)
    else:
        most = xp.maximum(*(xp.max(size, axis=-1) for size in sizes))
        share = shared / at_least(xp, most, 1.0)[..., None, None]
        overlap = share / (1 + share) + _LEAP_OFFSET
    known = [xp.all(labels != UNSEEN, axis=-1) for labels in (audio_labels, visual_labels)]
    overlap = xp.where(_pairs(*known), overlap, xp.full_like(overlap, UNSEEN))
    if valid is None:
        return overlap
    return xp.where(_pairs(valid, valid), overlap, xp.zeros_like(overlap))


def pair_similarity(audio: Array, visual: Array) -> Array:
    """s, the cosine of every pair: (..., T, D) and (..., S, D) -> (..., T, S) in [-1, 1].

    Norms are clamped from below, so a zero vector is similar to nothing (0) and has a finite gradient.
    """
    xp = array_namespace(audio)
    audio, visual = (
        x / xp.sqrt(at_least(xp, xp.sum(x * x, axis=-1), _SMALLEST_NORM**2))[..., None] for x in (audio, visual)
    )
    return audio @ xp.matrix_transpose(visual)


def pair_weights(similarity: Array, mu: Any) -> Array:
    """lambda(s) of any similarities (...), Eq. 11. `mu` is a number, or an array of one.

    1 up to s = -0.2; above it E = exp(|1 - mu|) as long as s is negative, and E + (1 - E) s from 0 on. E is at
    least 1, and a loss that it multiplies is never negative: descent takes a trained mu to 1, where every
    weight is 1.
    """
    xp = array_namespace(similarity)
    largest = xp.exp(xp.abs(xp.zeros_like(similarity) + (1 - mu)))
    weights = largest + (1 - largest) * at_least(xp, similarity, 0.0)
    return xp.where(similarity <= _OPPOSED, xp.ones_like(similarity), weights)


def _pairs(first: Array, second: Array) -> Array:
    """(..., T) and (..., S) bool -> (..., T, S): where both hold."""
    return first[..., :, None] & second[..., None, :]
