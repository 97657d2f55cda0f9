"""What goes wrong is said once and clearly in the real window, nothing is lost, and the program goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.app import main
from avvp_studio.domain.job import JobState, JobStatus, Recipe, TrainingRequest
from avvp_studio.media.peaks import Peaks
from avvp_studio.parse_folder import ParseFolder
from avvp_studio.projects import create_project
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from avvp_studio.ui.export_dialog import ExportRequest
from avvp_studio.ui.new_project_dialog import NewProjectRequest
from tests.media_files import Sound, Video, write_media
from trainer.labels import Modality, State
from trainer.parses import Parse, ParseError, ParseFile, read_parses, write_parses

CATEGORIES = ("Dog", "Cat", "Car")
RECIPE = Recipe("ecma/signal", "", ("signal-audio", "signal-visual"))
PATIENCE_S = 3.5
"""What the window may take at most: it waits 2 s for another program's lock, and this machine may be busy."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_media(folder / "a.mp4")
    write_media(folder / "b.mp4", Video(frames=30), Sound(seconds=1.0))
    return folder


def make_project(folder: Path, files: Path) -> Path:
    """A project of two clips with their media beside it."""
    shutil.copytree(files, folder / "media")
    root = folder / "project"
    create_project(
        root,
        categories=CATEGORIES,
        name="Zoo",
        dataset=None,
        media=folder / "media",
        progress=lambda *_: None,
    )
    return root


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


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Write to a disk until it is full but for `leave` bytes. Returns the file to delete to make room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler


def open_clip(qtbot: QtBot, studio: Studio, root: Path) -> None:
    assert studio.open_project(root)
    settle(qtbot, studio)


def settle(qtbot: QtBot, studio: Studio) -> None:
    """Wait until the clip is shown, or what stands in its place, and nothing goes on in the background."""
    video = studio.window.clip_view.video
    qtbot.waitUntil(lambda: (video.has_picture or bool(video.message)) and not studio.tasks.is_busy)


def mark(studio: Studio, category: str = "Dog") -> bool:
    return studio.workspace.mark(Modality.AUDIO, category, 0.0, 1.0, State.PRESENT)


def stored(root: Path) -> set[str]:
    """The categories that another connection finds labelled in the first clip."""
    with Store.open(root / "labels.sqlite") as store:
        return {event.category for event in store.events("a")}


def shown(studio: Studio) -> set[str]:
    return {event.category for event in studio.workspace.events}


def error_in(studio: Studio) -> str:
    """What the message bar says; it is dismissed."""
    bar = studio.window.message_bar
    assert bar.kind == "error"
    text = bar.details if bar.text else ""
    assert "Traceback" not in text
    bar.dismiss()
    return text


def train(qtbot: QtBot, studio: Studio, *, epochs: int = 1) -> list[JobStatus]:
    """Order a training and wait until all is over. Returns the jobs, the newest first."""
    order(qtbot, studio, epochs)
    qtbot.waitUntil(lambda: not studio.jobs.is_busy, timeout=60_000)
    return list(studio.jobs.statuses)


def order(qtbot: QtBot, studio: Studio, epochs: int) -> None:
    studio.train(TrainingRequest(RECIPE, device="cpu", epochs=epochs))
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=20_000)


# Media


def _no_video(folder: Path) -> Path:
    path = folder / "x.mp4"
    path.write_text("filename\tevent_labels\n" * 50)
    return path


def _empty(folder: Path) -> Path:
    path = folder / "x.mp4"
    path.touch()
    return path


def _cut_off(folder: Path) -> Path:
    path = write_media(folder / "x.mp4")
    os.truncate(path, path.stat().st_size // 2)
    return path


def _without_samples(folder: Path) -> Path:
    path = write_media(folder / "x.wav", None, Sound(codec="pcm_s16le"))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"data")] + b"data" + bytes(4))
    return path


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_no_video, "x.mp4 is not a video or sound file"),
        (_empty, "x.mp4 is empty (0 bytes)"),
        (_cut_off, "x.mp4 is not a video or sound file, or it is damaged"),
        (_without_samples, "x.wav has no length"),
    ],
)
def test_a_clip_whose_file_cannot_be_played_says_so_and_can_be_labelled(
    qtbot: QtBot, studio: Studio, root: Path, tmp_path: Path, write: Callable[[Path], Path], message: str
) -> None:
    open_clip(qtbot, studio, root)
    studio.workspace.set_media("a", write(tmp_path))
    settle(qtbot, studio)
    assert message in error_in(studio)
    assert studio.window.clip_view.video.message == "The video cannot be shown"
    assert mark(studio)
    assert stored(root) == {"Dog"}


