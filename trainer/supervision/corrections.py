"""A person's corrections: what was reviewed overrides labels and made supervision, wherever they stand."""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace

from trainer.labels import ABSENT, PRESENT, UNSEEN
from trainer.supervision.cells import AUDIO, VISUAL, Array, any_modality, both, either, inside_of, with_states


def correct_mask(mask: Array, reviewed: Array) -> Array:
    """A person's corrections of a mask (..., T, C) that says "it is here, heard or seen".

    A cell leaves when it was reviewed absent in both modalities, and enters when reviewed present in one.
    """
    present, absent = reviewed == PRESENT, reviewed == ABSENT
    return (mask | either(present)) & ~both(absent)


def correct_pairs(pairs: Array, reviewed: Array) -> Array:
    """A person's corrections of pairs (..., T, C) that say "it is here, heard and seen".

    A cell leaves when it was reviewed absent in one modality, and enters when it was reviewed present in both.
    """
    present, absent = reviewed == PRESENT, reviewed == ABSENT
    return (pairs | both(present)) & ~either(absent)


def correct_pseudo_labels(labels: Array, reviewed: Array) -> Array:
    """A person's corrections of pseudo-labels (..., 2, T, C), hard or soft: 1 where present, 0 where absent."""
    return with_states(array_namespace(labels), labels, reviewed == PRESENT, reviewed == ABSENT)


def correct_truth(truth: Array, reviewed: Array) -> Array:
    """A person's corrections of dense truth (..., T, C) that says "it is here, heard and seen": -1, 0 or 1.

    1 where a cell was reviewed present in both modalities, 0 where reviewed absent in either. Reviewed present
    in one alone says nothing of the other.
    """
    present, absent = reviewed == PRESENT, reviewed == ABSENT
    return with_states(array_namespace(truth), truth, both(present), either(absent))


def correct_presence(presence: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """A person's corrections of what says, (..., 2, C), whether a category is somewhere in a modality.

    True or 1 where a cell was reviewed present; False or 0 where every segment was reviewed absent.
    """
    xp = array_namespace(presence)
    present, absent = _whole_clip(xp, reviewed, valid)
    return with_states(xp, presence, present, absent)


def correct_video_labels(labels: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """Video-level labels (..., C) after a person's corrections.

    A category with a cell reviewed present is present; one reviewed absent in every segment of both modalities
    is absent; any other stays what it was, unknown included.
    """
    xp = array_namespace(labels)
    present, absent = _whole_clip(xp, reviewed, valid)
    return with_states(xp, labels, any_modality(present), absent[..., AUDIO, :] & absent[..., VISUAL, :])


def correct_modality_labels(labels: Array, reviewed: Array, valid: Array | None = None) -> Array:
    """Video-level labels of each modality: (..., C) -> (..., 2, C).

    The video-level label, corrected by what was reviewed in that modality alone. A category of which only a
    reviewed cell of the other modality tells is unknown: what is heard need not be seen.
    """
    xp = array_namespace(labels)
    present, absent = _whole_clip(xp, reviewed, valid)
    labels = labels[..., None, :]
    is_news = any_modality(present)[..., None, :] & (labels <= 0)
    return with_states(xp, xp.where(is_news, xp.full_like(labels, UNSEEN), labels), present, absent)


def _whole_clip(xp: Any, reviewed: Array, valid: Array | None) -> tuple[Array, Array]:
    """(..., 2, C) each: reviewed present in some segment, and absent in every one."""
    inside = inside_of(xp, reviewed, None if valid is None else valid[..., None, :])
    present = xp.any((reviewed == PRESENT) & inside, axis=-2)
    absent = xp.all((reviewed == ABSENT) | ~inside, axis=-2)
    return present, absent
