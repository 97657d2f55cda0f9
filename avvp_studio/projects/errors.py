"""What can go wrong with a project as a whole, and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from avvp_studio.store import StoreError


class ProjectError(ValueError):
    """A project that cannot be made, changed or exported: what is wrong, where, and what to do."""


@contextmanager
def project_errors(path: Path, staging: Path | None = None) -> Iterator[None]:
    """Turn what the disk and the store say into a ProjectError about `path`."""
    try:
        yield
    except StoreError as error:
        text = str(error) if staging is None else str(error).replace(str(staging), str(path))
        raise ProjectError(text) from error
    except OSError as error:
        raise ProjectError(f"{path}: {_reason(error)}; nothing was written") from error


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space, or choose another place"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        where = f" ({error.filename})" if error.filename else ""
        return f"access was refused{where}; check the permissions, or choose another place"
    return f"the disk refused ({error.strerror or error}); choose another place, or try again"


@contextmanager
def staged_folder(target: Path, *, where: Path, needed_bytes: int = 0) -> Iterator[Path]:
    """An empty folder in `where`, to be filled with what becomes `target` and moved into place.

    It is gone when the block ends; one that a killed program left behind goes with the next. Raises
    ProjectError when the disk is full or refuses.
    """
    prefix = f".{target.name}.new-"
    staging = where / f"{prefix}{os.getpid()}"
    with project_errors(target, staging):
        where.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(where, prefix)
        free = shutil.disk_usage(where).free
        if free < needed_bytes:
            needs, has = (f"{size / 1e6:.0f} MB" for size in (needed_bytes, free))
            raise ProjectError(f"{target}: needs about {needs}, and {has} are free; free some space")
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _remove_leftovers(folder: Path, prefix: str) -> None:
    for path in folder.glob(f"{prefix.replace('[', '[[]')}*"):
        number = path.name.removeprefix(prefix)
        if number.isdecimal() and (int(number) == os.getpid() or not psutil.pid_exists(int(number))):
            shutil.rmtree(path, ignore_errors=True)
