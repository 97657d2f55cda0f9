"""Every frame is found at its time, in every kind of file, forwards, backwards and at random."""

from __future__ import annotations

import gc
import random
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avvp_studio.media.frames import VideoReader
from avvp_studio.media.probe import MediaError
from tests.media_files import Sound, Video, frame_times, read_number, write_broken_broadcast, write_media


def _uneven_times(count: int = 40) -> tuple[float, ...]:
    gaps = random.Random(3).choices((0.02, 0.033, 0.05, 0.2), k=count)
    return tuple(float(time) for time in np.round(np.cumsum([0.0, *gaps]), 3))


_VP9 = Video(codec="libvpx-vp9", frames=40, options=(("deadline", "realtime"), ("cpu-used", "8")))
_HIDDEN = Video(codec="libvpx-vp9", options=(("deadline", "good"), ("cpu-used", "5"), ("auto-alt-ref", "1")))
_HEVC = Video(codec="libx265", options=(("preset", "ultrafast"), ("x265-params", "log-level=none:bframes=3")))
_AV1 = Video(codec="libsvtav1", frames=40, keyframes=12, options=(("preset", "12"),), rate="25")
_OPEN = Video(frames=80, options=(("preset", "veryfast"), ("x264-params", "open-gop=1:bframes=3")))
_B_FRAMES = Video(options=(("preset", "veryfast"), ("bf", "2")))

