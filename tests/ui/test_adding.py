"""Videos become clips with tracks: in the real window, by real jobs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobOrder, JobState, JobStatus
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import create_from_folders
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from avvp_studio.ui.add_videos_dialog import NOTHING_THERE, AddVideosDialog
from avvp_studio.ui.new_project_dialog import NewProjectDialog
from tests.media_files import Sound, Video, write_media
from tests.trainer.joint_models import clap_with_words, clip_with_words
from trainer.encoders.chosen_models import choose_model
from trainer.encoders.weights import WEIGHTS, missing
from trainer.labels import Modality, State

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
def small_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CLIP and a CLAP that were named on this machine, where no other encoder is installed."""
    monkeypatch.setenv("AVVP_CACHE", str(tmp_path / "cache"))
    choose_model("clip", str(clip_with_words(tmp_path / "a CLIP")))
    choose_model("clap", str(clap_with_words(tmp_path / "a CLAP")))


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


@needs_default_encoders  # then nothing is fetched
def test_videos_get_tracks_before_any_training_and_the_encoders_are_installed_first(
    qtbot: QtBot, studio: Studio, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, window = studio.workspace, studio.window
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
    qtbot.waitUntil(lambda: len(studio.jobs.statuses) == 3, timeout=10_000)
    assert [clip.name for clip in workspace.clips] == ["first", "second"]
    assert workspace.clip.name == "first"
    assert window.message_bar.text == "2 videos were added"
    assert window.clip_view.content.no_tracks == "Tracks are being found"

    installed, extract, tracks = wait_for_jobs(qtbot, studio, 3)
    assert (installed.kind, installed.state) == ("install", JobState.FINISHED), installed.error
    assert asked  # whether they are there now
    assert (extract.state, tracks.state) == (JobState.FINISHED, JobState.FINISHED), (extract, tracks)
    (track,) = window.clip_view.content.tracks  # by themselves
    assert track.parser.startswith("zero-shot")
    assert track.probabilities.shape == (2, 2, 3)
    assert "without training" in window.message_bar.text


def test_what_is_added_and_taken_back_is_shown_without_the_project_being_read_again(
    qtbot: QtBot, studio: Studio, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_on(store: Store) -> list[Clip]:
        assert threading.current_thread() is not threading.main_thread(), "the window waits"
        return read(store)

    read = Store.clips
    monkeypatch.setattr(Store, "clips", read_on)
    add(qtbot, studio, videos, finds_tracks=False)
    shown = studio.workspace.clips
    with Store.open(ProjectPaths(studio.workspace.project.root).database) as store:
        assert tuple(read(store)) == shown
    qtbot.mouseClick(offer(studio, "Take back"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.workspace.clips == (), timeout=10_000)


def test_what_was_labelled_meanwhile_stays_when_the_rest_is_taken_back(
    qtbot: QtBot, studio: Studio, videos: Path
) -> None:
    add(qtbot, studio, videos, finds_tracks=False)
    assert studio.workspace.mark(Modality.AUDIO, "Dog", 0.0, 1.0, State.PRESENT)
    qtbot.mouseClick(offer(studio, "Take back"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(studio.workspace.clips) == 1, timeout=10_000)
    assert studio.window.message_bar.text == "The videos were taken back, but 1 that has labels by now"
    assert (studio.workspace.clip.name, studio.workspace.edited) == ("first", {"first"})


def test_a_folder_without_videos_says_so(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("nothing to see")
    dialog = open_dialog(qtbot, studio)
    dialog.places_chosen.emit((tmp_path / "texts",))
    qtbot.waitUntil(lambda: dialog.count_text == NOTHING_THERE, timeout=10_000)
    assert not dialog.can_add
    dialog.reject()


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
    assert studio.window.clip_view.content.no_tracks.startswith("No tracks: the file is not a video")


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


def test_clip_and_clap_that_were_named_once_find_tracks(
    small_models: None, qtbot: QtBot, studio: Studio, videos: Path
) -> None:
    dialog = open_dialog(qtbot, studio)
    dialog.places_chosen.emit((videos,))
    qtbot.waitUntil(lambda: dialog.can_add and not studio.encoders.is_asking, timeout=30_000)
    assert dialog.request().encoder == "clip+clap"
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(studio.jobs.statuses) == 2, timeout=10_000)
    for status in wait_for_jobs(qtbot, studio, 2):
        assert status.state is JobState.FINISHED, status.error
    (track,) = studio.window.clip_view.content.tracks
    assert track.parser == "zero-shot (clip)"
    for probabilities in track.probabilities:  # heard, and seen
        assert 0 < probabilities.min() < probabilities.max() < 1
    assert studio.window.message_bar.text == "Tracks were found without training"


def test_tracks_by_clip_and_clap_can_be_asked_for_later(
    qtbot: QtBot, studio: Studio, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(qtbot, studio, videos, finds_tracks=False)
    ordered: list[JobOrder] = []
    monkeypatch.setattr(studio.jobs, "submit", ordered.append)
    studio.encoders.take([{"name": name, "ready": True, "texts": name == "clap"} for name in ("clip", "clap")])
    studio.encoders.reload = studio.encoders.loaded.emit
    studio.window.actions_by_name["find_joint_tracks"].trigger()
    qtbot.waitUntil(lambda: len(ordered) == 2, timeout=10_000)
    assert ordered[0].arguments[:4] == ("extract", "--encoder", "clap", "--list")
    assert ordered[1].arguments[-4:-2] == (
        "--out",
        str(videos.parent / "project" / "parses" / "zero-shot-clip.npz"),
    )


def test_without_models_of_clip_and_clap_it_is_said_how_to_name_them(qtbot: QtBot, studio: Studio) -> None:
    studio.encoders.take([])
    studio.encoders.reload = studio.encoders.loaded.emit
    studio.window.actions_by_name["find_joint_tracks"].trigger()
    assert "python -m trainer encoders model clip FOLDER" in studio.window.message_bar.text
    assert studio.jobs.statuses == ()


def test_a_dialog_that_is_closed_stops_looking(qtbot: QtBot, studio: Studio, videos: Path) -> None:
    dialog = open_dialog(qtbot, studio)
    dialog.places_chosen.emit((videos,))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=10_000)
    assert studio.window.findChild(AddVideosDialog) is None or not dialog.isVisible()
    assert studio.workspace.clips == ()


@pytest.mark.parametrize("lacking", ["yamnet", "minilm"])
def test_the_default_encoders_find_tracks_once_all_of_them_are_there(studio: Studio, lacking: str) -> None:
    names = ("yamnet", "efficientnet", "person", "minilm")
    for absent, finders in ((lacking, ()), ("", ("default",))):
        studio.encoders.take([{"name": name, "ready": name != absent, "texts": False} for name in names])
        assert studio.encoders.finders == finders


def test_the_encoders_are_asked_of_the_trainer_in_the_background(qtbot: QtBot, studio: Studio) -> None:
    assert studio.encoders.ready == {"signal"}
    with qtbot.waitSignal(studio.encoders.loaded, timeout=30_000):
        studio.encoders.load()
    assert "signal" in studio.encoders.ready
    has_all = not missing(WEIGHTS) and all(map(find_spec, ("ai_edge_litert", "onnxruntime", "tokenizers")))
    assert ("default" in studio.encoders.finders) == has_all
