"""What CoLeaF's reference branch teaches its anchor branch, and the other way round."""

from __future__ import annotations

from array_api_compat import array_namespace

from trainer.supervision.cells import AUDIO, VISUAL, Array


def reference_targets(video: Array, labels: Array, *, audio: float, visual: float) -> Array:
    """G: where the anchor finds a labelled category in a modality, for the reference branch to find. CoLeaF.

    `video` (..., 2, C) probabilities of the anchor -> (..., 2, C) bool. Both thresholds are inclusive.
    """
    xp = array_namespace(video)
    found = (video[..., AUDIO, :] >= audio, video[..., VISUAL, :] >= visual)
    return xp.stack(found, axis=-2) & (labels > 0)[..., None, :]


def event_weights(present: Array) -> Array:
    """theta: how much of what is heard is only heard, and how much of what is seen is only seen. CoLeaF.

    `present` (..., 2, C) bool, of the reference branch -> (..., 2) float64; 0 where nothing is present.
    """
    xp = array_namespace(present)
    both = present[..., AUDIO, :] & present[..., VISUAL, :]
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
            for axis, (low, high) in ((AUDIO, audio), (VISUAL, visual))
        ],
        axis=-2,
    )
    return xp.where(sure & (labels > 0)[..., None, :], reference, anchor)
