"""Runs that are garbage, killed, or damaged."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobState, JobStatus
from avvp_studio.studio import Studio
from tests.bad_input.steps import (
    error_in,
    mark,
    open_clip,
    order,
    stored,
    train,
)


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
