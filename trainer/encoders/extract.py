"""Runs an encoder over many files, side by side, into a feature store that can be continued at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.annotations import feature_key, parse_llp_name
from trainer.encoders.encoder import Encoded, Encoder, EncoderError
from trainer.encoders.signal import SIGNAL
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter, StopRequested
from trainer.whole_files import written_whole

ENCODERS: dict[str, Encoder] = {SIGNAL.name: SIGNAL}
ENCODER_FILE = "encoder.json"

_WORKERS = 2
"""Threads: decoding and most array work let go of the interpreter, and no process can be left behind."""


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """What became of the clips, by name: new features, features that were there before, and why none."""

    encoded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Work:
    """One file to encode."""

    name: str
    path: Path
    duration: float | None


def extract(
    encoder: str,
    media: Mapping[str, Path],
    out: Path,
    reporter: Reporter,
    *,
    durations: Mapping[str, float] | None = None,
) -> ExtractReport:
    """Encode each clip's file into `out/<set>/<feature_key>.npy`; clips that have all of theirs are skipped.

    T is that of the clip's duration, or of its LLP name, or of the file. A file that cannot be encoded is a
    note. Raises StopRequested between two files, and EncoderError when not a single clip has features.
    """
    chosen = ENCODERS.get(encoder)
    if chosen is None:
        raise EncoderError(f"there is no encoder {encoder!r}; choose one of: {', '.join(ENCODERS)}")
    _prepare(chosen, out)
    work, skipped, failed = _plan(chosen, media, out, durations or {})
    for name, reason in failed.items():
        reporter.send(Note(text=f"{name}: no features, {reason}"))
    if skipped:
        reporter.send(Note(text=f"{len(skipped)} of {len(media)} clips have their features already"))
    encoded: list[str] = []
    progress = progress_of(reporter, "extract")
    progress(0, len(work))
    for done, (item, result) in enumerate(_run(chosen, work, reporter), start=1):
        if isinstance(result, EncoderError):
            failed[item.name] = str(result)
            reporter.send(Note(text=f"{item.name}: no features, {result}"))
        else:
            _write(chosen, result, out, item.name)
            encoded.append(item.name)
            for text in result.notes:
                reporter.send(Note(text=f"{item.name}: {text}"))
        progress(done, len(work))
    if failed and not encoded and not skipped:
        name, reason = next(iter(failed.items()))
        raise EncoderError(f"none of the {len(media)} clips could be encoded; the first, {name}: {reason}")
    return ExtractReport(tuple(encoded), tuple(skipped), failed)


def _plan(
    encoder: Encoder, media: Mapping[str, Path], out: Path, durations: Mapping[str, float]
) -> tuple[list[_Work], list[str], dict[str, str]]:
    """What is to do, what is done already, and what cannot be done and why."""
    work: list[_Work] = []
    skipped: list[str] = []
    failed: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name, path in media.items():
        key = feature_key(name)
        owner = owners.setdefault(key, name)
        if "/" in key or "\\" in key:
            failed[name] = "a clip's name may hold no slash; rename it"
        elif owner != name:
            failed[name] = f"{owner} is of the same video, and has its file {key}.npy; keep one of them"
        elif all(_feature_file(out, features.name, name).is_file() for features in encoder.sets):
            skipped.append(name)
        else:
            work.append(_Work(name, path, durations.get(name, _llp_duration(name))))
    return work, skipped, failed


def _llp_duration(name: str) -> float | None:
    parsed = parse_llp_name(name)
    return None if parsed is None else parsed.end - parsed.start


def _run(
    encoder: Encoder, work: list[_Work], reporter: Reporter
) -> Iterator[tuple[_Work, Encoded | EncoderError]]:
    """Encode the files side by side, about in order; nothing new is begun once a stop was asked for."""
    cv2.setNumThreads(1)  # the files are what runs side by side
    waiting = iter(work)
    running: dict[Future[Encoded | EncoderError], _Work] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        while True:
            if reporter.is_stop_requested:
                raise StopRequested
            while len(running) < _WORKERS and (item := next(waiting, None)) is not None:
                running[pool.submit(_encode, encoder, item)] = item
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


def _encode(encoder: Encoder, item: _Work) -> Encoded | EncoderError:
    try:
        return encoder.encode(item.path, item.duration)
    except EncoderError as error:
        return error


def _prepare(encoder: Encoder, out: Path) -> None:
    """Make the set folders, each with its encoder.json. Refuses those that another encoder filled."""
    for features in encoder.sets:
        folder = out / features.name
        made_by: dict[str, Any] = {
            "name": encoder.name,
            "version": encoder.version,
            "width": features.width,
            "rate": features.rate,
            "preprocessing": dict(features.preprocessing),
        }
        if (folder / ENCODER_FILE).is_file():
            _check_maker(folder, made_by)
            continue
        if any(folder.glob("*.npy")):
            raise EncoderError(
                f"{folder}: holds features, but no {ENCODER_FILE} that says which encoder made them; "
                "move them away, or give another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(made_by, indent=1) + "\n"
        _write_whole(folder / ENCODER_FILE, text.encode())


def _check_maker(folder: Path, made_by: Mapping[str, Any]) -> None:
    try:
        found = json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))
        maker = {key: found[key] for key in ("name", "version", "width", "rate")}
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{folder / ENCODER_FILE}: does not say which encoder made the features beside it; "
            "delete the folder, or give another"
        ) from error
    if any(maker[key] != made_by[key] for key in maker):
        raise EncoderError(
            f"{folder}: holds features of {maker['name']} version {maker['version']}, and this is "
            f"{made_by['name']} version {made_by['version']}, which do not mix; "
            "delete the folder, or give another"
        )


def _write(encoder: Encoder, encoded: Encoded, out: Path, name: str) -> None:
    for features in encoder.sets:
        _write_whole(_feature_file(out, features.name, name), encoded.features[features.name])


def _feature_file(out: Path, features: str, name: str) -> Path:
    return out / features / f"{feature_key(name)}.npy"


def _write_whole(path: Path, content: bytes | NDArray[np.float32]) -> None:
    with written_whole(path) as partial, partial.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            np.save(file, content)
