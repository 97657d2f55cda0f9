"""Rows of a file on the way to the store: the same in memory and on the disk, and never all in memory."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media_files import Video, write_media
from tests.trainer.extractions import extract
from tests.trainer.small_encoders import Branch, small_encoder, visual
from trainer.encoders import store, tape
from trainer.encoders.encoding import Rows
from trainer.encoders.tape import Tape

ITEMS = np.random.default_rng(3).normal(size=(600, 2, 5)).astype(np.float32)


@pytest.mark.parametrize("in_memory", [0, 1 << 24], ids=["disk", "memory"])
def test_rows_come_in_the_order_that_is_asked_for_however_they_were_put(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(tape, "_IN_MEMORY", in_memory)
    kept = Tape()
    for number in np.random.default_rng(4).permutation(600):
        kept.put(int(number), ITEMS[number])
    order = [0, 0, 0, *range(1, 500), 499, 499]
    rows = kept.rows(order)
    assert (rows.dtype, isinstance(rows, np.memmap)) == (np.float32, not in_memory)
    np.testing.assert_array_equal(rows, ITEMS[order].reshape(-1, 5))
    assert kept.is_finite


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_it_knows_of_rows_that_are_no_numbers(wrong: float) -> None:
    kept = Tape()
    kept.put(0, np.full((1, 4), wrong, np.float32))
    kept.put(1, np.zeros((1, 4), np.float32))
    assert not kept.is_finite


class Wide(Branch):
    """Makes very wide rows of the mean of each picture."""

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        means = items.reshape(len(items), self.sets[0].rate, -1).mean(axis=2, keepdims=True)
        return (np.repeat(np.asarray(means, np.float32), self.sets[0].width, axis=2),)


def test_what_is_kept_of_a_long_file_takes_no_memory_and_is_written_as_numpy_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_media(tmp_path / "long.mkv", Video(frames=40, rate="2", width=64, height=48), None)
    small = visual()
    sets = (replace(small.sets[0], width=100_000),)
    encoder = small_encoder(Wide(sets, small.intake, small.network, batch=1))
    extract({"long": path}, tmp_path / "plain", encoders=[encoder])
    monkeypatch.setattr(tape, "_IN_MEMORY", 1 << 18)
    monkeypatch.setattr(tape, "_AT_ONCE", 1)
    monkeypatch.setattr(store, "_ROWS_AT_ONCE", 1)
    tracemalloc.start()
    extract({"long": path}, tmp_path / "spooled", encoders=[encoder])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    content = (tmp_path / "spooled" / "small-visual" / "long.npy").read_bytes()
    assert len(content) > 20 * 800_000
    assert peak < len(content) / 3
    assert content == (tmp_path / "plain" / "small-visual" / "long.npy").read_bytes()
    as_numpy = io.BytesIO()
    np.save(as_numpy, np.load(io.BytesIO(content)))
    assert content == as_numpy.getvalue()
