"""What trials of label migration rest on: a source and a target in one space with the texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.planted import Plan
from tests.planted_pairs import (
    AUDIO,
    AUDIO_SET,
    MOTION,
    MOTION_SET,
    PARSER_AUDIO_SET,
    SETS,
    VISUAL,
    VISUAL_SET,
    Clips,
    PairPlan,
    is_aligned,
    narrow,
    plant_pair,
    plant_target,
    segment_features,
    text_vectors,
    write_features,
    write_parser_features,
)
from trainer.annotations import UNAV_FILES
from trainer.features import FeatureStore
from trainer.labels import PRESENT, state_grid

SMALL = PairPlan(
    source={"train": 20, "val": 6, "test": 6},
    target={"train": 10, "val": 6, "test": 6},
    source_categories=8,
    target_categories=5,
    same=2,
    related=2,
)


def test_the_source_is_unav_100s_file_and_hides_what_is_only_heard_or_only_seen(tmp_path: Path) -> None:
    source, _ = plant_pair(tmp_path, SMALL)
    assert (source.folder / UNAV_FILES["unav"]).is_file()
    assert source.dataset.audio_visual_only
    assert len({cells.shape[1] for cells in source.cells.values()}) > 3
    assert {*source.cells} == {name for clips in source.dataset.splits.values() for name in clips}
    hidden = 0
    for name, cells in source.cells.items():
        both = source.audio_visual(name)
        grid = state_grid(source.dataset.truth[name], source.dataset.categories, cells.shape[1], complete=True)
        assert source.dataset.segments[name] == cells.shape[1]
        np.testing.assert_array_equal(grid == PRESENT, np.stack([both, both]))
        hidden += int((cells & ~both).sum())
    assert hidden > 0


def test_the_target_is_weakly_labelled_for_training_and_dense_for_the_rest(tmp_path: Path) -> None:
    _, target = plant_pair(tmp_path, SMALL)
    dataset = target.dataset
    assert dataset.complete == {*dataset.splits["val"], *dataset.splits["test"]}
    assert not {*dataset.truth} & {*dataset.splits["train"]}
    for name in dataset.complete:
        grid = state_grid(dataset.truth.get(name, ()), dataset.categories, 10, complete=True)
        np.testing.assert_array_equal(grid == PRESENT, target.cells[name])


def test_a_name_has_one_text_in_every_dataset_and_a_shared_word_brings_texts_together() -> None:
    first = text_vectors(["Dog", "Lawn_mower", "Speech", "Cello"], 256, AUDIO_SET)
    second = text_vectors(["dog barking", "lawn mowing", "man speaking", "playing cello"], 256, AUDIO_SET)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)
    cosines = np.diag(first @ second.T)
    np.testing.assert_allclose(cosines[1:], 1, rtol=1e-6)
    assert 0.5 < cosines[0] < 0.9
    assert abs(first[0] @ second[3]) < 0.3
    assert abs(first[0] @ text_vectors(["Dog"], 256, VISUAL_SET)[0]) < 0.3


def test_features_are_read_beside_their_texts_and_two_seeds_differ(tmp_path: Path) -> None:
    source, target = plant_pair(tmp_path, SMALL)
    spaces = (narrow(AUDIO, 12), narrow(VISUAL, 16))
    for clips in (source, target):
        folder = write_features(clips.folder.parent, clips, spaces)
        features = FeatureStore(folder, audio=AUDIO_SET, visual=[VISUAL_SET]).read([*clips.cells])
        assert dict(features.widths) == {AUDIO_SET: 12, VISUAL_SET: 16}
        assert features.lengths.tolist() == [cells.shape[1] for cells in clips.cells.values()]
        assert (folder / "texts" / f"{VISUAL_SET}.npz").is_file()
    categories = target.dataset.categories
    one, two = (next(segment_features(target.cells, categories, spaces[0], 0, seed=seed))[1] for seed in (1, 2))
    assert not np.allclose(one, two)


@pytest.mark.parametrize(("axis", "threshold"), [(0, 0.98), (1, 0.95)])
def test_segments_are_alike_where_the_same_happens_and_nearer_to_the_texts_of_what_does(
    tmp_path: Path, axis: int, threshold: float
) -> None:
    source, _ = plant_pair(tmp_path, SMALL)
    categories = source.dataset.categories
    texts = text_vectors(categories, 64, SETS[axis])
    alike, unlike, there, elsewhere = [], [], [], []
    for name, rows in segment_features(source.cells, categories, (AUDIO, VISUAL)[axis], axis):
        happens = source.cells[name][axis]
        pairs = np.triu_indices(len(rows), 1)
        same = (happens[:, None] == happens).all(axis=-1)[pairs]
        similar = (rows @ rows.T)[pairs] >= threshold
        alike += [*similar[same]]
        unlike += [*similar[~same]]
        there += [*(rows @ texts.T)[happens]]
        elsewhere += [*(rows @ texts.T)[~happens]]
    assert np.mean(alike) > 0.4
    assert np.mean(unlike) < 0.1
    assert np.mean(there) > np.mean(elsewhere) + 0.3


TARGET = Plan(counts={"train": 40, "val": 10, "test": 10}, categories=5, ways=(0.1, 0.1, 0.7, 0.1))


def with_parser_features(root: Path) -> tuple[Clips, Path]:
    clips = plant_target(root / "dataset", TARGET)
    folder = write_features(root, clips, (narrow(AUDIO, 16), narrow(VISUAL, 20)))
    write_parser_features(root, clips, narrow(AUDIO, 16), narrow(MOTION, 12), width=24)
    return clips, folder


def test_a_target_alone_has_aligned_clips_and_some_that_are_heard_or_seen_otherwise(tmp_path: Path) -> None:
    clips = plant_target(tmp_path, TARGET)
    kinds = [is_aligned(cells) for cells in clips.cells.values()]
    assert 10 < sum(kinds) < 40
    apart = [cells for cells in clips.cells.values() if not is_aligned(cells)]
    heard, seen = (np.array([cells[axis].any(axis=0) for cells in apart]) for axis in range(2))  # (n, C)
    times = np.array([(cells[0] != cells[1]).any(axis=0) for cells in apart])
    for way in (heard & ~seen, seen & ~heard, heard & seen & times):
        assert way.any()


def test_a_parser_reads_other_features_of_the_same_clips_than_the_labels_are_made_of(tmp_path: Path) -> None:
    clips, folder = with_parser_features(tmp_path)
    store = FeatureStore(folder, audio=PARSER_AUDIO_SET, visual=[VISUAL_SET, MOTION_SET])
    features = store.read([*clips.cells])
    assert dict(features.widths) == {PARSER_AUDIO_SET: 24, VISUAL_SET: 20, MOTION_SET: 12}
    assert set(features.lengths) == {10}
    joint = FeatureStore(folder, audio=AUDIO_SET, visual=[VISUAL_SET]).read([*clips.cells])
    assert similar(features.tables[PARSER_AUDIO_SET], joint.tables[AUDIO_SET]) > 0.98
    assert similar(features.tables[MOTION_SET], joint.tables[VISUAL_SET]) < 0.7


def similar(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """How much the segments of one set are alike as those of another are: a correlation."""
    values = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first[:200], second[:200])]
    cosines = [(rows @ rows.T)[np.triu_indices(200, 1)] for rows in values]
    return float(np.corrcoef(*cosines)[0, 1])


def test_what_a_network_of_motion_sees_has_to_do_with_what_is_seen_and_with_no_text(tmp_path: Path) -> None:
    clips = plant_target(tmp_path, TARGET)
    categories = clips.dataset.categories
    own = text_vectors(categories, 64, MOTION_SET)
    texts = text_vectors(categories, 64, VISUAL_SET)
    made = segment_features(clips.cells, categories, MOTION, 1, name=MOTION_SET)
    rows = np.concatenate([features for _, features in made])
    seen = np.concatenate([cells[1] for cells in clips.cells.values()])
    above = [np.mean((rows @ v.T)[seen]) - np.mean((rows @ v.T)[~seen]) for v in (own, texts)]
    assert above[0] > 0.15 > 0.1 > abs(above[1])
