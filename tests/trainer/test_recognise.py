"""Features as they were published are known again by shape and name, wherever they were put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.recognise import Finding, recognised

KEYS = ("-bcdefghijk", "abcdefg_rgb", "0123456789_")
"""YouTube ids, one of which ends as a file of I3D would."""


def save(folder: Path, *shape: int, ending: str = "", unit: bool = False, keys: tuple[str, ...] = KEYS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, key in enumerate(keys):
        values = np.random.default_rng(i).normal(size=shape).astype(np.float32)
        if unit:
            values /= np.linalg.norm(values, axis=1, keepdims=True)
        np.save(folder / f"{key}{ending}.npy", values)


def only(root: Path) -> Finding:
    (finding,) = recognised(root)
    return finding


@pytest.mark.parametrize(
    ("place", "shape", "unit", "sets", "origin"),
    [
        ("a/vggish", (10, 128), False, ("vggish",), "AVVP-ECCV20 (HAN)"),
        ("download", (80, 2048), False, ("res152",), "AVVP-ECCV20 (HAN)"),
        ("download", (10, 512), False, ("r2plus1d_18",), "AVVP-ECCV20 (HAN)"),
        ("r2plus1d_18", (10, 512), False, ("r2plus1d_18",), "AVVP-ECCV20 (HAN)"),
        ("LLP_CLAP/x", (10, 512), True, ("clap512",), "UWAV"),
        ("download", (10, 512), True, ("clap512",), "UWAV"),
        ("CLIP/features", (10, 768), True, ("clip",), "VALOR"),
        ("LLP_CLIP/segment_feats", (10, 768), True, ("clip",), "UWAV"),
        ("download", (10, 768), True, ("clip",), "VALOR or UWAV"),
        ("download", (64, 768), False, ("clap",), "VALOR"),
        ("lsld/CLIP", (80, 512), False, (), "LSLD (CLIP ViT-B/16, 8 rows a second)"),
        ("download", (10, 77), False, (), ""),
    ],
)
def test_a_set_is_known_by_shape_and_name(
    tmp_path: Path, place: str, shape: tuple[int, int], unit: bool, sets: tuple[str, ...], origin: str
) -> None:
    save(tmp_path / place, *shape, unit=unit)
    finding = only(tmp_path)
    assert (finding.sets, finding.origin, finding.count) == (sets, origin, 3)
    assert finding.shape == f"{shape[0]} rows of {shape[1]} columns"


def test_what_shape_alone_cannot_tell_says_how_it_was_decided(tmp_path: Path) -> None:
    save(tmp_path / "x", 10, 512, unit=True)
    assert "by rows of length 1; no name says so" in only(tmp_path).notes[0]


@pytest.mark.parametrize(
    ("place", "rows", "unit"), [("r2plus1d_18", (10,), True), ("x", (12,), False), ("x", (9, 12), False)]
)
def test_what_cannot_be_decided_is_called_ambiguous(
    tmp_path: Path, place: str, rows: tuple[int, ...], unit: bool
) -> None:
    for count, key in zip(rows, KEYS, strict=False):
        save(tmp_path / place, count, 512, unit=unit, keys=(key,))
    finding = only(tmp_path)
    assert finding.sets == ("r2plus1d_18", "clap512")
    assert "ambiguous" in finding.notes[0]
    for use, name in zip(finding.uses, ("r2plus1d_18", "clap512"), strict=True):
        assert f"the set {name} is found there" in use or f"encoders add {name} --from" in use


def test_clap_by_name_with_rows_that_are_not_of_length_1_is_doubted(tmp_path: Path) -> None:
    save(tmp_path / "CLAP", 10, 512)
    finding = only(tmp_path)
    assert finding.sets == ("clap512",)
    assert "not of length 1" in finding.notes[1]


def test_the_three_files_of_a_clip_of_unav_lie_in_one_folder(tmp_path: Path) -> None:
    for ending, width in (("_rgb", 1024), ("_flow", 1024), ("_vggish", 128)):
        save(tmp_path / "av_features", 31, width, ending=ending)
    i3d, vggish = sorted(recognised(tmp_path), key=lambda finding: finding.sets)
    assert (i3d.sets, i3d.origin, i3d.files) == (("i3d",), "UnAV-100", ("*_rgb.npy", "*_flow.npy"))
    assert (vggish.sets, vggish.origin, vggish.files) == (("vggish",), "UnAV-100", ("*_vggish.npy",))
    for finding in (i3d, vggish):
        assert finding.uses[0].startswith(f"--features {tmp_path} ")


def test_i3d_that_lies_in_two_folders_is_one_set(tmp_path: Path) -> None:
    for stream in ("rgb", "flow"):
        save(tmp_path / f"my_i3d_{stream}", 31, 1024)
    finding = only(tmp_path)
    assert finding.sets == ("i3d",)
    assert finding.uses == (
        f"python -m trainer encoders add i3d --from {tmp_path} --files 'my_i3d_rgb/*.npy' "
        "--files 'my_i3d_flow/*.npy' --modality visual --out FEATURES",
    )


def test_half_of_i3d_is_no_set(tmp_path: Path) -> None:
    save(tmp_path, 31, 1024, ending="_rgb")
    finding = only(tmp_path)
    assert finding.sets == ()
    assert "the flow files are not there" in finding.notes[0]


def test_published_layouts_are_used_as_they_are_and_others_are_registered(tmp_path: Path) -> None:
    save(tmp_path / "one" / "feats" / "res152", 80, 2048)
    save(tmp_path / "two words", 80, 2048)
    found = {finding.folder: finding.uses[0] for finding in recognised(tmp_path)}
    assert found[tmp_path / "one" / "feats" / "res152"].startswith(f"--features {tmp_path / 'one'} ")
    command = f"encoders add res152 --from '{tmp_path / 'two words'}' --modality visual --out FEATURES"
    assert command in found[tmp_path / "two words"]


def test_what_lies_beside_features_is_told_from_them(tmp_path: Path) -> None:
    (tmp_path / "feats_CLIP" / "event_feats").mkdir(parents=True)
    np.save(tmp_path / "feats_CLIP" / "event_feats" / "all_event_feats.npy", np.ones((25, 768), np.float32))
    (tmp_path / "CLAP" / "segment_pseudo_labels").mkdir(parents=True)
    np.save(tmp_path / "CLAP" / "segment_pseudo_labels" / f"{KEYS[0]}.npy", np.ones((10, 25), np.int64))
    labels, texts = sorted(recognised(tmp_path), key=lambda finding: finding.folder)
    assert (labels.sets, texts.sets) == ((), ())
    assert "pseudo-labels" in labels.origin
    assert f"pseudo-label from-folder {tmp_path} " in labels.uses[0]
    assert "text features of 25 categories" in texts.origin
    assert "texts --from" in texts.uses[0]
    assert "--set clip " in texts.uses[0]


def test_damaged_and_foreign_files_are_not_taken_for_anything(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.npy").write_text("no array")
    np.save(tmp_path / "x" / "b.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "all_event_feats.npy").write_text("no array")
    for finding in recognised(tmp_path):
        assert (finding.sets, finding.origin, finding.uses) == ((), "", ())
        assert finding.shape == "of different or unreadable shapes"
    assert recognised(tmp_path / "nothing") == []