KINDS = {
    "h264.mp4": (Video(), Sound()),
    "one-keyframe.mp4": (Video(keyframes=250, rate="24000/1001"), None),
    "odd-rate.mp4": (Video(rate="30007/1000"), None),
    "hevc.mp4": (_HEVC, Sound()),
    "hevc.mkv": (replace(_HEVC, rate="30007/1000", keyframes=250), None),
    "av1.mp4": (_AV1, None),
    "av1.webm": (replace(_AV1, rate="24000/1001"), Sound(codec="libopus")),
    "hidden-frames.webm": (_HIDDEN, None),
    "open-groups.mp4": (_OPEN, None),
    "b-frames.ts": (_B_FRAMES, None),
    "open-groups.ts": (_OPEN, Sound()),
    "h264-b-frames.avi": (_B_FRAMES, None),
    "mpeg2.ts": (Video(codec="mpeg2video", options=(("bf", "2"),)), None),
    "mpeg4.mp4": (Video(codec="mpeg4", options=(("bf", "2"),), rate="24000/1001"), None),
    "uneven-b-frames.mkv": (replace(_B_FRAMES, times=_uneven_times()), None),
    "uneven-hevc.mp4": (replace(_HEVC, times=_uneven_times()), None),
    "uneven.mp4": (Video(times=_uneven_times()), Sound()),
    "uneven.mkv": (Video(times=_uneven_times()), None),
    "priming.mkv": (Video(), Sound()),
    "opus.mkv": (Video(), Sound(codec="libopus")),
    "vp9.webm": (_VP9, Sound(codec="libopus", channels=1)),
    "late-start.ts": (Video(), Sound()),
    "mpeg4.avi": (Video(codec="mpeg4", options=()), None),
    "b-frames.avi": (Video(codec="mpeg4", options=(("bf", "2"),)), None),
    "b-frames.mp4": (Video(options=(("preset", "ultrafast"), ("bf", "3"))), None),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return {name: write_media(folder / name, *kind) for name, kind in KINDS.items()}


@pytest.fixture
def read(files):
    readers = []

    def open_reader(name, **options):
        readers.append(VideoReader(files[name], **options))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()


def number_at(reader: VideoReader, time: float) -> int:
    return read_number(reader.pixels(reader.frame_at(time)))


@pytest.mark.parametrize("cache_bytes", [1, 1 << 28], ids=["decoded-anew", "kept"])
@pytest.mark.parametrize("name", KINDS)
def test_the_frame_at_a_time_is_the_one_shown_then(read, name, cache_bytes):
    times = frame_times(KINDS[name][0])
    reader = read(name, cache_bytes=cache_bytes)
    numbers = list(range(len(times) - 1))
    random.Random(1).shuffle(numbers)
    for number in numbers[:40]:
        onset, offset = times[number], times[number + 1]
        frame = reader.frame_at((onset + offset) / 2)
        assert read_number(reader.pixels(frame)) == number
        assert frame.time == pytest.approx(onset, abs=0.001)
        assert number_at(reader, round(frame.time, 3)) == number
        assert number_at(reader, offset - 0.002) == number


@pytest.mark.parametrize("name", KINDS)
def test_steps_visit_every_frame_in_both_directions(read, name):
    last = len(frame_times(KINDS[name][0])) - 1
    reader = read(name)
    frame = reader.frame_at(0)
    seen = [read_number(reader.pixels(frame))]
    for step in [1] * last + [-1] * last:
        frame = reader.step(frame.time, step)
        seen.append(read_number(reader.pixels(frame)))
    assert seen == [*range(last + 1), *range(last)[::-1]]


def test_many_steps_at_once(read):
    reader = read("h264.mp4")
    frame = reader.step(0.5, 20)
    assert read_number(reader.pixels(frame)) == 35
    assert read_number(reader.pixels(reader.step(frame.time, -30))) == 5


def test_before_the_first_frame_is_the_first_and_after_the_last_the_last(read):
    reader = read("h264.mp4")
    assert number_at(reader, 100.0) == 59
    assert number_at(reader, -1.0) == 0
    assert read_number(reader.pixels(reader.step(0.0, -3))) == 0
    assert read_number(reader.pixels(reader.step(1.9, 30))) == 59


def test_a_frame_nearby_is_a_keyframe_or_what_is_decoded_on_the_way(read):
    reader = read("h264.mp4")
    assert read_number(reader.pixels(reader.frame_near(1.9))) == 48
    assert reader.frame_at(1.9).time == pytest.approx(57 / 30)
    assert reader.frame_near(1.8).time == pytest.approx(54 / 30), "what is decoded is at hand"
    assert read_number(reader.pixels(reader.frame_near(1.0))) == 24
    reader.frame_at(1.0)
    assert 30 <= read_number(reader.pixels(reader.frame_near(1.4))) <= 42


def test_the_cache_is_bounded_and_stepping_back_beyond_it_still_works(read):
    frame_bytes = 192 * 128 * 3 // 2
    reader = read("one-keyframe.mp4", cache_bytes=8 * frame_bytes)
    frame = reader.frame_at(50 / 23.976 + 0.01)
    assert reader._groups.nbytes <= 10 * frame_bytes
    seen = []
    for _ in range(25):
        frame = reader.step(frame.time, -1)
        seen.append(read_number(reader.pixels(frame)))
    assert seen == list(range(49, 24, -1))


def test_a_search_can_be_broken_off_and_taken_up_again(read):
    reader = read("one-keyframe.mp4")
    answers = iter([False] * 10)
    with pytest.raises(InterruptedError):
        reader.frame_at(2.0, lambda: next(answers, True))
    assert number_at(reader, 2.0) == 47


@pytest.mark.parametrize(("turned", "back"), [(90, -1), (-90, 1), (180, 2)])
def test_a_turned_picture_is_shown_upright(tmp_path, turned, back):
    path = write_media(tmp_path / "a.mp4", Video(frames=7, turned=turned), None)
    reader = VideoReader(path)
    pixels = reader.pixels(reader.frame_at(0.17))
    assert pixels.shape[:2] == ((128, 192) if turned == 180 else (192, 128))
    assert read_number(np.rot90(pixels, back)) == 5
    reader.close()


def test_pictures_have_square_pixels_and_fit_where_they_must(tmp_path):
    reader = VideoReader(write_media(tmp_path / "a.mp4", Video(frames=7, aspect=Fraction(4, 3)), None))
    frame = reader.frame_at(0.1)
    assert reader.pixels(frame).shape == (128, 256, 4)
    assert reader.pixels(frame, within=(128, 128)).shape == (64, 128, 4)
    reader.close()


def test_damage_in_the_middle_does_not_stop_what_follows(files, tmp_path):
    content = bytearray(files["late-start.ts"].read_bytes())
    third = len(content) // 3 // 188 * 188
    content[third : third + 188 * 20] = bytes(188 * 20)
    path = tmp_path / "damaged.ts"
    path.write_bytes(bytes(content))
    reader = VideoReader(path)
    assert number_at(reader, 0.1) == 3
    assert number_at(reader, 1.9) == 57
    reader.close()


def test_a_picture_that_cannot_be_decoded_at_all_is_an_error(files, tmp_path):
    content = bytearray(files["h264.mp4"].read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path = tmp_path / "hollow.mp4"
    path.write_bytes(bytes(content))
    reader = VideoReader(path)
    with pytest.raises(MediaError, match=r"No picture of hollow\.mp4"):
        reader.frame_at(0.5)
    reader.close()


def test_a_sound_file_has_no_picture_to_read(tmp_path):
    path = write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le"))
    with pytest.raises(MediaError, match=r"a\.wav has no picture"):
        VideoReader(path)


def test_streams_that_begin_in_the_middle_of_a_broadcast_do_not_take_the_picture_with_them(tmp_path):
    reader = VideoReader(write_broken_broadcast(tmp_path / "a.ts"))
    assert [reader.frame_at(time).time for time in (0.0, 0.5, 5.0)] == pytest.approx([0.0, 0.48, 0.96])
    reader.close()


def test_a_closed_reader_lets_go_of_its_decoder_at_once(files):
    reader = VideoReader(files["one-keyframe.mp4"])
    reader.frame_at(1.0)
    reader.close()
    left = weakref.ref(reader)
    gc.disable()  # decoders hold threads and much memory: they cannot wait for it
    try:
        del reader
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads can be counted on Linux only")
def test_pictures_that_were_looked_at_keep_no_threads(read):
    reader = read("one-keyframe.mp4")
    frames = [reader.frame_at(number / 25) for number in range(20)]
    before = len(list(Path("/proc/self/task").iterdir()))
    for frame in frames:
        reader.pixels(frame)
    assert len(list(Path("/proc/self/task").iterdir())) <= before + 4
