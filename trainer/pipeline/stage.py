"""A stage of a pipeline: its folder, what it was made of, and whether that still holds.

`stage.json` says of every input what it was, and of every file what was made: settings one by one, all else by
a hash. A stage whose inputs are the same is not done again; one that was not done goes on; one of other inputs,
or whose files were changed, is kept beside the new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from trainer.annotations import SPLITS, Dataset, labels_hash
from trainer.config import Config, FeatureConfig
from trainer.features import Features
from trainer.jobs import STAGE_FILE
from trainer.parses import ParseFile
from trainer.protocol import (
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
from trainer.pseudo_labels.generator import file_hash
from trainer.pseudo_labels.thresholds import META, VALOR
from trainer.recipe_files import to_table
from trainer.texts import read_texts
from trainer.whole_files import written_whole

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
            "hashes": {name: file_hash(self.folder / name) for name in self.made.values()},
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
            other = [text for name, made in said["hashes"].items() if (text := self._is_other(name, made))]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None, [f"its {STAGE_FILE}"]
        return done, other

    def _is_other(self, name: str, made: str) -> str:
        """How a file is not the one that was made; empty where it is."""
        path = self.folder / name
        if not path.is_file():
            return f"its {name}, which is gone,"
        return "" if file_hash(path) == made else f"its {name}, which is not the one that was made,"


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


def features_hash(features: Features, names: Iterable[str]) -> str:
    """Tells what is in the clips' features: files that were copied or touched are the same."""
    digest = hashlib.sha256("\n".join(features.tables).encode())
    for name in names:
        i = features.index.get(name)
        if i is not None:
            rows = slice(int(features.starts[i]), int(features.starts[i] + features.lengths[i]))
            digest.update(f"\n{name}\t{features.lengths[i]}\n".encode())
            for table in features.tables.values():
                digest.update(np.ascontiguousarray(table[rows]).data)
    return digest.hexdigest()


def texts_hash(folder: Path, config: FeatureConfig, categories: Iterable[str]) -> str:
    """Tells the text features of the categories. Raises TextError where they are missing."""
    digest, asked = hashlib.sha256(), tuple(categories)
    for features in config.joint or (config.audio, config.visual[0]):
        digest.update(read_texts(folder, features, asked).tobytes())
    return digest.hexdigest()


def parses_hash(parses: ParseFile, names: Iterable[str]) -> str:
    """Tells what a parse file says of these clips, whenever it was written.

    And by what VALOR's labels were made, for parsers that make them too.
    """
    digest = hashlib.sha256("\n".join(parses.categories).encode())
    said = parses.meta.get(META)
    if isinstance(said, dict) and said.get("method") == VALOR:
        digest.update(json.dumps([said.get("thresholds"), said.get("scales")]).encode())
    for name in names:
        if (parse := parses.clip(name)) is not None:
            digest.update(f"\n{name}\t{len(parse.audio)}\n".encode())
            digest.update(parse.audio.tobytes() + parse.visual.tobytes())
    return digest.hexdigest()


def part_hash(dataset: Dataset, *, splits: Sequence[str] = SPLITS, truth: Sequence[str] = SPLITS) -> str:
    """Tells what a dataset says of the clips of some `splits`, and of dense truth in those of `truth`.

    What a person reviewed in clips of train is told, and in others where their truth is.
    """
    kept = {split: clips for split, clips in dataset.splits.items() if split in splits}
    known = {name for clips in kept.values() for name in clips}
    dense = {name for split in truth for name in kept.get(split, {})}
    reviewed = {*kept.get("train", {}), *dense}
    part = replace(
        dataset,
        splits=kept,
        truth={name: events for name, events in dataset.truth.items() if name in dense},
        complete=dataset.complete & dense,
        reviewed={name: events for name, events in dataset.reviewed.items() if name in reviewed},
        durations={name: seconds for name, seconds in dataset.durations.items() if name in known},
    )
    return labels_hash(part)


# How a stage tells of itself


class StageReporter(Reporter):
    """Writes to the stage's folder as any job does, and tells the pipeline what concerns it.

    Wishes to stop or to finish are looked for in the pipeline's folder, and in the stage's own. Epochs of a
    parser that is not the pipeline's own are not told; progress then says how the last one went.
    """

    def __init__(self, stage: str, folder: Path, pipeline: Reporter, *, tells_epochs: bool = True) -> None:
        super().__init__(folder)
        self._stage, self._pipeline, self._tells_epochs = stage, pipeline, tells_epochs
        self._detail = ""

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Started | Finished | Failed | Stopped):
            return
        if isinstance(message, Epoch) and not self._tells_epochs:
            self._detail = str(message)
            return
        if isinstance(message, Progress) and message.stage == "train":
            message = replace(message, stage=self._stage, detail=self._detail)
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
