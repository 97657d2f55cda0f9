"""A small dataset, and what is done with projects in these tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from avvp_studio.domain.edit import mark
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import (
    CreateReport,
    ImportReport,
    create_project,
    import_files,
)
from avvp_studio.store import Store
from trainer.annotations import IMPORTED, Dataset
from trainer.labels import Event, Modality, State
from trainer.parses import Parse, ParseFile

CATEGORIES = ("Speech", "Dog", "Bell")
A, V = Modality.AUDIO, Modality.VISUAL
TRAIN, VAL, TEST = "aaaaaaaaaaa_0_10", "bbbbbbbbbbb_20_30", "ccccccccccc_0_10"


def small_dataset() -> Dataset:
    return Dataset(
        CATEGORIES,
        {
            "train": {TRAIN: frozenset({"Dog"}), "free": frozenset({"Bell"})},
            "val": {VAL: frozenset({"Dog"})},
            "test": {TEST: frozenset({"Speech"})},
        },
        truth={VAL: (Event(A, "Dog", 0, 5), Event(V, "Dog", 1, 3))},
        complete=frozenset({VAL, TEST}),
        reviewed={
            TRAIN: (Event(A, "Dog", 2, 4, State.ABSENT, IMPORTED),),
            VAL: (Event(A, "Dog", 2, 3, State.ABSENT, IMPORTED),),
        },
    )


def create(root: Path, dataset: Dataset | None = None, media: Path | None = None) -> CreateReport:
    return create_project(
        root, categories=CATEGORIES, name="P", dataset=dataset, media=media, progress=lambda *_: None
    )


def bring(root: Path, *files: Path) -> ImportReport:
    return import_files(root, files, progress=lambda *_: None)


def open_store(root: Path) -> Store:
    return Store.open(ProjectPaths(root).database)


def clips_of(root: Path) -> dict[str, Clip]:
    with open_store(root) as store:
        return {clip.name: clip for clip in store.clips()}


def events_of(root: Path, clip: str) -> tuple[Event, ...]:
    with open_store(root) as store:
        return store.events(clip)


def say(root: Path, clip: str, category: str, state: State = State.PRESENT, person: str = "ann") -> None:
    """A person marks seconds 1 to 3 of what is heard in a clip."""
    with open_store(root) as store:
        said = {"modality": A, "category": category, "onset": 1, "offset": 3, "state": state}
        store.apply(clip, mark(store.events(clip), **said, author=person), person)


def sound(path: Path, seconds: float = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(8000 * seconds), np.float32), 8000)
    return path


def parses_of(names: Sequence[str], categories: Sequence[str] = CATEGORIES) -> ParseFile:
    columns = np.tile(np.arange(len(categories), dtype=np.float32) / 10, (10, 1))
    return ParseFile.from_clips({name: Parse(columns, columns, columns[0]) for name in names}, categories)