@pytest.mark.parametrize(
    ("name", "video", "sound", "instead", "note"),
    [
        ("silent.mp4", Video(), None, "", "This file has no sound"),
        ("sound.m4a", None, Sound(), "This file has sound but no picture", ""),
        ("uneven.mp4", Video(times=(0, 0.1, 0.15, 0.5, 0.9, 1.7, 1.9)), Sound(), "", ""),
        ("telephone.mp4", Video(), Sound(rate=11_025, channels=1), "", ""),
        ("odd.mkv", Video(), Sound(codec="pcm_s16le", rate=37_800, channels=6), "", ""),
    ],
)
def test_an_unusual_file_is_played_without_complaint(
    qtbot: QtBot,
    studio: Studio,
    root: Path,
    tmp_path: Path,
    name: str,
    video: Video | None,
    sound: Sound | None,
    instead: str,
    note: str,
) -> None:
    open_clip(qtbot, studio, root)
    studio.workspace.set_media("a", write_media(tmp_path / name, video, sound))
    settle(qtbot, studio)
    studio.player.seek(1.5)
    studio.player.play()
    qtbot.waitUntil(lambda: studio.player.position > 1.6)
    assert studio.window.message_bar.text == ""
    assert studio.window.clip_view.video.message == instead
    assert studio.soundtrack.note == note


