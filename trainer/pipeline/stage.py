"""A stage of a pipeline: its folder, what it was made of, and whether that still holds.

`stage.json` says of every input what it was: settings one by one, all else by a hash. A stage whose inputs are
the same is not done again; one that was not done goes on; one of other inputs is kept beside the new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

from trainer.annotations import feature_key
from trainer.config import Config, FeatureConfig
from trainer.feature_files import find_place
from trainer.parses import ParseFile
from trainer.protocol import (
    FINISH_FILE,
    STOP_FILE,
    Epoch,
    Failed,
    Finished,
    Message,
    Note,
    Progress,
    Reporter,
    Started,
    Stopped,
    StopRequested,
)
from trainer.recipe_files import to_table
from trainer.texts import read_texts
from trainer.whole_files import written_whole

STAGE_FILE = "stage.json"

Inputs: TypeAlias = Mapping[str, Any]
"""By name ("dataset", "features"): a hash, or of "settings" the value of each."""

_FORMAT = 1
_SAID_ONLY = ("recipe", "summary", "source", "published")
"""Settings that change nothing of what is trained."""
_WORK = ("*.safetensors", "state.pt", "*.npz")
"""What of a folder is worth to be kept."""


class StageState(Enum):
    NEW = "new"
    BEGUN = "begun"
    DONE = "done"


@dataclass(frozen=True, eq=False)
class StageFolder:
    """A stage by its name, `folder` and `inputs`; when done, what it `made` (files of the folder, by kind)."""

    name: str
    folder: Path
    inputs: Inputs
    made: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def output(self, kind: str) -> Path:
        return self.folder / self.made[kind]

    def opened(self, reporter: Reporter) -> tuple[StageFolder, StageState]:
        """How far it is. What was made of other inputs is moved aside first, which a note says."""
        if not self.folder.is_dir():
            return self, StageState.NEW
        found, changed = self._read()
        holds_work = any(next(self.folder.glob(pattern), None) for pattern in _WORK)
        if not changed and found is not None:
            return found, StageState.DONE
        if not changed:
            return self, StageState.BEGUN if holds_work else StageState.NEW
        if holds_work:
            kept = _next_free(self.folder)
            self.folder.rename(kept)
            text = f"{self.name}: made anew, for {', '.join(changed)} changed; what was there is in {kept}"
            reporter.send(Note(text=text))
        return self, StageState.NEW

    def begin(self) -> None:
        """Write what it is made of."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(is_done=False)

    def end(self, made: Mapping[str, Path], metrics: Mapping[str, float] | None = None) -> StageFolder:
        """Write that it is done, and what it made."""
        names = {kind: path.name for kind, path in made.items()}
        stage = replace(self, made=names, metrics=dict(metrics or {}))
        stage._write(is_done=True)
        return stage

    def _write(self, *, is_done: bool) -> None:
        said = {
            "format": _FORMAT,
            "stage": self.name,
            "done": is_done,
            "inputs": self.inputs,
            "made": dict(self.made),
            "metrics": dict(self.metrics),
        }
        with written_whole(self.folder / STAGE_FILE) as partial:
            partial.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _read(self) -> tuple[StageFolder | None, list[str]]:
        """The stage as it was done, or None where it was not; and what is other than it was then."""
        try:
            said = json.loads((self.folder / STAGE_FILE).read_text(encoding="utf-8"))
            changed = _changed(said["inputs"], json.loads(json.dumps(self.inputs)))
            if said["format"] != _FORMAT:
                return None, ["the version of the trainer"]
            if changed or not said["done"]:
                return None, changed
            done = replace(self, made=said["made"], metrics=said["metrics"])
            lost = [name for name in done.made.values() if not (self.folder / name).is_file()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None, [f"its {STAGE_FILE}"]
        return done, [f"its {name}, which is gone," for name in lost]


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of the inputs that differ, of settings each by its own."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if "settings" not in names:
        return names
    old, new = before.get("settings", {}), now.get("settings", {})
    settings = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [*(name for name in names if name != "settings"), *settings]


def _next_free(folder: Path) -> Path:
    number = 1
    while (kept := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return kept


# What inputs are told by


def settings_of(config: Config) -> dict[str, Any]:
    """Every setting that what is trained depends on, by its full name."""
    flat: dict[str, Any] = {}
    for key, value in to_table(config).items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": item for name, item in value.items()}
        elif key not in _SAID_ONLY:
            flat[key] = value
    return flat


def features_hash(folder: Path, config: FeatureConfig, names: Iterable[str]) -> str:
    """Tells names, sizes and times of the clips' feature files; what is in them is not read."""
    digest, clips = hashlib.sha256(), sorted(names)
    for features in (config.audio, *config.visual):
        place = find_place(folder, features)
        for name in clips:
            stamp = None if place is None else place.stamp(feature_key(name))
            digest.update(f"{features}\t{name}\t{stamp}\n".encode())
    return digest.hexdigest()


def texts_hash(folder: Path, config: FeatureConfig, categories: Iterable[str]) -> str:
    """Tells the text features of the categories. Raises TextError where they are missing."""
    digest, asked = hashlib.sha256(), tuple(categories)
    for features in (config.audio, config.visual[0]):
        digest.update(read_texts(folder, features, asked).tobytes())
    return digest.hexdigest()


def parses_hash(parses: ParseFile) -> str:
    """Tells what a parse file says of which clips, whenever it was written."""
    digest = hashlib.sha256("\n".join((*parses.names, *parses.categories)).encode())
    for array in (parses.offsets, parses.audio, parses.visual):
        digest.update(array.tobytes())
    return digest.hexdigest()


# How a stage tells of itself


class StageReporter(Reporter):
    """Writes to the stage's folder as any job does, and tells the pipeline what concerns it.

    Wishes to stop or to finish are looked for in the pipeline's folder, and in the stage's own.
    """

    def __init__(self, stage: str, folder: Path, pipeline: Reporter, *, tells_epochs: bool = True) -> None:
        super().__init__(folder)
        self._stage, self._pipeline, self._tells_epochs = stage, pipeline, tells_epochs

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Started | Finished | Failed | Stopped):
            return
        if isinstance(message, Epoch) and not self._tells_epochs:
            return
        if isinstance(message, Progress) and message.stage == "train":
            message = replace(message, stage=self._stage)
        self._pipeline.send(message)

    @property
    def is_stop_requested(self) -> bool:
        return self._pipeline.is_stop_requested or super().is_stop_requested

    @property
    def is_finish_requested(self) -> bool:
        return self._pipeline.is_finish_requested or super().is_finish_requested


@contextmanager
def ended(reporter: StageReporter) -> Iterator[None]:
    """The stage's own folder says how it ended, where the block does not end well."""
    try:
        yield
    except StopRequested:
        reporter.send(Stopped())
        raise
    except Exception as error:
        reporter.send(Failed(error=" ".join(str(error).split()) or type(error).__name__))
        raise


def forget_wishes(folder: Path, *, stop: bool = True) -> None:
    """Take back what was asked for before this: to stop, and to finish."""
    for wish in (STOP_FILE, FINISH_FILE) if stop else (FINISH_FILE,):
        (folder / wish).unlink(missing_ok=True)
