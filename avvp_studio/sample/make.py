"""The sample's folder: its clips, and the dataset files that say what is in them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import cv2

from avvp_studio.sample.render import render
from avvp_studio.sample.scenes import CATEGORIES, DURATION, Scene, make_scenes
from trainer.annotations import Dataset, write_dataset

MEDIA_FOLDER = "media"
VERSION = 2
"""Rises when the same seed gives other clips."""

_MARK = "sample.json"
_MOST_WORKERS = 8
_SPLITS = ("train", "val", "test")


def make_clips(
    folder: Path,
    *,
    seed: int = 7,
    count: int = 60,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Make the sample: `media/*.mp4` and a dataset around it, weak labels for train, dense truth for the rest.

    Clips that are there are kept, and the dataset is written last: call it again to go on after a stop.
    Raises OSError.
    """
    media = folder / MEDIA_FOLDER
    media.mkdir(parents=True, exist_ok=True)
    scenes = make_scenes(seed, count)
    _claim(folder, {"version": VERSION, "seed": seed, "count": count})
    missing = [scene for scene in scenes if not _clip_path(media, scene).exists()]
    report = progress or (lambda done, total: None)
    is_stopped = should_stop or (lambda: False)
    done = len(scenes) - len(missing)
    report(done, len(scenes))
    for _ in _render_all(missing, media, is_stopped):
        done += 1
        report(done, len(scenes))
    if done == len(scenes):
        write_dataset(folder, sample_dataset(scenes, seed))


def sample_dataset(scenes: Sequence[Scene], seed: int) -> Dataset:
    """What is said of the clips: everything of val and test, of train only which categories are in a clip."""
    scored = [scene for scene in scenes if scene.split != "train"]
    return Dataset(
        categories=CATEGORIES,
        splits={
            split: {scene.name: scene.labels for scene in scenes if scene.split == split} for split in _SPLITS
        },
        truth={scene.name: scene.truth() for scene in scored},
        complete=frozenset(scene.name for scene in scored),
        durations={scene.name: float(DURATION) for scene in scenes},
        snapshot={"source": "sample", "version": VERSION, "seed": seed},
    )


def _claim(folder: Path, plan: dict[str, int]) -> None:
    """Clips that another plan left in the folder are removed: their names are the same."""
    mark, text = folder / _MARK, json.dumps(plan)
    if mark.exists() and mark.read_text(encoding="utf-8") == text:
        return
    for clip in (folder / MEDIA_FOLDER).glob("sample-*.mp4"):
        clip.unlink()
    mark.write_text(text, encoding="utf-8")


def _clip_path(media: Path, scene: Scene) -> Path:
    return media / f"{scene.name}.mp4"


def _render_all(scenes: Sequence[Scene], media: Path, is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Render clips side by side; yields after each. A stop leaves out those that were not begun."""
    if not scenes:
        return
    with _workers(len(scenes)) as pool:
        pending = {pool.submit(_render_to, _clip_path(media, scene), scene) for scene in scenes}
        while pending:
            finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
                yield
            if is_stopped():
                return


def _render_to(path: Path, scene: Scene) -> None:
    """Write a clip whole, then rename it."""
    partial = path.with_suffix(".part")
    partial.write_bytes(render(scene))
    os.replace(partial, path)


@contextmanager
def _workers(most: int) -> Iterator[ProcessPoolExecutor]:
    """Processes, as drawing is mostly Python; they are dropped with what they have not begun."""
    pool = ProcessPoolExecutor(
        max_workers=min(most, _MOST_WORKERS, os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """One thread a worker; a worker ends with its parent, however that ends, and leaves Ctrl-C to it."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
