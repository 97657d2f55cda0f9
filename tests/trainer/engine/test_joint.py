"""Parsers that read features in the space of texts: what they are given, everywhere, and what they leave."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine import joint_world
from tests.trainer.engine.joint_world import COLUMNS, SCALES, THRESHOLDS, VALOR, joint_config, make_joint
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, run, same, weights
from tests.trainer.engine.test_stop_and_resume import StopAfter
from tests.trainer.engine.watchers import Watcher
from trainer.__main__ import main
from trainer.batch import Batch
from trainer.checkpoint import CheckpointError, load_checkpoint
from trainer.config import ConfigError
from trainer.dataset import DatasetError
from trainer.features import FeatureError
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.protocol import STOP_FILE, Epoch, StopRequested
from trainer.supervision_files import read_supervision, supervision_path
from trainer.texts import TextError, TextFeatures, read_texts, texts_path, write_texts

pytestmark = pytest.mark.usefixtures("watchers")

PAIRS = {"pair_similarity", "pair_weight", "overlap"}
BOTH = 'features.joint=["signal-audio", "clip"]'


@pytest.fixture
def labels(world: World) -> ParseFile:
    return make_joint(world)


def saying(labels: ParseFile, **changes: Any) -> ParseFile:
    return replace(labels, meta={"pseudo_labels": {**VALOR, **changes}})


def check_joint(batch: Batch, names: list[str], world: World, sets: tuple[str, str]) -> None:
    """Its joint features are those of the files, as they are, and 0 at padding."""
    assert batch.joint is not None
    for features, values in zip(sets, batch.joint, strict=True):
        for clip, valid, rows in zip(batch.index, batch.valid, values, strict=True):
            segments = int(valid.sum())
            given = np.load(world.feature_file(features, names[int(clip)]))
            np.testing.assert_array_equal(rows[:segments], given)
            assert not rows[segments:].any()


def test_joint_features_are_given_as_they_are_beside_standardised_ones(world: World, labels: ParseFile) -> None:
    """Also where one of the sets is both."""
    config = joint_config("standardise=true", BOTH)
    texts = TextFeatures(world.dataset.categories, ("a", "b", "c"), np.eye(3, 10, dtype=np.float32))
    write_texts(world.features, "signal-audio", texts)
    run(world, config=config, pseudo_labels=saying(labels, features=["signal-audio", "clip"]))
    parser, names = Watcher.latest, list(world.dataset.splits["train"])
    for batch in parser.trained:
        check_joint(batch, names, world, ("signal-audio", "clip"))
    heard = torch.cat([batch.audio[batch.valid] for batch in parser.trained])
    torch.testing.assert_close(heard.mean(dim=0), torch.zeros(10), atol=1e-4, rtol=0)


def test_texts_of_another_space_are_refused(world: World, labels: ParseFile) -> None:
    texts_path(world.features, "signal-audio").write_bytes(texts_path(world.features, "clip").read_bytes())
    given = saying(labels, features=["signal-audio", "clip"])
    with pytest.raises(DatasetError, match="text features of signal-audio have 6 columns and its segments 10"):
        run(world, config=joint_config(BOTH), pseudo_labels=given)


def test_training_validation_and_parses_all_have_them(world: World, labels: ParseFile) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    parser = Watcher.latest
    for batch in parser.trained:
        check_joint(batch, list(world.dataset.splits["train"]), world, ("clap512", "clip"))
    for batch in parser.validated:
        check_joint(batch, list(world.dataset.splits["val"]), world, ("clap512", "clip"))
        assert batch.pseudo_labels is not None
    assert main(parsing(world, "test.npz", "test")) == 0
    assert read_parses(world.root / "test.npz").names == tuple(world.dataset.splits["test"])


def parsing(world: World, out: str, split: str, *more: object) -> list[str]:
    places = ("--dataset", world.folder, "--features", world.features, "--out", world.root / out)
    checkpoint = world.root / "run" / "last.safetensors"
    return [str(text) for text in ("parse", checkpoint, *places, "--split", split, "--device", "cpu", *more)]


def test_the_parser_is_given_texts_of_the_joint_sets_and_the_thresholds_of_its_categories(
    world: World, labels: ParseFile
) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    material = Watcher.latest.material
    assert material.texts is not None
    assert material.thresholds is not None
    for features, texts in zip(("clap512", "clip"), material.texts, strict=True):
        np.testing.assert_array_equal(texts, read_texts(world.features, features, world.dataset.categories))
    expected = np.array([THRESHOLDS["audio"], THRESHOLDS["visual"]])[:, COLUMNS]
    np.testing.assert_array_equal(material.thresholds, expected)
    assert material.scales == (SCALES["audio"], SCALES["visual"])


def test_a_checkpoint_keeps_them_so_that_a_video_alone_will_do(world: World, labels: ParseFile) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    material = Watcher.latest.material
    assert material.texts is not None
    for features in ("clap512", "clip"):
        texts_path(world.features, features).unlink()
    parser, _ = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    assert torch.equal(parser.state_dict()["texts"], torch.cat(material.texts, dim=1))
    assert main(parsing(world, "test.npz", "test")) == 0


def test_thresholds_are_given_wherever_valor_tells_them(world: World, labels: ParseFile) -> None:
    """Also to a recipe without joint features; labels that VALOR published tell none, and teach as well."""
    config = config_of("han/signal", "parser=pseudo-watcher", "labels.kind=pseudo", "epochs=1")
    for file, is_told in (
        (labels, True),
        (replace(labels, meta={}), False),
        (saying(labels, method="generator"), False),
        (replace(labels, meta={"pseudo_labels": {"method": "valor", "folder": "somewhere"}}), False),
    ):
        run(world, config=config, pseudo_labels=file)
        material = Watcher.latest.material
        assert (material.thresholds is not None) == (material.scales is not None) == is_told
        assert material.texts is None
        assert Watcher.latest.trained[0].joint is None


NOT_VALOR = (
    "of features.joint = .*'clap512', 'clip'.*; those that are given do not tell VALOR's: make them with"
)


@pytest.mark.parametrize(
    ("meta", "match"),
    [
        ({}, NOT_VALOR),
        ({"pseudo_labels": VALOR | {"method": "generator"}}, NOT_VALOR),
        ({"pseudo_labels": {"method": "valor", "folder": "somewhere"}}, NOT_VALOR),
        ({"pseudo_labels": VALOR | {"thresholds": {"audio": [1.0], "visual": [1.0]}}}, NOT_VALOR),
        ({"pseudo_labels": VALOR | {"scales": {"audio": 1.0, "visual": float("inf")}}}, NOT_VALOR),
        ({"pseudo_labels": VALOR | {"scales": 5}}, NOT_VALOR),
        ({"pseudo_labels": "valor"}, NOT_VALOR),
        (
            {"pseudo_labels": VALOR | {"features": ["clap512", "clip-b"]}},
            r"that are given were made of \['clap512', 'clip-b'\]",
        ),
    ],
)
def test_pseudo_labels_without_thresholds_do_not_do_for_joint_features(
    world: World, labels: ParseFile, meta: dict[str, Any], match: str
) -> None:
    with pytest.raises(DatasetError, match=match):
        run(world, config=joint_config(), pseudo_labels=replace(labels, meta=meta))


def test_a_parser_that_reads_no_joint_features_refuses_them(world: World, labels: ParseFile) -> None:
    with pytest.raises(ConfigError, match=r"features.joint = .*: pseudo-watcher reads no such features; leave"):
        run(world, config=joint_config(parser="pseudo-watcher"), pseudo_labels=labels)


def test_missing_texts_and_missing_features_are_named(world: World, labels: ParseFile) -> None:
    texts_path(world.features, "clip").unlink()
    with pytest.raises(TextError, match="no text features of the 3 categories for the feature set 'clip'"):
        run(world, config=joint_config(), pseudo_labels=labels)
    for path in (world.features / "clap512").iterdir():
        path.unlink()
    (world.features / "clap512").rmdir()
    with pytest.raises(FeatureError, match=r"there is no feature set 'clap512' \(it has clip, signal-audio"):
        run(world, config=joint_config(), pseudo_labels=labels)


def test_learnt_numbers_are_told_and_kept_epoch_by_epoch(world: World, labels: ParseFile) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    told = [epoch.parameters for epoch in of_type(messages(world), Epoch)]
    assert told[-1] == {"gain": float(weights(world)["gain"])}
    assert told[0]["gain"] != told[1]["gain"]
    history = json.loads((world.root / "run" / "metrics.json").read_text())["history"]
    assert [entry["parameters"] for entry in history] == told


def test_a_parser_without_learnt_numbers_tells_none(world: World) -> None:
    run(world, config=config_of("han/signal", "epochs=1"))
    assert of_type(messages(world), Epoch)[0].parameters == {}


def test_weight_decay_leaves_alone_what_the_parser_says(world: World, labels: ParseFile) -> None:
    """A decay as strong as 1 / rate takes a weight to 0 in a step, before that step's own change."""
    decays = ("optimiser.kind=adamw", "optimiser.lr=1e-3", "optimiser.weight_decay=1000", "warm_up=0")
    config = joint_config(*decays, "epochs=1", "batch=24", "schedule.kind=constant")
    run(world, config=config, pseudo_labels=labels)
    found = weights(world)
    assert found["heard.weight"].abs().max() < 2e-3
    assert float(found["gain"]) == pytest.approx(0.5, abs=2e-3)


