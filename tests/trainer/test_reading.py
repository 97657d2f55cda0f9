"""When what intakes get of a file was shown and heard: one decoding for all, second by second."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media_files import Sound, Video, read_number, write_media
from tests.trainer.readings import LOSSLESS, read
from tests.trainer.readings import clip as clip
from trainer.encoders.encoding import Intake, PictureIntake, SoundIntake
from trainer.encoders.reading import Reading


def test_pictures_are_of_the_middle_of_equal_parts_of_each_second(clip: Path) -> None:
    _, (one, four) = read(clip, PictureIntake(1), PictureIntake(4))
    assert [read_number(picture) for picture in one] == [15, 45, 75]
    assert [read_number(picture) for picture in four] == [3, 11, 18, 26, 33, 41, 48, 56, 63, 71, 78, 86]


def test_each_second_of_sound_comes_with_what_is_around_it(clip: Path) -> None:
    _, (plain, wide) = read(clip, SoundIntake(16_000), SoundIntake(16_000, before=0.5, after=0.25))
    wave = np.concatenate(plain)
    assert len(wave) == 3 * 16_000
    padded = np.pad(wave, (8_000, 4_000))
    for second, window in enumerate(wide):
        np.testing.assert_array_equal(window, padded[second * 16_000 :][:28_000])


def test_one_decoding_serves_every_rate(clip: Path) -> None:
    _, (low, high) = read(clip, SoundIntake(8_000), SoundIntake(48_000))
    assert [len(window) for window in low] == [8_000] * 3
    assert [len(window) for window in high] == [48_000] * 3
    np.testing.assert_allclose(np.concatenate(high)[996:-996:6], np.concatenate(low)[166:-166], atol=0.1)


def test_the_sound_of_a_whole_clip_comes_at_once_unless_it_is_too_long(clip: Path) -> None:
    _, (whole,) = read(clip, SoundIntake(16_000, is_whole=True, longest=3))
    _, (seconds,) = read(clip, SoundIntake(16_000))
    np.testing.assert_array_equal(whole, [np.concatenate(seconds)])
    _, (none,) = read(clip, SoundIntake(16_000, is_whole=True, longest=2))
    assert none == []


def test_the_last_partial_second_counts_from_a_tenth_on_and_is_filled_up(tmp_path: Path) -> None:
    for length, seconds in ((2.08, 2), (2.4, 3)):
        path = write_media(
            tmp_path / "clip.wav", None, Sound(seconds=length, codec="pcm_s16le", channels=1, kind="tone")
        )
        reading, (windows,) = read(path, SoundIntake(16_000))
        assert reading.seconds == len(windows) == seconds
    level = np.abs(windows[2].reshape(10, -1)).max(axis=1)
    assert level[3] > 0.1
    assert not level[5:].any()


@pytest.mark.parametrize("intake", [PictureIntake(1), SoundIntake(16_000)], ids=["pictures", "sound"])
def test_a_clip_is_as_long_as_its_longer_stream_whatever_is_asked_of_it(tmp_path: Path, intake: Intake) -> None:
    long_sound = write_media(tmp_path / "sound.mkv", Video(frames=30), LOSSLESS)
    long_picture = write_media(tmp_path / "picture.mp4", Video(frames=140), Sound(seconds=1))
    assert read(long_sound, intake)[0].seconds == 3
    assert read(long_picture, intake)[0].seconds == 5


def test_a_duration_cuts_a_file_and_fills_it_up(clip: Path) -> None:
    cut, (pictures, windows) = read(clip, PictureIntake(2), SoundIntake(16_000), duration=2)
    assert (len(pictures), len(windows), cut.seconds, cut.notes) == (4, 2, 2, ())
    filled, (pictures, windows) = read(clip, PictureIntake(2), SoundIntake(16_000), duration=5)
    assert (len(pictures), len(windows), filled.seconds) == (6, 5, 5)
    assert windows[3] is windows[4]
    assert not windows[4].any()
    assert len(filled.notes) == 2


def test_the_last_picture_holds_to_the_end_of_its_second(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=34, rate="30"), Sound(seconds=3))
    reading, (one, two) = read(path, PictureIntake(1), PictureIntake(2))
    assert [read_number(picture) for picture in (*one, *two)] == [15, 7, 22]
    assert [(number, read_number(picture)) for number, picture in reading.held] == [(0, 33), (1, 33), (1, 33)]


@pytest.mark.parametrize(("late", "is_seen"), [(0.4, True), (0.7, False)])
def test_a_picture_that_comes_a_little_late_is_shown_from_the_start_and_before_a_later_one_it_is_black(
    tmp_path: Path, late: float, is_seen: bool
) -> None:
    times = tuple(late + number / 10 for number in range(12))
    path = write_media(tmp_path / "clip.mkv", Video(frames=12, times=times), Sound(seconds=2, codec="flac"))
    _, (pictures,) = read(path, PictureIntake(4))
    assert [bool(picture.any()) for picture in pictures[:2]] == [is_seen] * 2
    shown = [int((middle - late) * 10 + 1e-6) for middle in (0.875, 1.125, 1.375)]
    assert [read_number(picture) for picture in pictures[3:6]] == shown


def test_a_picture_that_is_shown_again_is_the_same_array(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=3, times=(0, 1, 2.6)), None)
    _, (pictures, small) = read(path, PictureIntake(2), PictureIntake(1, (40, 30)), duration=3)
    assert pictures[0] is pictures[1]
    assert pictures[2] is pictures[3] is pictures[4]
    assert pictures[0] is not pictures[2]
    assert small[1] is small[2]


@pytest.mark.parametrize("rate", ["30007/1000", "24000/1001", "60000/1001", "7"])
def test_an_odd_frame_rate_makes_neither_a_second_more_nor_one_less(tmp_path: Path, rate: str) -> None:
    frames = round(Fraction(rate) * 4)
    path = write_media(tmp_path / "clip.mkv", Video(frames=frames, rate=rate), None)
    reading, (pictures,) = read(path, PictureIntake(2))
    assert reading.seconds == 4
    shown = [*pictures, *(picture for _, picture in reading.held)]
    middles = [(count + 0.5) / 2 for count in range(8)]
    expected = [int(middle * Fraction(rate)) for middle in middles]
    assert max(abs(read_number(picture) - number) for picture, number in zip(shown, expected, strict=True)) <= 1


def test_what_lies_far_beyond_the_duration_does_not_count_as_read(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mkv", Video(frames=300), Sound(seconds=10))
    reading = Reading(path, [PictureIntake(1), SoundIntake(16_000)], 3)
    positions = [reading.position for _ in reading]
    assert positions == sorted(positions)
    assert 1 < positions[3] <= 3
    assert reading.position == 3


def promising(path: Path, seconds: float) -> Path:
    """A Matroska file whose header says that it has so many seconds."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"\x44\x89\x88") + 3  # the element of the duration, in milliseconds
    content[begin : begin + 8] = struct.pack(">d", 1_000 * seconds)
    path.write_bytes(content)
    return path


