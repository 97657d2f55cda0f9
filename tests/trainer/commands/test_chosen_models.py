"""`encoders model`: a model that was named once is found by every command that needs it."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.media_files import Sound, Video, write_media
from tests.trainer.commands.steps import Run, is_one_line
from tests.trainer.joint_models import clap_with_words, clip_with_words
from trainer.captions import read_captions
from trainer.encoders import chosen_models as module
from trainer.encoders import weights
from trainer.encoders.catalogue import ENCODERS
from trainer.encoders.chosen_models import ChosenModel, chosen_model, chosen_models
from trainer.parses import read_parses
from trainer.texts import TextFeatures, read_text_file, texts_path, write_texts


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders clip and clap; nothing is changed in them."""
    root = tmp_path_factory.mktemp("models")
    clip_with_words(root / "clip")
    clap_with_words(root / "clap")
    return root


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, where no model is chosen."""
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_media(folder / "first.mp4", Video(), Sound())
    return folder


def listed(run: Run) -> dict[str, dict]:
    code, out, _ = run("encoders", "list", "--json")
    assert code == 0
    return {entry["name"]: entry for entry in json.loads(out)}


def choose(run: Run, models: Path, *names: str) -> None:
    for name in names:
        code, _, err = run("encoders", "model", name, models / name)
        assert (code, err) == (0, "")


def vocabulary(folder: Path, *categories: str) -> Path:
    path = folder / "categories.txt"
    path.write_text("\n".join(categories))
    return path


def features_of(run: Run, media: Path, out: Path, *encoders: str) -> Path:
    named = [word for name in encoders for word in ("--encoder", name)]
    code, _, err = run("extract", *named, "--media", media, "--out", out, "--device", "cpu")
    assert (code, err) == (0, "")
    return out


def tracks(run: Run, features: Path, categories: Path) -> tuple[int, str, str]:
    said = ("--features", features, "--categories", categories, "--out", features.parent / "p.npz")
    return run("zero-shot", *said, "--clips", "first", "--using", "clip")


def test_a_chosen_model_makes_its_encoders_ready_until_it_is_forgotten(
    run: Run, models: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "avvp-trainer encoders model clip FOLDER" in listed(run)["clip-crop"]["needs"]
    monkeypatch.chdir(models)
    code, out, err = run("encoders", "model", "clip", "clip")  # told from here, and kept for anywhere
    assert (code, err) == (0, "")
    assert str(models / "clip") in out
    entries = listed(run)
    for name in ("clip", "clip-crop"):
        assert (entries[name]["ready"], entries[name]["model"]) == (True, str(models / "clip"))
        assert entries[name]["texts"]
    assert not entries["clap"]["ready"]
    assert str(models / "clip") in run("encoders", "list")[1]
    choose(run, models, "clap")
    assert chosen_models().keys() == {"clip", "clap"}
    assert run("encoders", "model", "clip", "--forget")[0] == 0
    assert chosen_models() == {"clap": ChosenModel(str(models / "clap"), texts=True)}
    assert run("encoders", "model", "clip", "--forget")[1] == "clip: no model was chosen\n"
    assert (models / "clip").is_dir()


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "preprocessor_config.json", "another"])
def test_a_model_that_does_not_work_is_refused_and_the_one_before_stays(
    run: Run, models: Path, cache: Path, tmp_path: Path, damage: str
) -> None:
    choose(run, models, "clip")
    if damage == "another":
        bad = models / "clap"
    else:
        bad = shutil.copytree(models / "clip", tmp_path / "bad")
        (bad / damage).write_bytes((bad / damage).read_bytes()[:100])
    code, _, err = run("encoders", "model", "clip", bad)
    assert (code, is_one_line(err)) == (2, True), err
    assert str(bad) in err
    assert chosen_models()["clip"].path == str(models / "clip")


def test_a_model_that_reads_no_texts_makes_features_alone(
    run: Run, models: Path, cache: Path, tmp_path: Path
) -> None:
    mute = shutil.copytree(models / "clip", tmp_path / "mute", ignore=shutil.ignore_patterns("tokenizer*"))
    code, out, _ = run("encoders", "model", "clip", mute)
    assert code == 0
    assert "reads no texts, so no tracks are found by it" in out
    assert (listed(run)["clip"]["ready"], listed(run)["clip"]["texts"]) == (True, False)


def test_a_model_that_was_moved_away_is_told(run: Run, models: Path, cache: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(models / "clip", tmp_path / "moved")
    assert run("encoders", "model", "clip", moved)[0] == 0
    shutil.rmtree(moved)
    entry = listed(run)["clip"]
    assert (entry["ready"], entry["texts"], entry["model"]) == (False, False, str(moved))
    assert entry["needs"] == "its model, which is not there: avvp-trainer encoders model clip FOLDER"


@pytest.mark.parametrize("content", [b"clip = ", b'clip = "a"', b"[clip]\ntexts = true", b"\xff"])
def test_a_damaged_table_is_told_and_the_other_encoders_are_listed(
    run: Run, cache: Path, media: Path, content: bytes
) -> None:
    table = cache / "encoders" / module.TABLE
    table.parent.mkdir(parents=True)
    table.write_bytes(content)
    entries = listed(run)
    assert entries["signal"]["ready"]
    assert f"{table}: cannot be read" in entries["clip"]["needs"]
    code, _, err = run("extract", "--encoder", "clip", "--media", media, "--out", cache / "out")
    assert (code, is_one_line(err), "delete it" in err) == (2, True, True), err


def test_either_a_model_or_its_end_is_told(run: Run, models: Path, cache: Path) -> None:
    for more in ([], [models / "clip", "--forget"]):
        code, _, err = run("encoders", "model", "clip", *more)
        assert (code, "either the folder or file of the model, or --forget" in err) == (2, True)


def test_names_of_any_characters_are_kept(run: Run, models: Path, cache: Path, tmp_path: Path) -> None:
    odd = tmp_path / 'my "CLIP" = \\ \x7f\n Собака'
    shutil.copytree(models / "clip", odd)
    assert run("encoders", "model", "clip", odd)[0] == 0
    chosen = chosen_model("clip-crop")
    assert chosen is not None
    assert chosen.path == str(odd)


def test_extraction_takes_the_chosen_model_unless_another_is_told(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clip")
    out = features_of(run, media, tmp_path / "features", "clip", "clip-crop")
    assert np.load(out / "clip" / "first.npy").shape[1] == 6
    assert (out / "clip-crop" / "first.npy").is_file()
    said = ("--encoder", "clip", "--media", media, "--out", tmp_path / "other")
    code, _, err = run("extract", *said, "--model", f"clip={tmp_path / 'nowhere'}")
    assert (code, "nowhere: there is no such folder" in err) == (2, True), err


def test_the_chosen_models_read_the_categories_that_nobody_read_yet(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clip", "clap")
    features = features_of(run, media, tmp_path / "features", "clip", "clap")
    code, out, err = tracks(run, features, vocabulary(tmp_path, "Dog", "tea pot"))
    assert (code, err) == (0, "")
    assert "clip read the names of 2 categories" in out
    clip = read_parses(tmp_path / "p.npz").clip("first")
    assert clip is not None
    assert 0 < clip.audio.min() < clip.audio.max() < 1
    assert 0 < clip.visual.min() < clip.visual.max() < 1
    seen = read_text_file(texts_path(features, "clip"))
    assert seen.captions == (read_captions("llp").texts["Dog"][1], "A photo of tea pot")
    assert not np.allclose(*seen.features)
    assert "read the names" not in tracks(run, features, vocabulary(tmp_path, "Dog"))[1]
    assert "clap read the name of 1 category (" in tracks(run, features, vocabulary(tmp_path, "Dog", "Sea"))[1]
    assert read_text_file(texts_path(features, "clap512")).categories == ("Dog", "tea pot", "Sea")


def test_one_model_finds_tracks_of_its_own_sense(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clap")
    features = features_of(run, media, tmp_path / "features", "clap")
    code, out, _ = tracks(run, features, vocabulary(tmp_path, "Dog"))
    assert code == 0
    assert f"nothing is told of visual: {features}: there is no feature set clip; make it with" in out
    file = read_parses(tmp_path / "p.npz")
    assert (file.meta["reach"]["audio"]["Dog"]["known"], file.meta["reach"]["visual"]["Dog"]["known"]) == (1, 0)


def test_a_model_that_is_gone_costs_its_own_sense_alone(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clip")
    moved = shutil.copytree(models / "clap", tmp_path / "moved")
    assert run("encoders", "model", "clap", moved)[0] == 0
    features = features_of(run, media, tmp_path / "features", "clip", "clap")
    shutil.rmtree(moved)
    code, out, _ = tracks(run, features, vocabulary(tmp_path, "Dog"))
    assert code == 0
    assert f"{moved}: there is no such folder" in out
    clip = read_parses(tmp_path / "p.npz").clip("first")
    assert clip is not None
    assert (bool(clip.audio.any()), bool(clip.visual.any())) == (False, True)
    assert tracks(run, features, vocabulary(tmp_path, "Dog"))[0] == 0  # though nothing is made any more


def test_text_features_that_somebody_brought_are_not_mixed_with_made_ones(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clip")
    features = features_of(run, media, tmp_path / "features", "clip")
    own = TextFeatures(("Dog",), ("",), np.ones((1, 6), np.float32), {"encoder": "mine"})
    write_texts(features, "clip", own)
    assert tracks(run, features, vocabulary(tmp_path, "Dog"))[0] == 0
    code, _, err = tracks(run, features, vocabulary(tmp_path, "Dog", "Sea"))
    assert (code, is_one_line(err), "the two do not mix" in err) == (2, True, True), err
    np.testing.assert_array_equal(read_text_file(texts_path(features, "clip")).features, own.features)


def test_texts_and_features_are_always_of_one_model(
    run: Run, models: Path, cache: Path, media: Path, tmp_path: Path
) -> None:
    choose(run, models, "clip")
    features = features_of(run, media, tmp_path / "features", "clip")
    dog = vocabulary(tmp_path, "Dog")
    assert tracks(run, features, dog)[0] == 0
    of_first = read_text_file(texts_path(features, "clip")).features

    other = shutil.copytree(models / "clip", tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    changed = {name: -2 * tensor for name, tensor in tensors.items()}
    save_file(changed, other / "model.safetensors", {"format": "pt"})
    assert run("encoders", "model", "clip", other)[0] == 0
    code, _, err = tracks(run, features, vocabulary(tmp_path, "Dog", "Sea"))
    assert (code, is_one_line(err)) == (2, True)
    assert "made by another model than" in err

    shutil.rmtree(features / "clip")
    features_of(run, media, features, "clip")
    assert tracks(run, features, dog)[0] == 0
    assert not np.allclose(read_text_file(texts_path(features, "clip")).features, of_first)


def test_text_features_are_made_by_the_chosen_model(
    run: Run, models: Path, cache: Path, tmp_path: Path
) -> None:
    dog = vocabulary(tmp_path, "Dog")
    assert run("texts", "--encoder", "clip", "--categories", dog, "--out", tmp_path)[0] == 2
    choose(run, models, "clip")
    assert run("texts", "--encoder", "clip", "--categories", dog, "--out", tmp_path)[0] == 0
    assert read_text_file(texts_path(tmp_path, "clip")).meta["encoder"] == "clip clip"


@pytest.mark.parametrize("name", [name for name, entry in ENCODERS.items() if entry.published])
def test_classic_weights_in_the_cache_of_torchs_hub_are_seen(run: Run, cache: Path, name: str) -> None:
    published = importlib.import_module(f"trainer.encoders.{ENCODERS[name].module}")
    assert not listed(run)[name]["ready"]
    path = Path(torch.hub.get_dir(), "checkpoints", published.PUBLISHED.file)
    path.parent.mkdir(parents=True)
    path.touch()
    assert (listed(run)[name]["ready"], listed(run)[name]["model"]) == (True, str(path))


@pytest.mark.parametrize("variable", ["TORCH_HOME", "XDG_CACHE_HOME", None])
def test_torchs_cache_is_known_without_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str | None
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert weights.torch_cache() == Path(torch.hub.get_dir(), "checkpoints")


def test_the_encoder_of_words_is_listed(run: Run, cache: Path) -> None:
    entry = listed(run)["minilm"]
    assert (entry["ready"], entry["sets"]) == (False, {})
    assert entry["needs"] == "weights: avvp-trainer encoders install default"


def test_the_list_does_not_wait_for_torch() -> None:
    lists = "import sys; from trainer.__main__ import main; main(['encoders', 'list'])"
    checks = f"{lists}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", checks], capture_output=True).returncode == 0
