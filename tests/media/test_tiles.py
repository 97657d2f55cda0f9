"""What took long to make is kept, in one file that may be lost at any time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from avvp_studio.media.tiles import Tile, TileCache


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"1234")
    return path


@pytest.fixture
def cache(tmp_path):
    return TileCache(tmp_path / "project" / "tiles.sqlite")


def test_a_piece_comes_back_as_it_was_put_in(cache, source):
    assert cache.read("a", source, Tile(1, 2)) is None
    cache.write("a", source, Tile(1, 2), b"\x00one")
    cache.write("a", source, Tile(1, 2), b"\x00two")
    assert cache.read("a", source, Tile(1, 2)) == b"\x00two"


def test_each_kind_source_level_and_place_has_its_own(cache, source, tmp_path):
    other = tmp_path / "b.mp4"
    other.write_bytes(b"1234")
    cache.write("a", source, Tile(1, 2), b"piece")
    assert cache.read("b", source, Tile(1, 2)) is None
    assert cache.read("a", other, Tile(1, 2)) is None
    assert cache.read("a", source, Tile(2, 2)) is None
    assert cache.read("a", source, Tile(1, 1)) is None


def test_the_pieces_of_a_file_that_changed_are_not_used(cache, source):
    cache.write("a", source, Tile(0, 0), b"piece")
    os.utime(source, ns=(1, 1))
    assert cache.read("a", source, Tile(0, 0)) is None


def test_beyond_its_size_the_oldest_pieces_go(tmp_path, source):
    cache = TileCache(tmp_path / "tiles.sqlite", largest=200_000)
    for place in range(40):
        cache.write("a", source, Tile(0, place), bytes(20_000))
    kept = [place for place in range(40) if cache.read("a", source, Tile(0, place)) is not None]
    assert 4 <= len(kept) <= 10
    assert kept == list(range(40 - len(kept), 40))
    assert (tmp_path / "tiles.sqlite").stat().st_size < 300_000


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00 cut off" * 50])
def test_a_damaged_file_is_begun_anew(tmp_path, source, content):
    path = tmp_path / "tiles.sqlite"
    path.write_bytes(content)
    cache = TileCache(path)
    assert cache.read("a", source, Tile(0, 0)) is None
    for _ in range(2):
        cache.write("a", source, Tile(0, 0), b"piece")
    assert cache.read("a", source, Tile(0, 0)) == b"piece"


def test_a_damaged_file_that_may_not_be_removed_is_done_without(tmp_path, source, monkeypatch):
    path = tmp_path / "tiles.sqlite"
    path.write_bytes(b"not a database at all" * 100)

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    TileCache(path).write("a", source, Tile(0, 0), b"piece")
    assert path.read_bytes().startswith(b"not a database")


def test_what_cannot_be_written_or_read_is_done_without(tmp_path, source):
    (tmp_path / "file").write_text("not a folder")
    cache = TileCache(tmp_path / "file" / "tiles.sqlite")
    cache.write("a", source, Tile(0, 0), b"piece")
    assert cache.read("a", source, Tile(0, 0)) is None


def test_while_another_program_writes_a_piece_is_not_kept(tmp_path, source, monkeypatch):
    monkeypatch.setattr("avvp_studio.media.tiles._PATIENCE_S", 0.02)
    cache = TileCache(tmp_path / "tiles.sqlite")
    cache.write("a", source, Tile(0, 0), b"piece")
    other = sqlite3.connect(tmp_path / "tiles.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    cache.write("a", source, Tile(0, 1), b"piece")
    assert cache.read("a", source, Tile(0, 0)) is None
    other.execute("ROLLBACK")
    other.close()
    assert cache.read("a", source, Tile(0, 0)) == b"piece"
    assert cache.read("a", source, Tile(0, 1)) is None
