"""Label migration: a segment takes over the labels of those that it is like."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules
from trainer.supervision.migration import migrated

FIELDS = ("labels", "count", "source", "similarity")


def slow_migration(features, labels, valid, threshold, scope):
    """EAR Eq. 1-2 and S-17 to S-21, one cell after the other; and where each label came from."""
    segments = labels.shape[1]
    rows = features.astype(np.float64).reshape(-1, features.shape[-1])
    given, inside = labels.reshape(-1, labels.shape[-1]), valid.ravel()
    made = {name: np.zeros(given.shape) for name in FIELDS}
    made["source"] -= 1
    for i, j in np.ndindex(given.shape):
        if not inside[i]:
            continue
        found = []
        for k in np.flatnonzero(inside & (given[:, j] > 0)):
            lengths = np.linalg.norm(rows[i]) * np.linalg.norm(rows[k])
            cosine = np.float32(1.0 if i == k else rows[i] @ rows[k] / lengths if lengths else 0.0)
            if cosine >= np.float32(threshold) and (scope == "batch" or i // segments == k // segments):
                found.append((cosine, k))
        own = float(given[i, j] > 0)
        mean = np.mean([cosine for cosine, _ in found], dtype=np.float64) if found else 0.0
        made["labels"][i, j] = max(mean, own)
        made["count"][i, j] = len(found) - own
        if found and not own:
            made["similarity"][i, j], made["source"][i, j] = max(found, key=lambda pair: (pair[0], -pair[1]))
    return {name: values.reshape(labels.shape) for name, values in made.items()}


def batch(seed: int, clips=5, segments=8, categories=4, width=6):
    """Features of few shots, labels of some categories, and valid segments, of which some are padding."""
    random = np.random.default_rng(seed)
    shots = random.normal(size=(4, width))
    features = shots[random.integers(0, 4, (clips, segments))] + 0.15 * random.normal(
        size=(clips, segments, width)
    )
    features[0, 0] = 0
    features[1, 1:4] = features[2, 3]  # the very same, in two clips
    labels = (random.random((clips, segments, categories)) < 0.3).astype(np.int8)
    valid = np.arange(segments) < random.integers(1, segments + 1, (clips, 1))
    return features.astype(np.float32), labels, valid


def test_the_worked_example_of_the_equations(make):
    similarities = np.array(
        [[1, 0.96, 0.2, 0.97], [0.96, 1, 0.3, 0.99], [0.2, 0.3, 1, 0.1], [0.97, 0.99, 0.1, 1]]
    )
    kept = np.where((similarities >= 0.95) & ~np.eye(4, dtype=bool), similarities, 0)

    labels, count, source, similarity = migrated(make(kept), make([[1, 0], [0, 0], [0, 1], [1, 0]], bool))

    np.testing.assert_allclose(plain(labels), [[1, 0], [0.975, 0], [0, 1], [1, 0]], rtol=1e-6)
    check(make, count, [[1, 0], [2, 0], [0, 0], [1, 0]])
    check(make, source, [[-1, -1], [3, -1], [-1, -1], [-1, -1]])
    check(make, similarity, np.float32([[0, 0], [0.99, 0], [0, 0], [0, 0]]))


@pytest.mark.parametrize("scope", ["batch", "clip"])
@pytest.mark.parametrize("seed", range(4))
def test_migrated_labels_and_their_sources_are_those_of_the_equations(make, scope, seed):
    features, labels, valid = batch(seed)
    expected = slow_migration(features, labels, valid, 0.9, scope)

    made = rules.migrate_labels(
        make(features), make(labels, np.int8), make(valid, bool), threshold=0.9, scope=scope
    )

    assert (expected["source"] >= 0).any()
    np.testing.assert_allclose(plain(made.labels), expected["labels"], rtol=1e-6)
    np.testing.assert_allclose(plain(made.similarity), expected["similarity"], rtol=1e-6)
    check(make, made.count, expected["count"])
    check(make, made.source, expected["source"])
    dtypes = [plain(getattr(made, name)).dtype for name in FIELDS]
    assert dtypes == [np.float32, np.int32, np.int32, np.float32]


@pytest.mark.parametrize("scope", ["batch", "clip"])
def test_numpy_and_torch_migrate_the_same_labels_to_the_bit(scope):
    features, labels, valid = batch(7, clips=12, segments=50, width=96)  # more rows than are computed at once
    tensors = [torch.from_numpy(array) for array in (features, labels, valid)]

    ours = rules.migrate_labels(features, labels, valid, threshold=0.95, scope=scope)
    theirs = rules.migrate_labels(*tensors, threshold=0.95, scope=scope)

    assert plain(ours.source).max() > 0
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_label_reaches_another_clip_only_in_the_scope_of_the_batch(make):
    features, labels = make([[[1, 0], [0, 1]], [[1, 0], [0, 2]]]), make([[[1], [0]], [[0], [0]]], bool)

    across = rules.migrate_labels(features, labels, threshold=0.95, scope="batch")
    within = rules.migrate_labels(features, labels, threshold=0.95, scope="clip")

    check(make, across.labels, [[[1], [0]], [[1], [0]]])
    check(make, across.source, [[[-1], [-1]], [[0], [-1]]])
    check(make, within.labels, [[[1], [0]], [[0], [0]]])


def test_the_sources_of_a_clip_are_told_by_their_place_in_the_batch(make):
    features, labels = make([[[1, 0], [0, 1]], [[1, 1], [1, 1]]]), make([[[0], [0]], [[0], [1]]], bool)

    made = rules.migrate_labels(features, labels, threshold=0.95, scope="clip")

    check(make, made.source, [[[-1], [-1]], [[3], [-1]]])


def test_of_equally_similar_sources_the_first_is_told(make):
    features, labels = make([[[0, 3], [0, 1], [0, 2], [0, 1]]]), make([[[0], [1], [1], [0]]], bool)

    made = rules.migrate_labels(features, labels, threshold=0.95, scope="batch")

    check(make, made.source, [[[1], [-1], [-1], [1]]])
    check(make, made.count, [[[2], [1], [1], [2]]])
    check(make, made.labels, np.ones((1, 4, 1)))


def test_a_similarity_at_the_threshold_is_enough(make):
    features, labels = make([[[1, 0], [0.6, 0.8]]]), make([[[1], [0]]], bool)
    at = float(np.float32(0.6))

    for threshold, label in ((0.6, at), (at, at), (0.6001, 0)):
        made = rules.migrate_labels(features, labels, threshold=threshold, scope="clip")
        check(make, made.labels, np.float32([[[1], [label]]]))


def test_a_zero_vector_keeps_its_label_and_is_similar_to_nothing(make):
    made = rules.migrate_labels(make(np.zeros((1, 3, 2))), make([[[1], [0], [0]]], bool), threshold=0.1)

    check(make, made.labels, [[[1], [0], [0]]])
    check(make, made.count, np.zeros((1, 3, 1)))


def test_padding_neither_gives_nor_takes_a_label(make):
    features = make(np.ones((2, 2, 3)))
    valid = make([[1, 0], [1, 0]], bool)

    to_padding = rules.migrate_labels(features, make([[[1], [0]], [[0], [0]]], bool), valid, threshold=0.9)
    of_padding = rules.migrate_labels(features, make([[[0], [1]], [[0], [1]]], bool), valid, threshold=0.9)

    check(make, to_padding.labels, [[[1], [0]], [[1], [0]]])
    check(make, of_padding.labels, np.zeros((2, 2, 1)))


def test_unknown_and_absent_truth_gives_nothing_and_takes_what_it_is_given(make):
    truth = make([[[-1, 0], [1, 0], [0, -1]]], np.int8)

    made = rules.migrate_labels(make(np.ones((1, 3, 4))), truth, threshold=0.9)

    check(make, made.labels, [[[1, 0], [1, 0], [1, 0]]])


def test_without_any_label_nothing_migrates(make):
    made = rules.migrate_labels(make(np.ones((2, 3, 4))), make(np.zeros((2, 3, 5)), bool), threshold=0.9)

    check(make, made.labels, np.zeros((2, 3, 5)))
    check(make, made.source, np.full((2, 3, 5), -1))


@pytest.mark.parametrize("scope", ["batch", "clip"])
def test_an_inspector_gets_every_source_of_a_cell_the_most_similar_first(make, scope):
    features, labels, valid = batch(3)
    arrays = make(features), make(labels, np.int8), make(valid, bool)
    made = rules.migrate_labels(*arrays, threshold=0.9, scope=scope)

    asked = 0
    for cell in zip(*np.nonzero(plain(made.count)), strict=True):
        places, similarities = map(
            plain, rules.migration_sources(*arrays, threshold=0.9, scope=scope, cell=cell)
        )
        assert len(places) == plain(made.count)[cell]
        assert sorted(zip(-similarities, places, strict=True)) == list(zip(-similarities, places, strict=True))
        assert plain(labels).reshape(-1, labels.shape[-1])[places, cell[2]].all()
        if plain(made.source)[cell] >= 0:
            asked += 1
            assert (places[0], similarities[0]) == (plain(made.source)[cell], plain(made.similarity)[cell])
            np.testing.assert_allclose(similarities.mean(), plain(made.labels)[cell], rtol=1e-6)
    assert asked


def test_a_cell_that_nothing_migrated_to_has_no_sources(make):
    places, similarities = rules.migration_sources(
        make([[[1, 0], [0, 1]]]), make([[[1], [0]]], bool), threshold=0.9, cell=(0, 1, 0)
    )

    assert plain(places).shape == plain(similarities).shape == (0,)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan")])
def test_a_threshold_that_no_cosine_can_mean_is_refused(make, threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1, not"):
        rules.migrate_labels(make(np.ones((1, 2, 3))), make(np.ones((1, 2, 1))), threshold=threshold)


def test_an_unknown_scope_is_refused(make):
    with pytest.raises(ValueError, match="within batch or clip, not 'video'"):
        rules.migrate_labels(make(np.ones((1, 2, 3))), make(np.ones((1, 2, 1))), threshold=0.9, scope="video")


def test_a_batch_of_long_clips_takes_a_fraction_of_a_second():
    random = np.random.default_rng(0)
    features = random.normal(size=(16, 60, 64)).astype(np.float32)
    labels = random.random((16, 60, 100)) < 0.01

    start = time.perf_counter()
    rules.migrate_labels(features, labels, threshold=0.9)

    assert time.perf_counter() - start < 1.0
