"""Parse files that are damaged or of something else."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.media.peaks import Peaks
from avvp_studio.parse_folder import ParseFolder
from avvp_studio.studio import Studio
from avvp_studio.threshold_file import ThresholdFile
from tests.bad_input.steps import (
    CATEGORIES,
    error_in,
    mark,
    open_clip,
)
from trainer.parses import Parse, ParseError, ParseFile, read_parses, write_parses


def parses(categories: tuple[str, ...] = CATEGORIES, *, value: float = 0.5) -> ParseFile:
    segments = np.full((2, len(categories)), value, np.float32)
    return ParseFile.from_clips({"a": Parse(segments, segments, segments[0])}, categories)


def _garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(2000))


def _nothing(path: Path) -> None:
    path.touch()


def _half(path: Path) -> None:
    write_parses(path, parses())
    os.truncate(path, path.stat().st_size // 2)


def _no_number(path: Path) -> None:
    write_parses(path, parses(value=float("nan")))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_garbage, "not a parse file, or damaged"),
        (_nothing, "not a parse file, or damaged"),
        (_half, "not a parse file, or damaged"),
        (Path.mkdir, "not a parse file, or damaged"),
        (_no_number, "its probabilities are not all between 0 and 1"),
        (lambda path: write_parses(path, parses(("Dog", "Lion"))), "says nothing of Cat, Car"),
    ],
)
def test_a_parse_file_that_is_odd_is_named_and_the_good_one_is_shown(
    qtbot: QtBot, studio: Studio, root: Path, write: Callable[[Path], None], message: str
) -> None:
    folder = root / "parses"
    folder.mkdir()
    write_parses(folder / "good.npz", parses())
    write(folder / "odd.npz")
    open_clip(qtbot, studio, root)
    assert message in error_in(studio)
    assert "good" in {track.parser for track in studio.workspace.tracks}
    assert mark(studio)


def test_no_damage_to_a_parse_file_or_to_kept_peaks_breaks_the_program(tmp_path: Path, files: Path) -> None:
    write_parses(tmp_path / "x.npz", parses())
    thresholds = ThresholdFile(tmp_path / "thresholds.json", print)
    folder = ParseFolder(tmp_path, CATEGORIES, lambda text: None, thresholds)
    cache = tmp_path / "peaks" / "b.npz"
    Peaks.measure(files / "b.mp4").save(cache, files / "b.mp4")
    for path in (tmp_path / "x.npz", cache):
        whole = path.read_bytes()
        places = [*range(0, min(len(whole), 300), 5), *range(max(0, len(whole) - 900), len(whole), 9)]
        for place in places:
            content = bytearray(whole)
            content[place] ^= 0xFF
            path.write_bytes(content)
            if path == cache:
                Peaks.load(cache, files / "b.mp4")
            else:
                with suppress(ParseError):
                    read_parses(path)
                folder.scan()
