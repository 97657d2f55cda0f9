"""The wheel, installed into a clean environment, opens the window with its own resources."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

OPEN_WINDOW = """
import sys
from pathlib import Path
import avvp_studio, trainer
from avvp_studio.paths import resource_path
prefix = Path(sys.prefix)
for place in (Path(avvp_studio.__file__), Path(trainer.__file__), resource_path("themes/studio.qss")):
    assert place.is_relative_to(prefix), place
from avvp_studio.app import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel in it. Its dependencies are lent by this one, file by file as they
    are: a path entry is not searched for further .pth files, so the source tree does not leak in."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    place = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    lent = next(path for path in sys.path if path.endswith("site-packages"))
    (place / "dependencies.pth").write_text(lent + "\n")
    return folder / "bin" / "python"


def test_every_dependency_of_the_wheel_is_installed_in_the_version_that_it_asks_for(wheel: Path) -> None:
    requirements = [Requirement(text) for text in importlib.metadata.requires("avvp-studio") or []]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    assert needed
    for requirement in needed:
        assert requirement.specifier.contains(importlib.metadata.version(requirement.name)), requirement


def test_the_installed_wheel_opens_its_window(python: Path, tmp_path: Path) -> None:
    project, picture = tmp_path / "project", tmp_path / "window.png"
    (tmp_path / "words.txt").write_text("Dog\nCat\n")
    (tmp_path / "train.csv").write_text("filename\tevent_labels\nfirst\tDog\n")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""}

    def run(*arguments: str) -> None:
        result = subprocess.run(
            [str(python), "-c", OPEN_WINDOW, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr

    run("new", str(project), "--vocabulary", "words.txt", "--annotations", str(tmp_path))
    run("shot", str(project), "--clip", "first", "--view", "main", "--out", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
