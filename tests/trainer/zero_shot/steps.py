"""What the tests of zero-shot parsing need again and again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.encoders.weights import OF_ENCODERS, missing

needs_minilm = pytest.mark.skipif(
    bool(missing(OF_ENCODERS["minilm"])),
    reason="MiniLM is not installed (avvp-trainer encoders install default)",
)

LLP = tuple((Path(__file__).parents[3] / "resources" / "vocabularies" / "llp.txt").read_text().split())
SPEECH, DOG, BARK, SILENCE = 0, 69, 70, 494
"""Classes of YAMNet."""
NEWFOUNDLAND, LABRADOR, PUG = 256, 208, 254
"""Classes of ImageNet."""


def scores(width: int, *segments: dict[int, float]) -> np.ndarray:
    """The scores (T, width) of segments of which those of some classes are given."""
    rows = np.zeros((len(segments), width), np.float32)
    for row, given in zip(rows, segments, strict=True):
        row[list(given)] = list(given.values())
    return rows


def write_features(folder: Path, name: str, **sets: np.ndarray) -> None:
    """The rows of a clip, by feature set (`_` for `-`)."""
    for features, rows in sets.items():
        path = folder / features.replace("_", "-") / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rows.astype(np.float32))
