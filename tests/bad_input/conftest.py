"""A small project in the real window, and a disk that is soon full."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.studio import Studio
from tests.bad_input.steps import (
    make_project,
)
from tests.media_files import Sound, Video, write_media


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_media(folder / "a.mp4")
    write_media(folder / "b.mp4", Video(frames=30), Sound(seconds=1.0))
    return folder


@pytest.fixture
def root(files: Path, tmp_path: Path) -> Path:
    return make_project(tmp_path, files)


@pytest.fixture
def studio(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Studio]:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, settings, tmp_path / "home", theme="dark")
    studio.window.resize(1000, 700)
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio
    studio.window.close()
    studio.close()
    studio.window.deleteLater()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    arguments = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *arguments], capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
