"""On generated clips whose hidden truth is known: labels that migrate come nearer to what is heard and seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.planted_pairs import AUDIO, VISUAL, Clips, PairPlan, plant_pair, segment_features
from trainer.metrics import scores
from trainer.supervision import migrate_labels

THRESHOLDS = (0.98, 0.95)
"""EAR's, of audio and of visual."""
SPACES = (AUDIO, VISUAL)
BATCH = 64


@cache
def source(seed: int) -> Clips:
    plan = PairPlan(source={"train": 150}, target={"train": 1}, source_categories=16, seed=seed)
    with TemporaryDirectory() as folder:
        return plant_pair(Path(folder), plan)[0]


def stacked(clips: Clips) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Hidden truth (N, 2, T, C), audio-visual labels (N, T, C), and which segments there are (N, T)."""
    longest = max(cells.shape[1] for cells in clips.cells.values())
    cells = np.stack([padded(cells, 1, longest) for cells in clips.cells.values()])
    lengths = np.array([cells.shape[1] for cells in clips.cells.values()])
    return cells, cells.all(axis=1), np.arange(longest) < lengths[:, None]


def padded(rows: np.ndarray, axis: int, length: int) -> np.ndarray:
    ends = [(0, length - rows.shape[i] if i == axis else 0) for i in range(rows.ndim)]
    return np.pad(rows, ends)


def migrated(clips: Clips, axis: int, labels: np.ndarray, valid: np.ndarray, scope: str) -> NDArray[np.bool_]:
    """(N, T, C): where a modality has a label, its own or a migrated one, batch by batch."""
    made = segment_features(clips.cells, clips.dataset.categories, SPACES[axis], axis)
    rows = np.stack([padded(rows, 0, valid.shape[1]) for _, rows in made])
    found = [
        migrate_labels(rows[here], labels[here], valid[here], threshold=THRESHOLDS[axis], scope=scope).labels
        for here in (slice(first, first + BATCH) for first in range(0, len(rows), BATCH))
    ]
    return np.concatenate(found) > 0


@pytest.mark.parametrize("scope", ["batch", "clip"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_migrated_labels_beat_audio_visual_ones_in_each_modality(seed: int, scope: str) -> None:
    clips = source(seed)
    truth, labels, valid = stacked(clips)
    before = scores(np.stack([labels, labels], axis=1), truth, valid)
    moved = np.stack([migrated(clips, axis, labels, valid, scope) for axis in range(2)], axis=1)
    after = scores(moved, truth, valid)
    for level in ("segment", "event"):
        for kind in "AV":
            assert after[f"{level}/{kind}"] > before[f"{level}/{kind}"] + 2, (level, kind)


@pytest.mark.parametrize("axis", [0, 1])
def test_most_of_what_migrates_is_there_and_some_of_it_is_not(axis: int) -> None:
    """The labels are noisy, as EAR says of them: that is why their losses have small weights."""
    clips = source(1)
    truth, labels, valid = stacked(clips)
    new = migrated(clips, axis, labels, valid, "batch") & ~labels
    right = truth[:, axis][new].mean()
    assert 0.75 < right < 1
    hidden = truth[:, axis] & ~labels
    assert 0.2 < new[hidden].mean() < 0.8
