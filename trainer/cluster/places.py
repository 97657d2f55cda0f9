"""Where a cluster keeps features: a folder that all machines see, or any address that fsspec knows."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from trainer.encoders.encoding import Rows
from trainer.encoders.store import ASIDE, SOURCES_FILE
from trainer.feature_files import ENCODER_FILE
from trainer.whole_files import written_whole

_BOOKS = (ENCODER_FILE, SOURCES_FILE)


class Place:
    """The feature sets at an address. On object stores a file appears whole, as it does in a folder."""

    def __init__(self, address: str) -> None:
        self._system, self.root = fsspec.url_to_fs(address)
        self.address = self.root if self.is_folder else address
        """As other machines know it, whatever folder they work in."""

    @property
    def is_folder(self) -> bool:
        return isinstance(self._system, LocalFileSystem)

    def file(self, features: str, key: str) -> str:
        return f"{self.root}/{features}/{key}.npy"

    def state(self, features: str, key: str) -> str:
        """What tells this state of a clip's file from another; "" where there is none."""
        try:
            return str(self._system.ukey(self.file(features, key)))
        except FileNotFoundError:
            return ""

    def write(self, features: str, key: str, rows: Rows | None) -> None:
        """Write a clip's file, whole or not at all; without rows there is none, nor what was there before."""
        if rows is None:
            with suppress(FileNotFoundError):
                self._system.rm_file(self.file(features, key))
            return
        content = io.BytesIO()
        np.save(content, rows, allow_pickle=False)
        if not self.is_folder:
            self._system.pipe_file(self.file(features, key), content.getvalue())
            return
        path = Path(self.file(features, key))
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as partial:
            partial.write_bytes(content.getvalue())

    def set_aside(self, features: str, key: str) -> str:
        """Move a clip's file away, where nobody reads it; its name then, or "" where there is none."""
        path = self.file(features, key)
        aside = f"{path}{ASIDE}"
        if self._system.exists(path):
            with suppress(FileNotFoundError):
                self._system.rm_file(aside)  # some stores move nothing onto what is there
            self._system.mv(path, aside)
        return PurePosixPath(aside).name if self._system.exists(aside) else ""

    def rows(self, features: str, key: str) -> int:
        """How many rows a clip's file has."""
        with self._system.open(self.file(features, key), "rb") as file:
            return len(np.load(io.BytesIO(file.read()), allow_pickle=False))

    def there(self, features: str) -> frozenset[str]:
        """The names of a set's files."""
        with suppress(FileNotFoundError):
            found = self._system.ls(f"{self.root}/{features}", detail=False)
            return frozenset(name for path in found if (name := PurePosixPath(path).name).endswith(".npy"))
        return frozenset()

    @contextmanager
    def books(self, sets: Iterable[str]) -> Iterator[Path]:
        """A folder with what is kept of the sets beside their arrays; else a copy of it, that is sent back."""
        if self.is_folder:
            yield Path(self.root)
            return
        with tempfile.TemporaryDirectory(prefix="avvp-") as temporary:
            folder = Path(temporary)
            for features in sets:
                (folder / features).mkdir()
                for name in _BOOKS:
                    with suppress(FileNotFoundError):
                        self._system.get_file(f"{self.root}/{features}/{name}", str(folder / features / name))
            try:
                yield folder
            finally:
                self.keep(folder)

    def keep(self, books: Path) -> None:
        """Send back what is kept in `books`, where that is a copy."""
        for path in () if self.is_folder else books.rglob("*"):
            if path.is_file():
                self._system.pipe_file(f"{self.root}/{path.relative_to(books).as_posix()}", path.read_bytes())
