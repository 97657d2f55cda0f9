"""The rules on a GPU: what they make of a batch is what numpy makes of it."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
import torch

from trainer import supervision as rules

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("scope", ["batch", "clip"])
def test_a_gpu_migrates_the_same_labels_to_the_bit(scope):
    random = np.random.default_rng(1)
    shots = random.normal(size=(12, 5, 64)).repeat(10, axis=1)
    features = (shots + 0.1 * random.normal(size=shots.shape)).astype(np.float32)
    features[3] = features[4]  # the very same in two clips: ties
    labels = random.random((12, 50, 20)) < 0.05
    valid = np.arange(50) < random.integers(20, 51, (12, 1))
    tensors = [torch.from_numpy(array).cuda() for array in (features, labels, valid)]

    ours = rules.migrate_labels(features, labels, valid, threshold=0.95, scope=scope)
    theirs = rules.migrate_labels(*tensors, threshold=0.95, scope=scope)

    assert ours.source.max() > 0
    for numpy_array, tensor in zip(astuple(ours), astuple(theirs), strict=True):
        np.testing.assert_array_equal(numpy_array, tensor.cpu())


def test_a_gpu_finds_the_same_thresholds_and_pseudo_labels_to_the_bit():
    random = np.random.default_rng(2)
    logits = random.normal(size=(20, 2, 10, 25)).astype(np.float32)
    truth = random.random((20, 10, 25)) < 0.3
    arrays = logits, truth, np.ones_like(truth)
    on_gpu = [torch.from_numpy(array).cuda() for array in arrays]

    ours = rules.class_thresholds(logits[:, 0], *arrays[1:])
    theirs = rules.class_thresholds(on_gpu[0][:, 0], *on_gpu[1:])

    np.testing.assert_array_equal(ours, theirs.cpu())
    soft = rules.soft_pseudo_labels(logits, np.stack([ours, ours]))
    on_gpu_soft = rules.soft_pseudo_labels(on_gpu[0], torch.stack([theirs, theirs]))
    np.testing.assert_array_equal(soft, on_gpu_soft.cpu())
    np.testing.assert_array_equal(rules.label_rates(soft), rules.label_rates(on_gpu_soft).cpu())
