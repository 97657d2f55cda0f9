"""What the trainer's jobs have in common: the folder they read, the run they begin, the parses they write."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.annotations import CATEGORIES_FILE, SNAPSHOT_FILE, SPLITS, Dataset, read_dataset, summarise
from trainer.config import Config
from trainer.features import FeatureStore, some
from trainer.parses import write_parses
from trainer.progress import progress_of
from trainer.protocol import FINISH_FILE, MESSAGES_FILE, STOP_FILE, Note, Reporter
from trainer.recipe_files import CONFIG_FILE, write_config

if TYPE_CHECKING:
    import torch

if sys.platform != "win32":
    import fcntl

PSEUDO_LABELS_FILE = "pseudo-labels.npz"
"""The pseudo-labels that a run trains on, beside its config."""
STAGE_FILE = "stage.json"
"""What a stage of a pipeline is made of, in its folder."""

_FINDINGS_SHOWN = 10


class UsageError(ValueError):
    """A command line, or a file that it names, that cannot be used."""


class RunExistsError(UsageError):
    """A run folder that is another run's: nothing may be written there, not even that it was refused."""


def read_noted(folder: Path, reporter: Reporter, categories: Sequence[str] | None = None) -> Dataset:
    """Read a dataset folder, and say what was odd in it. `categories` serve a folder without its own."""
    dataset = read_dataset(folder, None if (folder / CATEGORIES_FILE).is_file() else categories)
    lines = summarise(dataset.findings)
    for line in lines[:_FINDINGS_SHOWN]:
        reporter.send(Note(text=line))
    if len(lines) > _FINDINGS_SHOWN:
        reporter.send(Note(text=f"and {len(lines) - _FINDINGS_SHOWN} more kinds of odd things in {folder}"))
    return dataset


def check_categories(dataset: Dataset, categories: Sequence[str], whose: str) -> None:
    """Refuse a dataset whose categories are not those that the checkpoint or parse file knows."""
    ours = tuple(dataset.categories)
    if ours == tuple(categories):
        return
    different = [i for i, (one, other) in enumerate(zip(ours, categories, strict=False)) if one != other]
    if different:
        first = different[0]
        detail = f"category {first + 1} is {ours[first]!r} here and {categories[first]!r} there"
    else:
        detail = f"{len(ours)} here, {len(categories)} there"
    raise UsageError(f"the dataset's categories are not those of {whose}: {detail}")


def check_file(path: Path | None) -> None:
    """Refuse, before anything is computed, to write where a folder is, or where nothing can be written."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of the file to write")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Refuse a folder to write to that cannot be made, or not be written to."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise UsageError(f"{there}: is a file, and no folder can be made there; give another place to write to")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{there}: may not be written to; give another place to write to")


@contextmanager
def alone_in(run_dir: Path) -> Iterator[None]:
    """Keep other jobs out of a run folder while the block lasts, however this process ends.

    Raises RunExistsError where another job is at work there. Systems and disks that cannot tell refuse nobody.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / MESSAGES_FILE).open("a") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunExistsError(
                    f"{run_dir}: another job is at work there; wait for its end, or give another --run-dir"
                ) from None
            except OSError:  # a disk that has no locks
                pass
        yield


def forget_wishes(run_dir: Path, *, stop: bool = True) -> None:
    """Take back what was asked for before this: to stop, and to finish."""
    for wish in (STOP_FILE, FINISH_FILE) if stop else (FINISH_FILE,):
        (run_dir / wish).unlink(missing_ok=True)


def every_clip(dataset: Dataset) -> list[str]:
    """The clips of all splits, in file order."""
    return [name for split in SPLITS for name in dataset.splits.get(split, {})]


def feature_store(folder: Path, config: Config) -> FeatureStore:
    """The feature sets that a config asks for. Raises FeatureError where one is not there."""
    sets = config.features
    return FeatureStore(folder, audio=sets.audio, visual=sets.visual, joint=sets.joint, resample=sets.resample)


@contextmanager
def begun(run_dir: Path, config: Config, dataset: Path, pseudo_labels: Path | None = None) -> Iterator[None]:
    """Write what the run is; take it back where bad input ends it before anything was kept.

    So the same command will do, once what was wrong is put right. What it is to train on is copied too:
    the snapshot of the `dataset` folder, and the `pseudo_labels`.
    """
    is_new = not (run_dir / CONFIG_FILE).exists()
    write_config(run_dir / CONFIG_FILE, config)
    wanted = {SNAPSHOT_FILE: dataset / SNAPSHOT_FILE, PSEUDO_LABELS_FILE: pseudo_labels}
    copies = [name for name, source in wanted.items() if source and _copied(source, run_dir / name)]
    try:
        yield
    except ValueError:
        if is_new and not any(run_dir.glob("*.safetensors")):
            for name in (CONFIG_FILE, *copies):
                (run_dir / name).unlink(missing_ok=True)
        raise


def _copied(source: Path, target: Path) -> bool:
    """Copy a file, and say whether there was one to be copied: it may be the target itself."""
    if not source.is_file() or (target.exists() and source.samefile(target)):
        return False
    shutil.copyfile(source, target)
    return True


def parse_to(
    out: Path,
    checkpoint: Path,
    features: Path,
    names: Sequence[str],
    dataset: Dataset | None,
    device: torch.device,
    reporter: Reporter,
    *,
    supervision: Path | None = None,
) -> dict[str, str]:
    """Parse the clips that have features and write the parse file; say which have none.

    `supervision`: where to write what the parser makes of the clips, without labels, to train on. Gives the
    files that were written, by what they are.
    """
    from trainer.checkpoint import load_checkpoint
    from trainer.dataset import feature_notes
    from trainer.device import memory_explained
    from trainer.engine.supervision_log import joined_supervision, supervision_of
    from trainer.parsing import parse_file, read_clips
    from trainer.supervision_files import write_supervision

    with memory_explained(device, "the parser and the features", "use another --device, or fewer clips"):
        parser, info = load_checkpoint(checkpoint, device)
        segments = None if dataset is None else dataset.segments
        store = feature_store(features, info.config)
        clips, read = read_clips(info, store, names, device=device, segments=segments)
        progress = progress_of(reporter, "parse")
        parses = parse_file(parser, info, clips, checkpoint=str(checkpoint), progress=progress)
        made = supervision_of(parser, clips) if supervision else None
    if not parses.names:
        raise UsageError(
            f"none of the {len(names)} clips to parse has features; extract them first ({some(names)})"
        )
    if read.missing:
        text = f"{len(read.missing)} of {len(names)} clips have no features: {some(read.missing)}"
        reporter.send(Note(text=text))
    for text in feature_notes(read):
        reporter.send(Note(text=text))
    write_parses(out, parses)
    written = {"parses": str(out)}
    if supervision is not None and made is not None:
        if made.arrays:
            write_supervision(supervision, joined_supervision(info.epoch, info.categories, made, trained=0))
            return written | {"supervision": str(supervision)}
        text = f"{info.config.recipe} makes nothing to train on of clips without labels"
        reporter.send(Note(text=f"{text}: {supervision} is not written"))
    return written
