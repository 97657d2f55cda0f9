"""`avvp-trainer zero-shot`: a parse file of any categories, before anything is trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import Run, is_one_line
from tests.trainer.conftest import CATEGORIES, World
from tests.trainer.zero_shot.steps import (
    DOG,
    LLP,
    NEWFOUNDLAND,
    SILENCE,
    needs_minilm,
    scores,
    write_features,
)
from trainer.annotations import Dataset
from trainer.encoders.weights import OF_ENCODERS, missing
from trainer.parses import read_parses
from trainer.scoring import score_parses
from trainer.texts import TextFeatures, write_texts

CLIP = "abcdefghijk_20_23"


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """A clip in which a dog is heard and then seen; one without sound; one that is silent and black."""
    folder = tmp_path / "features"
    heard = scores(521, {DOG: 0.8}, {SILENCE: 0.8}, {SILENCE: 0.8})
    seen = scores(1000, {}, {NEWFOUNDLAND: 0.7}, {})
    write_features(
        folder, "abcdefghijk", yamnet_scores=heard, efficientnet_scores=seen, person=np.zeros((3, 82))
    )
    write_features(folder, "mute", efficientnet_scores=seen[1:])
    write_features(folder, "dark", yamnet_scores=heard[1:], efficientnet_scores=np.zeros((2, 1000)))
    return folder


@pytest.fixture
def categories(tmp_path: Path) -> Path:
    path = tmp_path / "categories.txt"
    path.write_text("Dog\nClapping\nplaying badminton\nСобака\n", encoding="utf-8")
    return path


@needs_minilm
def test_a_vocabulary_that_was_typed_becomes_tracks(run: Run, features: Path, categories: Path) -> None:
    out = features.parent / "parses" / "p.npz"
    code, said, err = run(
        *("zero-shot", "--features", features, "--categories", categories, "--out", out),
        *("--clips", CLIP, "mute", "dark", "gone"),
    )
    assert (code, err) == (0, "")
    file = read_parses(out)
    assert file.names == (CLIP, "mute", "dark")
    dog = file.clip(CLIP)
    assert dog is not None
    assert (dog.audio[:, 0] >= 0.5).tolist() == [True, False, False]
    assert (dog.visual[:, 0] >= 0.5).tolist() == [False, True, False]
    assert dog.video[0] == max(dog.audio[0, 0], dog.visual[1, 0])
    assert not dog.visual[:, 1:].any()  # claps, badminton and Cyrillic cannot be seen
    dark, mute = file.clip("dark"), file.clip("mute")
    assert dark is not None
    assert mute is not None
    assert max(dark.audio.max(), dark.visual.max()) < 0.05
    assert not mute.audio.any()
    assert file.meta["parser"] == "zero-shot (default)"
    reach = file.meta["reach"]
    assert reach["audio"]["Dog"] == {"similarity": 1.0, "classes": ["Dog"], "known": True}
    assert reach["visual"]["Clapping"]["known"] is False
    assert file.meta["calibration"] == {"audio": {"from": "constants"}, "visual": {"from": "constants"}}
    assert "1 of 4 clips have no features: gone" in said
    assert "1 of 4 clips have no yamnet-scores" in said
    assert "cannot be heard" in said
    assert "cannot be seen" in said


@needs_minilm
def test_in_a_real_clip_of_llp_the_dog_is_heard_and_seen(run: Run, shared_media: Path, tmp_path: Path) -> None:
    lacking = missing([*OF_ENCODERS["yamnet"], *OF_ENCODERS["efficientnet"]])
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not installed (avvp-trainer encoders install default)")
    name = "BjCEufrlXm4_20_30"  # weak labels Speech, Dog
    (tmp_path / "media").mkdir()
    shutil.copy(shared_media / f"{name}.mp4", tmp_path / "media")
    encoders = ("--encoder", "yamnet", "--encoder", "efficientnet")
    code, _, err = run("extract", *encoders, "--media", tmp_path / "media", "--out", tmp_path / "features")
    assert (code, err) == (0, "")
    vocabulary = tmp_path / "llp.txt"
    vocabulary.write_text("\n".join(LLP))
    arguments = ("--features", tmp_path / "features", "--categories", vocabulary, "--out", tmp_path / "p.npz")
    assert run("zero-shot", *arguments, "--clips", name)[0] == 0
    file = read_parses(tmp_path / "p.npz")
    clip = file.clip(name)
    assert clip is not None
    assert {LLP[c] for c in np.flatnonzero(clip.video >= 0.5)} == {"Speech", "Dog"}
    dog = LLP.index("Dog")
    assert (clip.audio[:, dog] >= 0.5).sum() >= 7
    assert (clip.visual[:, dog] >= 0.5).sum() >= 7


@needs_minilm
def test_what_no_features_are_there_for_cannot_be_seen(run: Run, categories: Path, tmp_path: Path) -> None:
    write_features(tmp_path / "f", "clip", yamnet_scores=scores(521, {DOG: 0.9}))
    arguments = ("--features", tmp_path / "f", "--categories", categories, "--out", tmp_path / "p.npz")
    code, said, _ = run("zero-shot", *arguments, "--clips", "clip")
    assert code == 0
    assert "there is no feature set efficientnet-scores" in said
    reach = read_parses(tmp_path / "p.npz").meta["reach"]
    assert reach["audio"]["Dog"]["known"]
    assert reach["visual"]["Dog"] == {"similarity": 0.0, "classes": [], "known": False}


@needs_minilm
def test_durations_of_a_list_are_the_clips_lengths(run: Run, features: Path, categories: Path) -> None:
    listed = features.parent / "list.tsv"
    listed.write_text("filename\tpath\tduration\nmute\tmute.mp4\t3.5\ndark\tdark.mp4\t\n", encoding="utf-8")
    out = features.parent / "p.npz"
    code, _, _ = run(
        "zero-shot", "--features", features, "--list", listed, "--categories", categories, "--out", out
    )
    assert code == 0
    file = read_parses(out)
    assert {name: len(parse.audio) for name in file.names if (parse := file.clip(name))} == {
        "mute": 4,
        "dark": 2,
    }
    mute = file.clip("mute")
    assert mute is not None
    assert (mute.visual[:, 0] >= 0.5).tolist() == [True, False, False, False]  # nothing beyond its features


@needs_minilm
def test_files_that_cannot_be_used_are_told_and_the_rest_goes_on(
    run: Run, features: Path, categories: Path
) -> None:
    (features / "yamnet-scores" / "abcdefghijk.npy").write_bytes(b"none")
    write_features(features, "dark", efficientnet_scores=np.zeros((2, 7)))
    out = features.parent / "p.npz"
    arguments = ("--features", features, "--categories", categories, "--out", out)
    code, said, _ = run("zero-shot", *arguments, "--clips", CLIP, "dark")
    assert code == 0
    assert "2 feature files cannot be used" in said
    assert "7 columns instead of 1000" in said
    assert read_parses(out).names == (CLIP, "dark")


@needs_minilm
def test_500_categories_are_parsed(run: Run, features: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.txt"
    many.write_text("".join(f"event {i}\n" for i in range(500)))
    out = tmp_path / "p.npz"
    arguments = ("--features", features, "--categories", many, "--out", out)
    code, said, _ = run("zero-shot", *arguments, "--clips", CLIP)
    assert code == 0
    assert "and 460 more" in said
    assert read_parses(out).audio.shape == (3, 500)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("name\na\n", ":1: the header needs the column filename"),
        ("filename\n", ": names no clip"),
        ("filename\tduration\n\t3\n", ":2: a row needs a filename"),
        *((f"filename\tduration\na\t{said}\n", ":2: the duration") for said in ("nan", "-3", "1e99", "long")),
        (f"filename\n{'x' * 200_000}\n", ":1: cannot be read (field larger"),
        ('filename\n"a\n', ": cannot be read (unexpected end of data"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_by_its_line(
    run: Run, features: Path, categories: Path, rows: str, said: str
) -> None:
    listed = features.parent / "list.tsv"
    listed.write_text(rows)
    out = features.parent / "p.npz"
    code, _, err = run(
        "zero-shot", "--features", features, "--list", listed, "--categories", categories, "--out", out
    )
    assert code == 2
    assert is_one_line(err)
    assert said in err


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "the file is empty"), ("Dog\nDog\n", "already in row 1"), ("a,b\n", "holds a comma")],
)
def test_a_vocabulary_that_is_none_is_refused(run: Run, features: Path, text: str, said: str) -> None:
    path = features.parent / "odd.txt"
    path.write_text(text)
    out = features.parent / "p.npz"
    code, _, err = run("zero-shot", "--features", features, "--clips", CLIP, "--categories", path, "--out", out)
    assert code == 2
    assert is_one_line(err)
    assert said in err
    assert not out.exists()


@needs_minilm
@pytest.mark.parametrize("names", [["gone"], ["gone", "away"]])
def test_without_any_features_the_extract_command_is_named(
    run: Run, features: Path, categories: Path, names: list[str]
) -> None:
    arguments = ("--features", features, "--categories", categories, "--out", features.parent / "p.npz")
    code, _, err = run("zero-shot", *arguments, "--clips", *names)
    assert code == 2
    assert is_one_line(err)
    assert "avvp-trainer extract --encoder default" in err


@pytest.mark.parametrize("using", ["default", "clip"])
def test_a_folder_of_other_features_names_what_is_missing(
    run: Run, world: World, categories: Path, using: str
) -> None:
    arguments = ("--features", world.features, "--categories", categories, "--out", world.root / "p.npz")
    code, _, err = run("zero-shot", *arguments, "--clips", "train-00", "--using", using)
    assert code == 2
    assert is_one_line(err)
    sets = "yamnet-scores, nor" if using == "default" else "clap512, nor clip; make it with"
    assert f"there is no feature set {sets}" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--clips", "a"], "--categories is needed"),
        (["--clips", "a", "--split", "val"], "--split is of a --dataset"),
        ([], "one of the arguments"),
    ],
)
def test_a_command_line_that_lacks_something_is_refused(
    run: Run, features: Path, more: list[str], said: str
) -> None:
    code, _, err = run("zero-shot", "--features", features, "--out", features.parent / "p.npz", *more)
    assert code == 2
    assert said in err


# With CLIP and CLAP


@pytest.fixture
def joint(world: World) -> World:
    """The world's features as of a joint space: those of texts are what a category looks and sounds like."""
    rng = np.random.default_rng(3)
    looks = [rng.normal(size=(len(CATEGORIES), 10)) for _ in range(2)]  # as the world was made
    for axis, (old, new) in enumerate((("signal-audio", "clap512"), ("signal-visual", "clip"))):
        (world.features / old).rename(world.features / new)
        captions = tuple(f"a {category}" for category in CATEGORIES)
        rows = looks[axis].astype(np.float32)
        write_texts(world.features, new, TextFeatures(CATEGORIES, captions, rows, {"encoder": "planted"}))
    return world