def test_pairs_and_conditions_are_kept_of_training_and_of_validation_clips(
    world: World, labels: ParseFile
) -> None:
    run(world, config=joint_config("batch=24"), pseudo_labels=labels)
    kept = read_supervision(supervision_path(world.root / "run", 2))
    assert kept.arrays.keys() == PAIRS | {"temporal_attention", "conditions"}
    parser = Watcher.latest
    for batch, split in ((parser.trained[-1], "train"), (parser.validated[-1], "val")):
        made = parser.supervision_of(batch)
        for place, name in enumerate(world.dataset.splits[split]):
            i = batch.index.tolist().index(place)
            length, clip = int(batch.valid[i].sum()), kept.clip(name)
            for key in ("overlap", "pair_similarity"):  # the weights of pairs have been trained since
                expected = made[key][i, :length, :length].to(torch.float16)
                np.testing.assert_array_equal(clip[key], expected)
            assert clip["pair_weight"].shape == (length, length)
            assert clip["temporal_attention"].dtype == np.float16
            np.testing.assert_array_equal(clip["conditions"], made["conditions"][i, :, :length])
    for row, length in zip(kept.arrays["pair_similarity"], kept.lengths, strict=True):
        assert not row[length:].any()
        assert not row[:, length:].any()


def test_parse_writes_what_the_parser_makes_of_clips_without_labels(world: World, labels: ParseFile) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    kept = read_supervision(supervision_path(world.root / "run", 2))
    path = world.root / "made" / "val.npz"
    assert main(parsing(world, "val.npz", "val", "--supervision", path, "--run-dir", world.root / "p")) == 0
    made = read_supervision(path)
    assert (made.epoch, made.trained, made.categories) == (2, 0, world.dataset.categories)
    assert made.names == read_parses(world.root / "val.npz").names == tuple(world.dataset.splits["val"])
    assert made.arrays.keys() == kept.arrays.keys() - {"overlap"}
    for name in made.names:
        for key, values in made.clip(name).items():
            np.testing.assert_array_equal(values, kept.clip(name)[key])
    finished = json.loads((world.root / "p" / "messages.jsonl").read_text().splitlines()[-1])
    assert finished["outputs"] == {"parses": str(world.root / "val.npz"), "supervision": str(path)}


