"""Videos become clips with tracks: in the real window, by real jobs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState, JobStatus
from avvp_studio.projects import create_from_folders
from avvp_studio.studio import Studio
from avvp_studio.ui.add_videos_dialog import AddVideosDialog
from avvp_studio.ui.new_project_dialog import NewProjectDialog
from tests.media_files import Sound, Video, write_media
from trainer.encoders.weights import WEIGHTS, missing

pytestmark = pytest.mark.timeout(180)

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def studio(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Studio]:
    """The studio on a project without clips, whose categories somebody typed."""
    root = tmp_path / "project"
    create_from_folders(
        root,
        vocabulary=("Dog", "Speech", "Glass breaking"),
        annotations=None,
        media=None,
        name="Mine",
        progress=lambda *_: None,
    )
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, settings, tmp_path / "home", theme="dark")
    assert studio.open_project(root)
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio
    studio.window.close()
    studio.close()
    studio.window.deleteLater()


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder of two videos, and one that is none."""
    folder = tmp_path / "videos"
    folder.mkdir()
    first = write_media(folder / "first.mp4", Video(), Sound())
    shutil.copy(first, folder / "second.mp4")
    (folder / "third.mp4").write_bytes(b"no video" * 50)
    return folder


def open_dialog(qtbot: QtBot, studio: Studio) -> AddVideosDialog:
    """Press the key in the window."""
    studio.window.activateWindow()
    qtbot.waitUntil(studio.window.isActiveWindow)
    qtbot.keyClick(studio.window.clip_view.timeline, Qt.Key.Key_A, CTRL_SHIFT)
    return studio.window.findChild(AddVideosDialog)


def add(qtbot: QtBot, studio: Studio, folder: Path, *, finds_tracks: bool = True) -> None:
    dialog = open_dialog(qtbot, studio)
    qtbot.waitUntil(lambda: not studio.encoders.is_asking, timeout=30_000)
    dialog.places_chosen.emit((folder,))
    qtbot.waitUntil(lambda: dialog.can_add, timeout=30_000)
    if not finds_tracks:
        dialog._form._finds.click()
    count = len(studio.workspace.clips)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(studio.workspace.clips) > count, timeout=30_000)


def wait_for_jobs(qtbot: QtBot, studio: Studio, count: int) -> list[JobStatus]:
    """The jobs that were ordered, the oldest first, once all of them are over."""

    def are_over() -> bool:
        statuses = studio.jobs.statuses
        return len(statuses) == count and all(status.state.is_over for status in statuses)

    qtbot.waitUntil(are_over, timeout=120_000)
    return list(reversed(studio.jobs.statuses))


def offer(studio: Studio, text: str) -> QPushButton:
    buttons = studio.window.message_bar.findChildren(QPushButton)
    return next(each for each in buttons if each.text() == text and each.isVisible())


needs_default_encoders = pytest.mark.skipif(
    bool(missing(WEIGHTS)) or find_spec("ai_edge_litert") is None or find_spec("onnxruntime") is None,
    reason="the default encoders are not installed (python -m trainer encoders install default)",
)


@needs_default_encoders
def test_videos_get_tracks_before_any_training(qtbot: QtBot, studio: Studio, videos: Path) -> None:
    workspace, window = studio.workspace, studio.window
    add(qtbot, studio, videos)
    assert [clip.name for clip in workspace.clips] == ["first", "second"]
    assert workspace.clip.name == "first"
    assert window.message_bar.text == "2 videos were added"
    qtbot.waitUntil(lambda: len(studio.jobs.statuses) == 2, timeout=10_000)
    assert window.clip_view.content.no_tracks == "Tracks are being found"

    extract, tracks = wait_for_jobs(qtbot, studio, 2)
    assert (extract.state, tracks.state) == (JobState.FINISHED, JobState.FINISHED), (extract, tracks)
    (track,) = window.clip_view.content.tracks  # by themselves
    assert track.parser.startswith("zero-shot")
    assert track.probabilities.shape == (2, 2, 3)
    assert "without training" in window.message_bar.text

    # A clip that is added later is parsed with all the others, into the same file.
    more = videos.parent / "more"
    more.mkdir()
    shutil.copy(videos / "first.mp4", more / "later.mp4")
    add(qtbot, studio, more)
    extract, tracks = wait_for_jobs(qtbot, studio, 4)[2:]
    assert extract.title == "Extract features of 1 clip"
    assert len(workspace.parsers) == 1
    for name in ("first", "later"):
        workspace.open_clip(name)
        assert len(workspace.tracks) == 1, name


