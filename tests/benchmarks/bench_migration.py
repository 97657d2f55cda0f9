"""Label migration in a batch of UnAV-100's size, and the search for thresholds on LLP's validation clips.

Each against the plain way to write it, which gives the same numbers: their ratio is what counts. Migration
also says where every migrated label came from, which the plain ways do not.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.planted import Plan, plant
from tests.planted_pairs import AUDIO, narrow, segment_features
from trainer.supervision import class_thresholds, migrate_labels

CLIPS, SEGMENTS, CATEGORIES, WIDTH, THRESHOLD = 64, 60, 100, 512, 0.98
AT_ONCE = 32
"""Segments whose N x C products the plain way holds at once: all of them would not fit into memory."""
LOOPED = 12
"""Segments of which the loop is timed; the whole is that many times as long as there are more."""
VAL = (649, 10, 25)
MIGRATION_LIMIT, SEARCH_LIMIT = 0.5, 1.0
"""Seconds on one core."""

Result = TypeVar("Result")
Floats = NDArray[np.float32]


def main() -> None:
    torch.set_num_threads(1)
    migration()
    search()


def migration() -> None:
    features, labels = batch()
    valid = np.ones((CLIPS, SEGMENTS), bool)
    segments = CLIPS * SEGMENTS
    print(
        f"{CLIPS} clips of {SEGMENTS} segments, {WIDTH} columns, {CATEGORIES} categories, one core, "
        f"N = {segments}"
    )
    whole = 4 * segments**2 * CATEGORIES / 1e9
    looped, _ = seconds(lambda: by_loop(features, labels), repeats=1)
    looped *= segments / LOOPED
    print(f"  a loop over pairs and categories     {looped:8.1f} s (timed on {LOOPED} segments of {segments})")
    slow, (expected, count) = seconds(lambda: by_products(features, labels), repeats=1)
    print(f"  every product, N x N x C             {slow:8.1f} s, {whole:.1f} GB if all were held at once")
    kinds = {
        "numpy": (features, labels, valid),
        "torch": tuple(map(torch.from_numpy, (features, labels, valid))),
    }
    for scope in ("batch", "clip"):
        for kind, given in kinds.items():
            fast, found = seconds(
                lambda given=given, scope=scope: migrate_labels(*given, threshold=THRESHOLD, scope=scope)
            )
            if scope == "batch":
                np.testing.assert_allclose(np.asarray(found.labels), expected, atol=1e-6)
                np.testing.assert_array_equal(np.asarray(found.count), count)
            ratios = f"{slow / fast:6.0f} and {looped / fast:.0f} times as fast" if scope == "batch" else ""
            verdict = (
                "" if fast <= MIGRATION_LIMIT else f", more than the {MIGRATION_LIMIT} s that are aimed for"
            )
            print(f"  migrate_labels, {scope:5}, {kind}         {fast:8.3f} s {ratios}{verdict}")
    peak = peak_bytes(lambda: migrate_labels(features, labels, valid, threshold=THRESHOLD, scope="batch"))
    similarity = 4 * segments**2
    share = f"{peak / similarity:.1f} times N x N float32, {100 * peak / (1e9 * whole):.1f} % of N x N x C"
    print(f"  memory at its peak                   {peak / 1e6:8.0f} MB, {share}")
    migrated = (np.asarray(found.labels) > labels).sum()
    print(f"  {labels.sum():.0f} labels, {migrated} migrated in clip scope", flush=True)


def batch() -> tuple[Floats, Floats]:
    """(B, T, D) features of planted clips and (B, T, C) of what is heard and seen at once in them."""
    planted = plant(Plan(counts={"train": CLIPS}, categories=CATEGORIES, segments=(SEGMENTS, SEGMENTS)))
    cells = dict(zip(planted.names, planted.cells, strict=True))
    rows = segment_features(cells, planted.dataset.categories, narrow(AUDIO, WIDTH), 0)
    return np.stack([clip for _, clip in rows]), planted.cells.all(axis=1).astype(np.float32)


def by_products(features: Floats, labels: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """Soft labels, and from how many other segments each may be migrated: EAR Eq. 1-2, as they read."""
    rows, told = flat(features), flat(labels)
    soft, count = np.empty_like(told), np.empty(told.shape, np.int32)
    for first in range(0, len(rows), AT_ONCE):
        here = slice(first, first + AT_ONCE)
        similar = rows[here] @ rows.T
        similar[np.arange(len(similar)), np.arange(first, first + len(similar))] = 1
        products = np.where(similar >= THRESHOLD, similar, 0)[:, :, None] * told  # (n, N, C)
        many = (products > 0).sum(axis=1)
        soft[here] = np.maximum(products.sum(axis=1) / np.maximum(many, 1), told[here])
        count[here] = many - told[here]
    return soft.reshape(labels.shape), count.reshape(labels.shape)


def by_loop(features: Floats, labels: Floats) -> NDArray[np.float64]:
    """The same for the first segments alone, pair by pair and category by category."""
    rows, told = flat(features), flat(labels)
    soft = np.zeros((LOOPED, told.shape[1]))
    for i in range(LOOPED):
        similar = [float(rows[i] @ row) for row in rows]
        similar[i] = 1.0
        for c in range(told.shape[1]):
            given = [s for s, label in zip(similar, told[:, c], strict=True) if s >= THRESHOLD and label]
            soft[i, c] = max(sum(given) / len(given) if given else 0, told[i, c])
    return soft


def flat(array: Floats) -> Floats:
    return array.reshape(-1, array.shape[-1])


def search() -> None:
    clips, segments, categories = VAL
    logits, truth, candidates = validation()
    slow, expected = seconds(lambda: by_every_cut(logits, truth, candidates), repeats=1)
    fast, found = seconds(lambda: class_thresholds(logits, truth, candidates))
    np.testing.assert_allclose(found, expected)
    print(f"thresholds of best F1, {clips} clips of {segments} segments, {categories} categories, one core")
    print(f"  every cut by itself                  {1000 * slow:8.1f} ms")
    verdict = "" if fast <= SEARCH_LIMIT else f", more than the {SEARCH_LIMIT} s that are aimed for"
    ratio = f"{slow / fast:.0f} times as fast"
    print(f"  class_thresholds                     {1000 * fast:8.1f} ms, {ratio}{verdict}")
    every = np.ones_like(candidates)
    unfiltered, _ = seconds(lambda: class_thresholds(logits, truth, every))
    print(f"  the same where all cells are candidates {1000 * unfiltered:5.1f} ms", flush=True)


def validation() -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Logits, truth and candidates (N, T, C) of as many clips as LLP's validation split has."""
    planted = plant(Plan(counts={"train": VAL[0]}, categories=VAL[2]))
    truth = planted.cells[:, 0]
    noise = np.random.default_rng(1).standard_normal(truth.shape, np.float32)
    candidates = np.broadcast_to(planted.cells.any(axis=(1, 2))[:, None], truth.shape)
    return 2 * truth.astype(np.float32) + noise, truth, candidates.copy()


def by_every_cut(
    logits: Floats, truth: NDArray[np.bool_], candidates: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The middle below the lowest logit of the best cut; -inf where that is the lowest of all."""
    best = np.empty(logits.shape[-1])
    for c in range(len(best)):
        mine, true = logits[..., c][candidates[..., c]].astype(np.float64), truth[..., c][candidates[..., c]]
        cuts, total = np.unique(mine), truth[..., c].sum()
        f_scores = [2 * true[mine >= cut].sum() / ((mine >= cut).sum() + total) for cut in cuts]
        k = int(np.argmax(f_scores))
        best[c] = (cuts[k - 1] + cuts[k]) / 2 if k else -np.inf
    return best


def seconds(run: Callable[[], Result], *, repeats: int = 5) -> tuple[float, Result]:
    """The shortest time that it takes, and what it gives."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = run()
        taken.append(time.perf_counter() - began)
    return min(taken), found


def peak_bytes(run: Callable[[], Any]) -> int:
    """What numpy holds at most beside what it held before."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


if __name__ == "__main__":
    main()
