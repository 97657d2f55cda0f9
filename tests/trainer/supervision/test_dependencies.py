"""The maps of which events go together."""

from __future__ import annotations

import numpy as np
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules


def test_a_symmetrised_matrix_is_the_mean_with_its_transpose(make):
    check(make, rules.symmetrised(make([[[1, 2], [4, 8]]])), [[[1, 3], [3, 8]]])


def test_maps_are_means_over_the_layers_and_that_of_both_has_the_blocks_of_each(make):
    audio, visual = make([[[1, 2], [0, 1]], [[3, 0], [2, 1]]]), make([[[0, 4], [0, 0]]] * 2)
    joint = np.zeros((2, 4, 4))
    joint[0, 0, 2] = 8  # heard 0 with seen 0, in one layer and one direction
    joint[:, 0, 1] = 1

    heard, seen, both = rules.event_dependencies(audio, visual, make(joint))

    check(make, heard, [[2, 1], [1, 1]])
    check(make, seen, [[0, 2], [2, 0]])
    check(make, both, [[2, 1.5, 2, 0], [1.5, 1, 0, 0], [2, 0, 0, 2], [0, 0, 2, 0]])
    assert plain(both).dtype == np.float32


def test_numpy_and_torch_make_the_same_maps_to_the_bit():
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(3, size, size)).astype(np.float32) for size in (25, 25, 50)]

    for ours, theirs in zip(
        rules.event_dependencies(*arrays), rules.event_dependencies(*map(torch.from_numpy, arrays)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
