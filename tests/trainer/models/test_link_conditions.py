"""What LINK's PLSIM reads: labels that it makes of the video alone, the same in training and in parsing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.models.small_link import (
    clips_of,
    linked,
    material,
    moved_link,
    small_link,
)
from tests.trainer.models.small_soft import with_review
from trainer import supervision as rules
from trainer.features import Features
from trainer.pseudo_labels.valor import SCALES, logits_of

REVIEW = {(0, 0, 1, 2): 1, (0, 1, 2, 0): 0, (2, 0, 0, 1): 1}


@pytest.fixture
def clips(ragged):
    """Clips of five, three and one segment, with pseudo-labels; some cells are reviewed."""
    return with_review(linked(ragged), REVIEW)


def test_no_label_is_read_when_a_clip_is_parsed(clips):
    model = moved_link(plsim_masked=True).eval()
    unlabelled = replace(
        clips,
        labels=torch.full_like(clips.labels, -1),
        reviewed=torch.full_like(clips.reviewed, -1),
        pseudo_labels=None,
    )

    told, untold = model(clips), model(unlabelled)

    for name, values in vars(told).items():
        assert torch.equal(values, getattr(untold, name)), name


def test_the_labels_that_plsim_reads_are_valors_unfiltered_in_training_as_in_parsing(ragged):
    model, batch, given = small_link(), linked(ragged), material()
    logits = torch.stack(
        [
            rules.text_logits(features, texts, scale=scale)
            for features, texts, scale in zip(batch.joint, given.texts, given.scales, strict=True)
        ],
        dim=1,
    )
    expected = rules.hard_pseudo_labels(logits, given.thresholds) & batch.valid[:, None, :, None]

    assert 0.1 < expected[:, :, :1].float().mean() < 0.9
    assert (expected & (batch.labels == 0)[:, None, None]).any()  # the video-level labels would say no
    assert torch.equal(model.unfiltered_labels(batch), expected)
    assert torch.equal(model.step(batch, 1).supervision["conditions"], expected)
    unlabelled = replace(batch, labels=torch.full_like(batch.labels, -1), pseudo_labels=None)
    assert torch.equal(model.supervision(unlabelled)["conditions"], expected)


def test_they_are_the_files_own_to_the_bit_where_segments_are_all_but_alike():
    """So that a threshold that was searched between two logits parts the same segments here as there."""
    batch, given, sets = clips_of(8, 4), material(4), ("clap512", "clip")
    joint = tuple(rows[:1, :1] + 1e-6 * rows for rows in batch.joint)
    tables = {name: rows.flatten(0, 1).numpy() for name, rows in zip(sets, joint, strict=True)}
    features = Features(("a", "b"), np.array([0, 8]), np.array([8, 8]), tables, {})
    texts = [rows.numpy() for rows in given.texts]
    logits = np.stack([*logits_of(features, sets, texts, lambda done, of: None).values()])  # (B, 2, T, C)
    ordered = np.sort(logits.astype(np.float64).swapaxes(0, 1).reshape(2, 16, 4), axis=1)

    for below in range(15):
        thresholds = (ordered[:, below] + ordered[:, below + 1]) / 2
        model = small_link(categories=4)
        model.prepare(replace(given, thresholds=torch.from_numpy(thresholds), scales=SCALES))

        found = model.unfiltered_labels(replace(batch, joint=joint))

        np.testing.assert_array_equal(found, rules.hard_pseudo_labels(logits, thresholds))


def test_video_level_labels_filter_what_plsim_reads_in_training_if_that_is_asked_for(ragged):
    labels = torch.tensor([[1.0, 0, -1], [0, 1, 0], [1, 1, 1]])
    batch = replace(linked(ragged), labels=labels)
    model = small_link(plsim_masked=True)

    found = model.step(batch, 1).supervision["conditions"]

    expected = model.unfiltered_labels(batch) & (labels != 0)[:, None, None]
    assert torch.equal(found, expected)
    assert not torch.equal(found, model.unfiltered_labels(batch))
    # a person who found a category in the clip corrects the label that filters its other cells
    expected[0, :, :, 1] = model.unfiltered_labels(batch)[0, :, :, 1]
    assert expected[0, 1, :, 1].any()
    expected[0, 0, 1, 1] = True
    corrected = model.step(with_review(batch, {(0, 0, 1, 1): 1}), 1).supervision["conditions"]
    assert torch.equal(corrected, expected)


@pytest.mark.parametrize("masked", [False, True])
def test_reviewed_cells_override_what_plsim_reads_in_training(ragged, masked):
    batch = linked(ragged)
    model = small_link(plsim_masked=masked)
    before = model.step(batch, 1).supervision["conditions"]
    cells = {(0, 0, 1, 2): 1, (0, 1, 1, 2): 1, (0, 0, 0, 0): 0, (1, 1, 2, 1): 0, (1, 0, 4, 1): 1}

    found = model.step(with_review(batch, cells), 1).supervision["conditions"]

    for (b, m, t, c), state in cells.items():
        assert found[b, m, t, c] == (state == 1 and batch.valid[b, t])  # the last is at padding
    changed = torch.zeros_like(found)
    for cell in cells:
        changed[cell] = True
    if masked:
        changed |= (batch.video_targets != with_review(batch, cells).video_targets)[:, None, None]
    assert torch.equal(found[~changed], before[~changed])