def test_a_run_stopped_in_an_epoch_ends_as_if_it_had_never_stopped(world: World, labels: ParseFile) -> None:
    config = joint_config("epochs=3")
    run(world, "whole", config, pseudo_labels=labels)
    for epochs, steps in ((0, 1), (1, 2)):
        stopping = StopAfter(world.root / "stopped", epochs, steps)
        with pytest.raises(StopRequested):
            run(world, "stopped", config, reporter=stopping, resume=True, pseudo_labels=labels)
        (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", config, resume=True, pseudo_labels=labels)
    assert same(weights(world, "whole"), weights(world, "stopped"))
    for path in (world.root / "whole").glob("supervision/*.npz"):
        assert path.read_bytes() == (world.root / "stopped" / "supervision" / path.name).read_bytes()
    histories = [
        json.loads((world.root / name / "metrics.json").read_text())["history"] for name in ("whole", "stopped")
    ]
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    "change",
    [{"scales": {**SCALES, "visual": 50.0}}, {"thresholds": {**THRESHOLDS, "audio": [9.0, 0.1, 0.25, -0.3]}}],
)
def test_a_run_is_not_resumed_by_other_thresholds(
    world: World, labels: ParseFile, change: dict[str, Any]
) -> None:
    run(world, config=joint_config(), pseudo_labels=labels)
    with pytest.raises(CheckpointError, match="changed since this run was started"):
        run(world, config=joint_config(), pseudo_labels=saying(labels, **change), resume=True)


def test_two_processes_train_as_one(world: World, labels: ParseFile) -> None:
    write_parses(world.root / "valor.npz", labels)
    run(world, "one", joint_config(), pseudo_labels=labels)
    program = [sys.executable, "-m", joint_world.__name__]
    started = [
        subprocess.Popen(
            [*program, str(rank), world.root / "meeting", world.root], cwd=Path(__file__).parents[3]
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    one, two = weights(world, "one"), weights(world, "two")
    for name, values in one.items():
        torch.testing.assert_close(two[name], values, rtol=1e-4, atol=1e-5, msg=name)
    told = [of_type(messages(world, name), Epoch)[-1].parameters["gain"] for name in ("one", "two")]
    assert told[1] == pytest.approx(told[0], abs=1e-5)
    kept = [read_supervision(supervision_path(world.root / name, 2)) for name in ("one", "two")]
    assert kept[0].names == kept[1].names
    for key, array in kept[0].arrays.items():
        np.testing.assert_allclose(kept[1].arrays[key].astype(float), array.astype(float), atol=2e-3)
