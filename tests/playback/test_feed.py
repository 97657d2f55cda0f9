"""Pictures that come before they are due."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from avvp_studio.playback.feed import PictureFeed
from avvp_studio.playback.picture import Mode
from tests.media_files import Video, write_media


@pytest.fixture
def feed(tmp_path: Path):
    feed = PictureFeed(write_media(tmp_path / "a.mp4", Video(frames=10), None))
    yield feed
    feed.thread.close()
    feed.thread.join(timeout=5)


def image(width: int) -> QImage:
    return QImage(width, 1, QImage.Format.Format_RGB32)


def test_of_the_pictures_that_are_due_the_newest_is_shown_once(feed: PictureFeed) -> None:
    for number in (1, 2, 3):
        feed.keep(number / 10, image(number))
    assert feed.due(0.05) is None
    assert feed.due(0.2).width() == 2
    assert feed.due(0.2) is None
    assert feed.due(0.3).width() == 3


def test_round_a_loop_its_first_picture_does_not_wait_for_its_last(feed: PictureFeed) -> None:
    feed.keep(1.9, image(1))
    feed.keep(1.0, image(2))
    assert feed.due(1.01).width() == 2


def test_a_new_movement_forgets_what_was_kept_and_following_does_not(feed: PictureFeed) -> None:
    feed.keep(0.1, image(1))
    feed.want(0.1, Mode.FOLLOW)
    assert feed.due(0.1) is not None
    feed.keep(0.1, image(1))
    feed.want(0.2, Mode.SHOW)
    assert feed.due(0.1) is None
