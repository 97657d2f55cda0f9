from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainer.annotations import Dataset
from trainer.dataset import DatasetError, check_splits, clip_tensors, trainable, unlabelled_tensors
from trainer.features import ClipFeatures
from trainer.labels import Event, Modality, State

CPU = torch.device("cpu")
REVIEWED = (
    Event(Modality.AUDIO, "Bell", 1, 3, State.ABSENT, "ann"),
    Event(Modality.VISUAL, "Dog", 0, 1, State.PRESENT, "ann"),
)


def clip(segments: int) -> ClipFeatures:
    return ClipFeatures(np.full((segments, 3), segments, np.float32), (np.full((segments, 2), 1, np.float32),))


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
FEATURES = {"v": clip(2), "b": clip(5), "a": clip(3)}


def test_clips_of_different_length_are_padded_and_say_which_segments_are_theirs() -> None:
    clips = clip_tensors(DATASET, "train", FEATURES, CPU)
    assert clips.names == ("a", "b")
    assert clips.audio.shape == (2, 5, 3)
    assert clips.valid.sum(dim=1).tolist() == [3, 5]
    assert clips.audio[0, 3:].abs().sum() == 0
    assert clips.labels.tolist() == [[1, 0], [1, 1]]


def test_reviewed_cells_of_train_clips_are_states_and_the_rest_is_unseen() -> None:
    reviewed = clip_tensors(DATASET, "train", FEATURES, CPU).reviewed
    expected = torch.full((2, 2, 5, 2), -1, dtype=torch.int8)
    expected[0, 0, 1:3, 1] = 0
    expected[0, 1, 0, 0] = 1
    assert torch.equal(reviewed, expected)


def test_reviewed_cells_of_validation_clips_never_reach_the_trainer() -> None:
    clips = clip_tensors(DATASET, "val", FEATURES, CPU)
    assert clips.names == ("v",)
    assert (clips.reviewed == -1).all()


def test_a_clip_without_any_video_level_label_is_unknown_not_empty() -> None:
    unlabelled = replace(DATASET, splits={"train": {"a": frozenset(), "b": frozenset({"Dog"})}})
    assert clip_tensors(unlabelled, "train", FEATURES, CPU).labels.tolist() == [[-1, -1], [1, 0]]


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
    assert len(clip_tensors(DATASET, "train", {}, CPU)) == 0


def test_clips_to_be_parsed_carry_no_labels() -> None:
    clips = unlabelled_tensors(FEATURES, 2, CPU)
    assert clips.names == ("v", "b", "a")
    assert (clips.labels == -1).all()
    assert (clips.reviewed == -1).all()


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_clip_that_is_scored_is_refused_in_training_by_name(split: str) -> None:
    shared = replace(DATASET, splits=DATASET.splits | {split: {"b": frozenset()}})
    with pytest.raises(DatasetError, match=f"1 clips are in the train split and in the {split} split: b"):
        check_splits(shared)
