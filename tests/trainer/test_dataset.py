from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainer.annotations import Dataset
from trainer.config import FeatureConfig
from trainer.dataset import (
    DatasetError,
    check_splits,
    clip_tensors,
    densely_labelled,
    feature_rows,
    trainable,
    unlabelled_tensors,
    with_truth,
)
from trainer.features import Features, Scaling
from trainer.labels import Event, Modality, State

CPU = torch.device("cpu")
SETS = ("sound", "look", "motion")
REVIEWED = (
    Event(Modality.AUDIO, "Bell", 1, 3, State.ABSENT, "ann"),
    Event(Modality.VISUAL, "Dog", 0, 1, State.PRESENT, "ann"),
)


DATASET = Dataset(
    ("Dog", "Bell"),
    {
        "train": {"a": frozenset({"Dog"}), "b": frozenset({"Bell", "Dog"})},
        "val": {"v": frozenset()},
        "test": {},
    },
    {},
    reviewed={"a": REVIEWED, "v": REVIEWED},
)
CONFIG = FeatureConfig(audio="sound", visual=("look", "motion"))
NAMES, LENGTHS = ("v", "b", "a"), (2, 5, 3)
RNG = np.random.default_rng(2)


def features(names: tuple[str, ...] = NAMES) -> Features:
    """Features in a table that holds other clips too; "a" stands before "b" in it, behind a gap."""
    starts = {"v": 20, "b": 9, "a": 2}
    return Features(
        names=names,
        starts=np.array([starts[name] for name in names], np.int64),
        lengths=np.array([LENGTHS[NAMES.index(name)] for name in names], np.int64),
        tables=TABLES,
        widths={name: table.shape[1] for name, table in TABLES.items()},
    )


def read_only(rows: int, width: int) -> np.ndarray:
    table = RNG.normal(size=(rows, width)).astype(np.float32)
    table.flags.writeable = False
    return table


TABLES = {"look": read_only(30, 2), "sound": read_only(30, 3), "motion": read_only(30, 4)}
ROWS = feature_rows(features(), CONFIG, CPU)


def test_clips_of_different_length_are_padded_and_say_which_segments_are_theirs() -> None:
    clips = clip_tensors(DATASET, "train", ROWS)
    assert clips.names == ("a", "b")
    batch = clips.batch(torch.tensor([1, 0]))
    assert batch.index.tolist() == [1, 0]
    assert batch.valid.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert batch.labels.tolist() == [[1, 1], [1, 0]]
    for values, name in zip((batch.audio, *batch.visual), ("sound", "look", "motion"), strict=True):
        np.testing.assert_array_equal(values[0], TABLES[name][9:14])
        np.testing.assert_array_equal(values[1, :3], TABLES[name][2:5])
        assert values[1, 3:].abs().sum() == 0


def test_a_batch_is_no_longer_than_the_longest_clip_in_it() -> None:
    batch = clip_tensors(DATASET, "train", ROWS).batch(torch.tensor([0, 0]))
    assert batch.audio.shape == (2, 3, 3)
    assert batch.reviewed.shape == (2, 2, 3, 2)
    assert batch.valid.all()


def test_features_are_standardised_when_a_batch_is_made_and_padding_stays_zero() -> None:
    given = features()
    scaling = Scaling.of(Features(**vars(given) | {"tables": {n: TABLES[n] for n in SETS}}), ["a", "b"], SETS)
    clips = clip_tensors(DATASET, "train", feature_rows(given, CONFIG, CPU, scaling))
    batch = clips.batch(torch.tensor([0, 1]))
    rows = np.concatenate([TABLES["sound"][2:5], TABLES["sound"][9:14]])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    expected = (TABLES["sound"][2:5] - mean) / deviation
    np.testing.assert_allclose(batch.audio[0, :3], expected, rtol=1e-4, atol=1e-5)
    assert batch.audio[0, 3:].abs().sum() == 0


def test_joint_features_are_never_standardised_not_even_those_of_a_set_that_is() -> None:
    given, config = features(), replace(CONFIG, joint=("motion", "sound"))
    clips = clip_tensors(DATASET, "train", feature_rows(given, config, CPU, Scaling.of(given, ["a"], SETS)))
    batch = clips.batch(torch.tensor([0, 1]))
    assert batch.joint is not None
    for values, name in zip(batch.joint, config.joint, strict=True):
        np.testing.assert_array_equal(values[0, :3], TABLES[name][2:5])
        np.testing.assert_array_equal(values[1], TABLES[name][9:14])
        assert values[0, 3:].abs().sum() == 0
    assert not np.allclose(batch.audio[1], TABLES["sound"][9:14])
    assert clip_tensors(DATASET, "train", ROWS).batch(torch.tensor([0])).joint is None


def test_on_a_cpu_the_tables_are_not_copied() -> None:
    for table, name in zip(ROWS.tables, SETS, strict=True):
        assert table.data_ptr() == TABLES[name].ctypes.data


