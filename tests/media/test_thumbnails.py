"""Small pictures are of their time, and are kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from avvp_studio.media.errors import MediaError
from avvp_studio.media.thumbnails import ThumbnailMaker, level_for, step, tiles
from avvp_studio.media.tiles import Tile, TileCache
from tests.media_files import Sound, Video, read_number, write_media

ONE_SECOND = level_for(1.0)


def never():
    return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("thumbnails")


@pytest.fixture(scope="module")
def path(folder):
    return write_media(folder / "a.mp4", Video(frames=300, keyframes=100), None)


@pytest.fixture
def cache(tmp_path):
    return TileCache(tmp_path / "tiles.sqlite")


def test_each_is_of_its_own_second_however_far_keyframes_are_apart(path, cache):
    maker = ThumbnailMaker(path, 10.0, cache)
    assert step(ONE_SECOND) == 1.0
    numbers = [read_number(maker.make(tile, never)) for tile in tiles(ONE_SECOND, 0, 10)]
    maker.close()
    assert [number // 30 for number in numbers] == list(range(10))
    assert numbers[1] == 45


def test_the_last_is_of_the_middle_of_what_is_left(path, cache):
    maker = ThumbnailMaker(path, 10.0, cache)
    level = level_for(8.0)
    assert read_number(maker.make(Tile(level, 1), never)) == 270
    maker.close()


def test_what_was_made_is_kept_and_looks_the_same(path, cache):
    maker = ThumbnailMaker(path, 10.0, cache)
    made = maker.make(Tile(ONE_SECOND, 3), never)
    maker.close()
    again = ThumbnailMaker(path, 10.0, cache)
    again._seen = None  # nothing is decoded any more
    kept = again.make(Tile(ONE_SECOND, 3), never)
    assert kept.shape == made.shape
    assert np.abs(kept.astype(int) - made).mean() < 4
    assert read_number(kept) == read_number(made)


def test_large_pictures_of_odd_sizes_are_made_small_and_kept(folder, cache):
    path = write_media(folder / "b.mp4", Video(frames=5, width=1002, height=334), None)
    for _ in range(2):
        maker = ThumbnailMaker(path, 1.0, cache)
        height, width, channels = maker.make(Tile(ONE_SECOND, 0), never).shape
        maker.close()
        assert width <= 256
        assert height <= 144
        assert width / height == pytest.approx(3, abs=0.06)
        assert channels == 4


def test_damage_in_the_kept_pictures_is_decoded_anew(path, cache):
    cache.write("thumbnail", path, Tile(ONE_SECOND, 0), b"\xff\xd8 damage")
    maker = ThumbnailMaker(path, 10.0, cache)
    assert read_number(maker.make(Tile(ONE_SECOND, 0), never)) <= 30
    maker.close()


def test_a_file_without_a_picture_is_told_of(folder, cache):
    path = write_media(folder / "sound.wav", None, Sound(codec="pcm_s16le", seconds=1))
    with pytest.raises(MediaError, match="no picture"):
        ThumbnailMaker(path, 1.0, cache).make(Tile(0, 0), never)


def test_each_level_is_at_most_half_as_long_again():
    steps = [step(level) for level in range(30)]
    ratios = [longer / shorter for shorter, longer in pairwise(steps)]
    assert min(ratios) > 1.3
    assert max(ratios) <= 1.5
    for room in (0.07, 0.4, 1.0, 1.1, 250.0):
        assert step(level_for(room)) <= room < step(level_for(room) + 1)
