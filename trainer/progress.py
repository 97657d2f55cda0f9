"""How a stage of a job tells how far it is, and learns that it is to stop."""

from __future__ import annotations

import math
import time
from typing import Protocol

from trainer.protocol import Progress, Reporter, StopRequested

_MESSAGE_INTERVAL = 0.5
"""Seconds between two messages."""


class Report(Protocol):
    """Says that so many units of a stage are done, of how many, and what else there is to say."""

    def __call__(self, done: int, total: int, detail: str = "") -> None: ...


def progress_of(reporter: Reporter, stage: str, *, stops: bool = True) -> Report:
    """A callback that reports a stage every half second, and raises StopRequested when that was asked for.

    Without `stops` it only reports: for who looks for that wish in better places. What is left is told by what
    was done since the first report: what came before it, such as reading, will not come again.
    """
    begun: tuple[float, int] | None = None
    reported, last = -math.inf, (-1, 0)

    def report(done: int, total: int, detail: str = "") -> None:
        nonlocal begun, reported, last
        now = time.monotonic()
        begun = begun or (now, done)
        is_early = now - reported < _MESSAGE_INTERVAL and done < total
        if is_early or last == (done, total):
            return
        reported, last = now, (done, total)
        if stops and reporter.is_stop_requested:
            raise StopRequested
        spent, since = now - begun[0], done - begun[1]
        # What the first moments say of the rest is mostly wrong: nothing is better.
        eta = spent / since * (total - done) if since and spent >= 1 else None
        eta = 0.0 if done == total else eta
        reporter.send(Progress(stage=stage, done=done, total=total, eta_s=eta, detail=detail))

    return report


class Pace:
    """How fast the steps of a stage go: tells of them, and knows what is left of them."""

    def __init__(self, reporter: Reporter, stage: str, steps: int) -> None:
        self._report = progress_of(reporter, stage, stops=False)
        self._steps, self._done, self._clips = steps, 0, 0
        self._started = self._part_started = time.monotonic()

    def start_part(self) -> None:
        """What comes now is measured by `clips_per_s`."""
        self._part_started, self._clips = time.monotonic(), 0

    def step(self, clips: int) -> None:
        """A step over so many clips is done."""
        self._done += 1
        self._clips += clips
        self._report(self._done, self._steps)

    def clips_per_s(self) -> float:
        """Since the part started."""
        return self._clips / max(time.monotonic() - self._part_started, 1e-9)

    def seconds_left(self) -> float:
        """As long as the steps so far took, with all that was between them."""
        spent = time.monotonic() - self._started
        return spent / max(self._done, 1) * (self._steps - self._done)
