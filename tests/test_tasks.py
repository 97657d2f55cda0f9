"""Work off the GUI thread: results, errors and progress come back to it, and nothing after a cancel."""

from __future__ import annotations

import threading
import time

import pytest
from PySide6.QtCore import QTimer

from avvp_studio.tasks import Tasks


@pytest.fixture
def tasks(qtbot):
    tasks = Tasks()
    yield tasks
    tasks.shutdown()


def test_a_function_runs_elsewhere_and_its_result_arrives_here(tasks, qtbot):
    here, seen = threading.get_ident(), []
    tasks.run(
        lambda a, b: (threading.get_ident(), a + b),
        2,
        3,
        done=lambda r: seen.append((threading.get_ident(), r)),
    )
    qtbot.waitUntil(lambda: bool(seen))
    arrived_in, (worked_in, result) = seen[0]
    assert result == 5
    assert arrived_in == here
    assert worked_in != here


def test_an_error_arrives_as_it_was_raised(tasks, qtbot):
    def fail():
        raise ValueError("row 3 is odd")

    errors, results = [], []
    tasks.run(fail, done=results.append, failed=errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ValueError)
    assert str(errors[0]) == "row 3 is odd"
    assert not results


def test_an_error_that_nobody_takes_is_not_lost(tasks, qtbot):
    with qtbot.captureExceptions() as exceptions:
        tasks.run(lambda: 1 / 0)
        qtbot.waitUntil(lambda: bool(exceptions))
    assert exceptions[0][0] is ZeroDivisionError


def test_progress_arrives_in_order_and_before_the_result(tasks, qtbot):
    def count(limit, progress):
        for number in range(limit):
            progress("count", number, limit)
        return "ready"

    seen = []
    tasks.run(count, 4, done=seen.append, progress=lambda *values: seen.append(values))
    qtbot.waitUntil(lambda: "ready" in seen)
    assert seen == [("count", number, 4) for number in range(4)] + ["ready"]


def test_nothing_arrives_after_a_cancel(tasks, qtbot):
    may_end, results = threading.Event(), []
    task = tasks.run(may_end.wait, done=results.append)
    task.cancel()
    assert task.is_cancelled()
    assert not tasks.is_busy
    may_end.set()
    after = []
    tasks.run(lambda: None, done=after.append)
    tasks.run(lambda: None, done=after.append)
    qtbot.waitUntil(lambda: len(after) == 2)
    assert not results


def test_a_cancelled_task_that_has_not_begun_is_never_run(qtbot):
    tasks = Tasks(threads=1)
    may_end, calls, ends = threading.Event(), [], []
    tasks.run(may_end.wait)
    tasks.run(calls.append, "called").cancel()
    tasks.run(lambda: None, done=ends.append)
    may_end.set()
    qtbot.waitUntil(lambda: bool(ends))
    assert not calls
    tasks.shutdown()


def test_shutdown_waits_briefly_and_drops_what_is_left(qtbot):
    tasks, results = Tasks(threads=1), []
    may_end = threading.Event()
    tasks.run(may_end.wait, done=results.append)
    tasks.run(results.append, "second")
    tasks.shutdown(wait_s=0.01)
    may_end.set()
    assert not results
    with pytest.raises(RuntimeError):
        tasks.run(print)


def test_shutdown_does_not_wait_for_what_never_began(qtbot):
    tasks, may_end = Tasks(threads=1), threading.Event()
    tasks.run(may_end.wait)
    tasks.run(print, "never")
    threading.Timer(0.05, may_end.set).start()
    began = time.monotonic()
    tasks.shutdown(wait_s=10.0)
    assert time.monotonic() - began < 5.0


def test_tasks_begin_when_what_goes_first_is_over(qtbot):
    first, results = threading.Event(), []
    tasks = Tasks(after=first)
    tasks.run(first.is_set, done=results.append)
    QTimer.singleShot(20, first.set)
    qtbot.waitUntil(lambda: bool(results))
    tasks.shutdown()
    assert results == [True]


def test_tasks_do_not_wait_for_ever(qtbot):
    results = []
    tasks = Tasks(after=threading.Event())
    tasks.run(lambda: "done", done=results.append)
    qtbot.waitUntil(lambda: results == ["done"])
    tasks.shutdown()
