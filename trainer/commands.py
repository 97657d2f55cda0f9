"""What each command of the trainer does. Torch is imported only by those that compute with it."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import evaluation
from trainer.annotations import CATEGORIES_FILE, SNAPSHOT_FILE, SPLITS, Dataset, read_dataset, summarise
from trainer.config import Config
from trainer.features import FeatureStore, some
from trainer.metrics import KINDS, RESAMPLES
from trainer.parses import read_parses, write_parses
from trainer.progress import progress_of
from trainer.protocol import FINISH_FILE, STOP_FILE, Finished, Note, Reporter, Started
from trainer.recipe_files import CONFIG_FILE, load_recipe, read_settings, recipe_names, write_config
from trainer.scoring import scored_names

if TYPE_CHECKING:
    import torch

_VIDEO = ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
_AUDIO = ".aac .aif .aiff .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma"
_MEDIA_SUFFIXES = (*_VIDEO.split(), *_AUDIO.split())
_FINDINGS_SHOWN = 10


class UsageError(ValueError):
    """A command line, or a file that it names, that cannot be used."""


class RunExistsError(UsageError):
    """A run folder that is another run's: nothing may be written there, not even that it was refused."""


def recipes(arguments: argparse.Namespace, _: Reporter) -> None:
    """List the recipes that come with the trainer."""
    entries = [_listed(name) for name in recipe_names()]
    if arguments.json:
        print(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(entry["name"]) for entry in entries)
    for (parser, features), group in groupby(sorted(entries, key=_read_by), _read_by):
        print(f"{parser}, reads {', '.join(features)}")
        for entry in group:
            print(f"  {entry['name']:{width}}  {entry['summary']}")
            if entry["published"]:
                numbers = ["-" if number is None else f"{number:.1f}" for number in entry["published"]]
                segment, event = " ".join(numbers[:5]), " ".join(numbers[5:])
                print(f"  {'':{width}}    {entry['source']} | segment {segment} | event {event}")
        print()
    print(f"Published numbers are {', '.join(KINDS)}, at the level of segments and of events.")


def _read_by(entry: dict[str, Any]) -> tuple[str, list[str]]:
    """What recipes are grouped by for people: the parser, and the features that it reads."""
    return entry["parser"], entry["features"]


def _listed(name: str) -> dict[str, Any]:
    said = {key: setting.value for key, setting in read_settings(name).items()}
    return {
        "name": name,
        "parser": said["parser"],
        "features": [said["features.audio"], *said["features.visual"]],
        "summary": said.get("summary", ""),
        "epochs": said["training.epochs"],
        "source": said.get("source", ""),
        # JSON has no nan.
        "published": [None if math.isnan(number) else number for number in said.get("published", [])],
    }


