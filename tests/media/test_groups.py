"""What was decoded is kept: going back over it, or back and forth, decodes nothing again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from avvp_studio.media.frames import VideoReader
from avvp_studio.media.groups import Groups
from tests.media_files import Sound, Video, read_number, write_media

GROUP, FPS = 20, 30


class Decoder:
    """A reader, and how many frames it has decoded since it was asked last."""

    def __init__(self, path: Path, cache_bytes: int) -> None:
        self.reader = VideoReader(path, cache_bytes=cache_bytes)
        self._count = 0
        self._advance = self.reader._advance
        self.reader._advance = self._counted  # type: ignore[method-assign]

    def _counted(self) -> None:
        self._count += 1
        self._advance()

    def decoded(self) -> int:
        count, self._count = self._count, 0
        return count

    def show(self, number: int) -> None:
        frame = self.reader.frame_at((number + 0.5) / FPS)
        assert read_number(self.reader.pixels(frame)) == number

    def step(self, number: int, count: int) -> None:
        frame = self.reader.step((number + 0.5) / FPS, count)
        assert read_number(self.reader.pixels(frame)) == number + count


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    options = (("preset", "ultrafast"), ("bf", "2"))
    video = Video(frames=8 * GROUP, keyframes=GROUP, options=options)
    return write_media(tmp_path_factory.mktemp("groups") / "a.mp4", video, None)


@pytest.fixture(scope="module")
def frame_bytes(path) -> int:
    reader = VideoReader(path)
    size = reader.frame_at(0.0).nbytes
    reader.close()
    return size


@pytest.fixture
def decoder(path, frame_bytes) -> Iterator[Callable[..., Decoder]]:
    made: list[Decoder] = []

    def make(groups: float = 10) -> Decoder:
        made.append(Decoder(path, round(groups * GROUP * frame_bytes)))
        return made[-1]

    yield make
    for one in made:
        one.reader.close()


def test_stepping_back_over_a_border_decodes_the_group_before_it_once(decoder) -> None:
    one = decoder()
    one.show(3 * GROUP + 5)
    one.decoded()
    for number in range(3 * GROUP + 5, 2 * GROUP, -1):
        one.step(number, -1)
    assert one.decoded() <= GROUP + 2
    for number in range(2 * GROUP, 3 * GROUP + 4):
        one.step(number, 1)
    assert one.decoded() == 0


def test_scrubs_back_and_forth_decode_nothing_again(decoder) -> None:
    one = decoder()
    places = [5 * GROUP + 8, GROUP + 3, 3 * GROUP + 10]
    for number in places:
        one.show(number)
    one.decoded()
    for number in [*places, *places[::-1], GROUP, GROUP + 1, 3 * GROUP + 2]:
        one.show(number)
        assert one.reader.frame_near((number + 0.5) / FPS) is one.reader.frame_at((number + 0.5) / FPS)
    assert one.decoded() == 0


def test_a_group_that_was_decoded_in_part_is_completed(decoder) -> None:
    one = decoder()
    for number in (2 * GROUP + 4, 5 * GROUP, 2 * GROUP + 15, 2 * GROUP + 9):
        one.show(number)
    one.decoded()
    for number in range(2 * GROUP, 2 * GROUP + 15):
        one.show(number)
    assert one.decoded() == 0


def test_the_group_that_nobody_looked_at_for_longest_goes_first(decoder) -> None:
    one = decoder(groups=3.2)
    for group in (1, 3, 5):
        one.show(group * GROUP + GROUP - 2)
    one.show(GROUP + 3)
    one.decoded()
    one.show(7 * GROUP + GROUP - 2)
    one.decoded()
    one.show(GROUP + 4)
    one.show(5 * GROUP + 18)
    assert one.decoded() == 0, "these were looked at since"
    one.show(3 * GROUP + 1)
    assert one.decoded() > 0


def test_a_group_larger_than_the_room_is_kept_where_it_is_looked_at(decoder, frame_bytes) -> None:
    one = decoder(groups=0.5)
    one.show(2 * GROUP + 18)
    assert one.reader._groups.nbytes <= GROUP * frame_bytes / 2
    one.decoded()
    for number in range(2 * GROUP + 18, 2 * GROUP + 11, -1):
        one.step(number, -1)
    assert one.decoded() == 0
    for number in range(2 * GROUP + 11, 2 * GROUP, -1):
        one.step(number, -1)
    assert one.decoded() <= GROUP + 4, "once more for the rest of it"


def test_reading_behind_makes_the_step_over_a_border_one_that_decodes_nothing(decoder) -> None:
    one = decoder()
    one.show(3 * GROUP + 2)
    one.reader.read_behind((3 * GROUP + 2.5) / FPS, lambda: False)
    one.decoded()
    for number in range(3 * GROUP + 2, 2 * GROUP, -1):
        one.step(number, -1)
    assert one.decoded() == 0


def test_reading_behind_that_is_broken_off_again_and_again_comes_to_an_end(decoder) -> None:
    one = decoder()
    one.show(3 * GROUP + 10)
    for number in range(3 * GROUP + 10, 3 * GROUP, -1):
        one.step(number, -1)
        answers = iter([False] * 4)
        with suppress(InterruptedError):
            one.reader.read_behind((number - 0.5) / FPS, lambda answers=answers: next(answers, True))
    one.decoded()
    one.step(3 * GROUP, -1)
    one.step(3 * GROUP - 1, -10)
    assert one.decoded() == 0


def test_reading_behind_does_not_push_out_what_is_looked_at(decoder) -> None:
    one = decoder(groups=1.2)
    one.show(3 * GROUP + 12)
    one.reader.read_behind((3 * GROUP + 12.5) / FPS, lambda: False)
    one.decoded()
    for number in range(3 * GROUP + 12, 3 * GROUP - 2, -1):
        one.step(number, -1)
    assert one.decoded() == 0


def test_reading_ahead_from_what_is_kept_does_not_decode_what_lies_before_it(decoder) -> None:
    one = decoder()
    for number in (6 * GROUP + 18, GROUP):  # the decoder now stands far behind
        one.show(number)
    one.decoded()
    one.reader.read_ahead(6 * GROUP / FPS, (6 * GROUP + 12) / FPS, lambda: False)
    assert one.decoded() == 0
    one.reader.read_ahead((6 * GROUP + 10) / FPS, (7 * GROUP + 3) / FPS, lambda: False)
    assert one.decoded() <= GROUP + 6, "the rest of the group, by way of its keyframe, and the next"
    for number in range(6 * GROUP + 10, 7 * GROUP + 3):
        one.show(number)
    assert one.decoded() == 0


def test_before_the_first_group_there_is_nothing_to_read(decoder) -> None:
    one = decoder()
    one.show(0)
    one.decoded()
    one.reader.read_behind(0.0, lambda: False)
    assert one.decoded() <= 2
    one.step(0, 0)
    assert read_number(one.reader.pixels(one.reader.step(0.0, -5))) == 0


def test_deep_in_a_long_group_the_one_before_it_is_not_read(tmp_path) -> None:
    path = write_media(tmp_path / "long.mp4", Video(frames=120, keyframes=60), None)
    one = Decoder(path, 1 << 24)
    one.show(105)
    one.decoded()
    one.reader.read_behind(105.5 / FPS, lambda: False)
    assert one.decoded() == 0
    one.reader.close()


def test_the_last_frame_is_kept_as_the_last(decoder) -> None:
    one = decoder()
    last = 8 * GROUP - 1
    for number in (last, GROUP):
        one.show(number)
    one.decoded()
    one.show(last)
    assert one.reader.step((last + 0.5) / FPS, 1).time == pytest.approx(last / FPS)
    assert one.reader.frame_at(100.0).time == pytest.approx(last / FPS)
    assert one.decoded() == 0


def test_before_a_picture_that_begins_late_its_first_frame_is_found_once(tmp_path) -> None:
    video = Video(frames=20, times=tuple(1.0 + i / 25 for i in range(20)))
    one = Decoder(write_media(tmp_path / "late.mkv", video, Sound(seconds=2.0)), 1 << 20)
    for time in (0.2, 0.7, 0.3):
        assert read_number(one.reader.pixels(one.reader.frame_at(time))) == 0
    assert one.decoded() <= 4
    one.reader.close()


def test_no_frame_is_known_before_there_is_any() -> None:
    groups = Groups(1000)
    assert (groups.at(1.0), groups.start(1.0), groups.nbytes) == (None, None, 0)
