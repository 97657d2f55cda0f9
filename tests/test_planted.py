"""What benchmarks and trials rest on: generated clips are what they say they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import published_han
from tests.planted import SETS, Plan, plant
from trainer.annotations import read_dataset
from trainer.features import FeatureStore
from trainer.labels import PRESENT, UNSEEN, state_grid
from trainer.metrics import scores

RAGGED = Plan(counts={"train": 30, "val": 6, "test": 8}, categories=7, segments=(5, 12))


def test_a_plan_gives_the_same_clips_twice_and_another_seed_gives_others() -> None:
    first, second, other = plant(RAGGED), plant(RAGGED), plant(replace(RAGGED, seed=2))
    assert first.dataset == second.dataset != other.dataset
    for one, two in zip(first.features("clap"), second.features("clap"), strict=True):
        assert one[0] == two[0]
        np.testing.assert_array_equal(one[1], two[1])


@pytest.mark.parametrize("name", SETS)
def test_a_feature_set_has_its_width_and_its_rows_a_segment(name: str) -> None:
    planted = plant(RAGGED)
    for (clip, rows), length in zip(planted.features(name), planted.lengths, strict=True):
        assert rows.shape == (length * SETS[name].rows, SETS[name].width)
        assert planted.truth(clip).shape == (2, length, 7)


def test_what_is_written_is_read_as_it_was_meant_and_train_stays_hidden(tmp_path: Path) -> None:
    planted = plant(RAGGED)
    planted.write(tmp_path, ("vggish", "res152"), widths={"res152": 16})
    dataset = read_dataset(tmp_path / "dataset")
    assert dataset.splits == planted.dataset.splits
    assert dataset.complete == {*dataset.splits["val"], *dataset.splits["test"]}
    assert not {*dataset.truth} & {*dataset.splits["train"]}
    for name in dataset.complete:
        truth = planted.truth(name)
        grid = state_grid(dataset.truth.get(name, ()), dataset.categories, truth.shape[1], complete=True)
        np.testing.assert_array_equal(grid == PRESENT, truth)
    features = FeatureStore(tmp_path / "features", audio="vggish", visual=["res152"]).read(planted.names)
    assert features.lengths.tolist() == planted.lengths.tolist()
    assert dict(features.widths) == {"vggish": 128, "res152": 16}


def test_video_level_labels_are_what_happens_unless_noise_is_asked_for() -> None:
    def wrong(plan: Plan) -> int:
        planted = plant(plan)
        happens = {
            name: {
                c for c, there in zip(planted.dataset.categories, cells.any(axis=(0, 1)), strict=True) if there
            }
            for name, cells in zip(planted.names, planted.cells, strict=True)
        }
        labels = {name: weak for clips in planted.dataset.splits.values() for name, weak in clips.items()}
        return sum(labels[name] != happens[name] for name in planted.names)

    assert wrong(RAGGED) == 0
    assert 5 <= wrong(replace(RAGGED, label_noise=0.5)) <= 25


def test_a_reviewed_clip_says_all_of_its_hidden_truth_or_that_of_its_labels() -> None:
    planted = plant(RAGGED)
    names, categories = list(planted.dataset.splits["train"])[:5], planted.dataset.categories
    whole, part = planted.reviewed(names), planted.reviewed(names, labelled_only=True)
    assert [*whole] == [*part] == names
    for name in names:
        truth = planted.truth(name)
        grids = [state_grid(events[name], categories, truth.shape[1]) for events in (whole, part)]
        np.testing.assert_array_equal(grids[0], truth)
        labelled = truth.any(axis=(0, 1))
        np.testing.assert_array_equal(grids[1], np.where(labelled, truth, UNSEEN))


def test_clips_are_as_llp_has_them() -> None:
    """One to three categories, half of the clips with the first; heard more than seen; a bit together."""
    planted = plant(Plan(counts={"train": 2000}))
    labels = planted.cells.any(axis=(1, 2))
    assert {*labels.sum(axis=1).tolist()} == {1, 2, 3}
    assert 0.4 < labels[:, 0].mean() < 0.6
    assert labels.any(axis=0).all()
    heard, seen = planted.cells[:, 0].any(axis=(1, 2)), planted.cells[:, 1].any(axis=(1, 2))
    assert heard.mean() > seen.mean() > 0.6
    audio, visual = planted.cells[:, 0], planted.cells[:, 1]
    ways = [heard_only, seen_only, both] = [
        (audio & ~visual).sum(),
        (visual & ~audio).sum(),
        (audio & visual).sum(),
    ]
    assert min(ways) > 0
    assert heard_only > seen_only
    assert both > seen_only


def test_a_segment_shows_its_events_better_than_those_of_other_segments() -> None:
    """Full supervision has something to learn: a linear reading of dense truth beats that of video labels."""
    planted = plant(Plan(counts={"train": 600}))
    features = np.stack([rows for _, rows in planted.features("vggish")])  # (N, T, D)
    labels = np.broadcast_to(planted.cells.any(axis=(1, 2))[:, None], planted.cells[:, 0].shape)
    truth = planted.cells[:, 0]
    half = len(features) // 2

    def found(targets: np.ndarray) -> float:
        learnt, tested = features[:half].reshape(-1, 128), features[half:].reshape(-1, 128)
        weights = np.linalg.lstsq(learnt, targets[:half].reshape(-1, 25).astype(np.float32), rcond=None)[0]
        predicted, true = tested @ weights > 0.4, truth[half:].reshape(-1, 25)
        return float(2 * (predicted & true).sum() / (predicted.sum() + true.sum()))

    assert found(truth) > found(labels) + 0.03


def test_the_published_way_of_scoring_that_benchmarks_time_gives_the_numbers_of_ours(tmp_path: Path) -> None:
    planted = plant(replace(RAGGED, segments=(10, 10)))
    rng = np.random.default_rng(1)
    clips = published_han.Clips(planted.dataset, "test", tmp_path)
    truth = np.stack([planted.truth(name) for name in clips.names])  # (N, 2, T, C)
    predicted = truth ^ (rng.random(truth.shape) < 0.05)
    found = published_han.scores(
        [cells.transpose(0, 2, 1) * 1.0 for cells in predicted], planted.dataset, clips
    )
    assert found == pytest.approx(scores(predicted, truth), abs=1e-9)
