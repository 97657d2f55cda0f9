"""From the labels of a project to a training: freezes them, finds missing features, orders the jobs."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from avvp_studio.domain.job import JobOrder, Recipe, TrainingRequest
from avvp_studio.domain.videos import BUILT_IN
from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.extraction import (
    absence_text,
    absent_folder,
    can_make,
    has_set,
    order_extraction,
    without_features,
)
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import snapshot_dataset
from avvp_studio.store import Store
from trainer.feature_files import DEFAULT_SETS, ENCODER_OF_SET


class TrainingError(ValueError):
    """A training that cannot be started, and what to do about it."""


def order_training(
    root: Path, request: TrainingRequest, name: str, ready: Collection[str] = frozenset({BUILT_IN})
) -> tuple[JobOrder, ...]:
    """Write the run folder of a training with a snapshot of the labels, and return the jobs to run in order.

    Clips whose features are missing are extracted first where encoders that are `ready` can do it. Raises
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
    run_dir, recipe = paths.run(name), request.recipe
    for features in recipe.features:
        if folder := absent_folder(paths.features, features):
            raise TrainingError(absence_text(features, folder))
    makeable = tuple(features for features in recipe.features if can_make(paths, features, ready))
    given = tuple(features for features in recipe.features if features not in makeable)
    if given and len(without_features(paths, given, clips)) == len(clips):
        raise TrainingError(
            f"the recipe {recipe.name} needs the feature sets {', '.join(given)}, "
            f"and {paths.features} has none of them; put them there, or choose a recipe on built-in features"
        )
    missing = [clip for clip in without_features(paths, makeable, clips) if clip.media]
    train = JobOrder(name, f"Train {recipe.name}", "train", _train_arguments(paths, request, name))
    try:
        dataset_format.write(run_dir / "dataset", snapshot)
        if not missing:
            return (train,)
        encoders = dict.fromkeys(ENCODER_OF_SET[features] for features in makeable)
        extract = order_extraction(paths, f"{name}-features", missing, encoders)
    except OSError as error:
        shutil.rmtree(run_dir, ignore_errors=True)
        raise TrainingError(
            f"{run_dir}: the training could not be written ({error.strerror or error}); nothing was started; "
            "free some space or allow writing there, and train again"
        ) from error
    return (extract, replace(train, after=extract.name))


def usual_recipe(root: Path) -> str:
    """The recipe that a small project trains by: on the default features where it has them."""
    has_default = has_set(ProjectPaths(root).features, DEFAULT_SETS[0])
    return "ecma/default" if has_default else "ecma/signal"


def lacking_features(
    root: Path, recipe: Recipe, ready: Collection[str] = frozenset({BUILT_IN})
) -> tuple[str, ...]:
    """The sets of a recipe that a project has no file of, and that no encoder that is `ready` can make.

    One whose folder is not there now is named with it.
    """
    paths = ProjectPaths(root)

    def called(name: str) -> str:
        folder = absent_folder(paths.features, name)
        return f"{name} (registered in {folder}, which is not there)" if folder else name

    return tuple(
        called(name)
        for name in recipe.features
        if not has_set(paths.features, name) and not can_make(paths, name, ready)
    )


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
