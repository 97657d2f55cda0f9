"""A Ray cluster for as long as a job lasts: one that runs already, or one of this machine alone."""

from __future__ import annotations

import importlib
import logging
import math
import os
import queue
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trainer.cluster.stream import Stream
from trainer.cluster.watch import Lifeline, Watch, lifelines, silence
from trainer.protocol import Note, Reporter, StopRequested

_LOOK_AROUND_S = 0.2
_TRIES = 6
"""How often an item is given to workers: one that is asked while its machine is being missed counts too."""
_BEGINNINGS = 20
"""How often one worker is begun again in all: a machine of a cluster may be taken away now and then."""
_BUSY_S = 60.0
_BUSY = "no worker has answered for a minute: the cluster may be busy with other work (see `ray status`)"

_NUMBER, _ERROR = "_number", "_error"


class ClusterError(ValueError):
    """A cluster that cannot be used, or that lost the work, and what to do."""


@contextmanager
def connected(address: str, reporter: Reporter) -> Iterator[Cluster]:
    """The Ray cluster at `address`; where that is "", one of this machine's own.

    Raises ClusterError when Ray is not installed, or nothing answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # else what ends too late would connect again
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
    streams: list[Stream] = []
    try:
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it knows is told by `each`
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # an item whose workers died costs that item only; see `each`
        nodes = sum(node["Alive"] for node in ray.nodes())
        reporter.send(Note(text=f"a Ray cluster of {nodes} node{'' if nodes == 1 else 's'}, {_resources(ray)}"))
        watch = Watch(() if address.startswith("ray://") else lifelines(ray))
        yield Cluster(ray, data, reporter, watch, streams)
    finally:
        if all(stream.end() for stream in streams):
            ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would ask it for minutes, and end the program."""
    place = address.removeprefix("ray://")
    host, _, port = place.rpartition(":")
    if not (host and port.isdecimal()):
        return  # "auto", or nothing: Ray finds the place itself
    if reason := silence(place):
        raise ClusterError(
            f"{address}: no Ray cluster answers there ({reason}); start one with "
            "`ray start --head`, and give the address that it tells"
        )


def _resources(ray: Any) -> str:
    """What the cluster has, for a person."""
    has = ray.cluster_resources()
    return ", ".join(f"{has.get(kind, 0):.0f} {kind}s" for kind in ("CPU", "GPU"))


@dataclass(frozen=True)
class Workers:
    """What one worker is given (`asked`, as Ray calls it), its cores, and how many the cluster has room for."""

    asked: Mapping[str, int]
    cores: int
    most: int


