"""The spectrogram shows each tone at its height and its time, at every zoom."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.errors import MediaError
from avvp_studio.media.spectrogram import (
    COLUMNS,
    ROWS,
    WINDOWS,
    Analysis,
    FrequencyScale,
    SpectrogramMaker,
)
from avvp_studio.media.tiles import Tile, TileCache
from tests.media_files import Sound, Video, write_media

MEL, LINEAR = FrequencyScale.MEL, FrequencyScale.LINEAR


def never():
    return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("spectrogram")


@pytest.fixture(scope="module")
def tone(folder):
    return write_media(folder / "tone.mp4", None, Sound(seconds=5, kind="tone"))


@pytest.fixture(scope="module")
def clicks(folder):
    return write_media(folder / "clicks.mp4", None, Sound(seconds=5))


@pytest.fixture
def cache(tmp_path):
    return TileCache(tmp_path / "tiles.sqlite")


def pieces(path, analysis, cache, level, seconds):
    """All pieces of a level, side by side."""
    maker = SpectrogramMaker(path, analysis, cache)
    try:
        return np.concatenate([maker.make(tile, never) for tile in analysis.tiles(level, 0, seconds)], axis=1)
    finally:
        maker.close()


@pytest.mark.parametrize("scale", [MEL, LINEAR])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_tone_of_1000_hz_at_half_level_is_at_its_height_with_minus_6_db(tone, cache, window, scale):
    made = pieces(tone, Analysis(window, scale), cache, 1, 5)
    column = made[:, made.shape[1] // 8]
    loudest = float(scale.hertz((column.argmax() + 0.5) / ROWS))
    assert loudest == pytest.approx(1000, abs=1.01 * max(SAMPLE_RATE / window, 16_000 / ROWS / 2))
    assert column.max() / 255 * 120 - 120 == pytest.approx(-6, abs=1.5)
    assert np.median(column) < column.max() - 80


@pytest.mark.parametrize(("window", "level"), [(512, 0), (512, 1), (512, 2), (4096, 0)])
def test_clicks_are_where_they_are_heard(clicks, cache, window, level):
    analysis = Analysis(window)
    made = pieces(clicks, analysis, cache, level, 5).astype(int)
    strength = made[20:40].sum(axis=0)
    column_s = analysis.hop(level) / SAMPLE_RATE
    for click in (0.5, 1.5, 2.5, 3.5, 4.5):
        near = slice(int((click - 0.3) / column_s), int((click + 0.3) / column_s))
        loudest = (near.start + strength[near].argmax() + 0.5) * column_s
        assert loudest == pytest.approx(click + 0.005, abs=0.008 + column_s)


def test_a_coarser_column_is_the_mean_of_the_finer_ones(clicks, cache):
    analysis = Analysis(1024)
    fine, coarse = (pieces(clicks, analysis, cache, level, 5) for level in (1, 2))
    power = 10 ** ((fine / 255 * 120 - 120) / 10)
    count = fine.shape[1] // 4
    mean = power[:, : count * 4].reshape(ROWS, count, 4).mean(axis=2)
    expected = 10 * np.log10(np.maximum(mean, 1e-12))
    found = coarse[:, :count] / 255 * 120 - 120
    is_heard = found > -80
    assert is_heard.any()
    assert np.abs(expected - found)[is_heard].max() < 1.5


@pytest.mark.parametrize("level", [3, 4, 5])
def test_long_columns_are_as_strong_as_short_ones_and_end_with_the_sound(tone, cache, level, monkeypatch):
    monkeypatch.setattr("avvp_studio.media.spectrogram._READ_AT_ONCE", 3000)
    analysis = Analysis(512)
    columns = pieces(tone, analysis, cache, level, 5).max(axis=0).astype(int)
    whole = int(5 * SAMPLE_RATE / analysis.hop(level))
    assert whole > 0
    assert columns[:whole].min() >= 237
    assert columns[:whole].max() <= 243
    assert columns[whole] < 243
    assert not columns[whole + 1 :].any()


def test_neighbouring_pieces_fit_together_without_a_seam(tone, cache):
    made = pieces(tone, Analysis(512), cache, 0, 3).astype(int)
    edges = range(COLUMNS, made.shape[1] - COLUMNS, COLUMNS)
    assert len(edges) > 1
    for edge in edges:
        loud = made[:, edge - 4 : edge + 4].max(axis=0)
        assert loud.max() - loud.min() <= 2


def test_after_the_end_of_the_sound_there_is_silence(tone, cache):
    analysis = Analysis(512)
    made = pieces(tone, analysis, cache, 1, 8)
    end = round(5 * SAMPLE_RATE / analysis.hop(1))
    assert made[:, : end - 3].max(axis=0).min() > 180
    assert not made[:, end + 12 :].any()


@pytest.mark.parametrize("left", [-1, 0])
def test_what_is_opposite_in_the_channels_or_in_one_only_is_heard(folder, cache, left):
    path = folder / f"{left}.wav"
    wave = (np.sin(np.arange(96_000) * 2 * np.pi * 1000 / 48_000) * 16_000).astype(np.int16)
    soundfile.write(path, np.stack((left * wave, wave), axis=1), 48_000)
    assert pieces(path, Analysis(), cache, 0, 1).max() > 200


def test_a_long_piece_is_kept_and_read_again_and_a_short_one_is_not(tone, cache, tmp_path):
    analysis = Analysis()
    long, short = Tile(2, 0), Tile(0, 0)
    assert analysis.seconds(2) > 20 > analysis.seconds(0)
    maker = SpectrogramMaker(tone, analysis, cache)
    made = maker.make(long, never)
    maker.make(short, never)
    kind = "spectrogram-mel-2048"
    assert cache.read(kind, tone, long) is not None
    assert cache.read(kind, tone, short) is None
    maker._power = None  # nothing is measured any more
    assert np.array_equal(maker.make(long, never), made)
    maker.close()


def test_damage_in_the_kept_pieces_is_measured_anew(tone, cache):
    maker = SpectrogramMaker(tone, Analysis(), cache)
    made = maker.make(Tile(2, 0), never)
    cache.write("spectrogram-mel-2048", tone, Tile(2, 0), b"damage")
    again = maker.make(Tile(2, 0), never)
    assert np.abs(again.astype(int) - made)[made > 150].max() <= 2
    maker.close()


def test_measuring_can_be_stopped_and_gone_on_with(tone, cache):
    maker = SpectrogramMaker(tone, Analysis(), cache)
    with pytest.raises(InterruptedError):
        maker.make(Tile(0, 0), lambda: True)
    assert maker.make(Tile(0, 0), never).any()
    maker.close()


def test_a_file_without_sound_is_told_of(folder, cache):
    path = write_media(folder / "mute.mp4", Video(frames=10), None)
    with pytest.raises(MediaError, match="no sound"):
        SpectrogramMaker(path, Analysis(), cache).make(Tile(0, 0), never)


@pytest.mark.parametrize("seconds_per_pixel", [0.0002, 0.01, 0.1, 3.6, 14.4])
def test_a_level_has_a_column_for_each_pixel_and_hardly_more_than_four(seconds_per_pixel):
    for window in WINDOWS:
        analysis = Analysis(window)
        level = analysis.level(seconds_per_pixel)
        columns = seconds_per_pixel * SAMPLE_RATE / analysis.hop(level)
        assert columns < 4
        assert columns >= 1 or level == 0
