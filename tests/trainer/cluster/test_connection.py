"""The cluster itself: who finds room, what workers raise, what becomes of items that they do not survive."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import pytest

from trainer.cluster import connection
from trainer.cluster.connection import ClusterError, Lost, connected
from trainer.protocol import Message, Note, Reporter, StopRequested

pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.timeout(300)]


class Doubles:
    """Does what its item asks: doubles it, sleeps first, raises, or dies."""

    def __init__(self, *, breaks: bool = False) -> None:
        if breaks:
            raise ClusterError("the weights are others")

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        if item["does"] == "raises":
            raise OSError(28, "No space left on device", "/x/y.npy")
        if item["does"] == "dies":
            os._exit(1)
        time.sleep(1.5 if item["does"] == "sleeps" else 0)
        return {"twice": 2 * item["value"]}


class Hears(Reporter):
    """Keeps what is noted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.notes: list[str] = []

    def send(self, message: Message) -> None:
        if isinstance(message, Note):
            self.notes.append(message.text)


def items(*what: str) -> list[dict[str, Any]]:
    return [{"value": number, "does": does} for number, does in enumerate(what)]


def test_an_item_that_no_worker_survives_is_lost_alone_and_told_last(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_TRIES", 2)
    with connected(cluster.address, Reporter(None)) as there:
        workers = there.workers(on_gpu=False)
        rows = [
            row for row in there.each(items("", "dies", "", "", ""), Doubles, {}, workers) if row is not None
        ]
    assert rows[-1] == Lost({"value": 1, "does": "dies"})
    assert sorted(row["twice"] for row in rows[:-1]) == [0, 4, 6, 8]


def test_what_a_worker_raises_ends_the_work_with_its_own_words(cluster: Any) -> None:
    with connected(cluster.address, Reporter(None)) as there:
        workers = there.workers(on_gpu=False)
        with pytest.raises(ClusterError, match=r"OSError: .*No space left on device: '/x/y\.npy'\)"):
            list(there.each(items("", "raises"), Doubles, {}, workers))
        with pytest.raises(ClusterError, match=r"could not do the work \(the weights are others\)"):
            list(there.each(items("", ""), Doubles, {"breaks": True}, workers))


def test_workers_are_of_what_one_machine_has_and_not_of_the_sum(cluster: Any) -> None:
    with connected(cluster.address, Reporter(None)) as there:
        alone = there.workers(on_gpu=False)
        assert (alone.asked, alone.cores, alone.most) == ({"num_cpus": 1}, 1, 2)
        assert not there.has_gpus
        with pytest.raises(ClusterError, match=r"no machine of the cluster has 2 cores; .*fewer --jobs"):
            there.workers(on_gpu=False, cores=2)
        with pytest.raises(ClusterError, match=r"has 1 core and a GPU; .*leave out --device cuda"):
            there.workers(on_gpu=True)


def test_a_worker_on_a_gpu_has_its_share_of_the_cores(cluster: Any) -> None:
    node = cluster.add_node(num_cpus=4, num_gpus=2, object_store_memory=100 * 1024 * 1024)
    try:
        with connected(cluster.address, Reporter(None)) as there:
            workers = there.workers(on_gpu=True)
            assert there.has_gpus
            assert (workers.asked, workers.cores, workers.most) == ({"num_cpus": 2, "num_gpus": 1}, 2, 2)
            assert there.workers(on_gpu=True, cores=3).most == 1
            rows = [row for row in there.each(items("", "", ""), Doubles, {}, workers) if row is not None]
            assert len(rows) == 3
    finally:
        cluster.remove_node(node)


def test_a_cluster_that_does_not_begin_is_told_of_once(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_BUSY_S", 0.1)
    reporter = Hears()
    with connected(cluster.address, reporter) as there:
        list(there.each(items("sleeps", "sleeps"), Doubles, {}, there.workers(on_gpu=False)))
    assert [text for text in reporter.notes if "may be busy" in text] == [connection._BUSY]


def test_who_waits_for_a_worker_may_stop(cluster: Any) -> None:
    class Stops(Reporter):
        is_stop_requested = True

    with connected(cluster.address, Stops(None)) as there, pytest.raises(StopRequested):
        list(there.each(items("sleeps"), Doubles, {}, there.workers(on_gpu=False)))


def test_nothing_to_do_begins_no_worker(cluster: Any) -> None:
    with connected(cluster.address, Reporter(None)) as there:
        assert list(there.each([], Doubles, {"breaks": True}, there.workers(on_gpu=False))) == []
