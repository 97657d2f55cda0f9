"""Masks and pairs: where a category is, as a parser's probabilities tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules

# Numbers that float32 holds exactly, with ties at the mean.
TRACK = [[0.875, 0.25], [0.5, 0.375], [0.25, 0.125], [0.375, 0.25]]


def test_the_adaptive_mask_keeps_what_reaches_the_mean_over_the_clip(make):
    mask, thresholds = rules.adaptive_mask(make(TRACK), None)

    check(make, mask, [[1, 1], [1, 1], [0, 0], [0, 1]])
    check(make, thresholds, [0.5, 0.25])


def test_a_label_gates_the_mask_but_not_the_threshold(make):
    mask, thresholds = rules.adaptive_mask(make(TRACK), make([1, 0]))

    check(make, mask, [[1, 0], [1, 0], [0, 0], [0, 0]])
    check(make, thresholds, [0.5, 0.25])


def test_a_larger_gamma_keeps_less(make):
    mask, thresholds = rules.adaptive_mask(make(TRACK), make([1, 0]), gamma=1.5)

    check(make, mask, [[1, 0], [0, 0], [0, 0], [0, 0]])
    check(make, thresholds, [0.75, 0.375])


def test_a_gamma_that_nothing_reaches_gives_an_empty_mask(make):
    mask, _ = rules.adaptive_mask(make(TRACK), None, gamma=4.0)

    assert not plain(mask).any()


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 0.7, 1e-6])
@pytest.mark.parametrize("segments", [3, 10, 60])
def test_a_constant_track_is_kept_whole_whatever_the_rounding(make, value, segments):
    mask, _ = rules.adaptive_mask(make(np.full((segments, 3), value)), None)

    assert plain(mask).all()


def test_padded_segments_enter_neither_the_mean_nor_the_mask(make):
    padded = make([[*TRACK, [1.0, 1.0], [1.0, 1.0]]])
    valid = make([[1, 1, 1, 1, 0, 0]], bool)

    mask, thresholds = rules.adaptive_mask(padded, None, valid)

    check(make, mask, [[[1, 1], [1, 1], [0, 0], [0, 1], [0, 0], [0, 0]]])
    check(make, thresholds, [[0.5, 0.25]])
    topk = rules.topk_mask(padded, None, valid, k=1)
    check(make, topk, [[[1, 0], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]]])


def test_a_clip_without_segments_has_empty_masks_and_no_warning(make):
    nothing = make(np.zeros((1, 4), bool), bool)

    mask, thresholds = rules.adaptive_mask(make([TRACK]), None, nothing)

    assert not plain(mask).any()
    check(make, thresholds, [[0, 0]])
    assert not plain(rules.topk_mask(make([TRACK]), None, nothing, k=2)).any()


def test_top_k_resolves_ties_to_the_earlier_segment(make):
    track = make([[0.5], [0.9], [0.5], [0.5], [0.9]])

    check(make, rules.topk_mask(track, None, k=1), [[0], [1], [0], [0], [0]])
    check(make, rules.topk_mask(track, None, k=3), [[1], [1], [0], [0], [1]])


def test_top_k_of_a_shorter_clip_is_the_whole_clip(make):
    assert plain(rules.topk_mask(make(TRACK), None, k=9)).all()


def test_top_k_is_gated_by_the_labels(make):
    check(make, rules.topk_mask(make(TRACK), make([0, 1]), k=2), [[0, 1], [0, 1], [0, 0], [0, 0]])


def test_a_share_of_the_clip_is_rounded_up_and_counts_valid_segments(make):
    track = make(np.linspace(1, 0, 30).reshape(30, 1).repeat(4, axis=1).transpose(1, 0)[..., None])
    lengths = np.array([10, 11, 1, 30])
    valid = make(np.arange(30) < lengths[:, None], bool)

    kept = plain(rules.topk_mask(track, None, valid, k=1, share=0.3)).sum(axis=(1, 2))

    assert kept.tolist() == [3, 4, 1, 9]
    whole = rules.topk_mask(track, None, valid, k=1, share=1.0)
    np.testing.assert_array_equal(plain(whole)[..., 0], plain(valid))


def test_a_share_is_rounded_up_from_what_it_is_and_not_from_its_rounding_error(make):
    track = make(np.linspace(1, 0, 100)[:, None])

    assert plain(rules.topk_mask(track, None, k=1, share=0.07)).sum() == 7  # 0.07 * 100 > 7 in floats


def test_a_top_k_of_nothing_is_refused(make):
    with pytest.raises(ValueError, match="at least one segment, not 0"):
        rules.topk_mask(make(TRACK), None, k=0)


def test_numpy_and_torch_make_the_same_masks_of_many_random_clips():
    random = np.random.default_rng(3)
    tracks = random.random((64, 10, 25), dtype=np.float32).round(2)  # rounded: full of ties
    labels = (random.random((64, 25)) < 0.3).astype(np.float32)
    valid = np.arange(10) < random.integers(0, 11, (64, 1))
    tensors = [torch.from_numpy(array) for array in (tracks, labels, valid)]

    ours, thresholds = rules.adaptive_mask(tracks, labels, valid, gamma=1.1)
    theirs, torch_thresholds = rules.adaptive_mask(*tensors, gamma=1.1)

    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(thresholds, torch_thresholds)
    for k in (1, 3, 5):
        kept = rules.topk_mask(tracks, labels, valid, k=k)
        np.testing.assert_array_equal(kept, rules.topk_mask(*tensors, k=k))
        np.testing.assert_array_equal(kept, slow_topk(tracks, labels, valid, k))


def slow_topk(tracks, labels, valid, k):
    mask = np.zeros(tracks.shape, bool)
    for clip, category in np.argwhere(labels):
        candidates = sorted(np.flatnonzero(valid[clip]), key=lambda t: (-tracks[clip, t, category], t))
        mask[clip, candidates[:k], category] = True
    return mask


def test_fusing_is_the_mean_of_the_modalities(make):
    segment = make([[[0.25, 1.0]], [[0.75, 0.5]]])

    check(make, rules.fuse(segment), [[0.5, 0.75]])


def test_fusing_leaves_out_the_modality_that_a_person_found_empty(make):
    segment = make([[[0.25, 0.25, 0.25, 0.25]], [[0.75, 0.75, 0.75, 0.75]]])
    reviewed = make([[[0, -1, 0, 1]], [[-1, 0, 0, 0]]], np.int8)

    check(make, rules.fuse(segment, reviewed), [[0.75, 0.25, 0.5, 0.25]])


def test_a_pair_needs_confidence_above_both_thresholds_a_label_and_a_valid_segment(make):
    audio = [[0.75, 0.75], [0.5, 0.75], [0.75, 0.75], [0.75, 0.75]]
    visual = [[0.75, 0.75], [0.75, 0.75], [0.25, 0.75], [0.75, 0.75]]

    pairs = rules.agreement_pairs(
        make([audio, visual]), make([1, 0]), make([1, 1, 1, 0], bool), tau_audio=0.5, tau_visual=0.25
    )

    # t=1: audio is at its threshold, not above; t=2: visual likewise; t=3: not valid; category 1: no label.
    check(make, pairs, [[1, 0], [0, 0], [0, 0], [0, 0]])


def test_cosine_similarity_is_one_for_the_same_direction_and_zero_for_a_zero_vector(make):
    audio = make([[3, 4], [1, 0], [0, 0], [-2, 0]])
    visual = make([[6, 8], [0, 1], [1, 1], [5, 0]])

    check(make, rules.cosine_similarity(audio, visual), [1, 0, 0, -1])


def test_a_zero_vector_has_a_finite_gradient():
    audio = torch.zeros(1, 4, requires_grad=True)

    rules.cosine_similarity(audio, torch.ones(1, 4)).sum().backward()

    assert audio.grad is not None
    assert torch.isfinite(audio.grad).all()


def test_the_threshold_of_a_known_track_is_its_mean_times_gamma():
    track = np.array([[0.9], [0.4], [0.1], [0.2]])

    _, thresholds = rules.adaptive_mask(track, None, gamma=1.5)

    assert math.isclose(thresholds[0], 0.6)
