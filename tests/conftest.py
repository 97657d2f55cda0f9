"""Fixtures that every part of the suite may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from avvp_studio.sample.make import make_clips

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")

SHARED = Path(__file__).parents[1].parent / "shared"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, those of a file stay together, and all that need the cluster."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        needs_cluster = "cluster" in item.path.parts
        item.add_marker(pytest.mark.xdist_group("cluster" if needs_cluster else str(item.path)))


@pytest.fixture(autouse=True)
def _no_widgets_of_earlier_tests() -> Iterator[None]:
    """What was to be deleted later goes now: Qt waits for an event loop, and a new theme would reach it."""
    yield
    if QCoreApplication.instance():
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


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


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five clips of the sample, with annotations; not to be written to."""
    folder = tmp_path_factory.mktemp("sample")
    make_clips(folder, count=5)
    return folder
