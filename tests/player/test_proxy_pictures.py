"""Pictures come from a proxy where there is one, at the times of the file itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from avvp_studio.media.proxy import make_proxy
from tests.media_files import Video, write_media
from tests.player.screen import play


@pytest.fixture(scope="module")
def proxy(video: Path) -> Path:
    return make_proxy(video, video.parent / "proxies")


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Path:
    """A proxy of something else, ten frames long: where it is played, no later frame is seen."""
    folder = tmp_path_factory.mktemp("short")
    return make_proxy(write_media(folder / "b.mp4", Video(frames=10), None), folder)


def test_every_seek_shows_the_frame_of_the_file(player, screen, video, proxy, qtbot):
    player.open(video, 4.0, proxy)
    for time in (0.0, 3.2, 1.016, 0.5):
        player.seek(time)
        qtbot.waitUntil(lambda time=time: screen.number == int(time * 30))
    assert player.info.audio is not None


def test_the_proxy_is_what_is_shown(player, screen, video, short, qtbot):
    player.open(video, 4.0, short)
    player.seek(3.0)
    qtbot.waitUntil(lambda: player.is_settled and screen.number == 9)
    assert player.info.video.duration == 4.0


def test_changing_it_keeps_the_place_and_the_sound(opened, screen, short, qtbot):
    opened.seek(2.0)
    qtbot.waitUntil(lambda: screen.number == 60)
    opened.set_proxy(short)
    qtbot.waitUntil(lambda: screen.number == 9)
    opened.set_proxy(None)
    qtbot.waitUntil(lambda: screen.number == 60)
    assert opened.position == 2.0


def test_changing_it_while_playing_plays_on(opened, screen, clock, proxy, qtbot):
    play(opened, clock, qtbot)
    clock.time = 1.01
    qtbot.waitUntil(lambda: screen.number == 30)
    opened.set_proxy(proxy)
    clock.time = 2.01
    qtbot.waitUntil(lambda: screen.number == 60)
    assert opened.is_playing
    assert screen.failures == []


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_proxy_that_is_gone_or_damaged_is_done_without(player, screen, video, tmp_path, qtbot, content):
    broken = tmp_path / "proxy.mp4"
    if content is not None:
        broken.write_bytes(content)
    player.open(video, 4.0, broken)
    player.seek(2.0)
    qtbot.waitUntil(lambda: screen.number == 60)
    assert screen.failures == []


def test_changing_the_proxy_without_a_picture_does_nothing(player, proxy):
    player.set_proxy(proxy)
    player.open(None, 3.0)
    player.set_proxy(proxy)
    assert player.is_settled
