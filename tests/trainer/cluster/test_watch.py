"""A cluster that is lost: told in one line, before Ray ends the program without one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.media_files import Sound, Video, write_media
from tests.trainer.commands.conftest import run as run
from tests.trainer.commands.steps import Run
from trainer.cluster import watch
from trainer.cluster.watch import Lifeline, Watch

CLIPS = 48


def listening(port: int = 0) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen()
    return made


def test_a_head_that_comes_back_in_time_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    head, node = listening(), listening()
    port = head.getsockname()[1]
    of_head = Lifeline("its head", f"127.0.0.1:{port}", 30)
    watching = Watch([of_head, Lifeline("its node", f"127.0.0.1:{node.getsockname()[1]}", 3)])

    def lost(at: float) -> Lifeline | None:
        nonlocal now
        now = at
        return watching.lost()

    with node:
        assert [lost(101), lost(130)] == [None, None]
        head.close()
        assert [lost(140), lost(159)] == [None, None]
        assert watching.silent() == of_head
        with listening(port):
            assert lost(162) is None
            assert watching.silent() is None
        assert [lost(165), lost(191)] == [None, None]
        assert lost(193) == of_head


def test_a_watch_that_is_asked_often_looks_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(watch, "silence", looks.append)
    watching = Watch([Lifeline("its head", "127.0.0.1:9", 30)])
    for _ in range(100):
        assert watching.lost() is None
    assert len(looks) == 1


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::Warning")
def test_a_cluster_that_is_lost_ends_the_work_with_one_line_and_the_work_goes_on_from_there(
    tmp_path: Path, run: Run
) -> None:
    media, out = tmp_path / "media", tmp_path / "features"
    media.mkdir()
    one = write_media(media / "clip-000.mp4", Video(frames=24, rate="12"), Sound(seconds=2, kind="clicks"))
    for number in range(1, CLIPS):
        os.link(one, media / f"clip-{number:03}.mp4")
    arguments = ["extract", "--encoder", "signal", "--media", str(media), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", *arguments, "--engine", "ray"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not [*out.glob("signal-visual/*.npy")]:
        assert process.poll() is None
        time.sleep(0.05)
    (node,) = (
        child for child in psutil.Process(process.pid).children(recursive=True) if child.name() == "raylet"
    )
    node.kill()
    _, error = process.communicate(timeout=100)
    assert process.returncode == 2
    (told,) = (line for line in error.splitlines() if line.startswith("error: "))
    assert "the cluster was lost: its node on this machine (" in told
    assert told.endswith("what was written is kept: see that the cluster runs, and give the same command")
    made = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    assert 0 < len(made) < 2 * CLIPS
    assert not [*out.rglob("*.part")]

    code, _, error = run(*arguments)
    assert (code, error) == (0, "")
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    assert len(after) == 2 * CLIPS
