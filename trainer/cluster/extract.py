"""Makes features over a cluster: workers read, encode and write files; who asked plans, and keeps the books.

A worker writes each file whole, and leaves alone what an earlier attempt has written: what a lost machine had
finished is not done again, and what it had not is done by another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainer.cluster.connection import Cluster, ClusterError, Lost, Workers, connected
from trainer.cluster.places import Place
from trainer.encoders.catalogue import ENCODERS
from trainer.encoders.encoding import Encoder, EncoderError, FeatureSet, Loading
from trainer.encoders.extract import (
    ExtractReport,
    Outcome,
    Teller,
    finished,
    settle_threads,
    with_aside,
)
from trainer.encoders.file_encoder import Encoded
from trainer.encoders.meter import Meter
from trainer.encoders.pipeline import Pipeline
from trainer.encoders.plan import Clip, Plan, Work, plan_of
from trainer.encoders.store import SetFolder
from trainer.labels import Modality
from trainer.protocol import Note, Reporter

_FILES_AT_ONCE = 8
"""How many files a worker is given: enough for batches across them, few enough to lose."""
_SHARES = 4
"""Each worker is given about so many items at least, so that none waits long for the last."""


def extract(
    loadings: Mapping[str, Loading],
    clips: Sequence[Clip],
    out: str,
    reporter: Reporter,
    *,
    jobs: int | None = None,
    address: str = "",
) -> ExtractReport:
    """Encode clips as `trainer.encoders.extract` does, with workers all over a Ray cluster.

    Media and `out` are paths that all machines see, or addresses that fsspec reads; weights are where each
    machine finds them by itself. A worker has `jobs` cores (1), and reads as many files at once; where encoders
    can compute on a GPU and the cluster has some, it has one, with its share of the cores.
    Raises StopRequested between two files, ClusterError, and EncoderError as on one machine.
    """
    place = Place(out)
    loadings = {name: _seen_from_anywhere(loading) for name, loading in loadings.items()}
    with connected(address, reporter) as cluster:
        workers = cluster.workers(on_gpu=_is_on_gpu(loadings, cluster), cores=jobs)
        encoders = _described(cluster, loadings, workers, reporter)
        names = [made.name for encoder in encoders for made in encoder.sets]
        with place.books(names) as books:
            folders = [
                SetFolder(books, encoder, made, place.there(made.name))
                for encoder in encoders
                for made in encoder.sets
            ]
            plan = plan_of(clips, folders)
            teller = Teller(reporter)
            outcomes = teller.planned(plan, folders)
            place.keep(books)  # before there are features: who made them must be known, whatever happens
            made_with = {
                "loadings": {encoder.name: loadings[encoder.name] for encoder in encoders},
                "weights": {encoder.name: dict(encoder.weights) for encoder in encoders},
                "out": place.address,
                "jobs": workers.cores,
            }
            meter = Meter(plan.work, reporter)
            told = _told_of(plan, place)
            clerk = _Clerk(plan, place, {folder.name: folder for folder in folders}, meter, teller)
            for size in (_share(plan, workers), 1):  # what workers did not survive: once more, file by file
                items = _items([told[work.key] for work in clerk.left], size)
                with closing(cluster.each(items, ExtractWorker, made_with, workers)) as rows:
                    outcomes += clerk.written(rows)
            outcomes += clerk.lost()
            meter.finish()
            return finished(outcomes, books, f"{out}/", teller)


def _seen_from_anywhere(loading: Loading) -> Loading:
    """With a model's folder as other machines see it; what is no folder here may be a name on a hub."""
    is_here = loading.model and Path(loading.model).exists()
    return replace(loading, model=str(Path(loading.model).absolute())) if is_here else loading


def _is_on_gpu(loadings: Mapping[str, Loading], cluster: Cluster) -> bool:
    """Whether workers are to have GPUs: some encoder can use one, and it is asked for, or there is one."""
    devices = {loading.device for name, loading in loadings.items() if ENCODERS[name].on_torch}
    return any(device.startswith("cuda") for device in devices) or ("auto" in devices and cluster.has_gpus)