def parsed(run: Run, world: World, *more: object) -> tuple[dict[str, float], object]:
    """The scores on test, and the meta."""
    out = world.root / "p.npz"
    arguments = ("--features", world.features, "--dataset", world.folder, "--split", "test", "--out", out)
    code, _, err = run("zero-shot", *arguments, "--using", "clip", *more)
    assert (code, err) == (0, "")
    file = read_parses(out)
    parses = {name: parse for name in file.names if (parse := file.clip(name))}
    return score_parses(parses, world.dataset, parses, rule=file.rule), file.meta


def test_texts_tell_categories_and_reviewed_cells_make_it_better(run: Run, joint: World) -> None:
    calibrated, meta = parsed(run, joint)
    assert meta["parser"] == "zero-shot (clip)"
    assert meta["calibration"]["visual"]["from"] == "cells known of 8 train and val clips"
    assert meta["calibration"]["visual"]["clips"] == 8
    assert meta["reach"]["audio"]["Bell"] == {"similarity": 1.0, "classes": ["a Bell"], "known": True}
    unknown = Dataset(CATEGORIES, joint.dataset.splits)
    joint.write(unknown)
    plain, meta = parsed(run, joint)
    assert meta["calibration"]["visual"] == {"from": "constants"}
    assert plain["segment/Type@AV"] > 40
    assert calibrated["segment/Type@AV"] > plain["segment/Type@AV"] + 10


