"""CoLeaF's targets for its two branches."""

from __future__ import annotations

import numpy as np
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules


def test_a_reference_target_is_a_label_that_the_anchor_finds_in_the_modality(make):
    video = make([[0.5, 0.625, 0.25, 1], [0.5, 0.625, 0.75, 1]])

    targets = rules.reference_targets(video, make([1, 1, 1, 0]), audio=0.5, visual=0.625)

    check(make, targets, [[1, 1, 0, 0], [0, 1, 1, 0]])
    assert plain(targets).dtype == bool
    assert not plain(rules.reference_targets(video, make([-1] * 4), audio=0.5, visual=0.5)).any()


def test_an_event_weight_is_the_share_of_what_is_in_one_modality_alone(make):
    # Heard: 0, 1, 2, 3; seen: 3, 4; then nothing heard, and nothing at all.
    heard = [[1, 1, 1, 1, 0], [0] * 5, [0] * 5]
    seen = [[0, 0, 0, 1, 1], [1, 0, 0, 0, 0], [0] * 5]

    weights = rules.event_weights(make(np.stack([heard, seen], axis=1), bool))

    check(make, weights, [[0.75, 0.5], [0, 1], [0, 0]])


def test_cooccurrence_follows_the_reference_where_it_is_sure_of_a_label(make):
    reference = make([[0.125, 0.25, 0.875, 0.875], [0.25, 0.5, 0.75, 0.25]])
    anchor = make(np.full((2, 4), 0.5))

    found = rules.cooccurrence_targets(
        reference, anchor, make([1, 1, 1, 0]), audio=(0.125, 0.875), visual=(0.25, 0.75)
    )

    check(make, found, [[0.125, 0.5, 0.875, 0.5], [0.25, 0.5, 0.75, 0.5]])


def test_numpy_and_torch_make_the_same_targets_of_many_random_clips():
    random = np.random.default_rng(5)
    reference, anchor = (random.random((64, 2, 25), dtype=np.float32).round(1) for _ in range(2))
    labels = random.integers(-1, 2, (64, 25)).astype(np.float32)
    reviewed = random.integers(-1, 2, (64, 2, 4, 25)).astype(np.int8)
    arrays = {"reference": reference, "anchor": anchor, "labels": labels, "reviewed": reviewed}
    made = []
    for x in (arrays, {name: torch.from_numpy(array) for name, array in arrays.items()}):
        found = rules.reference_targets(x["anchor"], x["labels"], audio=0.5, visual=0.6)
        made.append(
            (
                rules.correct_presence(found, x["reviewed"]),
                rules.event_weights(x["reference"] >= 0.5),
                rules.cooccurrence_targets(
                    x["reference"], x["anchor"], x["labels"], audio=(0.1, 0.8), visual=(0.4, 0.6)
                ),
            )
        )

    for ours, theirs in zip(*made, strict=True):
        np.testing.assert_array_equal(ours, theirs)