@dataclass(frozen=True)
class Lost:
    """An item over which workers died, again and again."""

    item: Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, with Ray and its data library."""

    ray: Any
    data: Any
    reporter: Reporter
    watch: Watch
    streams: list[Stream]
    """All that were begun."""

    @property
    def has_gpus(self) -> bool:
        return any(node.get("GPU", 0) >= 1 for node in self._nodes())

    def workers(self, *, on_gpu: bool, cores: int | None = None) -> Workers:
        """Workers of so many cores each (1, or with `on_gpu` a GPU and its share of the machine's cores).

        Raises ClusterError where no machine has room for one.
        """
        nodes = [has for has in self._nodes() if not on_gpu or has.get("GPU", 0) >= 1]
        if cores is None:
            shares = [int(has.get("CPU", 0) // has["GPU"]) for has in nodes] if on_gpu else []
            cores = max(1, min(shares, default=1))
        needs = {"CPU": cores} | ({"GPU": 1} if on_gpu else {})
        # Machine by machine: a worker cannot be spread over two.
        most = sum(min(int(has.get(kind, 0)) // count for kind, count in needs.items()) for has in nodes)
        if most < 1:
            kind = f"{cores} core{'' if cores == 1 else 's'}" + (" and a GPU" if on_gpu else "")
            advice = "give fewer --jobs" + (", leave out --device cuda" if on_gpu else "")
            raise ClusterError(f"no machine of the cluster has {kind}; add one, or {advice}, and begin again")
        return Workers({f"num_{kind.lower()}s": count for kind, count in needs.items()}, cores, most)

    def _nodes(self) -> list[dict[str, float]]:
        """What each machine has."""
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def each(
        self,
        items: Sequence[Mapping[str, Any]],
        worker: Callable[..., Any],
        made_with: Mapping[str, Any],
        workers: Workers,
    ) -> Generator[Mapping[str, Any] | Lost | None, None, None]:
        """What a worker class makes of each item, in whatever order they come; None from time to time.

        A worker is an actor, and is called with an item at a time. Workers of a machine that was lost are
        begun again on others, with the items that were not given back: what a worker writes it must be able
        to find written. Items that workers did not survive, more than once, come last, as Lost. Raises
        ClusterError with what a worker raised, and StopRequested.
        """
        if not items:
            return
        numbered = [{**item, _NUMBER: number} for number, item in enumerate(items)]
        left = set(range(len(items)))
        for row in self._told(self._mapped(numbered, worker, made_with, workers)):
            if row is not None:
                left.discard(row[_NUMBER])
            yield row
        if left:  # was it they, or the cluster?
            self._check(self.watch.silent())
        yield from (Lost(items[number]) for number in sorted(left))

    def _mapped(
        self,
        items: Sequence[Mapping[str, Any]],
        worker: Callable[..., Any],
        made_with: Mapping[str, Any],
        workers: Workers,
    ) -> Any:
        """The data set of what workers make of items, each of which is a block of its own."""
        with warnings.catch_warnings():
            # Ray Data has no other way yet to say how often; left to itself it tries for ever.
            warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
            return self.data.from_items(items, override_num_blocks=len(items)).map(
                _Careful,
                fn_constructor_kwargs={"worker": worker, "made_with": dict(made_with)},
                compute=self.data.ActorPoolStrategy(
                    min_size=1,
                    max_size=min(workers.most, len(items)),
                    max_tasks_in_flight_per_actor=1,  # what waits behind an item would die with it
                ),
                max_restarts=_BEGINNINGS,
                max_task_retries=_TRIES - 1,
                **workers.asked,
            )

    def _told(self, rows: Any) -> Iterator[Mapping[str, Any] | None]:
        """The rows as they come, None from time to time. Says so when none comes at all."""
        stream = Stream(rows)
        self.streams.append(stream)
        patience = time.monotonic() + _BUSY_S
        while True:
            if self.reporter.is_stop_requested:
                raise StopRequested
            self._check(self.watch.lost())
            try:
                row = stream.get(_LOOK_AROUND_S)
            except queue.Empty:
                if time.monotonic() > patience:
                    patience = math.inf
                    self.reporter.send(Note(text=_BUSY))
                yield None
                continue
            if row is None:
                return
            patience = math.inf
            reason = _reason(row) if isinstance(row, BaseException) else row.get(_ERROR)
            if reason:
                raise ClusterError(
                    f"the cluster could not do the work ({reason}); what was written is kept: put it in "
                    "order, and give the same command"
                )
            assert not isinstance(row, BaseException)
            yield row

    @staticmethod
    def _check(lost: Lifeline | None) -> None:
        if lost is not None:
            raise ClusterError(
                f"the cluster was lost: {lost.what} ({lost.place}) answers no more; what was written is kept: "
                "see that the cluster runs, and give the same command"
            )


class _Careful:
    """A worker that tells what it raised: so an item without an answer is one that its worker died over."""

    def __init__(self, worker: Callable[..., Any], made_with: Mapping[str, Any]) -> None:
        self._broken = ""
        try:
            self._worker = worker(**made_with)
        except Exception as error:
            self._broken = _said(error)

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        told = {_NUMBER: item[_NUMBER]}
        if self._broken:
            return {**told, _ERROR: self._broken}
        try:
            return {**told, **self._worker(item)}
        except Exception as error:
            return {**told, _ERROR: _said(error)}


def _reason(error: BaseException) -> str:
    """What a worker raised, or Ray, without the frames and the advice that Ray puts around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _said(error: Exception) -> str:
    """What an exception of a worker says; of our own without their name: they speak to people."""
    is_ours = type(error).__module__.partition(".")[0] == "trainer"
    return str(error) if is_ours else f"{type(error).__name__}: {error}"
