from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.supervision_files import (
    AXES,
    TYPES,
    Supervision,
    SupervisionError,
    read_supervision,
    shape_of,
    supervision_path,
    supervision_scores,
    write_supervision,
)

CATEGORIES = ("Dog", "Bébé", "Car")


def made(names: tuple[str, ...] = ("a", "b", "ç"), lengths: tuple[int, ...] = (4, 7, 1)) -> Supervision:
    rng = np.random.default_rng(1)
    arrays = {}
    for key, kind in TYPES.items():
        values = rng.random(shape_of(key, len(names), max(lengths, default=1), len(CATEGORIES)))
        arrays[key] = (values * 255).round().astype(np.uint8) if kind is np.uint8 else (values * 2).astype(kind)
    return Supervision(7, CATEGORIES, names, np.array(lengths, np.int64), min(2, len(names)), arrays)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = supervision_path(tmp_path, 7)
    write_supervision(path, made())
    return path


def test_a_file_gives_back_every_array_to_the_bit(path: Path) -> None:
    given, found = made(), read_supervision(path)
    assert path.name == "epoch-0007.npz"
    assert (found.epoch, found.trained) == (7, 2)
    assert (found.categories, found.names) == (CATEGORIES, ("a", "b", "ç"))
    assert found.lengths.tolist() == [4, 7, 1]
    assert found.arrays.keys() == given.arrays.keys() == AXES.keys()
    for key, array in given.arrays.items():
        assert found.arrays[key].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[key], array)
    assert list(path.parent.iterdir()) == [path]


def test_a_clip_is_cut_to_its_segments_and_its_probabilities_are_255ths(path: Path) -> None:
    clip, arrays = read_supervision(path).clip("a"), made().arrays
    shapes = {key: values.shape for key, values in clip.items()}
    assert shapes["student"] == (2, 4, 3)
    assert shapes["mask"] == shapes["pairs"] == (4, 3)
    assert shapes["similarity"] == (4,)
    assert shapes["thresholds"] == (3,)
    assert shapes["pair_similarity"] == shapes["pair_weight"] == shapes["overlap"] == (4, 4)
    assert (shapes["temporal_attention"], shapes["conditions"]) == ((2, 4), (2, 4, 3))
    np.testing.assert_array_equal(clip["overlap"], arrays["overlap"][0, :4, :4])
    assert clip["student"].dtype == np.float32
    np.testing.assert_array_equal(clip["student"], arrays["student"][0, :, :4] / np.float32(255))
    np.testing.assert_array_equal(clip["mask"], arrays["mask"][0, :4])
    with pytest.raises(KeyError):
        read_supervision(path).clip("nobody")


def test_masks_take_a_bit_a_cell(tmp_path: Path) -> None:
    names = tuple(f"clip-{i:04}" for i in range(500))
    cells = np.random.default_rng(0).random((500, 10, 3)) < 0.5
    lengths = np.full(500, 10, np.int64)
    write_supervision(tmp_path / "one.npz", Supervision(1, CATEGORIES, names, lengths, 500, {"mask": cells}))
    write_supervision(tmp_path / "two.npz", Supervision(1, CATEGORIES, names, lengths, 500, {}))
    sizes = [(tmp_path / name).stat().st_size for name in ("one.npz", "two.npz")]
    assert sizes[0] - sizes[1] < 1.2 * cells.size / 8


def test_a_file_without_clips_or_arrays_is_a_file(tmp_path: Path) -> None:
    write_supervision(tmp_path / "empty.npz", replace(made((), ()), trained=0))
    assert read_supervision(tmp_path / "empty.npz").names == ()


def test_what_a_newer_trainer_added_is_passed_over(path: Path) -> None:
    with np.load(path) as arrays:
        np.savez(path, **arrays, attention=np.zeros((3, 5)))
    assert read_supervision(path).arrays.keys() == AXES.keys()


