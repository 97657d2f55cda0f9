"""Pieces are made in the background, those that are looked at first, and no others."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avvp_studio import tiling as tiling_module
from avvp_studio.media.errors import MediaError
from avvp_studio.media.tiles import Tile
from avvp_studio.pictures import Pictures
from avvp_studio.tiling import Tiling
from tests.media_files import write_media


class Maker:
    """Makes a pixel of each place, and can be held up."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()
        self.is_closed = False
        self.threads = set()

    def make(self, tile, should_stop):
        self.asked.append(tile)
        self.threads.add(threading.get_ident())
        while not self.gate.wait(0.005):
            if should_stop():
                raise InterruptedError
        if tile.place == 99:
            raise MediaError("a.mp4 has no sound.")
        return np.full((1, 1), tile.place, np.uint8)

    def close(self):
        self.threads.add(threading.get_ident())
        self.is_closed = True


@pytest.fixture
def tiling(qtbot):
    made = Tiling()
    yield made
    made.shutdown()


@pytest.fixture
def maker(tiling):
    maker = Maker()
    tiling.open(maker)
    yield maker
    maker.gate.set()


def tiles(*places):
    return [Tile(0, place) for place in places]


def test_what_is_wanted_comes_one_by_one_in_order(tiling, maker, qtbot):
    with qtbot.waitSignals([tiling.changed] * 3):
        tiling.want(tiles(2, 0, 1))
    assert maker.asked == tiles(2, 0, 1)
    assert [int(tiling.made[tile][0, 0]) for tile in tiles(0, 1, 2)] == [0, 1, 2]
    assert not tiling.is_busy


def test_what_is_there_is_not_made_again(tiling, maker, qtbot):
    for _ in range(3):
        tiling.want(tiles(0, 1))
        qtbot.waitUntil(lambda: len(tiling.made) == 2)
    assert maker.asked == tiles(0, 1)


def test_who_looks_elsewhere_waits_for_nothing_that_was_wanted_before(tiling, maker, qtbot):
    maker.gate.clear()
    tiling.want(tiles(*range(10)))
    qtbot.waitUntil(lambda: maker.asked == tiles(0))
    tiling.want(tiles(50))
    qtbot.waitUntil(lambda: maker.asked == tiles(0, 50))
    maker.gate.set()
    qtbot.waitUntil(lambda: list(tiling.made) == tiles(50))


def test_what_is_still_wanted_is_not_begun_anew(tiling, maker, qtbot):
    maker.gate.clear()
    tiling.want(tiles(0))
    qtbot.waitUntil(lambda: maker.asked == tiles(0))
    tiling.want(tiles(1, 0))
    maker.gate.set()
    qtbot.waitUntil(lambda: len(tiling.made) == 2)
    assert maker.asked == tiles(0, 1)


def test_another_file_has_pieces_of_its_own_and_the_first_is_closed_on_its_thread(tiling, maker, qtbot):
    maker.gate.clear()
    tiling.want(tiles(0, 1))
    qtbot.waitUntil(lambda: maker.asked == tiles(0))
    other = Maker()
    tiling.open(other)
    tiling.want(tiles(3))
    qtbot.waitUntil(lambda: list(tiling.made) == tiles(3))
    assert maker.is_closed
    assert maker.asked == tiles(0)
    assert len(maker.threads) == 1
    assert threading.get_ident() not in maker.threads


def test_a_file_that_cannot_be_read_is_asked_once(tiling, maker, qtbot):
    with qtbot.waitSignal(tiling.changed):
        tiling.want(tiles(99, 1))
    assert tiling.problem == "a.mp4 has no sound."
    tiling.want(tiles(2))
    assert not tiling.is_busy
    tiling.open(Maker())
    assert tiling.problem == ""


def test_of_many_pieces_those_looked_at_last_are_kept(tiling, maker, qtbot, monkeypatch):
    monkeypatch.setattr(tiling_module, "_KEPT", 3)
    for places in ((0, 1, 2), (0,), (3,)):
        tiling.want(tiles(*places))
        qtbot.waitUntil(lambda: not tiling.is_busy)
    assert sorted(tiling.made) == tiles(0, 2, 3)


def test_more_than_are_kept_may_be_in_view_and_each_is_made_once(tiling, maker, qtbot, monkeypatch):
    monkeypatch.setattr(tiling_module, "_KEPT", 3)
    for _ in range(2):
        tiling.want(tiles(*range(6)))
        qtbot.waitUntil(lambda: not tiling.is_busy)
    assert maker.asked == tiles(*range(6))


def test_what_nobody_expected_is_raised_once_and_ends_the_making(tiling, maker, qtbot):
    maker.make = lambda tile, should_stop: 1 / 0
    with qtbot.captureExceptions() as raised, qtbot.waitSignal(tiling.changed):
        tiling.want(tiles(0, 1))
    tiling.want(tiles(2))
    assert not tiling.is_busy
    assert [kind for kind, *_ in raised] == [ZeroDivisionError]
    assert "division" in tiling.problem


def test_the_pictures_of_a_clip_come_and_go_with_it(qtbot, tmp_path):
    pictures = Pictures()
    path = write_media(tmp_path / "a.mp4")
    pictures.open(path, 2.0, tmp_path / "tiles.sqlite")
    pictures.thumbnails.want(tiles(0, 1))
    pictures.spectrogram.want(tiles(0))
    qtbot.waitUntil(lambda: len(pictures.thumbnails.made) == 2 and len(pictures.spectrogram.made) == 1)
    pictures.open(None, 0.0, None)
    assert not pictures.has_media
    assert not pictures.thumbnails.made
    assert not pictures.spectrogram.made
    pictures.shutdown()
