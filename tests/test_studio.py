"""What the window asks for and somebody else does: seen through the studio's own objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.studio import Studio
from avvp_studio.ui.new_project_dialog import NewProjectRequest
from tests.media_files import Sound, Video, write_media


@pytest.fixture
def studio(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Studio]:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, settings, tmp_path / "home", theme="light")
    yield studio
    studio.window.close()
    studio.close()
    studio.window.deleteLater()


def test_a_project_made_in_the_window_is_opened_and_its_sound_can_be_saved(
    qtbot: QtBot, studio: Studio, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    write_media(media / "street.mp4", Video(), Sound())
    request = NewProjectRequest(tmp_path / "project", "Street", "llp", annotations=None, media=media)
    studio.window.new_project_requested.emit(request)
    qtbot.waitUntil(lambda: studio.workspace.clip is not None, timeout=20_000)
    assert [clip.name for clip in studio.workspace.clips] == ["street"]
    assert "Street" in studio.window.windowTitle()

    studio.workspace.select((0.0, 1.0))
    out = tmp_path / "second.wav"
    studio.window.save_sound_requested.emit(out)
    qtbot.waitUntil(out.exists, timeout=20_000)
    assert soundfile.info(out).duration == 1.0
    qtbot.waitUntil(lambda: str(out) in studio.window.message_bar.text)


def test_a_request_that_fails_says_why_and_changes_nothing(
    qtbot: QtBot, studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    root = tmp_path / "project"
    request = NewProjectRequest(root, "Street", "llp", annotations=None, media=tmp_path / "empty")
    studio.window.new_project_requested.emit(request)
    bar = studio.window.message_bar
    qtbot.waitUntil(lambda: bar.kind == "error", timeout=20_000)
    assert "no video or sound file" in bar.text
    assert not root.exists()
    assert studio.workspace.project is None
