"""Files that cannot be played, or only in part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.studio import Studio
from tests.bad_input.steps import (
    error_in,
    mark,
    open_clip,
    settle,
    stored,
)
from tests.media_files import Sound, Video, write_media


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
