"""What the rules share: the type of an array, the places on the modality axis, and cells put together."""

from __future__ import annotations

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""A numpy array or a torch tensor: the array API has no static type for both."""

AUDIO, VISUAL = 0, 1


def inside_of(xp: Any, like: Array, valid: Array | None) -> Array:
    """`valid` as a bool array that goes with `like` (..., T, C)."""
    return xp.ones_like(like, dtype=xp.bool) if valid is None else valid[..., None]


def at_least(xp: Any, values: Array, least: float) -> Array:
    """`values`, none of them below `least`. Unlike the array API's clip for torch, no GPU waits for it."""
    return xp.maximum(values, xp.full_like(values, least))


def gated(mask: Array, labels: Array | None) -> Array:
    return mask if labels is None else mask & (labels > 0)[..., None, :]


def either(cells: Array) -> Array:
    return cells[..., AUDIO, :, :] | cells[..., VISUAL, :, :]


def both(cells: Array) -> Array:
    return cells[..., AUDIO, :, :] & cells[..., VISUAL, :, :]


def any_modality(found: Array) -> Array:
    return found[..., AUDIO, :] | found[..., VISUAL, :]


def with_states(xp: Any, labels: Array, present: Array, absent: Array) -> Array:
    """`labels` with ones where present and zeros where absent."""
    labels = xp.where(present, xp.ones_like(labels), labels)
    return xp.where(absent, xp.zeros_like(labels), labels)