def train(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Train by a recipe, or go on with a run; then parse the dataset if that is asked for."""
    run_dir: Path = arguments.run_dir
    _check_run(arguments)
    from trainer import engine
    from trainer.checkpoint import model_config_types
    from trainer.device import choose_device, prepare_torch
    from trainer.group import Group

    group = Group.of_environment()
    prepare_torch(group.local_size, threads=arguments.threads)
    device = choose_device(arguments.device, None if group.is_alone else group.local_rank)
    recipe = str(run_dir / CONFIG_FILE) if arguments.resume else arguments.recipe
    seed = [] if arguments.seed is None else [f"training.seed={arguments.seed}"]
    config = load_recipe(recipe, [*arguments.set, *seed], models=model_config_types())
    reporter = reporter if group.is_first else Reporter(None)
    with group.joined(device):  # all of them have looked at the run folder before the first writes to it
        reporter.send(
            Started(
                kind="train",
                pid=os.getpid(),
                device=str(device) if group.is_alone else f"{device.type}, {group.size} processes",
                recipe=config.recipe,
                epochs=config.training.epochs,
            )
        )
        dataset = _read_dataset(arguments.dataset, reporter)
        store = _feature_store(arguments.features, config)
        with _begun(run_dir, config, arguments.dataset) if group.is_first else nullcontext():
            result = engine.train(
                *(config, dataset, store, run_dir),
                device=device,
                reporter=reporter,
                resume=arguments.resume,
                group=group,
            )
    if not group.is_first:
        return
    outputs = {"checkpoint": str(result.checkpoint)}
    if arguments.parse is not None:
        names, out = _every_clip(dataset), arguments.parse
        _parse_to(out, result.checkpoint, arguments.features, names, dataset, device, reporter)
        outputs["parses"] = str(arguments.parse)
    numbers = {f"val/{name}": value for name, value in result.metrics.items()}
    reporter.send(Finished(outputs=outputs, metrics=numbers))


@contextmanager
def _begun(run_dir: Path, config: Config, dataset: Path) -> Iterator[None]:
    """Write what the run is; take it back where bad input ends it before anything was kept.

    So the same command will do, once what was wrong is put right.
    """
    is_new = not (run_dir / CONFIG_FILE).exists()
    write_config(run_dir / CONFIG_FILE, config)
    if (dataset / SNAPSHOT_FILE).is_file():
        shutil.copyfile(dataset / SNAPSHOT_FILE, run_dir / SNAPSHOT_FILE)
    try:
        yield
    except ValueError:
        if is_new and not any(run_dir.glob("*.safetensors")):
            for name in (CONFIG_FILE, SNAPSHOT_FILE):
                (run_dir / name).unlink(missing_ok=True)
        raise


def _check_run(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before torch is loaded. Resuming takes back earlier wishes to end."""
    run_dir: Path = arguments.run_dir
    _check_file(arguments.parse)
    holds_run = (run_dir / CONFIG_FILE).is_file()
    if arguments.resume:
        if arguments.set or arguments.seed is not None:
            raise UsageError("--resume goes on with the run's own config: leave out --set and --seed")
        if not holds_run:
            raise UsageError(f"{run_dir}: there is no run to resume: it holds no {CONFIG_FILE}")
        for wish in (STOP_FILE, FINISH_FILE):
            (run_dir / wish).unlink(missing_ok=True)
    elif arguments.recipe is None:
        raise UsageError("say which recipe to train; `recipes` lists them")
    elif holds_run:
        raise RunExistsError(
            f"{run_dir}: already holds a run; give --resume to go on with it, or another --run-dir"
        )


def parse(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Parse clips by a checkpoint."""
    from trainer.checkpoint import read_info
    from trainer.device import choose_device, prepare_torch

    if arguments.split and arguments.dataset is None:
        raise UsageError("--split is of a --dataset: give that too, or leave it out")
    _check_file(arguments.out)
    prepare_torch()
    device = choose_device(arguments.device)
    reporter.send(Started(kind="parse", pid=os.getpid(), device=str(device)))
    info = read_info(arguments.checkpoint)
    names, dataset = list(dict.fromkeys(arguments.clips or ())), None
    if arguments.dataset is not None:
        dataset = _read_dataset(arguments.dataset, reporter, info.categories)
        _check_categories(dataset, info.categories, str(arguments.checkpoint))
        names = list(dataset.splits.get(arguments.split, {})) if arguments.split else _every_clip(dataset)
    _parse_to(arguments.out, arguments.checkpoint, arguments.features, names, dataset, device, reporter)
    reporter.send(Finished(outputs={"parses": str(arguments.out)}))


def _parse_to(
    out: Path,
    checkpoint: Path,
    features: Path,
    names: Sequence[str],
    dataset: Dataset | None,
    device: torch.device,
    reporter: Reporter,
) -> None:
    """Parse the clips that have features and write the parse file; say which have none."""
    from trainer.checkpoint import load_checkpoint
    from trainer.dataset import feature_notes
    from trainer.device import memory_explained
    from trainer.parsing import parse_names

    with memory_explained(device, "the parser and the features", "use another --device, or fewer clips"):
        parser, info = load_checkpoint(checkpoint, device)
        parses, read = parse_names(
            parser,
            info,
            _feature_store(features, info.config),
            names,
            device=device,
            checkpoint=str(checkpoint),
            segments=None if dataset is None else dataset.segments,
            progress=progress_of(reporter, "parse"),
        )
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


def evaluate(arguments: argparse.Namespace, _: Reporter) -> None:
    """Score a parse file on a split, alone or against another one."""
    _check_file(arguments.per_clip)
    paths = [arguments.parses, *([arguments.against] if arguments.against else [])]
    files = [read_parses(path) for path in paths]
    dataset = _read_dataset(arguments.dataset, Reporter(None), files[0].categories)
    for path, file in zip(paths, files, strict=True):
        _check_categories(dataset, file.categories, str(path))
    names = scored_names(dataset, arguments.split)
    if not names:
        raise UsageError(
            f"{arguments.dataset}: no clip of the {arguments.split} split has complete dense truth"
        )
    held = [name for name in names if all(name in file for file in files)]
    if not held:
        which = " and ".join(map(str, paths)) + (": hold none" if arguments.against else ": holds none")
        raise UsageError(f"{which} of the {len(names)} clips of the {arguments.split} split")
    asked = {
        "name": arguments.rule,
        "gate": arguments.gate,
        "threshold": arguments.threshold,
        "segment": arguments.segment_thresholds and tuple(arguments.segment_thresholds),
        "video": arguments.video_thresholds and tuple(arguments.video_thresholds),
        "strict": arguments.strict,
    }
    found = [
        evaluation.evaluate(
            file, dataset, held, evaluation.asked_rule(file.rule, **asked), only=arguments.ao_vo
        )
        for file in files
    ]
    report = evaluation.Report(
        split=arguments.split,
        evaluation=found[0],
        missing=len(names) - len(held),
        resamples=arguments.bootstrap or (RESAMPLES if arguments.against else 0),
        per_category=arguments.per_category,
        other_path=arguments.against,
        other=found[1] if arguments.against else None,
    )
    if arguments.per_clip is not None:
        evaluation.write_per_clip(arguments.per_clip, report.evaluation)
    print(json.dumps(evaluation.as_json(report), indent=1) if arguments.json else evaluation.as_text(report))


def extract(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Make the features of media files."""
    media, durations = _media_list(arguments.list) if arguments.list else (_media_folder(arguments.media), {})
    from trainer.encoders import extract as extract_features

    reporter.send(Started(kind="extract", pid=os.getpid()))
    extract_features(arguments.encoder, media, arguments.out, reporter, durations=durations)
    reporter.send(Finished(outputs={"features": str(arguments.out)}))


def _media_folder(folder: Path) -> dict[str, Path]:
    """The media files of a folder by clip name, which is their name without the suffix."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    media = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in _MEDIA_SUFFIXES}
    if not media:
        raise UsageError(f"{folder}: holds no media file ({', '.join(_MEDIA_SUFFIXES)})")
    return media


def _media_list(path: Path) -> tuple[dict[str, Path], dict[str, float]]:
    """The media files and durations that a tab-separated list names."""
    media: dict[str, Path] = {}
    durations: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if not {"filename", "path"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{path}:1: the header needs the columns filename and path, separated by a tab")
        for row in rows:
            name, place, duration = row["filename"], row["path"], row.get("duration")
            if not name or not place:
                raise UsageError(f"{path}:{rows.line_num}: a row needs a filename and a path")
            media[name] = path.parent / place
            if duration:
                try:
                    durations[name] = float(duration)
                except ValueError:
                    raise UsageError(
                        f"{path}:{rows.line_num}: the duration {duration!r} is no number"
                    ) from None
    return media, durations


def _read_dataset(folder: Path, reporter: Reporter, categories: Sequence[str] | None = None) -> Dataset:
    """Read a dataset folder, and say what was odd in it. `categories` serve a folder without its own."""
    dataset = read_dataset(folder, None if (folder / CATEGORIES_FILE).is_file() else categories)
    lines = summarise(dataset.findings)
    for line in lines[:_FINDINGS_SHOWN]:
        reporter.send(Note(text=line))
    if len(lines) > _FINDINGS_SHOWN:
        reporter.send(Note(text=f"and {len(lines) - _FINDINGS_SHOWN} more kinds of odd things in {folder}"))
    return dataset


def _check_categories(dataset: Dataset, categories: Sequence[str], whose: str) -> None:
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


def _check_file(path: Path | None) -> None:
    """Refuse, before anything is computed, to write where a folder is."""
    if path is not None and path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of the file to write")


def _every_clip(dataset: Dataset) -> list[str]:
    return [name for split in SPLITS for name in dataset.splits.get(split, {})]


def _feature_store(folder: Path, config: Config) -> FeatureStore:
    features = config.features
    return FeatureStore(folder, audio=features.audio, visual=features.visual, resample=features.resample)
