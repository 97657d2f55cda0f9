"""Fixtures that every part of the suite may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")

SHARED = Path(__file__).parents[1].parent / "shared"


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the real {name} is not beside this checkout ({SHARED.name}/{name})")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """LLP's and UnAV-100's real annotations; the test is skipped where they are missing."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """A few real clips; the test is skipped where they are missing."""
    return _shared("media")
