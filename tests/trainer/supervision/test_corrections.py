"""What a person reviewed overrides what was labelled or made."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.supervision.arrays import check
from trainer import supervision as rules

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


def test_dense_truth_becomes_present_where_both_were_reviewed_so_and_absent_where_either_was(make):
    reviewed = make(REVIEWED, np.int8)

    for state in (-1, 0, 1):
        corrected = rules.correct_truth(make(np.full((3, 3), state), np.int8), reviewed)
        check(make, corrected, [[state, 0, state], [0, 0, 0], [state, 0, 1]])


def test_an_unknown_pseudo_label_is_known_once_it_was_reviewed(make):
    reviewed = make([[[0, -1, 1]], [[-1, 1, -1]]], np.int8)

    corrected = rules.correct_pseudo_labels(make(np.full((2, 1, 3), -1)), reviewed)

    check(make, corrected, [[[0, -1, 1]], [[-1, 1, -1]]])
