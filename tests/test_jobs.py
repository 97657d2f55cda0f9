"""Jobs are real processes, followed through their files."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobOrder, JobState
from avvp_studio.jobs import Jobs, next_name
from trainer.protocol import FINISH_FILE, MESSAGES_FILE, STOP_FILE, Epoch

PROGRAM = """
    import sys, time
    from pathlib import Path
    from trainer.protocol import *
    reporter = Reporter(Path(sys.argv[1]))
    reporter.send(Started(kind="train", pid=0, epochs=2))
    reporter.send(Epoch(epoch=1, epochs=2, losses={"total": 1.0}))
    mode = sys.argv[2]
    while mode == "wait" and not (reporter.is_stop_requested or reporter.is_finish_requested):
        time.sleep(0.02)
    if mode == "wait" and reporter.is_stop_requested:
        reporter.send(Stopped())
    elif mode == "crash":
        print("something broke", file=sys.stderr)
        sys.exit(9)
    elif mode == "wait":
        reporter.send(Progress(stage="parse", done=0, total=3))
        while not (Path(sys.argv[1]) / "go on").exists():
            time.sleep(0.02)
        reporter.send(Note(text="finished early, after epoch 1 of 2"))
        reporter.send(Finished(outputs={"checkpoint": "best", "parses": "p.npz"}))
    else:
        reporter.send(Epoch(epoch=2, epochs=2, losses={"total": 0.5}))
        reporter.send(Finished(outputs={"checkpoint": "best"}))
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder, and a module `worker` that a job can run."""
    (tmp_path / "worker.py").write_text(textwrap.dedent(PROGRAM))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "runs"


@pytest.fixture
def jobs(qtbot: QtBot, runs: Path) -> Jobs:
    jobs = Jobs()
    jobs.attach(runs)
    return jobs


def order(runs: Path, name: str, mode: str, after: str = "") -> JobOrder:
    return JobOrder(name, f"Job {name}", "train", (str(runs / name), mode), module="worker", after=after)


def wait_for(qtbot: QtBot, jobs: Jobs, name: str, state: JobState) -> None:
    qtbot.waitUntil(lambda: (status := jobs.status(name)) is not None and status.state is state, timeout=20_000)


def test_a_job_runs_to_its_end_and_is_announced_once(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    ended: list[str] = []
    jobs.job_ended.connect(ended.append)
    jobs.submit(order(runs, "a", "finish"))
    wait_for(qtbot, jobs, "a", JobState.FINISHED)
    status = jobs.status("a")
    assert status is not None
    assert [epoch.losses["total"] for epoch in status.epochs] == [1.0, 0.5]
    assert dict(status.outputs) == {"checkpoint": "best"}
    assert ended == ["a"]
    assert not jobs.is_busy


def test_jobs_run_one_after_another(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    jobs.submit(order(runs, "b", "finish"))
    wait_for(qtbot, jobs, "a", JobState.RUNNING)
    assert jobs.status("b").state is JobState.QUEUED  # type: ignore[union-attr]
    jobs.stop("a")
    wait_for(qtbot, jobs, "a", JobState.STOPPED)
    wait_for(qtbot, jobs, "b", JobState.FINISHED)


def test_a_queued_job_that_is_stopped_never_starts(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    jobs.submit(order(runs, "b", "finish"))
    jobs.stop("b")
    assert jobs.status("b").state is JobState.STOPPED  # type: ignore[union-attr]
    jobs.stop("a")
    wait_for(qtbot, jobs, "a", JobState.STOPPED)
    assert not (runs / "b" / "log.txt").exists()


def test_a_job_waits_for_its_forerunner_and_is_dropped_when_that_fails(
    qtbot: QtBot, jobs: Jobs, runs: Path
) -> None:
    jobs.submit(order(runs, "a", "crash"))
    jobs.submit(order(runs, "b", "finish", after="a"))
    wait_for(qtbot, jobs, "a", JobState.FAILED)
    wait_for(qtbot, jobs, "b", JobState.STOPPED)


def test_a_crash_is_told_with_its_last_line_of_log(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "crash"))
    wait_for(qtbot, jobs, "a", JobState.FAILED)
    status = jobs.status("a")
    assert status is not None
    assert "something broke" in status.error
    assert "log.txt" in status.error


def test_a_running_job_outlives_the_studio_and_is_found_again(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    wait_for(qtbot, jobs, "a", JobState.RUNNING)
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    jobs.attach(None)  # the window closes

    later = Jobs()
    later.attach(runs)
    status = later.status("a")
    assert status is not None
    assert status.state is JobState.RUNNING
    assert len(status.epochs) == 1
    later.stop("a")
    wait_for(qtbot, later, "a", JobState.STOPPED)


def test_a_training_that_is_asked_to_finish_ends_well(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    assert not jobs.is_finishing("a")
    jobs.finish("a")
    assert jobs.is_finishing("a")
    assert not jobs.is_stopping("a")
    qtbot.waitUntil(lambda: jobs.status("a").stage == "parse", timeout=20_000)  # type: ignore[union-attr]
    assert not jobs.is_finishing("a")  # its epoch is over
    (runs / "a" / "go on").touch()
    wait_for(qtbot, jobs, "a", JobState.FINISHED)
    status = jobs.status("a")
    assert status is not None
    assert status.early_end == (1, 2)
    assert status.notes == ("finished early, after epoch 1 of 2",)
    assert dict(status.outputs)["parses"] == "p.npz"


def test_a_finishing_training_is_found_so_again_and_can_still_be_stopped(
    qtbot: QtBot, jobs: Jobs, runs: Path
) -> None:
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    record = json.loads((runs / "a" / "job.json").read_text())
    psutil.Process(record["process"]["pid"]).suspend()  # its epoch is a long one
    jobs.finish("a")
    jobs.attach(None)

    later = Jobs()
    later.attach(runs)
    assert later.is_finishing("a")
    assert not later.is_stopping("a")
    later.stop("a")
    assert later.is_stopping("a")
    later.attach(None)

    last = Jobs()
    last.attach(runs)
    assert last.is_stopping("a")
    psutil.Process(record["process"]["pid"]).resume()
    wait_for(qtbot, last, "a", JobState.STOPPED)


def test_only_a_running_training_is_asked_to_finish(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    extraction = JobOrder("a", "Extract", "extract", (str(runs / "a"), "wait"), module="worker")
    jobs.submit(extraction)
    jobs.submit(order(runs, "b", "finish"))
    wait_for(qtbot, jobs, "a", JobState.RUNNING)
    for name in ("a", "b", "none"):
        jobs.finish(name)
        assert not jobs.is_finishing(name)
    assert not list(runs.rglob(FINISH_FILE))
    jobs.stop("a")
    wait_for(qtbot, jobs, "b", JobState.FINISHED)


def test_a_wish_to_finish_that_cannot_be_written_is_told(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    wait_for(qtbot, jobs, "a", JobState.RUNNING)
    away = runs.rename(runs.with_name("elsewhere"))
    with qtbot.waitSignal(jobs.failed) as blocker:
        jobs.finish("a")
    assert "could not be asked to finish" in blocker.args[0]
    assert not jobs.is_finishing("a")
    away.rename(runs)
    jobs.stop("a")
    wait_for(qtbot, jobs, "a", JobState.STOPPED)


def test_what_a_newer_trainer_says_of_an_epoch_is_read_as_far_as_it_is_known(
    qtbot: QtBot, jobs: Jobs, runs: Path
) -> None:
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    newer = json.loads(Epoch(epoch=2, epochs=2, losses={"total": 0.5}).to_json()) | {"aura": [1, {"x": 2}]}
    with (runs / "a" / MESSAGES_FILE).open("a") as file:
        file.write(json.dumps(newer) + "\n")
    qtbot.waitUntil(lambda: jobs.status("a").done == 2, timeout=20_000)  # type: ignore[union-attr]
    jobs.stop("a")
    wait_for(qtbot, jobs, "a", JobState.STOPPED)


def test_a_job_that_died_while_nobody_looked_is_failed(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    record = json.loads((runs / "a" / "job.json").read_text())
    jobs.attach(None)
    process = psutil.Process(record["process"]["pid"])
    process.kill()
    process.wait(timeout=10)

    later = Jobs()
    later.attach(runs)
    wait_for(qtbot, later, "a", JobState.FAILED)


def test_another_process_with_the_same_number_is_not_the_job(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    folder = runs / "a"
    folder.mkdir(parents=True)
    record = {
        "order": {"name": "a", "title": "Job a", "kind": "train", "arguments": []},
        "process": {"pid": os.getpid(), "began": 1.0},
    }
    (folder / "job.json").write_text(json.dumps(record))
    jobs.attach(runs)
    wait_for(qtbot, jobs, "a", JobState.FAILED)
    assert psutil.pid_exists(os.getpid())


def test_lines_that_are_no_messages_are_skipped(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    with (runs / "a" / MESSAGES_FILE).open("a") as file:
        file.write('not json\n{"type": "from the future"}\n[1, 2]\n{"type": "note", "text": "read me"}\n')
    qtbot.waitUntil(lambda: jobs.status("a").notes == ("read me",), timeout=20_000)  # type: ignore[union-attr]
    (runs / "a" / STOP_FILE).touch()
    wait_for(qtbot, jobs, "a", JobState.STOPPED)


def test_a_job_that_cannot_be_written_is_refused_with_a_message(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    runs.mkdir()
    (runs / "a").write_text("in the way")
    with qtbot.waitSignal(jobs.failed) as blocker:
        jobs.submit(order(runs, "a", "finish"))
    assert "could not be written" in blocker.args[0]
    assert not jobs.statuses


def test_a_job_whose_folder_was_taken_away_is_stopped_all_the_same(
    qtbot: QtBot, jobs: Jobs, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avvp_studio.jobs.GRACE_S", 0.2)
    jobs.submit(order(runs, "a", "wait"))
    qtbot.waitUntil(lambda: bool(jobs.status("a").epochs), timeout=20_000)  # type: ignore[union-attr]
    runs.rename(runs.with_name("elsewhere"))
    jobs.stop("a")
    wait_for(qtbot, jobs, "a", JobState.STOPPED)


def test_jobs_found_again_are_in_the_order_in_which_they_were_given(
    qtbot: QtBot, jobs: Jobs, runs: Path
) -> None:
    jobs.submit(order(runs, "b-first", "finish"))
    jobs.submit(order(runs, "a-second", "finish", after="b-first"))
    wait_for(qtbot, jobs, "a-second", JobState.FINISHED)
    before = jobs.statuses

    later = Jobs()
    later.attach(runs)
    assert [status.name for status in later.statuses] == ["a-second", "b-first"]
    assert [(s.started, s.ended) for s in later.statuses] == [(s.started, s.ended) for s in before]


def waiting(run_dir: Path, module: str, *arguments: str) -> None:
    """A job that was queued when an earlier window closed."""
    run_dir.mkdir(parents=True)
    order = {"name": run_dir.name, "title": "Job", "kind": "train", "arguments": arguments, "module": module}
    (run_dir / "job.json").write_text(json.dumps({"order": order}))


def test_a_waiting_job_of_ours_is_started_when_the_project_is_opened_again(
    qtbot: QtBot, jobs: Jobs, runs: Path
) -> None:
    waiting(runs / "a", "trainer", "recipes", "--json")
    jobs.attach(runs)
    qtbot.waitUntil(lambda: (runs / "a" / "log.txt").exists(), timeout=20_000)
    wait_for(qtbot, jobs, "a", JobState.FAILED)  # listing recipes says nothing that a job says
    assert "ecma/signal" in (runs / "a" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("os", ()),
        ("worker", ("{runs}/a", "finish")),
        ("trainer", ("recipes", "/etc/passwd")),
        ("trainer", ("recipes", "../../elsewhere")),
        ("trainer", ("recipes", "--out=/etc/passwd")),
    ],
)
def test_a_waiting_job_that_is_not_ours_is_never_started(
    jobs: Jobs, runs: Path, module: str, arguments: tuple[str, ...]
) -> None:
    waiting(runs / "a", module, *(argument.format(runs=runs) for argument in arguments))
    jobs.attach(runs)
    status = jobs.status("a")
    assert status is not None
    assert status.state is JobState.FAILED
    assert "not ordered here" in status.error
    assert not (runs / "a" / "log.txt").exists()


def test_what_lies_in_a_run_folder_is_never_imported(qtbot: QtBot, jobs: Jobs, runs: Path) -> None:
    waiting(runs / "a", "trainer", "recipes", "--json")
    (runs / "a" / "json.py").write_text("raise SystemExit('hijacked')")
    jobs.attach(runs)
    wait_for(qtbot, jobs, "a", JobState.FAILED)
    assert "hijacked" not in (runs / "a" / "log.txt").read_text()


def test_a_job_that_another_window_claimed_is_not_started_twice(jobs: Jobs, runs: Path) -> None:
    waiting(runs / "a", "trainer", "recipes", "--json")
    (runs / "a" / "claim").touch()
    jobs.attach(runs)
    assert jobs.status("a").state is JobState.QUEUED  # type: ignore[union-attr]
    assert not (runs / "a" / "log.txt").exists()


def test_names_of_runs_sort_by_time_and_are_never_taken(tmp_path: Path) -> None:
    first = next_name(tmp_path, "han")
    (tmp_path / first).mkdir()
    second = next_name(tmp_path, "han")
    assert first != second
    assert first < second or not second.startswith(first)
