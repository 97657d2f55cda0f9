from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.dependencies import (
    DEPENDENCIES_FILE,
    SIDES,
    Dependencies,
    DependencyError,
    read_dependencies,
    write_dependencies,
)

CATEGORIES = ("Dog", "Bébé", "Car")


def made(*names: str) -> Dependencies:
    rng = np.random.default_rng(1)
    sides = {name: 3 * SIDES[name] for name in names or SIDES}
    matrices = {name: rng.normal(size=(side, side)).astype(np.float32) for name, side in sides.items()}
    return Dependencies(7, CATEGORIES, matrices)


@pytest.mark.parametrize("names", [(), ("audio", "visual"), ("audio_visual",)])
def test_a_file_gives_back_the_matrices_that_there_are(tmp_path: Path, names: tuple[str, ...]) -> None:
    path, given = tmp_path / DEPENDENCIES_FILE, made(*names)
    write_dependencies(path, given)
    found = read_dependencies(path)
    assert (found.epoch, found.categories) == (7, CATEGORIES)
    assert found.matrices.keys() == given.matrices.keys()
    for name, matrix in given.matrices.items():
        np.testing.assert_array_equal(found.matrices[name], matrix)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "matrix", "message"),
    [
        ("audio", np.zeros((3, 4), np.float32), r"audio is \(3, 4\)"),
        ("audio_visual", np.zeros((3, 3), np.float32), r"audio_visual is \(3, 3\)"),
        ("visual", np.full((3, 3), np.nan, np.float32), "visual is .*, not all finite"),
        ("touch", np.zeros((3, 3), np.float32), "touch is"),
    ],
)
def test_matrices_of_other_categories_are_neither_written_nor_read(
    tmp_path: Path, name: str, matrix: np.ndarray, message: str
) -> None:
    path = tmp_path / DEPENDENCIES_FILE
    wrong = replace(made(), matrices={name: matrix})
    with pytest.raises(DependencyError, match=f"are not those of 3 categories: {message}"):
        write_dependencies(path, wrong)
    assert not path.exists()
    if name in SIDES:
        np.savez(path, epoch=1, categories=CATEGORIES, **{name: matrix})
        with pytest.raises(DependencyError, match=message):
            read_dependencies(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / DEPENDENCIES_FILE
    path.write_bytes(content)
    with pytest.raises(DependencyError, match=r"dependencies\.npz: not a file of dependencies, or damaged"):
        read_dependencies(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="there is no such file"):
        read_dependencies(tmp_path / DEPENDENCIES_FILE)
