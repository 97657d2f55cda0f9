"""A player on a short video, with a clock that the test turns by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from avvp_studio.player import Player
from tests.media_files import Sound, Video, write_media
from tests.player.screen import HandClock, Screen


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_media(tmp_path_factory.mktemp("player") / "a.mp4", Video(frames=120), Sound(seconds=4))


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def player(qtbot, clock):
    player = Player(clock=clock)
    yield player
    player.shutdown()


@pytest.fixture
def screen(player):
    return Screen(player)


@pytest.fixture
def opened(player, screen, video, qtbot):
    player.open(video, 4.0)
    qtbot.waitUntil(lambda: screen.number == 0)
    return player
