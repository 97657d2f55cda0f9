"""What must stay true of the code as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avvp_studio.paths import resource_path

ROOT = Path(__file__).parents[1]


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_studio_starts_without_torch() -> None:
    code = "import sys, avvp_studio.app, avvp_studio.studio; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"


def test_the_trainer_runs_without_qt_and_without_a_database() -> None:
    code = (
        "import sys, trainer.__main__, trainer.engine; "
        "print(sorted({'PySide6', 'sqlalchemy', 'avvp_studio'} & {name.split('.')[0] for name in sys.modules}))"
    )
    assert run_python(code).strip() == "[]"


@pytest.mark.parametrize("name", ["icons", "themes/studio.qss", "vocabularies/llp.txt", "guide"])
def test_resources_are_found_from_the_source_tree(name: str) -> None:
    assert resource_path(name).exists()
    assert resource_path(name).is_relative_to(ROOT)


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".qss"} and path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            assert "/home/" not in text, name
            assert "/root/" not in text, name


def test_every_painter_ends_where_its_block_does() -> None:
    """One that is kept by the traceback of a mistake crashes the program."""
    for path in (ROOT / "avvp_studio").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "QPainter(" not in line or line.lstrip().startswith("with QPainter("), f"{path.name}: {line}"
