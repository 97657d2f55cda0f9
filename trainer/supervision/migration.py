"""Label migration of EAR: a segment that looks or sounds like a labelled one takes over its label.

EAR (arXiv 2605.08723) Eq. 1-2 and S-17 to S-21, as its text tells them. `features` (B, T, D) are one modality's
frozen features, `labels` (B, T, C) what is heard and seen at once, as 1 or True. A segment of a batch has the
flat place b * T + t.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from array_api_compat import array_namespace, device

from trainer.supervision.cells import Array

MigrationScope: TypeAlias = Literal["batch", "clip"]
"""Between which segments labels migrate: those of all clips of a batch, as EAR's text says, or of one clip."""

_ROWS_AT_ONCE = 512
"""Rows of the similarities that are computed in one go: bounds the memory in float64."""


@dataclass(frozen=True, eq=False)
class Migration:
    """The labels of one modality after migration, and where they came from; every array is (B, T, C)."""

    labels: Array
    """float32: 1 where labelled, the mean similarity of the sources where migrated, else 0."""
    count: Array
    """int32: the number of sources, K of S-19 without the segment itself."""
    source: Array
    """int32: the flat place of the most similar source, the first of equals; -1 where the label is the
    segment's own or where there is none."""
    similarity: Array
    """float32: how similar that source is; 0 where there is none."""


def migrate_labels(
    features: Array,
    labels: Array,
    valid: Array | None = None,
    *,
    threshold: float,
    scope: MigrationScope = "batch",
) -> Migration:
    """Y^m, the labels of one modality: max(R / K, Y), with R and K over the segments similar enough.

    Similarity is the cosine, and a zero vector is similar to nothing. Padding neither gives nor takes. That a
    segment is like itself, 1 in Eq. 1, needs no place in the sums: it would enter them only where the label is
    the segment's own, and there the maximum of S-21 is 1. Raises ValueError when the threshold is not in (0, 1]
    or the scope is none.

    Similarities are float64 rounded to float32, and their sums in float64 are exact: numpy and torch make the
    same labels. The most memory is that of the similarities, N x N float32 for the N segments of a scope.
    """
    xp = array_namespace(features)
    _check(threshold, scope)
    unit, given = _rows(xp, features, labels, valid)
    size = unit.shape[0] if scope == "batch" else labels.shape[1]
    parts = []
    for first in range(0, unit.shape[0], size):
        kept = _similarities(xp, unit[first : first + size], threshold)
        parts.append(migrated(kept, given[first : first + size], first=first))
    return Migration(*(xp.reshape(xp.concat(part), labels.shape) for part in zip(*parts, strict=True)))


