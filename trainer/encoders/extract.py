"""Makes features of many files with several encoders, in a feature store that can be continued at any time."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2

from trainer.annotations import feature_key
from trainer.cores import cores
from trainer.encoders.catalogue import ENCODERS
from trainer.encoders.encoding import Encoder, EncoderError, Loading
from trainer.encoders.file_encoder import Encoded
from trainer.encoders.media import shown
from trainer.encoders.meter import Meter
from trainer.encoders.pipeline import Pipeline
from trainer.encoders.plan import Clip, Plan, Work, plan_of
from trainer.encoders.store import SetFolder, alone_in_set
from trainer.protocol import Note, Reporter, StopRequested
from trainer.whole_files import written_whole

REPORT_FILE = "extraction.tsv"
"""What became of each clip, beside the sets."""
_COLUMNS = ("filename", "path", "outcome", "sets", "reason")

_NOTES_SHOWN = 50
"""Failures that are told one by one; the report has all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a clip: "new", "kept" or "failed"; of which sets; why not, or what to know of it."""

    clip: Clip
    outcome: str
    sets: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """What became of the clips, and where that is written down."""

    outcomes: tuple[Outcome, ...]
    path: str

    def names(self, outcome: str) -> tuple[str, ...]:
        """The clips of this outcome."""
        return tuple(each.clip.name for each in self.outcomes if each.outcome == outcome)


def load_encoders(loadings: Mapping[str, Loading], reporter: Reporter) -> tuple[Encoder, ...]:
    """Load encoders by their names; one that cannot be loaded is a note. Raises EncoderError if none can."""
    loaded: list[Encoder] = []
    reasons: list[str] = []
    for name, loading in loadings.items():
        try:
            loaded.append(ENCODERS[name].load(loading))
        except EncoderError as error:
            reasons.append(f"{name} is left out: {error}")
        except OSError as error:  # of weights that may not be read, say
            reasons.append(f"{name} is left out: {error.filename}: {error.strerror}")
    if not loaded:
        raise EncoderError("no encoder can be used; " + "; ".join(reasons))
    for reason in reasons:
        reporter.send(Note(text=reason))
    return tuple(loaded)


def extract(
    encoders: Sequence[Encoder],
    clips: Sequence[Clip],
    out: Path,
    reporter: Reporter,
    *,
    jobs: int | None = None,
) -> ExtractReport:
    """Encode each clip's file into `out/<set>/<key>.npy`: the sets that are missing, or whose media changed.

    T is that of the clip's duration, or of its LLP name, or of the file. `jobs` files are read at once. A clip
    that cannot be encoded is a note. Raises StopRequested within a file, OSError where nothing can be written,
    and EncoderError when not a single clip has features; what is made by then is kept, and found again.
    """
    made_here = [(encoder, made) for encoder in encoders for made in encoder.sets]
    with ExitStack() as held:
        for _, made in made_here:
            held.enter_context(alone_in_set(out / made.name))
        folders = [SetFolder(out, encoder, made) for encoder, made in made_here]
        plan = plan_of(clips, folders)
        teller = Teller(reporter)
        outcomes = teller.planned(plan, folders)
        outcomes += _made(encoders, plan, folders, jobs or cores(), teller)
        return finished(outcomes, out, f"{out}{os.sep}", teller)


def finished(outcomes: Sequence[Outcome], folder: Path, shown_as: str, teller: Teller) -> ExtractReport:
    """Write the report into a folder, which is `shown_as` that. Raises EncoderError if no clip has features."""
    teller.close()
    _write_report(outcomes, folder / REPORT_FILE)
    report = ExtractReport(tuple(outcomes), f"{shown_as}{REPORT_FILE}")
    failed = [each for each in outcomes if each.outcome == "failed"]
    if failed and len(failed) == len(outcomes):
        name, reason = shown(failed[0].clip.name), failed[0].reason
        raise EncoderError(f"none of the {len(failed)} clips could be encoded; the first, {name}: {reason}")
    return report


def _made(
    encoders: Sequence[Encoder], plan: Plan, folders: Sequence[SetFolder], jobs: int, teller: Teller
) -> Iterator[Outcome]:
    """Encode what is to be done, and write it down."""
    settle_threads(cores())
    by_name = {folder.name: folder for folder in folders}
    pipeline = Pipeline(encoders, jobs)
    meter = Meter(plan.work, teller.reporter)
    results = pipeline.run(plan.work)
    try:
        for result in results:
            if teller.reporter.is_stop_requested:
                raise StopRequested
            if result is not None:
                work, encoded = result
                meter.done(work, encoded.seconds if isinstance(encoded, Encoded) else None)
                yield _written(work, encoded, by_name, teller)
            meter.tell(pipeline.positions)
        meter.finish()
    finally:
        results.close()


def _written(
    work: Work, encoded: Encoded | EncoderError, folders: Mapping[str, SetFolder], teller: Teller
) -> Outcome:
    if isinstance(encoded, EncoderError):
        aside = [folders[name].set_aside(work.key, work.size, work.mtime_ns) for name in work.sets]
        reason = with_aside(str(encoded), [path.name for path in aside if path is not None])
        teller.failed(work.clip, reason)
        return Outcome(work.clip, "failed", reason=reason)
    for name in work.sets:
        rows = encoded.features.get(name)
        has_features, notes = rows is not None, tuple(encoded.notes)
        folders[name].write(rows, work.origin(encoded.seconds, has_features=has_features, notes=notes))
    for text in encoded.notes:
        teller.noted(work.clip, text)
    return Outcome(work.clip, "new", tuple(encoded.features), "; ".join(encoded.notes))


def with_aside(reason: str, names: Sequence[str]) -> str:
    """Why a video cannot be encoded; and in which files the features of what it was before are kept, if any."""
    return f"{reason}; features of what it was before are kept in {shown(names[0])}" if names else reason


def _kept(clip: Clip, folders: Sequence[SetFolder]) -> Outcome:
    """Of which sets there are features, and what was noted when they were made."""
    origins = {folder.name: folder.origin(feature_key(clip.name)) for folder in folders}
    sets = tuple(name for name, origin in origins.items() if origin is None or origin.has_features)
    notes = dict.fromkeys(note for origin in origins.values() if origin is not None for note in origin.notes)
    return Outcome(clip, "kept", sets, "; ".join(notes))


class Teller:
    """Tells of single clips, as long as somebody may read it; then only how many there were."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._told = self._untold = 0

    def planned(self, plan: Plan, folders: Sequence[SetFolder]) -> list[Outcome]:
        """Tell what a plan leaves out, and give what became of it."""
        count = len(plan.kept) + len(plan.failed) + len(plan.work)
        if plan.kept:
            text = f"{len(plan.kept)} of {count} clips have their features already"
            self.reporter.send(Note(text=text))
        for clip, reason in plan.failed:
            self.failed(clip, reason)
        return [
            *(Outcome(clip, "failed", reason=reason) for clip, reason in plan.failed),
            *(_kept(clip, folders) for clip in plan.kept),
        ]

    def failed(self, clip: Clip, reason: str) -> None:
        self.noted(clip, f"no features, {reason}")

    def noted(self, clip: Clip, text: str) -> None:
        if self._told < _NOTES_SHOWN:
            self._told += 1
            self.reporter.send(Note(text=f"{shown(clip.name)}: {text}"))
        else:
            self._untold += 1

    def close(self) -> None:
        if self._untold:
            self.reporter.send(Note(text=f"and {self._untold} more like these: see {REPORT_FILE}"))


def _write_report(outcomes: Sequence[Outcome], path: Path) -> None:
    with (
        written_whole(path) as partial,
        partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(_COLUMNS)
        for each in outcomes:
            rows.writerow((each.clip.name, each.clip.path, each.outcome, ",".join(each.sets), each.reason))


def settle_threads(count: int) -> None:
    """Files are what runs side by side: the libraries' own threads would only stand in one another's way.

    Torch computes with so many, the same numbers each time.
    """
    cv2.setNumThreads(1)
    if "torch" in sys.modules:  # an encoder computes with it
        from trainer.device import prepare_torch

        prepare_torch(threads=count)
