"""A small real project, and the window on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.pictures import Pictures
from avvp_studio.player import Player
from avvp_studio.proxies import Proxies
from avvp_studio.soundtrack import Soundtrack
from avvp_studio.store import Store
from avvp_studio.tasks import Tasks
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from trainer.labels import Event, Modality
from trainer.parses import Parse, ParseFile, write_parses

CATEGORIES = ("Speech", "Dog", "Baby_cry", "Violin", "Car")
CLIPS = (
    Clip("alpha_0_10", "train", None, 10.0, 10, frozenset({"Dog", "Speech"})),
    Clip("beta_10_20", "val", Path("beta.mp4"), 10.0, 10, frozenset({"Baby_cry"}), is_complete=True),
    Clip("gamma_0_4", "test", None, 3.5, 4, frozenset(), is_complete=True),
)


@pytest.fixture(scope="session")
def appearance(qapp: QApplication) -> Appearance:
    return Appearance(qapp, "dark")


@pytest.fixture
def project_root(tmp_path: Path) -> Path:
    """Three clips without media; a parser that believes in a car in the first."""
    root = tmp_path / "street"
    root.mkdir()
    with Store.create(ProjectPaths(root).database, name="Street", categories=CATEGORIES) as store:
        store.add_clips(CLIPS, {"beta_10_20": [Event(Modality.AUDIO, "Baby_cry", 1.0, 4.0)]})
    car = np.zeros((10, len(CATEGORIES)), np.float32)
    car[2:5, CATEGORIES.index("Car")] = 0.9
    parse = Parse(audio=car, visual=car, video=car.max(axis=0))
    write_parses(
        ProjectPaths(root).parses / "first.npz", ParseFile.from_clips({"alpha_0_10": parse}, CATEGORIES)
    )
    return root


@pytest.fixture
def workspace(qapp: QApplication, project_root: Path) -> Iterator[Workspace]:
    opened = Workspace(author="yola")
    assert opened.open_project(project_root)
    yield opened
    opened.close_project()


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def player(qapp: QApplication) -> Iterator[Player]:
    made = Player()
    yield made
    made.shutdown()


@pytest.fixture
def make_window(
    qtbot: QtBot, workspace: Workspace, player: Player, appearance: Appearance, settings: QSettings
) -> Iterator[Callable[[], MainWindow]]:
    """Builds a window on the workspace; a second call is a second start with the same settings."""
    tasks = Tasks()
    soundtrack = Soundtrack(tasks)
    proxies = Proxies(tasks)
    pictures = Pictures()

    def make() -> MainWindow:
        window = MainWindow(workspace, player, soundtrack, proxies, pictures, None, appearance, settings)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    proxies.shutdown()
    pictures.shutdown()
    tasks.shutdown()


@pytest.fixture
def window(make_window: Callable[[], MainWindow]) -> MainWindow:
    return make_window()