def migration_sources(
    features: Array,
    labels: Array,
    valid: Array | None = None,
    *,
    threshold: float,
    scope: MigrationScope = "batch",
    cell: tuple[int, int, int],
) -> tuple[Array, Array]:
    """Every source of one cell (clip, segment, category): flat places (n,) and their similarities (n,) float32.

    The most similar come first, and of equals the first place. They are those that `migrate_labels` counts,
    also for a cell that has a label of its own.
    """
    xp = array_namespace(features)
    _check(threshold, scope)
    clip, segment, category = cell
    place = clip * labels.shape[1] + segment
    unit, given = _rows(xp, features, labels, valid)
    similarity = xp.astype(_cosine(unit, unit[place : place + 1])[:, 0], xp.float32)
    places = xp.arange(unit.shape[0], device=device(unit))
    sources = given[:, category] & (similarity >= threshold) & (places != place)
    if scope == "clip":
        sources = sources & (places // labels.shape[1] == clip)
    (found,) = xp.nonzero(sources)
    found = xp.take(found, xp.argsort(-xp.take(similarity, found, axis=0), stable=True), axis=0)
    return found, xp.take(similarity, found, axis=0)


def migrated(kept: Array, given: Array, *, first: int = 0) -> tuple[Array, Array, Array, Array]:
    """Eq. 2 and S-18 to S-21: the arrays of a `Migration`, each (n, C), for the n segments of one scope.

    `kept` (n, n) float32 are the similarities as Eq. 1 masks them, symmetric and 0 on the diagonal; `given`
    (n, C) bool are the labels. The first segment has the flat place `first`.
    """
    xp = array_namespace(kept)
    mean, strongest = (xp.zeros_like(given, dtype=xp.float32) for _ in range(2))
    count, source = xp.zeros_like(given, dtype=xp.int32), xp.full_like(given, -1, dtype=xp.int32)
    columns = zip(_places(xp, given), _places(xp, _reached(xp, kept, given)), strict=True)
    for category, (givers, takers) in enumerate(columns):
        if not takers.shape[0]:
            continue
        theirs = xp.take(xp.take(kept, givers, axis=0), takers, axis=1)  # (givers, takers)
        number = xp.sum(xp.astype(theirs > 0, xp.int32), axis=0, dtype=xp.int32)
        total = xp.sum(theirs, axis=0, dtype=xp.float64)
        mean[takers, category] = xp.astype(total / number, xp.float32)
        count[takers, category] = number
        best = xp.argmax(theirs, axis=0)  # the first of equals
        strongest[takers, category] = theirs[best, xp.arange(best.shape[0], device=device(best))]
        source[takers, category] = xp.astype(first + xp.take(givers, best, axis=0), xp.int32)
    is_migrated = (count > 0) & ~given
    labels = xp.where(given, xp.ones_like(mean), mean)
    source = xp.where(is_migrated, source, xp.full_like(source, -1))
    return labels, count, source, xp.where(is_migrated, strongest, xp.zeros_like(strongest))


def _check(threshold: float, scope: str) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(f"a similarity threshold is above 0 and at most 1, not {threshold}")
    if scope not in get_args(MigrationScope):
        raise ValueError(f"labels migrate within {' or '.join(get_args(MigrationScope))}, not {scope!r}")


def _rows(xp: Any, features: Array, labels: Array, valid: Array | None) -> tuple[Array, Array]:
    """Features of length 1 (N, D) float64 and labels (N, C) bool, N = B * T; zeros at padding."""
    given = labels > 0
    exact = xp.astype(features, xp.float64)
    if valid is not None:
        given = given & valid[..., None]
        exact = xp.where(valid[..., None], exact, xp.zeros_like(exact))
    exact = xp.reshape(exact, (-1, features.shape[-1]))
    length = xp.sqrt(xp.sum(exact * exact, axis=-1))[:, None]
    unit = exact / xp.where(length > 0, length, xp.ones_like(length))
    return unit, xp.reshape(given, (-1, labels.shape[-1]))


def _similarities(xp: Any, unit: Array, threshold: float) -> Array:
    """S of Eq. 1, masked: (n, D) -> (n, n) float32; 0 below the threshold and on the diagonal."""
    size = unit.shape[0]
    kept = xp.zeros((size, size), dtype=xp.float32, device=device(unit))
    for start in range(0, size, _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE
        # They are symmetric: each row from the diagonal on, and the rest is a copy.
        block = xp.astype(_cosine(unit[start:stop], unit[start:]), xp.float32)
        block = xp.where(block >= threshold, block, xp.zeros_like(block))
        kept[start:stop, start:] = block
        kept[start:, start:stop] = xp.matrix_transpose(block)
    places = xp.arange(size, device=device(unit))
    kept[places, places] = xp.zeros_like(places, dtype=xp.float32)
    return kept


def _cosine(rows: Array, columns: Array) -> Array:
    return rows @ columns.T


def _reached(xp: Any, kept: Array, given: Array) -> Array:
    """Whether a label has a giver for a segment: (n, C) bool. Of zeros and ones, whatever autocast rounds."""
    ones = xp.astype(given, xp.float32)
    blocks = (kept[:, start : start + _ROWS_AT_ONCE] for start in range(0, kept.shape[0], _ROWS_AT_ONCE))
    return xp.concat([xp.astype(takers > 0, xp.float32).T @ ones > 0 for takers in blocks])


def _places(xp: Any, cells: Array) -> Iterator[Array]:
    """Of every column of (n, C) bool, the rows that are true. A GPU is waited for twice, not once a column."""
    numbers = xp.sum(xp.astype(cells, xp.int64), axis=0).tolist()
    _, rows = xp.nonzero(cells.T)
    start = 0
    for number in numbers:
        yield rows[start : start + number]
        start += number
