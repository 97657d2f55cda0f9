"""A Ray cluster for as long as a job lasts: one that runs already, or one of this machine alone."""

from __future__ import annotations

import importlib
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trainer.protocol import Note, Reporter

_PATIENCE_S = 5.0
"""How long an address may take to answer."""
_LOOK_AROUND_S = 0.2


class ClusterError(ValueError):
    """A cluster that cannot be used, or that lost the work, and what to do."""


@contextmanager
def connected(address: str, reporter: Reporter) -> Iterator[Cluster]:
    """The Ray cluster at `address`; where that is "", one of this machine's own.

    Raises ClusterError when Ray is not installed, or nothing answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    try:
        ray, data = importlib.import_module("ray"), importlib.import_module("ray.data")
    except ImportError as error:
        raise ClusterError(
            "--engine ray needs the package ray, which is not installed: pip install 'avvp-studio[cluster]'; "
            "or leave --engine out to work on this machine"
        ) from error
    _check_answers(address)
    # Of a cluster that is there, only the address may be said.
    own: dict[str, Any] = {"address": address} if address else {"address": "local", "include_dashboard": False}
    try:
        ray.init(**own, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ClusterError(
            f"{address or 'this machine'}: no Ray cluster can be used there ({reason}); start one with "
            "`ray start --head`, and give the address that it tells"
        ) from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        data.DataContext.get_current().enable_progress_bars = False
        nodes = sum(node["Alive"] for node in ray.nodes())
        reporter.send(Note(text=f"a Ray cluster of {nodes} node{'' if nodes == 1 else 's'}, {_resources(ray)}"))
        yield Cluster(ray, data)
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would ask it for minutes, and end the program."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # "auto", or nothing: Ray finds the place itself
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()
    except OSError as error:
        raise ClusterError(
            f"{address}: no Ray cluster answers there ({error.strerror or error}); start one with "
            "`ray start --head`, and give the address that it tells"
        ) from error


def _resources(ray: Any) -> str:
    """What the cluster has, for a person."""
    has = ray.cluster_resources()
    return ", ".join(f"{has.get(kind, 0):.0f} {kind}s" for kind in ("CPU", "GPU"))


@dataclass(frozen=True)
class Workers:
    """What one worker is given (`asked`, as Ray calls it), and how many the cluster has room for."""

    asked: Mapping[str, int]
    most: int


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, with Ray and its data library."""

    ray: Any
    data: Any

    def workers(self, *, on_gpu: bool, cores: int = 1) -> Workers:
        """Workers of a GPU each, or of so many cores. Raises ClusterError where there is room for none."""
        has: dict[str, float] = self.ray.cluster_resources()
        most = int(has.get("GPU", 0)) if on_gpu else int(has.get("CPU", 0)) // cores
        if most < 1:
            kind = "a GPU (leave out --device cuda)" if on_gpu else f"{cores} cores"
            raise ClusterError(f"no machine of the cluster has {kind}; add one, and begin again")
        return Workers({"num_gpus": 1} if on_gpu else {"num_cpus": cores}, most)

    def each(
        self,
        items: Sequence[Mapping[str, Any]],
        worker: Callable[..., Any],
        made_with: Mapping[str, Any],
        workers: Workers,
    ) -> Generator[Mapping[str, Any] | None, None, None]:
        """What a worker class makes of each item, in whatever order they come; None from time to time.

        A worker is an actor, and is called with an item at a time. Workers of a machine that was lost are
        begun again on others, with the items that were not given back: what a worker writes it must be able
        to find written. Raises ClusterError when that did not help either.
        """
        if not items:
            return
        rows = self.data.from_items([dict(item) for item in items], override_num_blocks=len(items)).map(
            worker,
            fn_constructor_kwargs=dict(made_with),
            compute=self.data.ActorPoolStrategy(min_size=1, max_size=min(workers.most, len(items))),
            **workers.asked,
        )
        told: queue.SimpleQueue[Mapping[str, Any] | BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=_tell_all, args=(rows, told), daemon=True).start()
        while True:
            try:
                row = told.get(timeout=_LOOK_AROUND_S)
            except queue.Empty:
                yield None
                continue
            if row is None:
                return
            if isinstance(row, BaseException):
                raise ClusterError(
                    f"the cluster could not do the work ({_last_line(row)}); what was finished is kept: put "
                    "it in order, and begin again"
                ) from row
            yield row


def _tell_all(rows: Any, told: queue.SimpleQueue[Mapping[str, Any] | BaseException | None]) -> None:
    """Hand on the rows as they come, then None; or what went wrong."""
    try:
        for row in rows.iter_rows():
            told.put(row)
        told.put(None)
    except BaseException as error:  # whatever it is, who waits must hear of it
        told.put(error)


def _last_line(error: BaseException) -> str:
    """What Ray says of a failure ends with the error itself; before that are its own frames."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
