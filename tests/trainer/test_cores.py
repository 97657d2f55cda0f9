"""How many threads a network takes: those that its process was given."""

from __future__ import annotations

import os

import pytest

from trainer import cores


@pytest.mark.parametrize(
    ("given", "there", "threads"),
    [("1", 8, 1), ("2", 8, 2), ("16", 8, 4), ("0", 8, 1), ("", 8, 4), ("", 3, 3), ("4,2", 2, 2)],
)
def test_a_small_network_takes_the_threads_that_were_given_or_up_to_four(
    given: str, there: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(cores, "cores", lambda: there)
    assert cores.threads_of_a_small_network() == threads


def test_no_more_cores_are_counted_than_the_process_may_run_on() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system does not tie processes to cores")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
