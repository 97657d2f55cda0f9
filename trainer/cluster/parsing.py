"""Parses a large collection over a cluster: a worker holds the parser, and reads the features of its clips."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import torch

from trainer.annotations import feature_key
from trainer.checkpoint import load_checkpoint
from trainer.cluster.connection import ClusterError, Lost, connected
from trainer.dataset import feature_notes
from trainer.feature_files import UnusableError, find_place
from trainer.features import FeatureError, FeatureStore, some
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.parsing import parse_names
from trainer.progress import progress_of
from trainer.protocol import Reporter

_CLIPS_AT_ONCE = 256
"""How many clips a worker is given: what a lost machine takes with it."""


@dataclass(frozen=True, eq=False)
class ClusterParses:
    """The parses of the clips that have features, in the order asked for, and what a person should know."""

    file: ParseFile
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def parse_on_cluster(
    checkpoint: Path,
    features: str,
    names: Sequence[str],
    reporter: Reporter,
    *,
    address: str = "",
    device: str = "cpu",
    segments: Mapping[str, int] | None = None,
) -> ClusterParses:
    """Parse the named clips with workers all over a Ray cluster; the same numbers as on one machine.

    `features`: a folder that all machines see, or any address that fsspec reads (with the sets in our own
    layout). The checkpoint is sent to the workers. Raises ClusterError, also with all features that cannot be
    used.
    """
    known = segments or {}
    chunks = [names[i : i + _CLIPS_AT_ONCE] for i in range(0, len(names), _CLIPS_AT_ONCE)]
    items = [{"names": list(chunk), "segments": [known.get(name, 0) for name in chunk]} for chunk in chunks]
    made_with = {
        "checkpoint": checkpoint.read_bytes(),
        "said": str(checkpoint),
        # Workers of other machines have other folders of their own.
        "features": features if "://" in features else str(Path(features).absolute()),
        "device": device,
    }
    progress = progress_of(reporter, "parse")
    told: list[Mapping[str, Any]] = []
    with connected(address, reporter) as cluster:
        progress(0, len(names))
        workers = cluster.workers(on_gpu=device.startswith("cuda"))
        for row in cluster.each(items, ParseWorker, made_with, workers):
            if isinstance(row, Lost):
                those = some(row.item["names"])
                raise ClusterError(f"each worker that parsed {those} broke down: is there memory for it?")
            if row is not None:
                told.append(row)
                progress(sum(len(each["names"]) for each in told), len(names))
    problems = [problem for row in told for problem in row["problems"]]
    if problems:
        raise ClusterError("; ".join(problems))
    return _joined(told, names, features)


def _joined(told: Sequence[Mapping[str, Any]], names: Sequence[str], features: str) -> ClusterParses:
    """One file of what the workers told. Raises ClusterError where no clip has features."""
    parts = [_unpacked(row["parses"]) for row in told if row["parses"]]
    if not parts:
        raise ClusterError(
            f"none of the {len(names)} clips to parse has features in {features}; extract them first "
            f"({some(names)})"
        )
    found = {name: parse for part in parts for name in part.names if (parse := part.clip(name)) is not None}
    ordered = {name: found[name] for name in names if name in found}
    meta = {**parts[0].meta, "created": max(float(part.meta["created"]) for part in parts)}
    file = ParseFile.from_clips(ordered, parts[0].categories, meta)
    lost = {name for row in told for name in row["missing"]}
    notes = dict.fromkeys(note for row in told for note in row["notes"])
    return ClusterParses(file, tuple(name for name in names if name in lost), tuple(notes))


class ParseWorker:
    """Holds a parser on one machine of the cluster, and parses the clips of an item."""

    def __init__(self, checkpoint: bytes, said: str, features: str, device: str) -> None:
        self._device, self._said, self._features = torch.device(device), said, features
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "parser.safetensors"
            path.write_bytes(checkpoint)
            self._parser, self._info = load_checkpoint(path, self._device)

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        names = [str(name) for name in item["names"]]
        said = {name: int(count) for name, count in zip(names, item["segments"], strict=True) if count}
        sets = self._info.config.features
        result: dict[str, Any] = {"names": names, "missing": names, "notes": [], "problems": [], "parses": b""}
        try:
            with brought(self._features, sets.sets, names) as (folder, held):
                if not held:
                    return result
                store = FeatureStore(
                    folder, audio=sets.audio, visual=sets.visual, joint=sets.joint, resample=sets.resample
                )
                file, read = parse_names(
                    self._parser,
                    self._info,
                    store,
                    held,
                    device=self._device,
                    checkpoint=self._said,
                    segments=said,
                )
                missing = [name for name in names if name not in held]
                return {
                    **result,
                    "missing": missing,
                    "notes": [*feature_notes(read)],
                    "parses": _packed(file, folder),
                }
        except (FeatureError, UnusableError) as error:
            return {**result, "problems": [str(error)]}


@contextmanager
def brought(features: str, sets: Sequence[str], names: Sequence[str]) -> Iterator[tuple[Path, list[str]]]:
    """A folder of this machine's own with the feature files of clips, and the clips that have all of theirs.

    Files that lie on a disk of this machine are linked, others fetched. A folder of its own, because what is
    packed there (trainer.pack) would else be packed by all workers in the same place.
    """
    with tempfile.TemporaryDirectory(prefix="avvp-") as temporary:
        folder = Path(temporary)
        bring = _linked if "://" not in features else _fetched
        keys = {feature_key(name) for name in names}
        held = {key for key in keys if all(bring(features, name, key, folder) for name in sets)}
        yield folder, [name for name in names if feature_key(name) in held]


def _linked(features: str, name: str, key: str, folder: Path) -> bool:
    place = find_place(Path(features), name)
    if place is None or place.stamp(key) is None:
        return False
    own = folder / name / f"{key}.npy"
    own.parent.mkdir(exist_ok=True)
    files = place.files(key)
    if len(files) == 1:
        own.symlink_to((place.folder / files[0]).resolve())
    else:
        np.save(own, place.read(key))
    return True


def _fetched(features: str, name: str, key: str, folder: Path) -> bool:
    system, root = fsspec.url_to_fs(features)
    (folder / name).mkdir(exist_ok=True)
    try:
        system.get_file(f"{root}/{name}/{key}.npy", str(folder / name / f"{key}.npy"))
    except FileNotFoundError:
        return False
    return True


def _packed(file: ParseFile, folder: Path) -> bytes:
    path = folder / "parses.npz"
    write_parses(path, file)
    return path.read_bytes()


def _unpacked(content: bytes) -> ParseFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parses.npz"
        path.write_bytes(content)
        return read_parses(path)
