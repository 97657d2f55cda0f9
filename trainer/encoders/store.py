"""What an extraction keeps in a feature folder: arrays, who made them, and which media they are of.

<set>/<key>.npy         float32 (rows, width)
<set>/encoder.json      which encoder made them; others do not mix with it
<set>/sources.jsonl     a line for each file made: size and time of the media, so that a change is noticed
<set>/<key>.npy.old     of a video that was changed since, and cannot be encoded as it is now
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from trainer.encoders.encoding import Encoder, EncoderError, FeatureSet, Rows
from trainer.feature_files import ENCODER_FILE
from trainer.labels import segment_count
from trainer.whole_files import written_whole

if sys.platform != "win32":
    import fcntl

SOURCES_FILE = "sources.jsonl"
ASIDE = ".old"
"""What follows the name of a file of features that are of what a video was before."""
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Of a feature file: the clip's key, and its media's size (bytes) and last change.

    `duration`: what was asked for (seconds), None for the file's own length. `seconds`: T. `has_features`:
    whether the set can have any of such a clip. `notes`: what a person should know of it.
    """

    key: str
    size: int
    mtime_ns: int
    duration: float | None
    seconds: int
    has_features: bool = True
    notes: tuple[str, ...] = ()


@contextmanager
def alone_in_set(folder: Path) -> Iterator[None]:
    """Keep other extractions out of a set's folder while the block lasts, however this process ends.

    Raises EncoderError where another is at work there. Systems and disks that cannot tell refuse nobody.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EncoderError(
                f"{folder}: another extraction is at work there; wait for its end, or give another folder"
            ) from None
        except OSError:  # a disk that has no locks
            pass
        yield
    finally:
        os.close(opened)


class SetFolder:
    """One feature set on the disk, for one extraction. Raises EncoderError where another encoder's is there.

    `there`: the names of its feature files, where those are kept elsewhere.
    """

    def __init__(
        self, out: Path, encoder: Encoder, features: FeatureSet, there: Collection[str] | None = None
    ) -> None:
        self.name = features.name
        self._folder = out / features.name
        self._there = _arrays(self._folder) if there is None else there
        _prepare(self._folder, encoder, features, is_empty=not self._there)
        self._origins = _origins(self._folder / SOURCES_FILE)

    def is_current(self, key: str, size: int, mtime_ns: int, duration: float | None) -> bool:
        """Whether there is a file of this clip, of this state of its media, and of as many seconds.

        A file of which nothing is known is taken to be current.
        """
        origin = self._origins.get(key)
        is_there = f"{key}.npy" in self._there
        if origin is None:
            return is_there
        if not is_there and origin.has_features:
            return False
        if (origin.size, origin.mtime_ns) != (size, mtime_ns):
            return False
        return origin.duration == duration or (
            duration is not None and segment_count(duration) == origin.seconds
        )

    def origin(self, key: str) -> Origin | None:
        """What is known of a clip's file, if anything is."""
        return self._origins.get(key)

    def write(self, rows: Rows | None, origin: Origin) -> None:
        """Write a clip's file, whole or not at all, and then what it is of."""
        path = self._folder / f"{origin.key}.npy"
        if rows is None:
            path.unlink(missing_ok=True)  # of what its media was before
        else:
            with written_whole(path) as partial, partial.open("wb") as file:
                _save(file, rows)
        self.record(origin)

    def set_aside(self, key: str, size: int, mtime_ns: int) -> Path | None:
        """Move a clip's file away if it is of another state of its media, and tell where it is then.

        What cannot be made again is not lost, and is not read as if it were of what is there now.
        """
        path = self._folder / f"{key}.npy"
        aside = path.with_name(f"{path.name}{ASIDE}")
        if not self.is_of_before(key, size, mtime_ns):
            return None
        if path.exists():
            path.replace(aside)
        return aside if aside.exists() else None

    def is_of_before(self, key: str, size: int, mtime_ns: int) -> bool:
        """Whether what is written down of a clip is of another state of its media than this."""
        origin = self._origins.get(key)
        return origin is not None and (origin.size, origin.mtime_ns) != (size, mtime_ns)

    def record(self, origin: Origin) -> None:
        """Write down what a clip's file is of."""
        line = json.dumps(asdict(origin)) + "\n"
        with (self._folder / SOURCES_FILE).open("ab") as log:
            _append(log, line.encode())


