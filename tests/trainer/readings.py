"""What tests of reading have in common: a clip of three seconds, and what intakes are given of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media_files import Sound, Video, write_media
from trainer.encoders.encoding import Intake
from trainer.encoders.media import Source
from trainer.encoders.reading import Reading

LOSSLESS = Sound(seconds=3, codec="flac", rate=16_000, channels=1, kind="tone")


def read(
    source: Source, *intakes: Intake, duration: float | None = None
) -> tuple[Reading, list[list[NDArray[np.generic]]]]:
    """A file that was read, and what each intake was given."""
    reading = Reading(source, intakes, duration)
    given: list[list[NDArray[np.generic]]] = [[] for _ in intakes]
    for number, array in reading:
        given[number].append(array)
    return reading, given


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("media") / "clip.mkv", Video(frames=90), LOSSLESS)
