"""What Ray Data makes, as it comes, and its end: a thread that asks Ray after its shutdown ends the program."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any

_EXECUTOR = "StreamingExecutor"
"""The class of Ray Data's own threads."""
_PATIENCE_S = 10.0


class Stream:
    """The rows of a data set. `get`: the next one, None after the last, or what went wrong."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self._told: queue.SimpleQueue[Mapping[str, Any] | BaseException | None] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, daemon=True)
        self._teller.start()

    def get(self, timeout: float) -> Mapping[str, Any] | BaseException | None:
        """Raises queue.Empty when nothing came for so many seconds."""
        return self._told.get(timeout=timeout)

    def end(self) -> bool:
        """Let no thread work any more. False where one cannot be brought to it: a cluster that is gone may not
        answer; then Ray must be left as it is."""
        ender = threading.Thread(target=_end_executors, daemon=True)
        ender.start()
        ender.join(_PATIENCE_S)
        if ender.is_alive():
            return False
        self._teller.join(_PATIENCE_S)
        return not self._teller.is_alive()

    def _tell(self) -> None:
        try:
            for row in self._rows.iter_rows():
                self._told.put(row)
            self._told.put(None)
        except BaseException as error:  # whatever it is, who waits must hear of it
            self._told.put(error)


def _end_executors() -> None:
    # Ray Data has no other way to end what nobody waits for any more, least of all before its first row.
    executors: list[Any] = [each for each in threading.enumerate() if type(each).__name__ == _EXECUTOR]
    for executor in executors:
        executor.shutdown(force=True)
        executor.join()
