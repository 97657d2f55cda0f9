"""The sample project makes itself, and goes on where it was left."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import TrainingRequest
from avvp_studio.first_start import FirstStart
from avvp_studio.jobs import Jobs
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.tasks import Tasks
from trainer.parses import read_parses

COUNT = 5


class Studio:
    """The parts of a studio that a first start needs, opening the project as the studio does."""

    def __init__(self, home: Path) -> None:
        self.jobs = Jobs()
        self.tasks = Tasks()
        self.first_start = FirstStart(home, self.jobs, self.tasks, count=COUNT)
        self.opened: list[Path] = []
        self.problems: list[str] = []
        self.first_start.project_ready.connect(self._on_ready)
        self.first_start.failed.connect(self.problems.append)

    def _on_ready(self, root: Path) -> None:
        self.opened.append(root)
        self.jobs.attach(ProjectPaths(root).runs)
        self.first_start.train_first_parser()

    def close(self) -> None:
        self.jobs.attach(None)
        self.tasks.shutdown()


@pytest.fixture
def studio(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr("avvp_studio.first_start.TrainingRequest", partial(TrainingRequest, epochs=3))
    studio = Studio(tmp_path)
    yield studio
    studio.close()


@pytest.mark.timeout(240)
def test_the_first_start_makes_clips_project_and_a_parser_and_the_second_makes_nothing(
    qtbot: QtBot, studio: Studio, tmp_path: Path
) -> None:
    studio.first_start.begin()
    qtbot.waitUntil(lambda: bool(studio.opened) or bool(studio.problems), timeout=60_000)
    assert studio.problems == []
    with Store.open(tmp_path / "sample" / "labels.sqlite") as store:
        clips = store.clips()
    assert len(clips) == COUNT
    assert all(clip.media is not None and clip.media.exists() for clip in clips)

    parses = ProjectPaths(studio.opened[0]).parses
    qtbot.waitUntil(lambda: parses.is_dir() and any(parses.glob("*.npz")), timeout=150_000)
    qtbot.waitUntil(lambda: not studio.jobs.is_busy, timeout=30_000)
    assert set(read_parses(next(parses.glob("*.npz"))).names) == {clip.name for clip in clips}

    second = Studio(tmp_path)
    second.first_start.begin()
    assert second.opened == studio.opened
    assert not second.jobs.is_busy
    second.close()


def test_a_stopped_first_start_says_how_to_go_on(qtbot: QtBot, studio: Studio) -> None:
    studio.first_start.begin()
    name = studio.jobs.statuses[0].name
    qtbot.waitUntil(lambda: studio.jobs.statuses[0].done >= 1, timeout=60_000)
    studio.jobs.stop(name)
    qtbot.waitUntil(lambda: bool(studio.problems), timeout=60_000)
    assert "Start the program again" in studio.problems[0]
    assert not studio.first_start.is_done