def broken(path: Path, **changes: np.ndarray) -> None:
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **kept | changes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-60]),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_text("hello"),
        lambda path: path.write_bytes(b""),
        lambda path: broken(path, lengths=np.array([4, 7])),
        lambda path: broken(path, lengths=np.array([4, 0, 1])),
        lambda path: broken(path, lengths=np.array([4, 9, 1])),
        lambda path: broken(path, trained=np.array(4)),
        lambda path: broken(path, epoch=np.array("seven")),
        lambda path: broken(path, mask=np.zeros((3, 2), np.uint8)),
        lambda path: broken(path, teacher=np.zeros((3, 2, 7, 3), np.float32)),
        lambda path: broken(path, names=np.array([{"a": 1}], dtype=object)),
    ],
)
def test_a_damaged_file_is_refused_by_name(path: Path, damage: object) -> None:
    damage(path)  # type: ignore[operator]
    with pytest.raises(SupervisionError, match=r"epoch-0007\.npz: not a supervision file, or damaged"):
        read_supervision(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SupervisionError, match="there is no such supervision file"):
        read_supervision(tmp_path / "epoch-0001.npz")


def test_precision_and_recall_are_counted_over_cells() -> None:
    truth = np.zeros((1, 2, 4, 1), np.bool_)
    truth[0, 0, :3] = True  # heard in 0, 1, 2
    truth[0, 1, 2:] = True  # seen in 2, 3: both in 2
    mask = np.array([True, True, False, False]).reshape(1, 4, 1)
    pairs = np.array([False, True, True, False]).reshape(1, 4, 1)
    scores = supervision_scores({"mask": mask, "pairs": pairs}, truth)
    assert scores == {
        "mask/cells": 2.0,
        "mask/precision": 100.0,
        "mask/recall": 50.0,
        "pairs/cells": 2.0,
        "pairs/precision": 50.0,
        "pairs/recall": 100.0,
    }


def test_what_is_not_defined_is_left_out() -> None:
    nothing = np.zeros((2, 3, 1), np.bool_)
    truth = np.ones((2, 2, 3, 1), np.bool_)
    assert supervision_scores({"mask": nothing}, truth) == {"mask/cells": 0.0, "mask/recall": 0.0}
    assert supervision_scores({"pairs": ~nothing}, ~truth) == {"pairs/cells": 6.0, "pairs/precision": 0.0}
    assert supervision_scores({}, truth) == {}


def test_truth_that_is_audio_visual_only_says_nothing_of_the_mask() -> None:
    cells, truth = np.ones((1, 2, 1), np.bool_), np.ones((1, 2, 2, 1), np.bool_)
    scores = supervision_scores({"mask": cells, "pairs": cells}, truth, audio_visual_only=True)
    assert set(scores) == {"pairs/cells", "pairs/precision", "pairs/recall"}


def test_what_was_migrated_is_scored_where_it_was_no_label_and_by_modality() -> None:
    truth = np.zeros((1, 2, 4, 1), np.bool_)
    truth[0, 0, :3] = True  # heard in 0, 1, 2
    truth[0, 1, 2:] = True  # seen in 2, 3: both in 2, which is a label
    migrated = np.zeros((1, 2, 4, 1), np.uint8)
    migrated[0, 0] = np.array([250, 0, 255, 250])[:, None]  # right in 0, a label in 2, wrong in 3
    migrated[0, 1] = np.array([0, 0, 255, 1])[:, None]  # right in 3
    scores = supervision_scores({"migrated": migrated}, truth)
    assert scores == {
        "migrated_audio/cells": 2.0,
        "migrated_audio/precision": 50.0,
        "migrated_audio/recall": 50.0,
        "migrated_visual/cells": 1.0,
        "migrated_visual/precision": 100.0,
        "migrated_visual/recall": 100.0,
    }
    assert supervision_scores({"migrated": migrated}, truth, audio_visual_only=True) == {}


def test_a_row_names_the_clip_and_the_segment_that_it_is_of() -> None:
    rows = [(name, t) for name, length in (("a", 4), ("b", 7), ("ç", 1)) for t in range(length)]
    supervision = made()
    assert [supervision.source(1 + row) for row in range(12)] == rows
    assert supervision.source(0) is None
