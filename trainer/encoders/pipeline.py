"""Reads and encodes many files at once: threads that read, bounded queues, a thread a branch that encodes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from trainer.encoders.encoding import Encoder, EncoderError, SegmentBranch
from trainer.encoders.file_encoder import Batches, Encoded, FileUnderWay, Item, branches_of, segment_branches
from trainer.encoders.plan import Work

_PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether it is to end."""
_AHEAD = 8
"""Items that wait at least: decoding goes in bursts, and who encodes is not to wait for them."""

Result: TypeAlias = tuple[Work, Encoded | EncoderError]


class Pipeline:
    """Encodes files with some encoders; `jobs` of them are read at once. Batches are made across files.

    Threads, not processes: decoding and array work let go of the interpreter, and nothing can be left behind.
    """

    def __init__(self, encoders: Sequence[Encoder], jobs: int) -> None:
        self._branches, self._jobs = branches_of(encoders), jobs
        self._encoding = segment_branches(self._branches)
        # A batch waits: the next is ready when one is done, and no more are held in memory. None: that is all.
        self._queues = {id(it): queue.Queue[Item | None](max(it.batch, _AHEAD)) for it in self._encoding}
        # None: a thread has ended.
        self._results: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._reading = 0
        self._under_way: dict[Work, FileUnderWay] = {}

    @property
    def positions(self) -> list[tuple[Work, float, float]]:
        """Of the files that are not done: the seconds read so far, and of how many (0: unknown)."""
        with self._lock:
            return [(work, it.reading.position, it.reading.length) for work, it in self._under_way.items()]

    def run(self, work: Sequence[Work]) -> Generator[Result | None, None, None]:
        """The results, about in order; None from time to time, so that who waits can look around.

        Nothing new is begun once it is closed; closing waits until its threads have ended.
        """
        waiting = iter(work)
        self._reading = max(1, min(self._jobs, len(work)))
        threads = [self._thread(lambda: self._read_all(waiting)) for _ in range(self._reading)]
        threads += [self._thread(lambda it=it: self._encode_all(it)) for it in self._encoding]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        try:
            yield from self._until_end_of(len(threads))
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _until_end_of(self, threads: int) -> Iterator[Result | None]:
        while threads:
            try:
                result = self._results.get(timeout=_PATIENCE)
            except queue.Empty:
                yield None
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                threads -= 1
            else:
                yield result

    def _thread(self, task: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                task()
            except _Ended:
                pass
            except BaseException as error:  # who asked for the results is to hear of it, whatever it is
                self._results.put(error)
            self._results.put(None)

        return threading.Thread(target=guarded, name="extraction")

    def _read_all(self, waiting: Iterator[Work]) -> None:
        while not self._ended.is_set():
            with self._lock:
                work = next(waiting, None)
                self._reading -= work is None
                is_last = not self._reading
            if work is not None:
                self._read(work)
                continue
            for items in self._queues.values() if is_last else ():
                self._put(items, None)
            return

    def _read(self, work: Work) -> None:
        under_way = FileUnderWay(
            self._branches,
            work.clip.path,
            work.duration,
            work.sets,
            on_complete=lambda complete: self._finish(work, complete),
        )
        with self._lock:
            self._under_way[work] = under_way
        try:
            for item in under_way.items(self._ended.is_set):
                self._put(self._queues[id(item.branch)], item)
        except EncoderError as error:
            self._finish(work, error)

    def _finish(self, work: Work, outcome: FileUnderWay | EncoderError) -> None:
        try:
            result = outcome.encoded() if isinstance(outcome, FileUnderWay) else outcome
        except EncoderError as error:
            result = error
        with self._lock:
            del self._under_way[work]
        self._results.put((work, result))

    def _encode_all(self, branch: SegmentBranch) -> None:
        batches, items = Batches(branch), self._queues[id(branch)]
        while not self._ended.is_set():
            with suppress(queue.Empty):
                item = items.get(timeout=_PATIENCE)
                if item is None:
                    batches.flush()
                    return
                batches.add(item)

    def _put(self, items: queue.Queue[Item | None], item: Item | None) -> None:
        while not self._ended.is_set():
            with suppress(queue.Full):
                items.put(item, timeout=_PATIENCE)
                return
        raise _Ended


class _Ended(Exception):  # noqa: N818 - no error: the results are not wanted any more
    """The pipeline was closed while a thread waited."""
