"""Where a cluster keeps features: the same on a disk as in a store of objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.cluster.hdfs import served
from trainer.encoders import EncoderError
from trainer.encoders.signal import SIGNAL
from trainer.encoders.store import SetFolder

fsspec = pytest.importorskip("fsspec", reason="the extra [cluster] is not installed")

from trainer.cluster.places import Place  # noqa: E402

ROWS = np.ones((3, 2), np.float32)


@pytest.fixture(params=["disk", "memory", "network"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "disk":
        yield Place(str(tmp_path))
    elif request.param == "memory":
        yield Place("memory://features")
        fsspec.filesystem("memory").store.clear()
    else:
        pytest.importorskip("requests", reason="the extra [cluster] is not installed")
        with served(tmp_path) as address:
            yield Place(f"{address}/features")


def test_a_file_that_was_made_anew_is_told_from_the_one_before(place: Place) -> None:
    assert place.state("set", "a") == ""
    place.write("set", "a", ROWS)
    before = place.state("set", "a")
    assert before
    assert before == place.state("set", "a")
    place.write("set", "a", np.concatenate([ROWS, ROWS]))
    assert place.state("set", "a") not in ("", before)
    assert place.rows("set", "a") == 6


def test_a_set_holds_the_files_that_were_written_and_no_others(place: Place) -> None:
    assert place.there("set") == frozenset()
    for key in ("a", "b"):
        place.write("set", key, ROWS)
    place.write("set", "a", None)
    place.write("set", "c", None)
    assert place.there("set") == {"b.npy"}


def test_a_file_that_is_set_aside_is_not_lost_and_not_read(place: Place) -> None:
    place.write("set", "a", ROWS)
    assert place.set_aside("set", "a") == "a.npy.old"
    assert (place.there("set"), place.state("set", "a")) == (frozenset(), "")
    place.write("set", "a", ROWS)
    assert place.set_aside("set", "a") == "a.npy.old"
    assert place.state("set", "a") == ""
    assert place.set_aside("set", "a") == "a.npy.old"  # told again, though it was moved before
    assert place.set_aside("set", "b") == ""


def test_a_relative_folder_is_the_same_one_in_whatever_folder_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Place("features").address == str(tmp_path / "features")
    assert Place("memory://features").address == "memory://features"


def test_the_books_of_a_store_are_brought_and_sent_back_whatever_happens() -> None:
    place = Place("memory://shelf")
    with place.books(["set"]) as books:
        (books / "set" / "encoder.json").write_text("{}")
        place.keep(books)
        assert place._system.cat(f"{place.root}/set/encoder.json") == b"{}"
    with suppress(KeyError), place.books(["set"]) as books:
        assert (books / "set" / "encoder.json").read_text() == "{}"
        (books / "set" / "sources.jsonl").write_text("line")
        raise KeyError
    assert place._system.cat(f"{place.root}/set/sources.jsonl") == b"line"


def test_features_in_a_store_that_do_not_say_who_made_them_are_not_added_to(tmp_path: Path) -> None:
    place = Place("memory://foreign")
    place.write(SIGNAL.sets[0].name, "a", ROWS)
    there = place.there(SIGNAL.sets[0].name)
    with pytest.raises(EncoderError, match="holds features, but no encoder"):
        SetFolder(tmp_path, SIGNAL, SIGNAL.sets[0], there)
    assert os.listdir(tmp_path) == []