def with_wrong_times(source: Path, path: Path, kind: str, numbers: range) -> Path:
    """A file like another, in which those packets of a stream are two hours late."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        streams = [made.add_stream_from_template(stream) for stream in given.streams]
        counts = dict.fromkeys(("video", "audio"), 0)
        for packet in given.demux():
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            if packet.stream.type == kind and counts[kind] in numbers:
                packet.pts += round(7_200 / packet.time_base)
                packet.dts += round(7_200 / packet.time_base) if len(numbers) > 1 else 0
            counts[packet.stream.type] += 1
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    return path


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = (("preset", "ultrafast"), ("bf", "0"))
    return write_media(
        tmp_path_factory.mktemp("media") / "clip.mkv", Video(frames=90, options=options), LOSSLESS
    )


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("numbers", [range(10, 11), range(10, 1_000)], ids=["one", "all that follow"])
@pytest.mark.parametrize("promised", [3.0, 1e9], ids=["promised", "nonsense"])
def test_what_has_a_time_hours_ahead_follows_what_came_before_it(
    straight: Path, tmp_path: Path, kind: str, numbers: range, promised: float
) -> None:
    wrong = promising(with_wrong_times(straight, tmp_path / "clip.mkv", kind, numbers), promised)
    intakes = PictureIntake(4), SoundIntake(16_000)
    _, (pictures, sound) = read(straight, *intakes)
    reading, (placed, heard) = read(wrong, *intakes)
    assert reading.seconds == 3
    assert reading.notes == ("some of its time stamps are wrong, and are not followed",)
    away = [abs(read_number(one) - read_number(other)) for one, other in zip(placed, pictures, strict=True)]
    assert max(away) <= 1
    np.testing.assert_allclose(np.concatenate(heard), np.concatenate(sound), atol=1e-3)
    assert read(wrong, intakes[1])[0].seconds == 3  # where no picture is decoded


def test_a_long_gap_that_the_header_knows_of_has_no_wrong_times(tmp_path: Path) -> None:
    slides = Video(frames=3, times=(0, 100, 200), width=64, height=48)
    reading, (pictures,) = read(write_media(tmp_path / "slides.mkv", slides, None), PictureIntake(1))
    assert (reading.seconds, reading.notes) == (200, ())
    assert [pictures[second] is pictures[0] for second in (50, 99, 100, 150)] == [True, True, False, False]


@pytest.mark.parametrize("name", ["clip.mkv", "clip.flv"])
def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path, name: str) -> None:
    path = write_media(tmp_path / name, Video(frames=150), Sound(seconds=5))
    content = path.read_bytes()
    path.write_bytes(content[: 6 * len(content) // 10])
    reading, (pictures, windows) = read(path, PictureIntake(1), SoundIntake(16_000))
    assert reading.seconds == 3
    assert read_number(pictures[1]) == 45
    assert len(windows) == reading.seconds
    assert reading.notes[0].startswith("the file is cut off: it ends at 2.")
    assert reading.notes[0].endswith(" of the 5.0 s it should have")
    whole = write_media(tmp_path / name, Video(frames=150), Sound(seconds=4.2))
    assert read(whole, SoundIntake(16_000))[0].notes == ()