def test_truth_of_test_changes_nothing(run: Run, joint: World) -> None:
    parsed(run, joint)
    before = read_parses(joint.root / "p.npz")
    truth = {name: events for name, events in joint.dataset.truth.items() if not name.startswith("test")}
    joint.write(Dataset(CATEGORIES, joint.dataset.splits, truth, joint.dataset.complete))
    parsed(run, joint)
    np.testing.assert_array_equal(read_parses(joint.root / "p.npz").audio, before.audio)


def test_a_file_that_cannot_be_used_is_told_once_though_it_is_read_to_calibrate_too(
    run: Run, joint: World
) -> None:
    (joint.features / "clip" / "val-00.npy").write_bytes(b"none")
    arguments = ("--features", joint.features, "--dataset", joint.folder, "--out", joint.root / "p.npz")
    code, said, _ = run("zero-shot", *arguments, "--split", "val", "--using", "clip")
    assert code == 0
    assert "1 feature files cannot be used" in said


def test_without_texts_of_sound_the_pictures_are_parsed(run: Run, joint: World) -> None:
    (joint.features / "texts" / "clap512.npz").unlink()
    _, meta = parsed(run, joint)
    assert not meta["reach"]["audio"]["Dog"]["known"]
    assert meta["reach"]["visual"]["Dog"]["known"]
    assert not read_parses(joint.root / "p.npz").audio.any()