class _Clerk:
    """Writes down what the workers tell of each file. `left`: the work of which nothing is told yet."""

    def __init__(
        self, plan: Plan, place: Place, folders: Mapping[str, SetFolder], meter: Meter, teller: Teller
    ) -> None:
        self._works = {work.key: work for work in plan.work}
        self._place, self._folders, self._meter, self._teller = place, folders, meter, teller

    @property
    def left(self) -> Sequence[Work]:
        return list(self._works.values())

    def written(self, rows: Iterator[Mapping[str, Any] | Lost | None]) -> Iterator[Outcome]:
        """What became of each file that is told of."""
        for row in rows:
            if isinstance(row, Mapping):
                yield from (self._outcome(told) for told in json.loads(row["results"]))
            self._meter.tell([])

    def lost(self) -> Iterator[Outcome]:
        """What became of the rest."""
        error = "the process that encoded it broke down each time; look whether the file is damaged"
        yield from (self._outcome(_told(work, error=error)) for work in self.left)

    def _outcome(self, told: Mapping[str, Any]) -> Outcome:
        work, seconds = self._works.pop(told["key"]), told["seconds"]
        self._meter.done(work, seconds)
        if told["error"]:
            reason = with_aside(told["error"], self._set_aside(work))
            self._teller.failed(work.clip, reason)
            return Outcome(work.clip, "failed", reason=reason)
        for name in work.sets:
            has_features = name in told["sets"]
            notes = tuple(told["notes"])
            self._folders[name].record(work.origin(seconds, has_features=has_features, notes=notes))
        for text in told["notes"]:
            self._teller.noted(work.clip, text)
        return Outcome(work.clip, "new", tuple(told["sets"]), "; ".join(told["notes"]))

    def _set_aside(self, work: Work) -> list[str]:
        """Move away the features of what a video was before, and tell the names that they have then."""
        changed = [
            name for name in work.sets if self._folders[name].is_of_before(work.key, work.size, work.mtime_ns)
        ]
        return [aside for name in changed if (aside := self._place.set_aside(name, work.key))]


