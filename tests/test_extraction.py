"""Orders from videos to tracks: what has to be extracted, and what is parsed then."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.domain.videos import BUILT_IN, DEFAULT
from avvp_studio.extraction import OrderError, can_make, order_install, order_tracks, sets_of
from avvp_studio.job_folder import Record
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from trainer.annotations import read_dataset
from trainer.feature_files import DEFAULT_SETS, ENCODER_FILE
from trainer.labels import Event, Modality, State


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    with Store.create(root / "labels.sqlite", name="P", categories=["Dog", "Glass breaking"]) as store:
        media = [tmp_path / f"{name}.mp4" for name in ("a", "quo\"te's")]
        store.add_clips([Clip(path.stem, "train", path, 2.5, 3) for path in media])
        store.add_clips([Clip("without", "train", None, 10.0, 10)])
    return root


def add_features(root: Path, sets: tuple[str, ...], clip: str, *, ours: bool = True) -> None:
    for name in sets:
        folder = ProjectPaths(root).features / name
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{clip}.npy", np.zeros((3, 4), np.float32))
        if ours:
            (folder / ENCODER_FILE).write_text("{}")


def register(root: Path, name: str, folder: Path) -> None:
    """As `encoders add` does; the folder need not be there any more."""
    entry = ProjectPaths(root).features / name / ENCODER_FILE
    entry.parent.mkdir(parents=True)
    entry.write_text(json.dumps({"name": "own", "folder": str(folder)}))


def listed(root: Path, name: str) -> list[str]:
    with (root / "runs" / name / "media.tsv").open(newline="") as file:
        return [row["filename"] for row in csv.DictReader(file, delimiter="\t")]


def test_tracks_are_found_in_two_jobs_and_the_second_waits_for_the_first(root: Path) -> None:
    extract, tracks = order_tracks(root, DEFAULT, "now", after="install")
    assert (extract.kind, extract.after) == ("extract", "install")
    assert (tracks.kind, tracks.after, tracks.name) == ("zero-shot", extract.name, "now")
    assert extract.arguments[:3] == ("extract", "--encoder", "default")
    assert listed(root, extract.name) == ["a", "quo\"te's"]
    dataset = read_dataset(root / "runs" / "now" / "dataset")
    assert [*dataset.splits["train"]] == ["a", "quo\"te's", "without"]
    assert (dataset.categories, dataset.durations["a"]) == (("Dog", "Glass breaking"), 2.5)
    assert tracks.arguments[tracks.arguments.index("--dataset") + 1] == str(root / "runs" / "now" / "dataset")
    assert tracks.arguments[tracks.arguments.index("--out") + 1] == str(root / "parses" / "zero-shot.npz")


def test_only_clips_without_features_are_extracted_and_all_are_parsed(root: Path) -> None:
    add_features(root, DEFAULT_SETS, "a")
    extract, _ = order_tracks(root, DEFAULT, "now")
    assert listed(root, extract.name) == ["quo\"te's"]
    assert extract.title == "Extract features of 1 clip"
    assert len(read_dataset(root / "runs" / "now" / "dataset").splits["train"]) == 3
    add_features(root, DEFAULT_SETS, "quo\"te's")
    (tracks,) = order_tracks(root, DEFAULT, "again")
    assert (tracks.kind, tracks.after) == ("zero-shot", "")


def test_what_a_person_said_by_now_goes_along_to_calibrate_the_tracks(root: Path) -> None:
    said = (
        Event(Modality.AUDIO, "Dog", 0.0, 1.0, author="ann"),
        Event(Modality.VISUAL, "Dog", 0.0, 2.0, State.ABSENT, "ann"),
    )
    with Store.open(root / "labels.sqlite") as store:
        store.apply("a", Edit((), said, "mark"), "ann")
    order_tracks(root, DEFAULT, "now")
    reviewed = read_dataset(root / "runs" / "now" / "dataset").reviewed
    assert {(event.modality, event.offset, event.state) for event in reviewed["a"]} == {
        (Modality.AUDIO, 1.0, State.PRESENT),
        (Modality.VISUAL, 2.0, State.ABSENT),
    }


def test_a_set_whose_folder_is_away_is_neither_made_anew_nor_passed_over(root: Path, tmp_path: Path) -> None:
    register(root, "yamnet", tmp_path / "gone")
    assert not can_make(ProjectPaths(root), "yamnet", {"yamnet"})
    with pytest.raises(OrderError, match=r"yamnet is registered in .*gone, which is not there: connect"):
        order_tracks(root, DEFAULT, "now")
    assert not (root / "runs").exists()


def test_the_built_in_encoder_makes_features_and_no_tracks(root: Path) -> None:
    (extract,) = order_tracks(root, BUILT_IN, "now")
    assert extract.arguments[:3] == ("extract", "--encoder", "signal")
    assert sets_of(BUILT_IN) == ("signal-audio", "signal-visual")


def test_clip_and_clap_find_tracks_of_their_own_beside_those_of_the_default_encoders(root: Path) -> None:
    extract, tracks = order_tracks(root, "clip+clap", "now")
    assert extract.arguments[:5] == ("extract", "--encoder", "clip", "--encoder", "clap")
    assert tracks.arguments[tracks.arguments.index("--using") + 1] == "clip"
    assert tracks.arguments[tracks.arguments.index("--out") + 1] == str(root / "parses" / "zero-shot-clip.npz")
    add_features(root, ("clip",), "a")
    add_features(root, ("clap512",), "quo\"te's")
    assert listed(root, order_tracks(root, "clip+clap", "both")[0].name) == ["a", "quo\"te's"]
    assert listed(root, order_tracks(root, "clip", "seen")[0].name) == ["quo\"te's"]
    assert listed(root, order_tracks(root, "clap", "heard")[0].name) == ["a"]


def test_what_is_ordered_may_be_started_by_a_studio_that_finds_it(root: Path) -> None:
    tracks = (*order_tracks(root, DEFAULT, "now"), *order_tracks(root, "clip+clap", "joint"))
    for order in (*tracks, order_install(root, "install")):
        assert Record(order).is_ours(root)


def test_a_disk_that_refuses_leaves_no_half_order(root: Path) -> None:
    (root / "runs").mkdir()
    (root / "runs" / "now-features").touch()  # a file where a folder is needed
    with pytest.raises(OrderError, match="nothing was started"):
        order_tracks(root, DEFAULT, "now")
    assert not (root / "runs" / "now").exists()


def test_an_encoder_adds_only_to_what_is_its_own(root: Path) -> None:
    paths, ready = ProjectPaths(root), {"signal", "yamnet", "vggish"}
    assert can_make(paths, "yamnet", ready)
    assert not can_make(paths, "efficientnet", ready)
    assert not can_make(paths, "of my own", ready)
    add_features(root, ("yamnet",), "a")
    assert can_make(paths, "yamnet", ready)
    add_features(root, ("signal-audio",), "a", ours=False)
    assert not can_make(paths, "signal-audio", ready)
    published = paths.features / "feats" / "vggish"
    published.mkdir(parents=True)
    np.save(published / "a.npy", np.zeros((3, 128), np.float32))
    assert not can_make(paths, "vggish", ready)  # own ones would hide those that were published
