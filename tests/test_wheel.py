"""The wheel works in a clean environment, and a source tree works without being installed."""

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

LIST_CAPTIONS = """
import sys
from trainer.captions import caption_names, read_captions
from trainer.labels import Modality
captions = read_captions("llp")
print(*caption_names(), *captions.of(Modality.AUDIO, ("Dog",)), captions.thresholds["Dog"][1])
assert "avvp_studio" not in sys.modules
"""

LIST_RECIPES = """
import sys
sys.path.insert(0, sys.argv[1])
from PySide6.QtCore import QCoreApplication
from avvp_studio.recipes import RecipeCatalogue
app = QCoreApplication()
catalogue = RecipeCatalogue()
catalogue.loaded.connect(app.quit)
catalogue.failed.connect(lambda message: app.exit(1))
catalogue.load()
code = app.exec()
print([recipe.name for recipe in catalogue.recipes])
sys.exit(code)
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


def clean_environment(folder: Path, wheel: Path | None = None) -> Path:
    """The python of a new environment with the wheel in it. Its dependencies are lent by this one, as they are:
    a path entry is not searched for further .pth files, so the source tree does not leak in."""
    venv.create(folder, with_pip=False, symlinks=True)
    place = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    if wheel:
        command = ["pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)]
        subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, timeout=300)
    lent = next(path for path in sys.path if path.endswith("site-packages"))
    (place / "dependencies.pth").write_text(lent + "\n")
    return folder / "bin" / "python"


def run(python: Path, *arguments: str, cwd: Path) -> str:
    result = subprocess.run(
        [str(python), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""},
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_dependency_of_the_wheel_is_installed_in_the_version_that_it_asks_for(wheel: Path) -> None:
    requirements = [Requirement(text) for text in importlib.metadata.requires("avvp-studio") or []]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    assert needed
    for requirement in needed:
        assert requirement.specifier.contains(importlib.metadata.version(requirement.name)), requirement


def test_the_installed_wheel_opens_its_window(wheel: Path, tmp_path: Path) -> None:
    python = clean_environment(tmp_path / "clean", wheel)
    project, picture = tmp_path / "project", tmp_path / "window.png"
    (tmp_path / "words.txt").write_text("Dog\nCat\n")
    (tmp_path / "train.csv").write_text("filename\tevent_labels\nfirst\tDog\n")
    new = ("new", str(project), "--vocabulary", "words.txt", "--annotations", str(tmp_path))
    run(python, "-c", OPEN_WINDOW, *new, cwd=tmp_path)
    shot = ("shot", str(project), "--clip", "first", "--view", "main", "--out", str(picture))
    run(python, "-c", OPEN_WINDOW, *shot, cwd=tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "ecma/signal" in run(python, "-m", "trainer", "recipes", cwd=tmp_path)
    assert run(python, "-c", LIST_CAPTIONS, cwd=tmp_path).strip() == "llp unav100 This is a sound of dog 14.0"


def test_a_source_tree_that_is_not_installed_reaches_its_trainer_from_any_folder(tmp_path: Path) -> None:
    python = clean_environment(tmp_path / "clean")
    assert run(python, str(ROOT / "main.py"), "--version", cwd=tmp_path).startswith("AVVP Studio")
    assert "ecma/signal" in run(python, "-c", LIST_RECIPES, str(ROOT), cwd=tmp_path)