def _share(plan: Plan, workers: Workers) -> int:
    """How many files an item has."""
    return max(1, min(_FILES_AT_ONCE, len(plan.work) // (_SHARES * workers.most)))


def _told_of(plan: Plan, place: Place) -> dict[str, dict[str, Any]]:
    """The work by its key, as workers are told of it: with the state of the feature files so far."""
    return {
        work.key: {**asdict(work), "before": {name: place.state(name, work.key) for name in work.sets}}
        | {"clip": {**asdict(work.clip), "path": _path(work)}}
        for work in plan.work
    }


def _items(told: Sequence[Mapping[str, Any]], size: int) -> list[dict[str, Any]]:
    """Work in pieces of so many files."""
    return [{"work": json.dumps(told[i : i + size])} for i in range(0, len(told), size)]


def _path(work: Work) -> str:
    """Of the media, as workers know it: those of other machines have other folders of their own."""
    path = work.clip.path
    return str(path.absolute()) if isinstance(path, Path) else path


class ExtractWorker:
    """Holds the encoders on one machine of the cluster, and encodes the files of an item."""

    def __init__(
        self, loadings: Mapping[str, Loading], weights: Mapping[str, Mapping[str, str]], out: str, jobs: int
    ) -> None:
        self._encoders = [ENCODERS[name].load(loading) for name, loading in loadings.items()]
        self._place, self._jobs = Place(out), jobs
        settle_threads(jobs)
        self._rates = {made.name: made.rate for encoder in self._encoders for made in encoder.sets}
        other = [encoder.name for encoder in self._encoders if encoder.weights != weights[encoder.name]]
        if other:
            raise ClusterError(
                f"the machines of the cluster have different weights of {', '.join(other)}; give all the same"
            )

    def __call__(self, item: Mapping[str, Any]) -> dict[str, str]:
        told = json.loads(item["work"])
        results = []
        works: list[Work] = []
        for one in told:
            before = one.pop("before")
            work = _work(one)
            if self._is_done(work, before):
                results.append(_told(work, seconds=self._seconds(work), sets=work.sets))
            else:
                works.append(work)
        pipeline = Pipeline(self._encoders, self._jobs)
        for result in pipeline.run(works):
            if result is not None:
                results.append(self._written(*result))
        return {"results": json.dumps(results)}

    def _is_done(self, work: Work, before: Mapping[str, str]) -> bool:
        """Whether an earlier attempt has written all that is wanted of the file."""
        now = {name: self._place.state(name, work.key) for name in work.sets}
        return all(now[name] and now[name] != before[name] for name in work.sets)

    def _seconds(self, work: Work) -> int:
        # Sets of whole clips have no more than their rate: they do not tell.
        return max(self._place.rows(name, work.key) // self._rates[name] for name in work.sets)

    def _written(self, work: Work, encoded: Encoded | EncoderError) -> dict[str, Any]:
        if isinstance(encoded, EncoderError):
            return _told(work, error=str(encoded))
        for name in work.sets:
            self._place.write(name, work.key, encoded.features.get(name))
        return _told(work, seconds=encoded.seconds, sets=tuple(encoded.features), notes=encoded.notes)


def _work(told: dict[str, Any]) -> Work:
    clip = told.pop("clip")
    path = clip["path"] if "://" in clip["path"] else Path(clip["path"])
    return Work(clip=Clip(clip["name"], path, clip["duration"]), **{**told, "sets": tuple(told["sets"])})


def _told(
    work: Work,
    *,
    seconds: int | None = None,
    sets: Sequence[str] = (),
    notes: Sequence[str] = (),
    error: str = "",
) -> dict[str, Any]:
    return {"key": work.key, "seconds": seconds, "sets": [*sets], "notes": [*notes], "error": error}


class _Describer:
    """Tells of encoders where they can be loaded: the machine that asks may have neither weights nor a GPU."""

    def __init__(self, loadings: Mapping[str, Loading]) -> None:
        self._loadings = loadings

    def __call__(self, _: Mapping[str, Any]) -> dict[str, str]:
        return {"told": json.dumps([self._described(name) for name in self._loadings])}

    def _described(self, name: str) -> dict[str, Any]:
        try:
            encoder = ENCODERS[name].load(self._loadings[name])
        except EncoderError as error:
            return {"name": name, "error": str(error)}
        said = {"version": encoder.version, "weights": dict(encoder.weights), "precision": encoder.precision}
        return {"name": name, "sets": [asdict(made) for made in encoder.sets], **said}


@dataclass(frozen=True, eq=False)
class _Described(Encoder):
    """An encoder that was loaded elsewhere: what it says of itself."""

    told_sets: tuple[FeatureSet, ...] = ()

    @property
    def sets(self) -> tuple[FeatureSet, ...]:
        return self.told_sets


def _described(
    cluster: Cluster, loadings: Mapping[str, Loading], workers: Workers, reporter: Reporter
) -> tuple[Encoder, ...]:
    """The encoders that a worker can load; the others are notes. Raises EncoderError if there is none."""
    answers = cluster.each([{"ask": 0}], _Describer, {"loadings": dict(loadings)}, workers)
    (answer,) = (row for row in answers if row is not None)
    if isinstance(answer, Lost):
        raise ClusterError(
            f"no worker of the cluster survives loading {', '.join(loadings)}: is there memory for it?"
        )
    told = json.loads(answer["told"])
    reasons = [f"{one['name']}: {one['error']}" for one in told if "error" in one]
    usable = tuple(
        _Described(
            one["name"],
            one["version"],
            (),
            one["weights"],
            one["precision"],
            tuple(FeatureSet(**{**made, "modality": Modality(made["modality"])}) for made in one["sets"]),
        )
        for one in told
        if "error" not in one
    )
    if not usable:
        raise EncoderError("no encoder can be used on the cluster; " + "; ".join(reasons))
    for reason in reasons:
        reporter.send(Note(text=f"left out: {reason}"))
    return usable
