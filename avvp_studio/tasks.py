"""Functions that run off the GUI thread, with their results brought back to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

T = TypeVar("T")

_MOST_WAITING_S = 0.3


class Task:
    """A function that was handed to `Tasks`. After `cancel` none of its callbacks is called any more."""

    def __init__(
        self,
        done: Callable[[Any], object] | None,
        failed: Callable[[Exception], object] | None,
        progress: Callable[..., object] | None,
    ) -> None:
        self.done = done
        self.failed = failed
        self.progress = progress
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def is_cancelled(self) -> bool:
        """Safe on any thread: a long function may take it as its `should_stop`."""
        return self._cancelled.is_set()


class Tasks(QObject):
    """A few threads for work that would keep the window from answering.

    Callbacks are called on the thread of this object, in the order in which things happened.
    """

    _arrived = Signal(object)

    def __init__(
        self, parent: QObject | None = None, *, threads: int = 2, after: threading.Event | None = None
    ) -> None:
        """No task begins before `after` is set, which all wait for only briefly."""
        super().__init__(parent)
        self._after = after
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="task")
        self._futures: dict[Task, Any] = {}
        self._gate = threading.Lock()  # held while a worker posts: after it is shut, none touches this object
        self._is_open = True
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        function: Callable[..., T],
        *args: Any,
        done: Callable[[T], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        progress: Callable[..., object] | None = None,
    ) -> Task:
        """Call `function(*args)` on a worker, then `done(result)` or `failed(error)` here.

        With `progress`, the function gets a keyword argument `progress`: what it calls that with arrives here.
        An error that nobody takes (no `failed`) is raised here, so that it is never lost.
        """
        task = Task(done, failed, progress)
        self._futures[task] = self._pool.submit(self._work, task, function, args)
        return task

    @property
    def is_busy(self) -> bool:
        """Whether the results of some tasks are still to come."""
        return any(not task.is_cancelled() for task in self._futures)

    def shutdown(self, wait_s: float = 2.0) -> None:
        """Cancel everything and wait briefly; work that takes longer ends unheard."""
        with self._gate:
            self._is_open = False
        for task in self._futures:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        # What was cancelled before it began is never told to `wait`.
        wait([future for future in self._futures.values() if not future.cancelled()], wait_s)
        self._futures.clear()

    def _work(self, task: Task, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if self._after is not None:
            self._after.wait(_MOST_WAITING_S)
        extra: dict[str, Any] = {}
        if task.progress is not None:
            report = task.progress
            extra["progress"] = lambda *values: self._post(task, lambda: report(*values))
        if task.is_cancelled():
            self._post(task, None)
            return
        try:
            result = function(*args, **extra)
        except Exception as error:  # whatever it is, the caller is told
            failure = error  # `error` is unbound when this block ends, before the callback runs
            self._post(task, lambda: self._fail(task, failure), is_last=True)
        else:
            self._post(task, lambda: task.done(result) if task.done else None, is_last=True)

    def _post(self, task: Task, call: Callable[[], object] | None, *, is_last: bool = False) -> None:
        with self._gate:
            if self._is_open:
                self._arrived.emit((task, call, is_last or call is None))

    @Slot(object)
    def _on_arrived(self, message: tuple[Task, Callable[[], object] | None, bool]) -> None:
        task, call, is_last = message
        if is_last:
            self._futures.pop(task, None)
        if call is not None and not task.is_cancelled():
            call()

    @staticmethod
    def _fail(task: Task, error: Exception) -> None:
        if task.failed is None:
            raise error
        task.failed(error)
