"""Rows of clips: as many as the clip has seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.zero_shot.steps import write_features
from trainer.labels import Modality
from trainer.zero_shot.clips import ClipReader


@pytest.mark.parametrize(("name", "length"), [("abcdefghijk_20_23", 3), ("abcdefghijk_20_27", 7)])
def test_rows_are_as_many_as_the_name_of_the_clip_says(tmp_path: Path, name: str, length: int) -> None:
    write_features(tmp_path, "abcdefghijk", clip=np.ones((5, 4)))
    rows = ClipReader(tmp_path, {"clip": (Modality.VISUAL, 4)}, {}).read(name)["clip"]
    assert rows[:, 0].tolist() == [float(i < 5) for i in range(length)]