@needs_default_encoders  # then nothing is fetched
def test_the_default_encoders_are_installed_as_a_job_before_the_tracks(
    qtbot: QtBot, studio: Studio, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(studio.encoders, "is_loaded", True)
    monkeypatch.setattr(studio.encoders, "reload", lambda: asked.append(True))
    dialog = open_dialog(qtbot, studio)
    dialog.places_chosen.emit((videos,))
    qtbot.waitUntil(lambda: dialog.can_add, timeout=30_000)
    assert dialog.request().encoder == "signal"
    install = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Install them")
    qtbot.mouseClick(install, Qt.MouseButton.LeftButton)
    assert dialog.request().encoder == "default"
    asked.clear()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    installed, extract, tracks = wait_for_jobs(qtbot, studio, 3)
    assert (installed.kind, installed.state) == ("install", JobState.FINISHED), installed.error
    assert (extract.kind, tracks.kind, tracks.state) == ("extract", "zero-shot", JobState.FINISHED)
    assert asked  # whether they are there now


def test_without_tracks_now_no_job_is_ordered_and_it_can_be_taken_back(
    qtbot: QtBot, studio: Studio, videos: Path
) -> None:
    add(qtbot, studio, videos, finds_tracks=False)
    qtbot.waitUntil(lambda: not studio.tasks.is_busy)
    assert studio.jobs.statuses == ()
    qtbot.mouseClick(offer(studio, "Take back"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.workspace.clips == (), timeout=10_000)
    assert studio.workspace.clip is None
    assert sorted(path.name for path in videos.iterdir()) == ["first.mp4", "second.mp4", "third.mp4"]


def test_a_video_that_cannot_be_encoded_says_why_where_one_looks(
    qtbot: QtBot, studio: Studio, videos: Path
) -> None:
    studio.encoders.take([])  # none but the built-in one, which every machine has
    studio.encoders.is_loaded = True
    studio.encoders.reload = lambda: None
    add(qtbot, studio, videos)
    (videos / "first.mp4").write_bytes(b"overwritten since" * 20)
    (extract,) = wait_for_jobs(qtbot, studio, 1)
    assert "first" in extract.failures  # the job needs longer to begin than a file to be overwritten
    assert studio.workspace.clip.name == "first"
    assert studio.window.clip_view.content.no_tracks.startswith("No tracks: ")


def test_without_a_project_it_says_how_to_come_to_one_and_then_asks_again(
    qtbot: QtBot, studio: Studio, videos: Path
) -> None:
    root = studio.workspace.project.root
    studio.workspace.close_project()
    studio.window.videos_requested.emit((videos,))
    assert "Videos go into a project" in studio.window.message_bar.text
    qtbot.mouseClick(offer(studio, "New project…"), Qt.MouseButton.LeftButton)
    studio.window.findChild(NewProjectDialog).reject()
    studio.open_project(root)
    dialog = studio.window.findChild(AddVideosDialog)
    qtbot.waitUntil(lambda: dialog.can_add, timeout=30_000)
    assert dialog.count_text.startswith("2 videos")
    dialog.reject()


def test_tracks_without_the_encoders_are_refused_with_what_helps(qtbot: QtBot, studio: Studio) -> None:
    studio.encoders.take([])
    studio.encoders.is_loaded = True
    studio.encoders.reload = studio.encoders.loaded.emit
    studio.window.actions_by_name["find_tracks"].trigger()
    assert "encoders install default" in studio.window.message_bar.text
    assert offer(studio, "Install them")
    assert studio.jobs.statuses == ()


def test_a_dialog_that_is_closed_stops_looking(qtbot: QtBot, studio: Studio, videos: Path) -> None:
    dialog = open_dialog(qtbot, studio)
    dialog.places_chosen.emit((videos,))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=10_000)
    assert studio.window.findChild(AddVideosDialog) is None or not dialog.isVisible()
    assert studio.workspace.clips == ()


def test_the_encoders_are_asked_of_the_trainer_in_the_background(qtbot: QtBot, studio: Studio) -> None:
    assert studio.encoders.ready == {"signal"}
    with qtbot.waitSignal(studio.encoders.loaded, timeout=30_000):
        studio.encoders.load()
    assert "signal" in studio.encoders.ready
    assert ("default" in studio.encoders.ready) == (not missing(WEIGHTS)) or find_spec("ai_edge_litert") is None