def test_clips_that_are_not_trained_on_come_in_order_and_all_of_them() -> None:
    names = tuple(f"clip-{i}" for i in range(300))
    many = Features(names, np.arange(300) % 20, np.full(300, 3), TABLES, widths={})
    clips = unlabelled_tensors(feature_rows(many, CONFIG, CPU), 2)
    batches = list(clips.batches())
    assert len(batches) > 1
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(300))
    np.testing.assert_array_equal(batches[-1].audio[-1], TABLES["sound"][299 % 20 : 299 % 20 + 3])


def test_reviewed_cells_of_train_clips_are_states_and_the_rest_is_unseen() -> None:
    reviewed = clip_tensors(DATASET, "train", ROWS).reviewed
    expected = torch.full((2, 2, 5, 2), -1, dtype=torch.int8)
    expected[0, 0, 1:3, 1] = 0
    expected[0, 1, 0, 0] = 1
    assert torch.equal(reviewed, expected)


def test_reviewed_cells_of_validation_clips_never_reach_the_trainer() -> None:
    clips = clip_tensors(DATASET, "val", ROWS)
    assert clips.names == ("v",)
    assert (clips.reviewed == -1).all()


def test_a_clip_without_any_video_level_label_is_unknown_not_empty() -> None:
    unlabelled = replace(DATASET, splits={"train": {"a": frozenset(), "b": frozenset({"Dog"})}})
    assert clip_tensors(unlabelled, "train", ROWS).labels.tolist() == [[-1, -1], [1, 0]]


def test_only_clips_of_which_something_is_known_are_trained_on() -> None:
    train = {"a": frozenset(), "b": frozenset({"Dog"}), "c": frozenset()}
    known = trainable(replace(DATASET, splits={"train": train, "val": {"v": frozenset()}}))
    assert list(known.splits["train"]) == ["a", "b"]  # a is reviewed, b is labelled
    assert list(known.splits["val"]) == ["v"]


def test_clips_of_which_nothing_is_known_are_refused_and_what_to_do_is_said() -> None:
    unlabelled = replace(DATASET, splits={"train": {"b": frozenset(), "c": frozenset()}})
    with pytest.raises(DatasetError, match=r"none of the 2 train clips has .* label some"):
        trainable(unlabelled)


def test_a_split_without_features_is_empty() -> None:
    clips = clip_tensors(DATASET, "train", feature_rows(features(()), CONFIG, CPU))
    assert len(clips) == 0
    assert list(clips.batches()) == []


def test_clips_to_be_parsed_carry_no_labels() -> None:
    clips = unlabelled_tensors(ROWS, 2)
    assert clips.names == ("v", "b", "a")
    assert (clips.labels == -1).all()
    assert (clips.reviewed == -1).all()


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_clip_that_is_scored_is_refused_in_training_by_name(split: str) -> None:
    shared = replace(DATASET, splits=DATASET.splits | {split: {"b": frozenset()}})
    with pytest.raises(DatasetError, match=f"1 clips are in the train split and in the {split} split: b"):
        check_splits(shared)


BOTH = (Event(Modality.AUDIO, "Bell", 0, 2.5), Event(Modality.VISUAL, "Bell", 1, 9))


def test_truth_and_pseudo_labels_are_there_only_where_they_are_asked_for() -> None:
    (batch,) = clip_tensors(DATASET, "train", ROWS).batches()
    assert batch.truth is None
    assert batch.pseudo_labels is None


def test_dense_truth_is_1_where_heard_and_seen_at_once_0_elsewhere_and_unknown_where_there_is_none() -> None:
    dataset = replace(DATASET, truth={"b": BOTH})
    clips = with_truth(clip_tensors(dataset, "train", ROWS), dataset)
    batch = clips.batch(torch.tensor([1, 0]))
    assert batch.truth is not None
    assert batch.truth.shape == (2, 5, 2)
    assert batch.truth[0].tolist() == [[0, 0], [0, 1], [0, 1], [0, 0], [0, 0]]
    assert (batch.truth[1] == -1).all()
    assert clips.batch(torch.tensor([0])).truth.shape == (1, 3, 2)


def test_a_scored_clip_without_events_is_known_to_be_empty() -> None:
    for complete, value in ((frozenset({"v"}), 0), (frozenset(), -1)):
        dataset = replace(DATASET, complete=complete)
        clips = with_truth(clip_tensors(dataset, "val", ROWS), dataset)
        assert clips.truth is not None
        assert (clips.truth == value).all()


def test_only_train_clips_with_dense_truth_are_densely_labelled() -> None:
    kept = densely_labelled(replace(DATASET, truth={"b": BOTH, "v": BOTH}))
    assert list(kept.splits["train"]) == ["b"]
    assert kept.splits["val"] == DATASET.splits["val"]
    with pytest.raises(DatasetError, match="none of the 2 train clips has dense truth"):
        densely_labelled(replace(DATASET, truth={"v": BOTH}))
