"""Extractions that are killed, and that find no room."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.bad_input.steps import fill
from tests.media_files import Sound, Video, write_media

SETS = ("signal-audio", "signal-visual")
CLIPS = 16


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    for number in range(CLIPS):
        place = folder / f"part {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        kind = ("clicks", "tone", "silence")[number % 3]
        video = Video(frames=10 * (number % 4 + 2), rate="10")
        write_media(place / f"clip-{number}.mp4", video, Sound(seconds=number % 4 + 2, kind=kind))
    return folder


def command(media: Path, out: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "trainer",
        "extract",
        "--encoder",
        "signal",
        "--media",
        str(media),
        "--out",
        str(out),
    ]


def made(out: Path) -> dict[str, tuple[int, bytes]]:
    """When each feature file was written, and what is in it."""
    return {
        str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*.npy")
    }


def test_what_was_made_before_a_kill_is_whole_and_is_not_made_twice(media: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "features"
    subprocess.run(command(media, whole), check=True, capture_output=True)
    before: dict[str, tuple[int, bytes]] = {}
    for enough in (1, 12, 23):
        process = subprocess.Popen(command(media, out), stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.rglob("*.npy"))) < enough:
            time.sleep(0.002)
        process.kill()
        process.wait()
        after = made(out)
        assert len(after) >= enough
        assert {file: after[file] for file in before} == before
        for file in after:
            assert np.isfinite(np.load(out / file)).all()
        before = after
    assert len(before) < len(SETS) * CLIPS, "the last kill came too late to show anything"
    subprocess.run(command(media, out), check=True, capture_output=True)
    after = made(out)
    assert {file: after[file] for file in before} == before
    assert {file: content for file, (_, content) in after.items()} == {
        file: content for file, (_, content) in made(whole).items()
    }
    assert not list(out.rglob("*.part"))


def test_on_a_full_disk_it_says_so_once_and_leaves_nothing_half_written(
    media: Path, disk: Path, tmp_path: Path
) -> None:
    fill(disk, leave=40_000)
    done = subprocess.run(command(media, disk / "features"), capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the disk is full; free some space and start it again" in done.stderr
    assert not list(disk.rglob("*.part"))
    for path in (disk / "features").rglob("*.npy"):
        assert np.isfinite(np.load(path)).all()
    (disk / "filler").unlink()
    subprocess.run(command(media, disk / "features"), check=True, capture_output=True)
    assert len(list((disk / "features").rglob("*.npy"))) == len(SETS) * CLIPS
