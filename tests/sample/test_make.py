"""The sample's folder: its files, and how it is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import av

from avvp_studio.sample.make import make_clips
from avvp_studio.sample.render import render
from avvp_studio.sample.scenes import CATEGORIES, make_scenes
from trainer.annotations import read_dataset
from trainer.labels import segment_count

SEED, COUNT = 7, 5


def clips(folder: Path) -> list[Path]:
    return sorted((folder / "media").iterdir())


def test_there_is_a_clip_for_every_scene_and_nothing_else(sample: Path):
    assert [path.name for path in clips(sample)] == [f"{scene.name}.mp4" for scene in make_scenes(SEED, COUNT)]


def test_a_clip_is_ten_seconds_of_h264_and_aac_in_a_small_picture(sample: Path):
    with av.open(str(clips(sample)[0])) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, video.average_rate) == (320, 240, 25)
        assert audio.rate in (44_100, 48_000)
        assert audio.channels == 2
        assert segment_count(container.duration / av.time_base) == 10
        assert sum(1 for _ in container.decode(video)) == 250


def test_the_dataset_says_what_is_in_the_clips_of_val_and_test_and_little_of_train(sample: Path):
    dataset = read_dataset(sample)
    scenes = {scene.name: scene for scene in make_scenes(SEED, COUNT)}
    assert dataset.categories == CATEGORIES
    assert [len(dataset.splits[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    for split, labels in dataset.splits.items():
        for name, weak in labels.items():
            assert weak == scenes[name].labels
            assert dataset.truth.get(name, ()) == (() if split == "train" else scenes[name].truth())
    assert dataset.complete == {*dataset.splits["val"], *dataset.splits["test"]}
    assert dataset.findings == ()


def test_the_same_scene_gives_the_same_file(sample: Path):
    assert render(make_scenes(SEED, COUNT)[0]) == clips(sample)[0].read_bytes()


def test_making_it_again_touches_no_clip_and_restores_one_that_is_missing(sample: Path, tmp_path: Path):
    sample = shutil.copytree(sample, tmp_path / "sample")
    before = {path.name: path.read_bytes() for path in clips(sample)}
    times = {path.name: path.stat().st_mtime_ns for path in clips(sample)}
    lost = clips(sample)[2]
    lost.unlink()
    told: list[tuple[int, int]] = []
    make_clips(sample, seed=SEED, count=COUNT, progress=lambda done, total: told.append((done, total)))
    assert told == [(COUNT - 1, COUNT), (COUNT, COUNT)]
    assert {path.name: path.read_bytes() for path in clips(sample)} == before
    kept = {path.name: path.stat().st_mtime_ns for path in clips(sample) if path != lost}
    assert kept == {name: time for name, time in times.items() if name != lost.name}


def test_a_stop_leaves_whole_clips_and_no_dataset_and_the_next_call_goes_on(tmp_path: Path):
    done: list[int] = []
    make_clips(
        tmp_path, seed=SEED, count=3, progress=lambda n, _: done.append(n), should_stop=lambda: len(done) > 1
    )
    assert not (tmp_path / "train.csv").exists()
    assert 1 <= len(clips(tmp_path)) <= 3
    assert all(path.suffix == ".mp4" for path in clips(tmp_path))
    make_clips(tmp_path, seed=SEED, count=3)
    assert len(clips(tmp_path)) == 3
    assert (tmp_path / "train.csv").exists()


def test_clips_of_another_seed_are_not_taken_for_these(sample: Path, tmp_path: Path):
    other = shutil.copytree(sample, tmp_path / "sample")
    make_clips(other, seed=SEED + 1, count=1)
    (made,) = clips(other)
    assert made.name == clips(sample)[0].name
    assert made.read_bytes() != clips(sample)[0].read_bytes()