def test_damage_in_the_middle_costs_only_what_is_damaged(
    qtbot: QtBot, studio: Studio, root: Path, tmp_path: Path
) -> None:
    open_clip(qtbot, studio, root)
    path = write_media(tmp_path / "x.mp4", Video(frames=150), Sound(seconds=5.0, kind="tone"))
    content = bytearray(path.read_bytes())
    noise = np.random.default_rng(1).bytes(len(content) // 4)
    content[len(content) // 3 : len(content) // 3 + len(noise)] = noise
    path.write_bytes(content)
    studio.workspace.set_media("a", path)
    settle(qtbot, studio)
    assert studio.window.message_bar.text == ""
    assert studio.window.clip_view.video.has_picture
    assert studio.soundtrack.peaks is not None


def test_a_file_that_vanishes_is_missed_and_the_labels_stay(qtbot: QtBot, studio: Studio, root: Path) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    studio.player.play()
    shutil.rmtree(root.parent / "media")
    qtbot.waitUntil(lambda: bool(studio.window.message_bar.text))
    assert "a.mp4 is not in" in error_in(studio)
    assert not studio.player.is_playing
    studio.workspace.step_clip(1)
    assert studio.window.clip_view.video.message == "The video of b was not found"
    assert stored(root) == {"Dog"}


# The label database


def test_what_is_no_project_of_ours_leaves_the_open_one_open(
    qtbot: QtBot, studio: Studio, root: Path, tmp_path: Path
) -> None:
    open_clip(qtbot, studio, root)
    newer = tmp_path / "newer"
    shutil.copytree(root, newer)
    connection = sqlite3.connect(newer / "labels.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for folder, message in ((tmp_path, "no label database here"), (newer, "made by a newer AVVP Studio")):
        assert not studio.open_project(folder)
        assert message in error_in(studio)
    assert studio.workspace.project is not None
    assert studio.workspace.project.root == root
    assert mark(studio)
    assert stored(root) == {"Dog"}


def test_a_folder_that_may_not_be_looked_into_is_named(studio: Studio, tmp_path: Path, files: Path) -> None:
    closed = make_project(tmp_path / "closed", files)
    user = os.geteuid()
    closed.chmod(0o000)
    if user == 0:
        os.seteuid(65534)
    try:
        assert not studio.open_project(closed)
    finally:
        if user == 0:
            os.seteuid(0)
        closed.chmod(0o755)
    assert "cannot be read (Permission denied)" in error_in(studio)


def test_a_label_that_another_program_keeps_from_being_stored_is_not_shown(
    qtbot: QtBot, studio: Studio, root: Path
) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    other = sqlite3.connect(root / "labels.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert not mark(studio, "Cat")
    assert time.monotonic() - begun < PATIENCE_S
    assert "another program is writing to it" in error_in(studio)
    assert shown(studio) == {"Dog"}
    studio.workspace.step_clip(1)  # looking goes on
    studio.workspace.step_clip(-1)
    other.execute("ROLLBACK")
    other.close()
    assert mark(studio, "Cat")
    assert stored(root) == shown(studio) == {"Dog", "Cat"}


def test_a_project_that_another_program_locks_does_not_open_and_later_does(studio: Studio, root: Path) -> None:
    other = sqlite3.connect(root / "labels.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE project SET name = name")
    begun = time.monotonic()
    assert not studio.open_project(root)
    assert time.monotonic() - begun < PATIENCE_S
    message = error_in(studio)
    assert "another program is writing to it; close that program or try again" in message
    assert "change" not in message  # opening is none
    other.execute("ROLLBACK")
    other.close()
    assert studio.open_project(root)


def _delete(database: Path) -> None:
    for path in database.parent.glob("labels.sqlite*"):
        path.unlink()


def _move(database: Path) -> None:
    database.parent.rename(database.parent.with_name("elsewhere"))


def _empty_log(database: Path) -> None:
    """Move everything from the write-ahead log into the file itself."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _replace(database: Path) -> None:
    _empty_log(database)
    shutil.copy(database, database.with_name("restored"))
    os.replace(database.with_name("restored"), database)


@pytest.mark.parametrize("take_away", [_delete, _move, _replace])
def test_labels_do_not_go_into_a_database_that_was_taken_away(
    qtbot: QtBot, studio: Studio, root: Path, take_away: Callable[[Path], None]
) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    take_away(root / "labels.sqlite")
    assert not mark(studio, "Cat")
    assert "was moved, deleted or replaced while it was open" in error_in(studio)
    assert shown(studio) == {"Dog"}


def test_a_database_that_is_damaged_while_open_is_told(qtbot: QtBot, studio: Studio, root: Path) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    database = root / "labels.sqlite"
    _empty_log(database)
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    assert not mark(studio, "Cat")
    assert "the label database is damaged; restore it from a backup" in error_in(studio)
    assert shown(studio) == {"Dog"}


# A full disk


def test_on_a_full_disk_nothing_is_shown_that_is_not_stored_and_everything_works_again_later(
    qtbot: QtBot, studio: Studio, disk: Path, files: Path, tmp_path: Path
) -> None:
    root = make_project(disk, files)
    open_clip(qtbot, studio, root)
    assert mark(studio)
    filler = fill(disk)
    for _ in range(50):  # what room the write-ahead log has left
        if not mark(studio, "Cat") or not studio.workspace.undo():
            break
    assert "the disk is full; free some space" in error_in(studio)
    assert shown(studio) == stored(root)

    studio.workspace.step_clip(1)  # its waveform cannot be kept
    settle(qtbot, studio)
    assert "could not be kept" in studio.soundtrack.note
    assert studio.soundtrack.peaks is not None
    assert not list((root / "peaks").glob("*.part"))

    order(qtbot, studio, 1)
    assert "the training could not be written" in error_in(studio)
    assert not list((root / "runs").glob("*"))

    for request in (
        lambda: studio.window.export_requested.emit(ExportRequest("dataset", disk / "out")),
        lambda: studio.window.new_project_requested.emit(
            NewProjectRequest(
                root=disk / "new", name="New", vocabulary="llp", annotations=None, media=tmp_path / "disk/media"
            )
        ),
    ):
        request()
        qtbot.waitUntil(lambda: not studio.tasks.is_busy)
        assert "free some space" in error_in(studio)
    assert {path.name for path in disk.iterdir()} == {"media", "project", "filler"}

    filler.unlink()
    studio.workspace.step_clip(-1)
    assert mark(studio, "Car")
    assert "Car" in stored(root)
    assert stored(root) == shown(studio)


def test_a_training_that_fills_the_disk_says_so_and_leaves_no_half_files(
    qtbot: QtBot, studio: Studio, disk: Path, files: Path
) -> None:
    root = make_project(disk, files)
    open_clip(qtbot, studio, root)
    assert mark(studio)
    fill(disk, leave=300_000)
    status = train(qtbot, studio)[0]
    assert status.state is JobState.FAILED
    assert "the disk is full" in error_in(studio)
    assert not list(root.rglob("*.part"))
    assert stored(root) == {"Dog"}


def test_a_first_start_on_a_full_disk_says_what_it_lacks(
    qtbot: QtBot, qapp: QApplication, disk: Path, tmp_path: Path
) -> None:
    fill(disk)
    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, settings, disk / "home", theme="dark")
    studio.open_sample()
    assert "No space left on device" in error_in(studio)
    assert not studio.jobs.is_busy
    studio.window.close()
    studio.close()
    studio.window.deleteLater()


# Parses


def parses(categories: tuple[str, ...] = CATEGORIES, *, value: float = 0.5) -> ParseFile:
    segments = np.full((2, len(categories)), value, np.float32)
    return ParseFile.from_clips({"a": Parse(segments, segments, segments[0])}, categories)


def _garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(2000))


def _nothing(path: Path) -> None:
    path.touch()


def _half(path: Path) -> None:
    write_parses(path, parses())
    os.truncate(path, path.stat().st_size // 2)


def _no_number(path: Path) -> None:
    write_parses(path, parses(value=float("nan")))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_garbage, "not a parse file, or damaged"),
        (_nothing, "not a parse file, or damaged"),
        (_half, "not a parse file, or damaged"),
        (Path.mkdir, "not a parse file, or damaged"),
        (_no_number, "its probabilities are not all between 0 and 1"),
        (lambda path: write_parses(path, parses(("Dog", "Lion"))), "says nothing of Cat, Car"),
    ],
)
def test_a_parse_file_that_is_odd_is_named_and_the_good_one_is_shown(
    qtbot: QtBot, studio: Studio, root: Path, write: Callable[[Path], None], message: str
) -> None:
    folder = root / "parses"
    folder.mkdir()
    write_parses(folder / "good.npz", parses())
    write(folder / "odd.npz")
    open_clip(qtbot, studio, root)
    assert message in error_in(studio)
    assert "good" in {track.parser for track in studio.workspace.tracks}
    assert mark(studio)


def test_no_damage_to_a_parse_file_or_to_kept_peaks_breaks_the_program(tmp_path: Path, files: Path) -> None:
    write_parses(tmp_path / "x.npz", parses())
    folder = ParseFolder(tmp_path, CATEGORIES, lambda text: None)
    cache = tmp_path / "peaks" / "b.npz"
    Peaks.measure(files / "b.mp4").save(cache, files / "b.mp4")
    for path in (tmp_path / "x.npz", cache):
        whole = path.read_bytes()
        places = [*range(0, min(len(whole), 300), 5), *range(max(0, len(whole) - 900), len(whole), 9)]
        for place in places:
            content = bytearray(whole)
            content[place] ^= 0xFF
            path.write_bytes(content)
            if path == cache:
                Peaks.load(cache, files / "b.mp4")
            else:
                with suppress(ParseError):
                    read_parses(path)
                folder.scan()


# Jobs


def job_folder(runs: Path, name: str, record: object, messages: str = "") -> None:
    folder = runs / name
    folder.mkdir(parents=True)
    content = record if isinstance(record, bytes) else json.dumps(record).encode()
    (folder / "job.json").write_bytes(content)
    (folder / "messages.jsonl").write_text(messages)


def record(**changes: object) -> dict[str, object]:
    order = {"name": "x", "title": "Train", "kind": "train", "arguments": []}
    return {"order": order | changes, "process": None}


def test_garbage_among_the_runs_is_passed_over(qtbot: QtBot, studio: Studio, root: Path) -> None:
    runs = root / "runs"
    finished = '{"type": "finished", "time": 1.0}\n'
    odd = [
        '{"type": "progress", "stage": 1, "done": "x", "total": "y"}',
        '{"type": "epoch", "epoch": "one", "epochs": null, "losses": 5}',
        '{"type": "finished", "outputs": null}',
    ]
    for i, content in enumerate((b"\xff\xfe\0", b"", b"[]", b"null", b'{"order": 5}')):
        job_folder(runs, f"broken-{i}", content)
    job_folder(runs, "words", record(title=None, arguments=[1]), finished)
    job_folder(runs, "number", record() | {"process": {"pid": "many", "began": 1}}, finished)
    job_folder(runs, "good", record(), "\n".join([*odd, finished]))
    job_folder(runs, "copy of good", record(), finished)
    (runs / "a file").touch()
    (runs / "loop").symlink_to("loop")
    open_clip(qtbot, studio, root)
    assert {status.name: status.state for status in studio.jobs.statuses} == {
        "good": JobState.FINISHED,
        "copy of good": JobState.FINISHED,
    }
    studio.window.show_jobs()
    assert not studio.window.grab().isNull()
    assert studio.window.message_bar.text == ""


def running(studio: Studio) -> JobStatus | None:
    return next((status for status in studio.jobs.statuses if status.epochs and not status.state.is_over), None)


def test_a_training_that_is_killed_or_meets_damage_is_told(qtbot: QtBot, studio: Studio, root: Path) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    order(qtbot, studio, 100_000)
    qtbot.waitUntil(lambda: running(studio) is not None, timeout=60_000)
    status = running(studio)
    assert status is not None
    written = json.loads((root / "runs" / status.name / "job.json").read_text())
    psutil.Process(written["process"]["pid"]).send_signal(signal.SIGKILL)
    qtbot.waitUntil(lambda: not studio.jobs.is_busy, timeout=20_000)
    assert "The process ended without a word" in error_in(studio)
    assert studio.jobs.statuses[0].state is JobState.FAILED

    feature = root / "features" / "signal-audio" / "a.npy"
    os.truncate(feature, feature.stat().st_size // 2)
    assert train(qtbot, studio)[0].state is JobState.FAILED
    assert "signal-audio/a.npy: damaged" in error_in(studio)
    assert stored(root) == {"Dog"}


# Annotations, and what nobody foresaw


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file\tevent_labels\na\tDog\n", "train.csv:1: there is no column 'file'"),
        (b"filename\tevent_labels\na\tDgo\n", "train.csv:2: 'Dgo' is not one of the 3 categories"),
        ("filename\tevent_labels\nä\tDog\n".encode("latin-1"), "train.csv:2: not UTF-8 text"),
        ("filename\tevent_labels\na\tDog\n".encode("utf-16"), "train.csv:1: not UTF-8 text"),
        (b"filename\tevent_labels\n" + b"x\tDgo\n" * 100_000, "99999 more rows"),
    ],
)
def test_annotations_that_cannot_be_read_are_refused_alike_by_window_and_command(
    qtbot: QtBot,
    studio: Studio,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "train.csv").write_bytes(content)
    (tmp_path / "words.txt").write_text("\n".join(CATEGORIES))
    open_clip(qtbot, studio, root)
    studio.window.new_project_requested.emit(
        NewProjectRequest(
            root=tmp_path / "new",
            name="New",
            vocabulary=str(tmp_path / "words.txt"),
            annotations=annotations,
            media=None,
        )
    )
    assert mark(studio)  # the window answers meanwhile
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=20_000)
    assert message in error_in(studio)
    assert not (tmp_path / "new").exists()

    assert main(["import", str(root), str(annotations)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert stored(root) == {"Dog"}


def test_what_nobody_foresaw_is_one_sentence_and_the_traceback_goes_to_the_terminal(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        {}["nothing"]
    except KeyError as error:
        studio.report_unexpected(error)
    assert "KeyError" in error_in(studio)
    assert "Traceback" in capsys.readouterr().err
