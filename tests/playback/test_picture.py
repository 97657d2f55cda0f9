"""The thread decodes what is likely to be wanted next, while nothing is."""

from __future__ import annotations

import pytest

from avvp_studio.media.groups import Groups
from avvp_studio.playback.picture import Mode, PictureThread, Wish
from tests.media_files import Video, write_media

FPS = 30


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The numbers of the frames that were decoded."""
    numbers: list[int] = []
    add = Groups.add
    monkeypatch.setattr(
        Groups, "add", lambda groups, frame: (numbers.append(round(frame.time * FPS)), add(groups, frame))
    )
    return numbers


@pytest.fixture
def thread(tmp_path, decoded):
    thread = PictureThread(write_media(tmp_path / "a.mp4", Video(frames=100, keyframes=20), None))
    thread.start()
    yield thread
    thread.close()
    thread.join(timeout=5)


def wish(number: int, mode: Mode, *, steps: int = 0, ahead: float = 0.0) -> Wish:
    return Wish(epoch=0, time=(number + 0.5) / FPS, mode=mode, steps=steps, ahead=ahead)


@pytest.mark.parametrize(
    "wanted", [wish(66, Mode.STEP, steps=-1), wish(65, Mode.FOLLOW, ahead=-0.25)], ids=["step", "play"]
)
def test_going_back_the_group_before_is_decoded_ahead_of_time(thread, decoded, qtbot, wanted):
    thread.want(wanted)
    qtbot.waitUntil(lambda: len(thread.arrived) == 2)
    assert thread.arrived[1].time == pytest.approx(65 / FPS)
    qtbot.waitUntil(lambda: {*range(40, 60)} <= set(decoded))
    qtbot.wait(20)
    assert min(decoded) >= 40, "but no more than that"


def test_playing_decodes_a_little_ahead(thread, decoded, qtbot):
    thread.want(wish(5, Mode.FOLLOW, ahead=0.5))
    qtbot.waitUntil(lambda: 20 in decoded)
    qtbot.wait(20)
    assert max(decoded) <= 22


@pytest.mark.parametrize("wanted", [wish(66, Mode.SHOW), wish(66, Mode.STEP, steps=1), wish(66, Mode.SCRUB)])
def test_a_picture_by_itself_decodes_no_more_than_it_needs(thread, decoded, qtbot, wanted):
    thread.want(wanted)
    qtbot.waitUntil(lambda: any(getattr(arrived, "is_exact", False) for arrived in thread.arrived))
    qtbot.wait(30)
    assert min(decoded) == 60
    assert max(decoded) <= 69
