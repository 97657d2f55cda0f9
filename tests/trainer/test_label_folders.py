"""Pseudo-labels as VALOR and UWAV publish them: what is read, what is refused, what is written."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.label_folders import LabelFolder, LabelFolderError, read_label_folder, write_label_folder

NAMES = ("aaaaaaaaaaa_0_10", "-bbbbbbbbbb_20_30", "ccccccccccc_5_15")
SEGMENTS = dict.fromkeys(NAMES, 10)
VALOR = ("CLAP/segment_pseudo_labels", "CLIP/segment_pseudo_labels")


def labels(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random((2, 10, 3)) < 0.3 for name in NAMES}


def put(folder: Path, name: str, values: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name[:11]}.npy", np.asarray(values))


def put_uwav(root: Path, logits: dict[str, np.ndarray], thresholds: np.ndarray) -> None:
    for axis, letter in enumerate("av"):
        for name, cells in logits.items():
            put(root / f"{letter}_segmentwise_logits", name, cells[axis].astype(np.float32))
        np.save(root / f"{letter}_classwise_threhsolds.npy", thresholds[axis].astype(np.float32))


def read(folder: Path) -> LabelFolder:
    return read_label_folder(folder, NAMES, 3, SEGMENTS)


@pytest.mark.parametrize(("layout", "dtype"), [("valor", np.int64), ("uwav", np.float32)])
def test_what_is_written_in_a_layout_is_read_back_the_same(tmp_path: Path, layout: str, dtype: type) -> None:
    wanted = labels()
    write_label_folder(tmp_path, layout, wanted)  # type: ignore[arg-type]
    files = sorted(tmp_path.rglob("*.npy"))
    assert [file.name for file in files[:3]] == ["-bbbbbbbbbb.npy", "aaaaaaaaaaa.npy", "ccccccccccc.npy"]
    assert {np.load(file).dtype for file in files} == {np.dtype(dtype)}
    found = read(tmp_path)
    assert (found.layout, found.thresholds, found.missing) == (layout, None, ())
    for name in NAMES:
        np.testing.assert_array_equal(found.cells[name], wanted[name])


@pytest.mark.parametrize("within", ["", "LLP_Dataset"])
def test_uwav_logits_come_before_its_labels_where_thresholds_are_there(tmp_path: Path, within: str) -> None:
    rng = np.random.default_rng(2)
    logits = {name: rng.normal(size=(2, 10, 3)).astype(np.float32) for name in NAMES}
    thresholds = np.array([[0.5, -np.inf, 1.0], [-2.0, 0.0, 3.0]])
    root = tmp_path / within
    write_label_folder(root, "uwav", labels())
    put_uwav(root, logits, thresholds)
    found = read(tmp_path)
    assert found.thresholds is not None
    np.testing.assert_array_equal(found.thresholds, thresholds)
    np.testing.assert_array_equal(found.cells[NAMES[1]], logits[NAMES[1]])
    (root / "v_classwise_threhsolds.npy").unlink()
    assert read(tmp_path).thresholds is None


def test_clips_without_files_are_named_and_the_others_read(tmp_path: Path) -> None:
    write_label_folder(tmp_path, "valor", {name: labels()[name] for name in NAMES[:2]})
    found = read(tmp_path)
    assert (tuple(found.cells), found.missing) == (NAMES[:2], NAMES[2:])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: np.save(file, np.zeros((10, 4))), "is of shape (10, 4) and not (10, 3)"),
        (lambda file: np.save(file, np.zeros((7, 3))), "is of shape (7, 3) and not (10, 3)"),
        (lambda file: np.save(file, np.full((10, 3), np.nan)), "holds values that are not finite"),
        (lambda file: np.save(file, np.full((10, 3), 0.5)), "neither 0 nor 1"),
        (lambda file: np.save(file, np.array([{}]), allow_pickle=True), "damaged, or no array of numbers"),
        (lambda file: np.save(file, np.full((10, 3), "a")), "holds no array of numbers"),
        (lambda file: file.write_bytes(b"x"), "damaged, or no array of numbers"),
        (lambda file: file.unlink(), "missing, and the other modality is there"),
    ],
    ids=["width", "length", "nan", "soft", "pickle", "text", "damaged", "one-modality"],
)
def test_files_that_cannot_be_used_are_all_listed_at_once(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    write_label_folder(tmp_path, "valor", labels())
    for name in NAMES[:2]:
        damage(tmp_path / VALOR[1] / f"{name[:11]}.npy")
    with pytest.raises(LabelFolderError) as caught:
        read(tmp_path)
    text = str(caught.value)
    assert "2 of 3 clips have labels that cannot be used" in text
    assert text.count(message) == 2
    assert "segment_pseudo_labels/-bbbbbbbbbb.npy" in text


def test_a_folder_of_nothing_that_is_known_says_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(LabelFolderError, match="no such folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(LabelFolderError, match="valor: CLAP/segment_pseudo_labels and CLIP/"):
        read(tmp_path)
    (tmp_path / VALOR[0]).mkdir(parents=True)
    with pytest.raises(LabelFolderError, match="CLIP/segment_pseudo_labels: there is no such folder"):
        read(tmp_path)
    (tmp_path / VALOR[1]).mkdir(parents=True)
    with pytest.raises(LabelFolderError, match="no file of any of the 3 clips"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (np.zeros((2, 4)), "there are 3 categories"),
        (np.array([[0.0, np.nan, 0.0]] * 2), "numbers or minus infinity"),
    ],
)
def test_thresholds_that_are_none_are_refused(tmp_path: Path, thresholds: np.ndarray, message: str) -> None:
    put_uwav(tmp_path, {name: np.zeros((2, 10, 3)) for name in NAMES}, thresholds)
    with pytest.raises(LabelFolderError, match=message):
        read(tmp_path)


def test_nothing_is_written_over_and_no_file_is_of_two_clips(tmp_path: Path) -> None:
    write_label_folder(tmp_path, "valor", labels())
    with pytest.raises(LabelFolderError, match="already holds labels"):
        write_label_folder(tmp_path, "valor", labels())
    both = {name: np.zeros((2, 10, 3), bool) for name in ("aaaaaaaaaaa_0_10", "aaaaaaaaaaa_50_60")}
    with pytest.raises(LabelFolderError, match=r"one file aaaaaaaaaaa\.npy for both"):
        write_label_folder(tmp_path / "other", "uwav", both)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["../../aaaaa", "a/b", "..\\b"])
def test_no_name_of_a_clip_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabelFolderError, match="a file cannot be named as this clip is"):
        write_label_folder(tmp_path / "out", "valor", {**labels(), name: np.ones((2, 10, 3), bool)})
    assert not (tmp_path / "out").exists()


def test_labels_that_could_not_all_be_written_are_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = np.save, 0

    def full(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write_label_folder(tmp_path, "valor", labels())
    assert not list(tmp_path.rglob("*.npy*"))
    write_label_folder(tmp_path, "valor", labels())
    assert len(list(tmp_path.rglob("*.npy"))) == 6


def test_logits_without_thresholds_ask_for_them(tmp_path: Path) -> None:
    put_uwav(tmp_path, {name: np.zeros((2, 10, 3)) for name in NAMES}, np.zeros((2, 3)))
    (tmp_path / "a_classwise_threhsolds.npy").unlink()
    with pytest.raises(LabelFolderError, match="not the thresholds to go with them: a_classwise_threhsolds"):
        read(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(LabelFolderError, match="is a file; give the name of a folder"):
        write_label_folder(tmp_path / "out", "uwav", labels())
