"""Orders for features and for what needs no training: extraction, zero-shot tracks, the encoders' weights."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from avvp_studio.domain.job import JobOrder
from avvp_studio.domain.project import Clip
from avvp_studio.domain.videos import DEFAULT, JOINT
from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.paths import ProjectPaths
from avvp_studio.projects import snapshot_dataset
from avvp_studio.store import Store
from trainer.annotations import Dataset, feature_key
from trainer.feature_files import DEFAULT_SETS, ENCODER_FILE, ENCODER_OF_SET, FeaturePlace, find_place

ZERO_SHOT = "zero-shot"
"""The parser that needs no training, and the name of its parse file, which is always of all clips."""
ZERO_SHOT_JOINT = "zero-shot-clip"
"""That of the tracks by CLIP and CLAP, beside those by the default encoders."""


class OrderError(ValueError):
    """A job that cannot be ordered, and what to do about it."""


def order_tracks(root: Path, encoder: str, name: str, *, after: str = "") -> tuple[JobOrder, ...]:
    """The jobs from videos to tracks: features of the clips that lack them, then the tracks of all clips.

    From the features of the built-in encoder there are no tracks before a training. Nothing is ordered where
    there is nothing to do. What is labelled now calibrates the tracks. The first job runs after the one named
    `after`. Raises OrderError.
    """
    paths = ProjectPaths(root)
    with Store.open(paths.database) as store:
        clips, snapshot = store.clips(), snapshot_dataset(store)
    sets = sets_of(encoder)
    for features in sets:
        if folder := absent_folder(paths.features, features):
            raise OrderError(absence_text(features, folder))
    orders: list[JobOrder] = []
    with _ordering(paths, name, f"{name}-features"):
        lacking = [clip for clip in without_features(paths, sets, clips) if clip.media]
        if lacking:
            orders.append(order_extraction(paths, f"{name}-features", lacking, encoder.split("+"), after=after))
            after = orders[0].name
        if encoder in (DEFAULT, *JOINT) and any(clip.media for clip in clips):
            orders.append(_zero_shot(paths, name, snapshot, is_joint=encoder in JOINT, after=after))
    return tuple(orders)


def order_install(root: Path, name: str) -> JobOrder:
    """Fetch the weights of the default encoders, which the user has just asked for."""
    run_dir = ProjectPaths(root).run(name)
    arguments = ("encoders", "install", DEFAULT, "--run-dir", str(run_dir))
    return JobOrder(name, "Install the default encoders", "install", arguments)


def order_extraction(
    paths: ProjectPaths, name: str, clips: Sequence[Clip], encoders: Iterable[str], *, after: str = ""
) -> JobOrder:
    """Order the features of clips. Raises OSError."""
    run_dir = paths.run(name)
    arguments = [
        "extract",
        *(word for encoder in encoders for word in ("--encoder", encoder)),
        *("--list", str(write_list(run_dir, clips))),
        *("--out", str(paths.features)),
        *("--run-dir", str(run_dir)),
    ]
    title = f"Extract features of {len(clips):,} clip{'' if len(clips) == 1 else 's'}"
    return JobOrder(name, title, "extract", tuple(arguments), after=after)


def write_list(run_dir: Path, clips: Iterable[Clip]) -> Path:
    """Write which media file is whose into a run folder, because media may be anywhere. Raises OSError."""
    run_dir.mkdir(parents=True, exist_ok=True)
    listing = run_dir / "media.tsv"
    with listing.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["filename", "path", "duration"])
        rows.writerows((clip.name, clip.media, clip.duration) for clip in clips if clip.media)
    return listing


def _zero_shot(paths: ProjectPaths, name: str, snapshot: Dataset, *, is_joint: bool, after: str) -> JobOrder:
    run_dir = paths.run(name)
    dataset_format.write(run_dir / "dataset", snapshot)
    arguments = (
        *("zero-shot", "--features", str(paths.features)),
        *("--dataset", str(run_dir / "dataset")),
        *(("--using", "clip") if is_joint else ()),
        *("--out", str(paths.parses / f"{ZERO_SHOT_JOINT if is_joint else ZERO_SHOT}.npz")),
        *("--run-dir", str(run_dir)),
    )
    return JobOrder(name, "Find tracks", ZERO_SHOT, arguments, after=after)


# Which features are there, and which can be made


def sets_of(encoder: str) -> tuple[str, ...]:
    """The feature sets that an encoder, several (`JOINT`), or the default group make."""
    if encoder == DEFAULT:
        return DEFAULT_SETS
    return tuple(features for features, maker in ENCODER_OF_SET.items() if maker in encoder.split("+"))


def without_features(paths: ProjectPaths, sets: Sequence[str], clips: Sequence[Clip]) -> list[Clip]:
    """The clips that lack a file of some of the feature sets."""
    places = [find_place(paths.features, name) for name in sets]
    return [
        clip
        for clip in clips
        if any(place is None or place.stamp(feature_key(clip.name)) is None for place in places)
    ]


def can_make(paths: ProjectPaths, features: str, ready: Collection[str]) -> bool:
    """Whether one of the encoders that are `ready` makes a set, and may add to what there is of it.

    It may not where the files were made elsewhere, even if they are away now: its own would be taken for all
    there is.
    """
    if ENCODER_OF_SET.get(features, "") not in ready or absent_folder(paths.features, features):
        return False
    place = FeaturePlace(paths.features, (f"{features}/*.npy",))
    has_own = (paths.features / features / ENCODER_FILE).is_file()
    return not has_set(paths.features, features) or (has_own and find_place(paths.features, features) == place)


def absent_folder(folder: Path, features: str) -> Path | None:
    """Of a set that was registered where it lies: its folder, if that is not there now."""
    with suppress(OSError):
        place = find_place(folder, features)
        return place.absent_folder if place is not None else None
    return None


def absence_text(features: str, folder: Path) -> str:
    """That the folder of a set is not there, and what to do."""
    return (
        f"the feature set {features} is registered in {folder}, which is not there: connect its disk, or "
        "register where it is now (`python -m trainer encoders add`)"
    )


def has_set(folder: Path, features: str) -> bool:
    """Whether there is any file of a feature set. A folder that cannot be read has none."""
    with suppress(OSError):
        place = find_place(folder, features)
        return place is not None and place.has_any()
    return False


@contextmanager
def _ordering(paths: ProjectPaths, *names: str) -> Iterator[None]:
    """Leave nothing of an order that the disk refuses."""
    try:
        yield
    except OSError as error:
        for name in names:
            shutil.rmtree(paths.run(name), ignore_errors=True)
        raise OrderError(
            f"{paths.runs}: the jobs could not be written ({error.strerror or error}), so nothing was started; "
            "free some space or allow writing there, and try again"
        ) from error
