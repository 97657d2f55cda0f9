"""Training on dense truth: which clips, what of it, what else goes with it, and what is kept of a migration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, run
from tests.trainer.engine.test_stop_and_resume import StopAfter
from tests.trainer.engine.watchers import Watcher
from trainer.checkpoint import CheckpointError, load_checkpoint
from trainer.config import Config, ConfigError
from trainer.dataset import DatasetError
from trainer.dependencies import DEPENDENCIES_FILE, read_dependencies
from trainer.labels import Event, Modality
from trainer.protocol import STOP_FILE, Epoch, Note, StopRequested
from trainer.scoring import truth_cells
from trainer.supervision_files import read_supervision, supervision_path
from trainer.texts import TextError, TextFeatures, texts_path, write_texts

pytestmark = pytest.mark.usefixtures("watchers")

HEARD_1_TO_6_SEEN_0_TO_3 = (Event(Modality.AUDIO, "Bell", 1, 6), Event(Modality.VISUAL, "Bell", 0, 3))


def config(*overrides: str) -> Config:
    return config_of("han/signal", "parser=dense-watcher", "labels.kind=dense", "epochs=1", *overrides)


def with_truth(world: World, count: int = 20) -> list[str]:
    """Give the first train clips dense truth, and the categories text features; the names of those clips."""
    names = list(world.dataset.splits["train"])[:count]
    truth = world.dataset.truth | dict.fromkeys(names, HEARD_1_TO_6_SEEN_0_TO_3)
    world.write(replace(world.dataset, truth=truth))
    write_all_texts(world)
    return names


def write_all_texts(world: World, seed: int = 1) -> None:
    for name in ("signal-audio", "signal-visual"):
        rows = np.random.default_rng(seed).normal(size=(3, 10)).astype(np.float32)
        write_texts(world.features, name, TextFeatures(("Car", "Bell", "Dog"), ("a", "b", "c"), rows))


def test_clips_with_dense_truth_are_trained_and_others_are_left_out_and_counted(world: World) -> None:
    taught = with_truth(world)
    run(world, config=config())
    parser, notes = Watcher.latest, [note.text for note in of_type(messages(world), Note)]
    assert any(text.startswith("4 of 24 train clips have no dense truth, and are left out") for text in notes)
    assert sorted(torch.cat([batch.index for batch in parser.trained]).tolist()) == list(range(len(taught)))


def test_the_truth_of_a_segment_is_what_is_both_heard_and_seen(world: World) -> None:
    with_truth(world)
    run(world, config=config())
    for batch in Watcher.latest.trained:
        assert batch.truth is not None
        assert batch.truth.dtype == torch.int8
        for cells, valid in zip(batch.truth, batch.valid, strict=True):
            length = int(valid.sum())
            expected = torch.zeros(length, 3)
            expected[1:3, 1] = 1
            assert torch.equal(cells[:length], expected.to(torch.int8))
            assert (cells[length:] == -1).all()


def test_validation_clips_have_their_truth_too_where_it_is_complete(world: World) -> None:
    with_truth(world)
    run(world, config=config())
    (batch,) = Watcher.latest.validated
    assert batch.truth is not None
    for name, cells, valid in zip(world.dataset.splits["val"], batch.truth, batch.valid, strict=True):
        length = int(valid.sum())
        expected = truth_cells(world.dataset, name, length).all(axis=0)
        np.testing.assert_array_equal(cells[:length], expected)
    truth = {"val-00": world.dataset.truth["val-00"], "train-00": HEARD_1_TO_6_SEEN_0_TO_3}
    world.write(replace(world.dataset, complete=frozenset({"val-00"}), truth=truth))
    run(world, "partly", config())
    (batch,) = Watcher.latest.validated
    assert batch.truth is not None
    assert (batch.truth[1:] == -1).all()


def test_a_clip_with_dense_truth_needs_no_video_level_label(world: World) -> None:
    name = with_truth(world, 1)[0]
    splits = world.dataset.splits | {"train": {name: frozenset()}}
    truth = {name: HEARD_1_TO_6_SEEN_0_TO_3}
    world.write(replace(world.dataset, splits=splits, truth=truth, complete=frozenset()))
    run(world, config=config())
    assert len(Watcher.latest.trained) == 1


def test_a_dataset_without_dense_truth_of_train_clips_is_refused(world: World) -> None:
    with pytest.raises(DatasetError, match="none of the 24 train clips has dense truth"):
        run(world, config=config())


@pytest.mark.parametrize(
    ("recipe", "kind", "taught_by"),
    [("han", "dense", "video"), ("dense-watcher", "video", "dense"), ("pseudo-watcher", "dense", "pseudo")],
)
def test_labels_that_a_parser_is_not_taught_by_are_refused(
    world: World, recipe: str, kind: str, taught_by: str
) -> None:
    asked = config_of("han/signal", f"parser={recipe}", f"labels.kind={kind}")
    with pytest.raises(ConfigError, match=f'labels.kind = "{kind}", but {recipe} is taught by "{taught_by}"'):
        run(world, config=asked)


def test_a_run_is_not_resumed_on_other_truth_or_other_texts(world: World) -> None:
    names = with_truth(world)
    run(world, config=config())
    write_all_texts(world, seed=2)
    with pytest.raises(CheckpointError, match="the text features, the training clips or their labels changed"):
        run(world, config=config(), resume=True)
    write_all_texts(world)
    run(world, config=config(), resume=True)
    truth = dict.fromkeys(names, HEARD_1_TO_6_SEEN_0_TO_3[:1])
    world.write(replace(world.dataset, truth=world.dataset.truth | truth))
    with pytest.raises(CheckpointError, match="their labels changed"):
        run(world, config=config(), resume=True)


# --- texts ---


def test_a_parser_that_reads_texts_gets_those_of_its_sets_in_the_order_of_the_categories(world: World) -> None:
    with_truth(world)
    run(world, config=config())
    texts = Watcher.latest.material.texts
    assert texts is not None
    rows = np.random.default_rng(1).normal(size=(3, 10)).astype(np.float32)
    expected = (rows / np.linalg.norm(rows, axis=1, keepdims=True))[[2, 1, 0]]
    for found in texts:
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_texts_that_are_missing_are_an_error_before_the_first_step(world: World) -> None:
    with_truth(world)
    texts_path(world.features, "signal-visual").unlink()
    with pytest.raises(TextError, match=r"signal-visual\.npz: there are no text features of the 3 categories"):
        run(world, config=config())
    assert not of_type(messages(world), Epoch)


def test_texts_of_another_width_than_the_features_are_refused(world: World) -> None:
    with_truth(world)
    rows = np.ones((3, 7), np.float32)
    write_texts(world.features, "signal-visual", TextFeatures(world.dataset.categories, ("a", "b", "c"), rows))
    with pytest.raises(DatasetError, match="of signal-visual have 7 columns and its segments 10"):
        run(world, config=config())


# --- what is kept of it ---


def test_a_migrated_label_is_kept_with_the_segment_that_it_came_from(world: World) -> None:
    names = with_truth(world)
    run(world, config=config("batch=6"))
    parser = Watcher.latest
    kept = read_supervision(supervision_path(world.root / "run", 1))
    assert kept.trained == len(names)
    checked = 0
    for first, batches in ((0, parser.trained), (kept.trained, parser.validated)):
        for batch in batches:
            clips = [kept.names[first + int(i)] for i in batch.index]
            lengths = batch.valid.sum(dim=1).tolist()
            assert batch.truth is not None
            for i, (name, length) in enumerate(zip(clips, lengths, strict=True)):
                clip, following = kept.clip(name), (i + 1) % len(clips)
                cells = np.stack([batch.truth[i, :length] == 1] * 2)
                sources = {kept.source(int(row)) for row in clip["migrated_from"][cells]}
                assert sources <= {(clips[following], lengths[following] - 1)}
                checked += len(sources)
                assert {kept.source(int(row)) for row in clip["migrated_from"][~cells]} <= {None}
                np.testing.assert_allclose(clip["migrated"], 0.5 * cells, atol=0.5 / 255)
                np.testing.assert_array_equal(clip["migrated_similarity"], 0.75 * cells)
                np.testing.assert_array_equal(clip["migrated_count"], 32767 * cells)
    assert checked > len(names)


def test_what_was_migrated_before_a_stop_is_kept_with_the_rest_of_the_epoch(world: World) -> None:
    with_truth(world)
    asked = config("batch=6", "bucket=2")
    run(world, "whole", asked)
    with pytest.raises(StopRequested):
        run(world, "stopped", asked, reporter=StopAfter(world.root / "stopped", 0, 2))
    (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", asked, resume=True)
    files = [supervision_path(world.root / name, 1).read_bytes() for name in ("whole", "stopped")]
    assert files[0] == files[1]


def test_dependencies_are_those_of_the_best_weights(world: World) -> None:
    with_truth(world)
    result = run(world, config=config("epochs=4"))
    found = read_dependencies(world.root / "run" / DEPENDENCIES_FILE)
    parser, info = load_checkpoint(result.checkpoint, CPU)
    assert isinstance(parser, Watcher)
    assert (found.epoch, found.categories) == (info.epoch, world.dataset.categories)
    np.testing.assert_array_equal(found.matrices["audio"], parser.heard.weight[:, :3].detach())
    assert found.matrices.keys() == {"audio", "audio_visual"}


def test_without_validation_the_last_dependencies_are_kept(world: World) -> None:
    with_truth(world)
    truth = {"train-00": HEARD_1_TO_6_SEEN_0_TO_3}
    world.write(replace(world.dataset, complete=frozenset(), truth=truth))
    run(world, config=config("epochs=3"))
    assert read_dependencies(world.root / "run" / DEPENDENCIES_FILE).epoch == 3
