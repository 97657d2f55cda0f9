"""From the labels of a project to a training: freezes them, finds missing features, orders the jobs."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from avvp_studio.domain.job import JobOrder, Recipe, TrainingRequest
from avvp_studio.domain.project import Clip
from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import snapshot_dataset
from avvp_studio.store import Store
from trainer.annotations import feature_key
from trainer.feature_files import find_place

BUILT_IN_ENCODER = "signal"
"""The encoder whose features can be made on any machine."""


class TrainingError(ValueError):
    """A training that cannot be started, and what to do about it."""


def order_training(root: Path, request: TrainingRequest, name: str) -> tuple[JobOrder, ...]:
    """Write the run folder of a training with a snapshot of the labels, and return the jobs to run in order.

    Clips whose features are missing are extracted first where the built-in encoder can do it. Raises
    TrainingError when there is nothing to train on, or the run folder cannot be written.
    """
    paths = ProjectPaths(root)
    with Store.open(paths.database) as store:
        clips = store.clips()
        snapshot = snapshot_dataset(store)
    if not snapshot.taught:  # told before an hour of extraction, not after it
        raise TrainingError(
            "no train clip has a label yet, so there is nothing to train on: label some clips of the train "
            "split, or import their video-level labels (train.csv)"
        )
    run_dir = paths.run(name)
    lacking = _without_features(paths, request.recipe, clips)
    missing = [clip for clip in lacking if clip.media]
    can_extract = all(feature.startswith(f"{BUILT_IN_ENCODER}-") for feature in request.recipe.features)
    if not can_extract and len(lacking) == len(clips):
        raise TrainingError(
            f"the recipe {request.recipe.name} needs the feature sets {', '.join(request.recipe.features)}, "
            f"and {paths.features} has none of them; put them there, or choose a recipe on built-in features"
        )
    train = JobOrder(name, f"Train {request.recipe.name}", "train", _train_arguments(paths, request, name))
    try:
        dataset_format.write(run_dir / "dataset", snapshot)
        if not (missing and can_extract):
            return (train,)
        extract = _extraction(paths, f"{name}-features", missing)
    except OSError as error:
        shutil.rmtree(run_dir, ignore_errors=True)
        raise TrainingError(
            f"{run_dir}: the training could not be written ({error.strerror or error}); nothing was started; "
            "free some space or allow writing there, and train again"
        ) from error
    return (extract, JobOrder(name, train.title, train.kind, train.arguments, after=extract.name))


def lacking_features(root: Path, recipe: Recipe) -> tuple[str, ...]:
    """The feature sets of a recipe that a project has no file of, and that the built-in encoder cannot make."""
    folder = ProjectPaths(root).features
    foreign = (name for name in recipe.features if not name.startswith(f"{BUILT_IN_ENCODER}-"))
    return tuple(name for name in foreign if not _has_set(folder, name))


def _has_set(folder: Path, features: str) -> bool:
    """Whether there is any file of a feature set. A folder that cannot be read has none."""
    with suppress(OSError):
        place = find_place(folder, features)
        return place is not None and place.has_any()
    return False


def _without_features(paths: ProjectPaths, recipe: Recipe, clips: Sequence[Clip]) -> list[Clip]:
    """The clips that lack a file of some feature set of the recipe."""
    places = [find_place(paths.features, name) for name in recipe.features]
    return [
        clip
        for clip in clips
        if any(place is None or place.stamp(feature_key(clip.name)) is None for place in places)
    ]


def _train_arguments(paths: ProjectPaths, request: TrainingRequest, name: str) -> tuple[str, ...]:
    run_dir = paths.run(name)
    arguments = [
        *("train", request.recipe.name),
        *("--dataset", str(run_dir / "dataset")),
        *("--features", str(paths.features)),
        *("--run-dir", str(run_dir)),
        *("--parse", str(paths.parses / f"{name}.npz")),
        *("--device", request.device),
    ]
    if request.seed is not None:
        arguments += ["--seed", str(request.seed)]
    if request.pseudo_labels is not None:
        arguments += ["--pseudo-labels", str(request.pseudo_labels)]
    if request.epochs is not None:
        arguments += ["--set", f"training.epochs={request.epochs}"]
    return tuple(arguments)


def _extraction(paths: ProjectPaths, name: str, clips: Sequence[Clip]) -> JobOrder:
    """Order the features of clips; which file is whose goes in a list, because media may be anywhere."""
    run_dir = paths.run(name)
    run_dir.mkdir(parents=True, exist_ok=True)
    listing = run_dir / "media.tsv"
    with listing.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["filename", "path", "duration"])
        rows.writerows((clip.name, clip.media, clip.duration) for clip in clips)
    arguments = (
        *("extract", "--encoder", BUILT_IN_ENCODER),
        *("--list", str(listing)),
        *("--out", str(paths.features)),
        *("--run-dir", str(run_dir)),
    )
    return JobOrder(
        name, f"Extract features of {len(clips)} clip{'' if len(clips) == 1 else 's'}", "extract", arguments
    )