def _save(file: BinaryIO, rows: Rows) -> None:
    """As `np.save` does, which would not say that the disk is full, and piece by piece."""
    kind = np.lib.format.dtype_to_descr(rows.dtype)
    header = {"descr": kind, "fortran_order": False, "shape": rows.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        file.write(rows[begin : begin + _ROWS_AT_ONCE].tobytes())


def _append(log: Any, line: bytes) -> None:
    """A whole line, after whatever an end in the middle of a line has left."""
    if log.tell() and not _ends_line(Path(log.name)):
        line = b"\n" + line
    log.write(line)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _origins(path: Path) -> dict[str, Origin]:
    """The last that is said of each file of a set; what is no such line (half written, say) is left out."""
    origins: dict[str, Origin] = {}
    if not path.is_file():
        return origins
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                said = json.loads(line)
                origins[said["key"]] = Origin(
                    said["key"],
                    said["size"],
                    said["mtime_ns"],
                    said["duration"],
                    said.get("seconds", 0),
                    said.get("has_features", True),
                    tuple(map(str, said.get("notes", ()))),
                )
    return origins


def _arrays(folder: Path) -> frozenset[str]:
    """The names of a set's feature files."""
    if not folder.exists():
        return frozenset()
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if entry.name.endswith(".npy"))


def _prepare(folder: Path, encoder: Encoder, features: FeatureSet, *, is_empty: bool) -> None:
    """Make a set's folder with its encoder.json. Refuses one that another encoder filled."""
    made_by: dict[str, Any] = {
        "name": encoder.name,
        "version": encoder.version,
        "modality": features.modality.value,
        "width": features.width,
        "rate": features.rate,
        "weights": dict(encoder.weights),
        "precision": encoder.precision,
        "preprocessing": dict(features.preprocessing),
    }
    if (folder / ENCODER_FILE).is_file():
        _check_maker(folder, made_by)
        return
    if not is_empty:
        raise EncoderError(
            f"{folder}: holds features, but no {ENCODER_FILE} that says which encoder made them; "
            "move them away, or give another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / ENCODER_FILE) as partial:
        partial.write_text(json.dumps(made_by, indent=1) + "\n", encoding="utf-8")


def _check_maker(folder: Path, made_by: Mapping[str, Any]) -> None:
    try:
        found = json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))
        # Files of before there were weights say nothing of them.
        maker = {"weights": {}, "precision": "float32"} | found
        differences = [
            key
            for key in ("name", "version", "width", "rate", "weights", "precision")
            if maker[key] != made_by[key]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{folder / ENCODER_FILE}: does not say which encoder made the features beside it; "
            "delete the folder, or give another"
        ) from error
    if differences:
        raise EncoderError(
            f"{folder}: holds features of {_described(maker, differences)}, and this is "
            f"{_described(made_by, differences)}, which do not mix; delete the folder, or give another"
        )


def _described(maker: Mapping[str, Any], differences: Sequence[str]) -> str:
    """An encoder by its name and version, and by what else tells it from another."""
    others = [key for key in differences if key not in ("name", "version")]
    details = [
        f"weights {', '.join(f'{file} {digest[:8]}' for file, digest in maker[key].items()) or 'none'}"
        if key == "weights"
        else f"{key} {maker[key]}"
        for key in others
    ]
    return " ".join([f"{maker['name']} version {maker['version']}", *(f"({part})" for part in details)])
