"""How many cores this process may use."""

from __future__ import annotations

import os

_MOST_THREADS = 4


def cores() -> int:
    """Those it may run on, where the system tells that apart from those there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def threads_of_a_small_network() -> int:
    """More would not pay; fewer where a cluster gave this process fewer cores, or a person said so."""
    given = os.environ.get("OMP_NUM_THREADS", "")  # Ray tells each worker its share so
    return max(1, min(_MOST_THREADS, int(given) if given.isdecimal() else cores()))
