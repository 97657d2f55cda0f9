"""Makes features over a cluster: workers read, encode and write files; who asked plans, and keeps the books.

A worker writes each file whole, and leaves alone what an earlier attempt has written: what a lost machine had
finished is not done again, and what it had not is done by another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.cluster.connection import Cluster, ClusterError, Workers, connected
from trainer.cluster.places import Place
from trainer.encoders.catalogue import ENCODERS
from trainer.encoders.encoding import Encoder, EncoderError, FeatureSet, Loading
from trainer.encoders.extract import ExtractReport, Outcome, Teller, finished
from trainer.encoders.file_encoder import Encoded
from trainer.encoders.meter import Meter
from trainer.encoders.pipeline import Pipeline
from trainer.encoders.plan import Clip, Plan, Work, plan_of
from trainer.encoders.store import SetFolder
from trainer.labels import Modality
from trainer.protocol import Note, Reporter, StopRequested

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
    machine finds them by itself. A worker has a GPU, or `jobs` cores (1), and reads as many files at once.
    Raises StopRequested between two files, ClusterError, and EncoderError as on one machine.
    """
    place = Place(out)
    on_gpu = any(loading.device.startswith("cuda") for loading in loadings.values())
    with connected(address, reporter) as cluster:
        workers = cluster.workers(on_gpu=on_gpu, cores=jobs or 1)
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
            usable = {encoder.name: loadings[encoder.name] for encoder in encoders}
            items = _items(plan, place, workers.most)
            made_with = {"loadings": usable, "weights": _weights(encoders), "out": out, "jobs": jobs or 1}
            meter = Meter(plan.work, reporter)
            with closing(cluster.each(items, ExtractWorker, made_with, workers)) as rows:
                outcomes += _made(rows, plan, {folder.name: folder for folder in folders}, meter, teller)
            meter.finish()
            return finished(outcomes, books, f"{out}/", teller)


def _made(
    rows: Iterator[Mapping[str, Any] | None],
    plan: Plan,
    folders: Mapping[str, SetFolder],
    meter: Meter,
    teller: Teller,
) -> Iterator[Outcome]:
    """Write down what the workers tell of each file."""
    works = {work.key: work for work in plan.work}
    for row in rows:
        if teller.reporter.is_stop_requested:
            raise StopRequested
        for told in json.loads(row["results"]) if row is not None else ():
            work, seconds = works[told["key"]], told["seconds"]
            meter.done(work, seconds)
            if told["error"]:
                teller.failed(work.clip, told["error"])
                yield Outcome(work.clip, "failed", reason=told["error"])
                continue
            for name in work.sets:
                folders[name].record(work.origin(seconds, has_features=name in told["sets"]))
            for text in told["notes"]:
                teller.noted(work.clip, text)
            yield Outcome(work.clip, "new", tuple(told["sets"]), "; ".join(told["notes"]))
        meter.tell([])


def _items(plan: Plan, place: Place, workers: int) -> list[dict[str, Any]]:
    """The work in pieces, with the state of the files that are to be made anew."""
    size = max(1, min(_FILES_AT_ONCE, len(plan.work) // (_SHARES * workers)))
    told = [
        {**asdict(work), "before": {name: place.state(name, work.key) for name in work.sets}}
        | {"clip": {**asdict(work.clip), "path": str(work.clip.path)}}
        for work in plan.work
    ]
    return [{"work": json.dumps(told[i : i + size])} for i in range(0, len(told), size)]


class ExtractWorker:
    """Holds the encoders on one machine of the cluster, and encodes the files of an item."""

    def __init__(
        self, loadings: Mapping[str, Loading], weights: Mapping[str, Mapping[str, str]], out: str, jobs: int
    ) -> None:
        self._encoders = [ENCODERS[name].load(loading) for name, loading in loadings.items()]
        self._place, self._jobs = Place(out), jobs
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
        name = work.sets[0]
        return self._place.rows(name, work.key) // self._rates[name]

    def _written(self, work: Work, encoded: Encoded | EncoderError) -> dict[str, Any]:
        if isinstance(encoded, EncoderError):
            return _told(work, error=str(encoded))
        for name, rows in encoded.features.items():
            self._place.write(name, work.key, rows)
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
    (row,) = (
        row for row in cluster.each([{"ask": 0}], _Describer, {"loadings": dict(loadings)}, workers) if row
    )
    told = json.loads(row["told"])
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


def _weights(encoders: Sequence[Encoder]) -> dict[str, dict[str, str]]:
    return {encoder.name: dict(encoder.weights) for encoder in encoders}
