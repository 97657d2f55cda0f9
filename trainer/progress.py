"""How a stage of a job tells how far it is, and learns that it is to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from trainer.protocol import Progress, Reporter, StopRequested

_MESSAGE_INTERVAL = 0.5
"""Seconds between two messages."""


def progress_of(reporter: Reporter, stage: str) -> Callable[[int, int], None]:
    """A callback that reports a stage every half second, and raises StopRequested when that was asked for."""
    started = time.monotonic()
    reported = -math.inf

    def report(done: int, total: int) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported < _MESSAGE_INTERVAL and done < total:
            return
        reported = now
        if reporter.is_stop_requested:
            raise StopRequested
        spent = now - started
        # What the first moments say of the rest is mostly wrong: nothing is better.
        eta = spent / done * (total - done) if done and (spent >= 1 or done == total) else None
        reporter.send(Progress(stage=stage, done=done, total=total, eta_s=eta))

    return report
