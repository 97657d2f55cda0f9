"""From the labels of a project to a training: freezes them, finds missing features, orders the jobs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from avvp_studio.domain.job import JobOrder, TrainingRequest
from avvp_studio.domain.project import Clip
from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import snapshot_dataset
from avvp_studio.store import Store
from trainer.annotations import feature_key

BUILT_IN_ENCODER = "signal"
"""The encoder whose features can be made on any machine."""


class TrainingError(ValueError):
    """A training that cannot be started, and what to do about it."""


def order_training(root: Path, request: TrainingRequest, name: str) -> tuple[JobOrder, ...]:
    """Write the run folder of a training with a snapshot of the labels, and return the jobs to run in order.

    Clips whose features are missing are extracted first where the built-in encoder can do it. Raises
    TrainingError when there is nothing to train on.
    """
    paths = ProjectPaths(root)
    store = Store.open(paths.database)
    try:
        clips = store.clips()
        snapshot = snapshot_dataset(store)
    finally:
        store.close()
    run_dir = paths.run(name)
    missing = [clip for clip in clips if clip.media and _lacks_features(paths, request.recipe.features, clip)]
    can_extract = all(feature.startswith(f"{BUILT_IN_ENCODER}-") for feature in request.recipe.features)
    if not can_extract and not any(_has_features(paths, request.recipe.features, clip) for clip in clips):
        raise TrainingError(
            f"the recipe {request.recipe.name} needs the feature sets {', '.join(request.recipe.features)}, "
            f"and {paths.features} has none of them; put them there, or choose a recipe on built-in features"
        )
    dataset_format.write(run_dir / "dataset", snapshot)
    train = JobOrder(name, f"Train {request.recipe.name}", "train", _train_arguments(paths, request, name))
    if not (missing and can_extract):
        return (train,)
    extract = _extraction(paths, f"{name}-features", missing)
    return (extract, JobOrder(name, train.title, train.kind, train.arguments, after=extract.name))


def _lacks_features(paths: ProjectPaths, features: Iterable[str], clip: Clip) -> bool:
    key = feature_key(clip.name)
    return any(not (paths.features / feature / f"{key}.npy").exists() for feature in features)


def _has_features(paths: ProjectPaths, features: Iterable[str], clip: Clip) -> bool:
    return not _lacks_features(paths, features, clip)


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
    return JobOrder(name, f"Extract features of {len(clips)} clips", "extract", arguments)
