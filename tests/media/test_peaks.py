"""The waveform that is drawn is the sound that is there."""

from __future__ import annotations

import os

import numpy as np
import pytest

from avvp_studio.media import peaks as peaks_module
from avvp_studio.media.audio import SAMPLE_RATE, AudioReader
from avvp_studio.media.peaks import Peaks
from tests.media_files import Sound, Video, write_media


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_media(
        tmp_path_factory.mktemp("peaks") / "a.mp4", Video(frames=10), Sound(seconds=5, channels=1)
    )


@pytest.fixture(scope="module")
def samples(path):
    reader = AudioReader(path)
    yield np.concatenate(list(reader.blocks()), axis=1).astype(np.float32) / 32768
    reader.close()


@pytest.mark.parametrize(("onset", "offset"), [(0.0, 5.0), (0.4, 1.6), (0.49, 0.53), (3.2, 3.9)])
@pytest.mark.parametrize("width", [1, 97, 800])
def test_columns_reach_as_far_as_the_samples_do_and_hardly_further(path, samples, onset, offset, width):
    columns = Peaks.measure(path).columns(onset, offset, width)
    edges = np.linspace(onset, offset, width + 1) * SAMPLE_RATE
    slack = 2 * max((offset - onset) / width, 16 / SAMPLE_RATE) * SAMPLE_RATE
    assert columns.shape == (1, width, 2)
    for low, high, left, right in zip(*columns[0].T, edges[:-1], edges[1:], strict=True):
        inside = samples[0, int(left) : max(int(right), int(left) + 1)]
        nearby = samples[0, max(0, int(left - slack)) : int(right + slack)]
        assert low <= inside.min() + 1e-6
        assert high >= inside.max() - 1e-6
        assert low >= nearby.min() - 1e-6
        assert high <= nearby.max() + 1e-6


def test_neighbouring_columns_touch(path):
    columns = Peaks.measure(path).columns(0.49, 0.512, 1000)[0]
    assert (columns[1:, 0] <= columns[:-1, 1]).all()
    assert (columns[1:, 1] >= columns[:-1, 0]).all()


def test_there_is_nothing_outside_the_sound(path):
    columns = Peaks.measure(path).columns(-5.0, 15.0, 200)
    assert not columns[:, :50].any()
    assert columns[:, 50:101].any()
    assert not columns[:, 101:].any()
    assert not Peaks.measure(path).columns(20.0, 30.0, 50).any()


def test_channels_are_kept_apart_and_more_than_two_become_two(tmp_path):
    two = write_media(tmp_path / "two.mp4", None, Sound(seconds=1))
    six = write_media(tmp_path / "six.mp4", None, Sound(seconds=1, channels=6))
    assert Peaks.measure(two).channels == 2
    assert Peaks.measure(six).columns(0, 1, 10).shape == (2, 10, 2)


def test_silence_is_known_as_such(tmp_path, path):
    silent = write_media(tmp_path / "a.mp4", None, Sound(kind="silence"))
    assert Peaks.measure(silent).is_silent
    assert not Peaks.measure(path).is_silent


def test_long_sounds_use_coarser_bins_and_look_the_same(path, monkeypatch):
    fine = Peaks.measure(path).columns(0, 5, 300)
    monkeypatch.setattr(peaks_module, "_MOST_BINS", 4000)
    coarse = Peaks.measure(path)
    assert coarse._samples_per_bin == 64
    assert coarse.duration == Peaks.measure(path).duration
    assert np.abs(coarse.columns(0, 5, 300) - fine).mean() < 0.01


def test_peaks_come_back_from_the_cache(path, tmp_path):
    cache = tmp_path / "peaks" / "a.npz"
    measured = Peaks.measure(path)
    assert Peaks.load(cache, path) is None
    measured.save(cache, path)
    loaded = Peaks.load(cache, path)
    assert loaded is not None
    assert loaded.duration == measured.duration
    assert np.array_equal(loaded.columns(0.3, 4, 200), measured.columns(0.3, 4, 200))
    assert [file.name for file in cache.parent.iterdir()] == ["a.npz"]


def test_the_cache_of_a_file_that_changed_is_not_used(path, tmp_path):
    cache, copy = tmp_path / "a.npz", tmp_path / "a.mp4"
    copy.write_bytes(path.read_bytes())
    Peaks.measure(copy).save(cache, copy)
    assert Peaks.load(cache, copy) is not None
    os.utime(copy, ns=(1, 1))
    assert Peaks.load(cache, copy) is None


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_cache_is_not_used(path, tmp_path, content):
    cache = tmp_path / "a.npz"
    cache.write_bytes(content)
    assert Peaks.load(cache, path) is None


def test_a_cache_with_pickled_objects_is_not_loaded(path, tmp_path):
    cache = tmp_path / "a.npz"
    np.savez(cache, key=np.array([object()], dtype=object))
    assert Peaks.load(cache, path) is None


def test_a_sound_of_hours_never_needs_more_memory_than_its_outline_may_have(tmp_path, monkeypatch):
    path = write_media(tmp_path / "a.mp4", None, Sound(seconds=5, rate=44_100, channels=1))
    monkeypatch.setattr(peaks_module, "_MOST_BINS", 1000)
    monkeypatch.setattr(peaks_module, "_BLOCKS_AT_ONCE", 2)
    merged = []
    within_memory = peaks_module._within_memory
    monkeypatch.setattr(
        peaks_module, "_within_memory", lambda *what: merged.append(within_memory(*what)) or merged[-1]
    )
    told = []
    coarse = Peaks.measure(path, progress=told.append)
    assert max(scale.shape[1] for scale, _ in merged) <= 1000
    assert told == sorted(told)
    assert 0 < told[-1] <= coarse.duration
    assert coarse._scales[0].shape[1] == -(-round(coarse.duration * SAMPLE_RATE) // coarse._samples_per_bin)
    monkeypatch.undo()
    fine = Peaks.measure(path).columns(0, 5, 300)
    assert np.abs(coarse.columns(0, 5, 300) - fine).mean() < 0.03


def test_measuring_can_be_stopped(path):
    with pytest.raises(InterruptedError):
        Peaks.measure(path, lambda: True)
