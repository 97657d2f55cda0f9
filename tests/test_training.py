"""Orders for a training: what is frozen, and what has to be extracted first."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.domain.edit import mark
from avvp_studio.domain.job import Recipe, TrainingRequest
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.training import TrainingError, lacking_features, order_training, usual_recipe
from trainer.annotations import read_dataset
from trainer.feature_files import ENCODER_FILE
from trainer.labels import Modality, State

SIGNAL = Recipe("ecma/signal", "", ("signal-audio", "signal-visual"))
CLIP_FEATURES = Recipe("ecma/llp/full", "", ("clap", "clip"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    media = tmp_path / "a.mp4"
    media.touch()
    with Store.create(root / "labels.sqlite", name="P", categories=["Dog", "Cat"]) as store:
        store.add_clips(
            [
                Clip("a", "train", media, 10.0, 10, frozenset({"Dog"})),
                Clip("b", "train", None, 10.0, 10, frozenset({"Cat"})),
            ]
        )
        edit = mark(
            (),
            modality=Modality.AUDIO,
            category="Dog",
            onset=2.0,
            offset=4.0,
            state=State.PRESENT,
            author="ann",
        )
        store.apply("a", edit, "ann")
    return root


def add_features(root: Path, *sets: str) -> None:
    for name in sets:
        folder = ProjectPaths(root).features / name
        folder.mkdir(parents=True)
        np.save(folder / "a.npy", np.zeros((10, 4), np.float32))


def test_the_labels_are_frozen_in_the_run_folder(root: Path) -> None:
    order_training(root, TrainingRequest(SIGNAL), "run")
    dataset = read_dataset(root / "runs" / "run" / "dataset")
    assert [(e.category, e.onset, e.offset) for e in dataset.reviewed["a"]] == [("Dog", 2.0, 4.0)]


def test_missing_features_are_extracted_first_for_clips_that_have_media(root: Path) -> None:
    extract, train = order_training(root, TrainingRequest(SIGNAL), "run")
    assert train.after == extract.name
    listing = (root / "runs" / extract.name / "media.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in listing] == ["filename", "a"]


def test_nothing_is_extracted_when_the_features_are_there(root: Path) -> None:
    add_features(root, "signal-audio", "signal-visual")
    (train,) = order_training(root, TrainingRequest(SIGNAL, epochs=3, seed=7), "run")
    assert train.arguments[:2] == ("train", "ecma/signal")
    assert "training.epochs=3" in train.arguments
    assert train.arguments[train.arguments.index("--seed") + 1] == "7"


def test_a_project_in_which_nothing_is_labelled_is_refused_before_anything_is_extracted(tmp_path: Path) -> None:
    media = tmp_path / "a.mp4"
    media.touch()
    with Store.create(tmp_path / "labels.sqlite", name="P", categories=["Dog"]) as store:
        store.add_clips([Clip("a", "train", media, 10.0, 10)])
    with pytest.raises(TrainingError, match=r"no train clip has a label yet.*label some clips"):
        order_training(tmp_path, TrainingRequest(SIGNAL), "run")
    assert not (tmp_path / "runs").exists()


def test_a_recipe_without_its_features_is_refused_with_what_to_do(root: Path) -> None:
    with pytest.raises(TrainingError, match=r"needs the feature sets clap, clip.*put them there"):
        order_training(root, TrainingRequest(CLIP_FEATURES), "run")
    assert not (root / "runs" / "run").exists()


def test_a_recipe_on_given_features_trains_on_the_clips_that_have_them(root: Path) -> None:
    add_features(root, "clap", "clip")
    (train,) = order_training(root, TrainingRequest(CLIP_FEATURES), "run")
    assert train.arguments[1] == "ecma/llp/full"


def test_a_recipe_lacks_the_feature_sets_that_nobody_has_put_there(root: Path) -> None:
    assert lacking_features(root, SIGNAL) == ()
    assert lacking_features(root, CLIP_FEATURES) == ("clap", "clip")
    add_features(root, "clap")
    assert lacking_features(root, CLIP_FEATURES) == ("clip",)


def test_an_empty_folder_is_no_feature_set_and_neither_is_what_was_packed(root: Path) -> None:
    features = ProjectPaths(root).features
    (features / "clap").mkdir(parents=True)
    (features / "packs").mkdir()
    (features / "packs" / "clip.npy").touch()
    assert lacking_features(root, CLIP_FEATURES) == ("clap", "clip")


def test_features_in_the_folders_of_a_download_are_found(root: Path) -> None:
    for name in ("CLAP", "CLIP"):
        folder = ProjectPaths(root).features / name / "features"
        folder.mkdir(parents=True)
        np.save(folder / "a.npy", np.zeros((10, 4), np.float32))
    assert lacking_features(root, CLIP_FEATURES) == ()
    (train,) = order_training(root, TrainingRequest(CLIP_FEATURES), "run")
    assert train.arguments[1] == "ecma/llp/full"


def test_a_folder_that_several_sets_share_has_only_those_of_which_it_has_files(root: Path) -> None:
    folder = ProjectPaths(root).features / "av_features"
    folder.mkdir(parents=True)
    for half in ("rgb", "flow"):
        np.save(folder / f"a_{half}.npy", np.zeros((10, 4), np.float32))
    assert lacking_features(root, Recipe("ecma/unav/full", "", ("vggish", "i3d"))) == ("vggish",)


def test_features_of_other_clips_alone_are_refused(root: Path) -> None:
    for name in ("clap", "clip"):
        folder = ProjectPaths(root).features / name
        folder.mkdir(parents=True)
        np.save(folder / "other.npy", np.zeros((10, 4), np.float32))
    with pytest.raises(TrainingError, match="needs the feature sets clap, clip"):
        order_training(root, TrainingRequest(CLIP_FEATURES), "run")


def test_pseudo_labels_are_passed_to_the_trainer(root: Path) -> None:
    add_features(root, "signal-audio", "signal-visual")
    request = TrainingRequest(SIGNAL, pseudo_labels=root / "parses" / "han.npz")
    (train,) = order_training(root, request, "run")
    assert train.arguments[train.arguments.index("--pseudo-labels") + 1] == str(root / "parses" / "han.npz")


def test_features_of_encoders_that_can_run_here_are_extracted_first(root: Path) -> None:
    recipe = Recipe("han/default", "", ("yamnet", "efficientnet", "person"))
    assert lacking_features(root, recipe) == recipe.features
    with pytest.raises(TrainingError, match="needs the feature sets yamnet"):
        order_training(root, TrainingRequest(recipe), "run")
    ready = {"signal", "yamnet", "efficientnet", "person"}
    assert lacking_features(root, recipe, ready) == ()
    extract, train = order_training(root, TrainingRequest(recipe), "run", ready)
    given = [word for flag, word in pairwise(extract.arguments) if flag == "--encoder"]
    assert given == ["yamnet", "efficientnet", "person"]
    assert train.after == extract.name


def test_given_features_and_those_that_can_be_made_go_together(root: Path) -> None:
    recipe = Recipe("own", "", ("of my own", "signal-visual"))
    add_features(root, "of my own")
    assert lacking_features(root, recipe) == ()
    extract, _ = order_training(root, TrainingRequest(recipe), "run")
    assert extract.arguments[:3] == ("extract", "--encoder", "signal")
    assert "of my own" not in extract.arguments


def test_a_project_whose_tracks_came_from_the_default_encoders_trains_on_their_features(root: Path) -> None:
    assert usual_recipe(root) == "ecma/signal"
    add_features(root, "yamnet", "efficientnet")
    assert usual_recipe(root) == "ecma/default"


def test_features_whose_folder_is_away_are_named_with_it_and_not_made_anew(root: Path, tmp_path: Path) -> None:
    entry = ProjectPaths(root).features / "signal-audio" / ENCODER_FILE
    entry.parent.mkdir(parents=True)
    entry.write_text(json.dumps({"name": "own", "folder": str(tmp_path / "gone")}))
    (said,) = lacking_features(root, SIGNAL)
    assert said == f"signal-audio (registered in {tmp_path / 'gone'}, which is not there)"
    with pytest.raises(TrainingError, match=r"signal-audio is registered in .*gone, which is not there"):
        order_training(root, TrainingRequest(SIGNAL), "run")
    assert not (root / "runs" / "run").exists()
