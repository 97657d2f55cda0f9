"""The rules of supervision: on numpy and on torch, the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trainer import supervision as rules


@pytest.fixture(params=["numpy", "torch"])
def make(request):
    """Makes an array of the kind under test from nested lists or a numpy array."""

    def make(values, dtype=np.float32):
        array = np.asarray(values, dtype=dtype)
        return array if request.param == "numpy" else torch.from_numpy(array.copy())

    make.kind = np.ndarray if request.param == "numpy" else torch.Tensor
    return make


def plain(array) -> np.ndarray:
    return np.asarray(array)


def check(make, result, expected) -> None:
    assert isinstance(result, make.kind)
    np.testing.assert_array_equal(plain(result), expected)


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


def test_cosine_similarity_is_one_for_the_same_direction_and_zero_for_a_zero_vector(make):
    audio = make([[3, 4], [1, 0], [0, 0], [-2, 0]])
    visual = make([[6, 8], [0, 1], [1, 1], [5, 0]])

    check(make, rules.cosine_similarity(audio, visual), [1, 0, 0, -1])


def test_a_zero_vector_has_a_finite_gradient():
    audio = torch.zeros(1, 4, requires_grad=True)

    rules.cosine_similarity(audio, torch.ones(1, 4)).sum().backward()

    assert audio.grad is not None
    assert torch.isfinite(audio.grad).all()


# Every combination of two states: rows are the audio (-1, 0, 1), columns the visual (-1, 0, 1).
REVIEWED = [[[-1, -1, -1], [0, 0, 0], [1, 1, 1]], [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]]


def test_a_reviewed_presence_enters_a_mask_and_an_absence_in_both_modalities_leaves_it(make):
    reviewed = make(REVIEWED, np.int8)

    full = rules.correct_mask(make(np.ones((3, 3)), bool), reviewed)
    empty = rules.correct_mask(make(np.zeros((3, 3)), bool), reviewed)

    check(make, full, [[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    check(make, empty, [[0, 0, 1], [0, 0, 1], [1, 1, 1]])


def test_a_reviewed_absence_in_one_modality_breaks_a_pair_and_a_presence_in_both_makes_one(make):
    reviewed = make(REVIEWED, np.int8)

    full = rules.correct_pairs(make(np.ones((3, 3)), bool), reviewed)
    empty = rules.correct_pairs(make(np.zeros((3, 3)), bool), reviewed)

    check(make, full, [[1, 0, 1], [0, 0, 0], [1, 0, 1]])
    check(make, empty, [[0, 0, 0], [0, 0, 0], [0, 0, 1]])


def test_reviewed_cells_replace_pseudo_labels(make):
    for dtype in (np.float32, bool):
        labels = make([[[1, 1, 0, 0]], [[1, 0, 1, 0]]], dtype)
        reviewed = make([[[0, -1, 1, -1]], [[-1, 1, -1, 0]]], np.int8)
        check(make, rules.correct_pseudo_labels(labels, reviewed), [[[0, 1, 1, 0]], [[1, 1, 1, 0]]])


def review(*cells, segments=3, categories=2):
    """A (2, T, C) review with (modality, segment, category, state) cells; a segment may be a slice."""
    grid = np.full((2, segments, categories), -1, np.int8)
    for modality, segment, category, state in cells:
        grid[modality, segment, category] = state
    return grid


ALL = slice(None)


@pytest.mark.parametrize(
    ("cells", "video", "modalities"),
    [
        ([], [1, 0], [[1, 0], [1, 0]]),
        ([(0, 1, 1, 1)], [1, 1], [[1, 1], [1, -1]]),
        ([(ALL, 1, 1, 1)], [1, 1], [[1, 1], [1, 1]]),
        ([(ALL, ALL, 0, 0)], [0, 0], [[0, 0], [0, 0]]),
        ([(1, ALL, 0, 0)], [1, 0], [[1, 0], [0, 0]]),
        ([(ALL, slice(0, 2), 0, 0)], [1, 0], [[1, 0], [1, 0]]),
        ([(1, ALL, 1, 0), (0, 2, 1, 1)], [1, 1], [[1, 1], [1, 0]]),
    ],
    ids=[
        "nothing reviewed",
        "one present cell adds the category, and says nothing of the other modality",
        "heard and seen: added to both",
        "absent everywhere takes it away",
        "absent in the whole of one modality takes it from that modality",
        "absent in some segments says nothing of the clip",
        "heard only: added, but not to the visual labels",
    ],
)
def test_reviewed_cells_correct_the_video_level_labels(make, cells, video, modalities):
    labels, reviewed = make([1, 0]), make(review(*cells), np.int8)

    check(make, rules.correct_video_labels(labels, reviewed), video)
    check(make, rules.correct_modality_labels(labels, reviewed), modalities)


def test_reviewed_cells_correct_what_is_said_to_be_in_a_modality(make):
    reviewed = make(review((0, 1, 0, 1), (0, ALL, 1, 0), (1, 0, 1, 0)), np.int8)

    for dtype in (np.float32, bool):
        check(make, rules.correct_presence(make([[0, 1], [1, 1]], dtype), reviewed), [[1, 0], [1, 1]])
        check(make, rules.correct_presence(make([[1, 0], [0, 0]], dtype), reviewed), [[1, 0], [0, 0]])


def test_what_is_unknown_stays_so_until_it_is_reviewed(make):
    unknown, reviewed = make([-1, -1]), make(review((0, 1, 0, 1), (1, ALL, 1, 0)), np.int8)

    check(make, rules.correct_video_labels(unknown, reviewed), [1, -1])
    check(make, rules.correct_modality_labels(unknown, reviewed), [[1, -1], [-1, 0]])


def test_padding_does_not_stand_in_the_way_of_absent_everywhere(make):
    reviewed = make([review((ALL, slice(0, 2), 0, 0))], np.int8)

    corrected = rules.correct_video_labels(make([[1, 0]]), reviewed, make([[1, 1, 0]], bool))

    check(make, corrected, [[0, 0]])


def test_the_threshold_of_a_known_track_is_its_mean_times_gamma():
    track = np.array([[0.9], [0.4], [0.1], [0.2]])

    _, thresholds = rules.adaptive_mask(track, None, gamma=1.5)

    assert math.isclose(thresholds[0], 0.6)
