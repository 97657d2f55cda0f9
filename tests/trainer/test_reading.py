"""What intakes get of media files: one decoding for all, second by second, whatever a file is like."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tests.media_files import Sound, Video, read_number, write_media
from trainer.encoders import EncoderError
from trainer.encoders.encoding import Intake, PictureIntake, SoundIntake
from trainer.encoders.media import Source
from trainer.encoders.reading import Reading
from trainer.encoders.waves import Wave

LOSSLESS = Sound(seconds=3, codec="flac", rate=16_000, channels=1, kind="tone")


def read(
    source: Source, *intakes: Intake, duration: float | None = None
) -> tuple[Reading, list[list[NDArray[np.generic]]]]:
    """A file that was read, and what each intake was given."""
    reading = Reading(source, intakes, duration)
    given: list[list[NDArray[np.generic]]] = [[] for _ in intakes]
    for number, array in reading:
        given[number].append(array)
    return reading, given


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("media") / "clip.mkv", Video(frames=90), LOSSLESS)


# Time


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


# Pictures


def test_pictures_are_upright_with_square_pixels_and_as_large_as_they_are(tmp_path: Path) -> None:
    turned = write_media(tmp_path / "turned.mp4", Video(frames=20, width=98, height=130, turned=90), None)
    wide = write_media(
        tmp_path / "wide.mp4", Video(frames=20, width=180, height=144, aspect=Fraction(16, 15)), None
    )
    high = write_media(
        tmp_path / "high.mp4", Video(frames=20, width=180, height=144, aspect=Fraction(5, 6)), None
    )
    shapes = [read(path, PictureIntake(1))[1][0][0].shape for path in (turned, wide, high)]
    assert shapes == [(98, 130, 3), (144, 192, 3), (173, 180, 3)]
    scaled = read(turned, PictureIntake(1, (60, 40)))[1][0][0]
    assert scaled.shape == (40, 60, 3)


def fields(path: Path) -> Path:
    """An interlaced video: a bar moves from field to field, half a frame apart."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ilme+ildct"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 8_000_000
        for number in range(25):
            picture = np.full((240, 320, 3), 40, np.uint8)
            for field in (0, 1):
                left = (2 * number + field) * 9 % 280
                picture[field::2, left : left + 24] = 220
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def test_interlaced_pictures_have_no_combs(tmp_path: Path) -> None:
    def combs(picture: NDArray[np.generic]) -> float:
        lines = picture[..., 0].astype(int)
        return float(np.abs(lines[1:-1:2] - (lines[0:-2:2] + lines[2::2]) / 2).mean())

    path = fields(tmp_path / "clip.mpg")
    with av.open(str(path)) as container:
        raw = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    _, (pictures,) = read(path, PictureIntake(5))
    assert combs(raw[12]) > 5
    assert max(map(combs, pictures)) < 0.5


@pytest.mark.parametrize(
    ("codec", "pixels", "name"),
    [
        ("libx264", "yuv444p10le", "ten.mkv"),
        ("prores_ks", "yuva444p10le", "alpha.mov"),
        ("png", "rgba", "png.mov"),
        ("libx264rgb", "rgb24", "rgb.mkv"),
        ("mjpeg", "yuvj444p", "jpeg.avi"),
    ],
)
def test_every_kind_of_pixel_becomes_the_same_colours(
    tmp_path: Path, codec: str, pixels: str, name: str
) -> None:
    shown = np.zeros((127, 193, 3), np.uint8)
    shown[:, :96], shown[64:] = (200, 30, 30), (30, 30, 200)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 193, 127, pixels
        for number in range(5):
            frame = VideoFrame.from_ndarray(shown, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 5)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    _, (pictures,) = read(tmp_path / name, PictureIntake(1))
    assert pictures[0].shape == shown.shape
    for row, column in ((20, 20), (100, 150), (20, 150)):
        assert np.abs(pictures[0][row, column].astype(int) - shown[row, column]).max() < 8


# Sound


@pytest.mark.parametrize("layout", ["mono", "stereo", "2.1", "quad", "5.1", "7.1"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_every_rate_and_number_of_channels_becomes_their_mean(tmp_path: Path, layout: str, rate: int) -> None:
    path = tmp_path / "clip.wav"
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        count = len(stream.layout.channels)
        first_only = np.zeros((len(wave), count))
        first_only[:, 0] = wave * 32_767
        frame = AudioFrame.from_ndarray(first_only.astype(np.int16).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    reading, (windows,) = read(path, SoundIntake(16_000))
    assert reading.seconds == len(windows) == 2
    assert np.abs(windows[0]).max() == pytest.approx(0.5 / count, rel=0.05)


def test_silent_seconds_are_one_array(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.wav", None, Sound(seconds=3, codec="pcm_s16le", kind="silence"))
    _, (windows,) = read(path, SoundIntake(16_000))
    assert windows[0] is windows[1] is windows[2]


def test_samples_that_are_no_numbers_are_silence_and_infinite_ones_are_full(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    wave = np.full((1, 16_000), 0.25, np.float32)
    wave[0, 4_000:4_100], wave[0, 8_000], wave[0, 9_000], wave[0, 10_000] = np.nan, np.inf, -np.inf, 1e9
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=16_000, layout="mono")
        frame = AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    _, (windows,) = read(path, SoundIntake(16_000))
    assert not windows[0][4_000:4_100].any()
    assert windows[0][[0, 8_000, 9_000, 10_000]].tolist() == [0.25, 1.0, -1.0, 4.0]


def block(time: float, value: float, seconds: float = 1.0) -> AudioFrame:
    """Sound of one value at a time of its file."""
    made = AudioFrame.from_ndarray(np.full((1, round(seconds * 16_000)), value, np.float32), "flt", "mono")
    made.sample_rate, made.pts, made.time_base = 16_000, round(time * 16_000), Fraction(1, 16_000)
    return made


def heard(*blocks: AudioFrame) -> NDArray[np.float32]:
    wave = Wave(16_000, 0.0, None)
    return np.concatenate([part for given in blocks for part in wave.add(given)] + [*wave.close()])


def test_sound_is_heard_at_the_time_that_its_file_says() -> None:
    early = heard(block(-0.02, 0.5))  # codecs begin a little before time 0
    assert len(early) == 15_680
    overlapping = heard(block(0, 0.25), block(0.5, 0.5))
    assert len(overlapping) == 24_000
    assert overlapping[[15_999, 16_000]].tolist() == [0.25, 0.5]
    jittering = heard(block(0, 0.25), block(0.98, 0.5), block(2.03, 0.75))
    assert len(jittering) == 48_000
    gap = heard(block(0, 0.25), block(3, 0.5))
    assert len(gap) == 64_000
    assert not gap[16_000:48_000].any()
    fast = AudioFrame.from_ndarray(np.ones((1, 48_000), np.float32), "flt", "mono")
    fast.sample_rate, fast.pts, fast.time_base = 48_000, 0, Fraction(1, 48_000)
    assert len(heard(fast)) == 16_000  # with what the change of rate holds back
    wrong = heard(block(0, 0.25), block(100, 0.5))  # no clip is silent for so long: a damaged time
    assert len(wrong) == 32_000


def test_sound_may_change_its_form_in_the_middle() -> None:
    wave = Wave(16_000, 0.0, None)
    stereo = AudioFrame.from_ndarray(np.full((1, 16_000), 8_192, np.int16), "s16", "stereo")
    stereo.sample_rate, stereo.pts, stereo.time_base = 8_000, 8_000, Fraction(1, 8_000)
    blocks = [*wave.add(block(0, 0.5)), *wave.add(stereo), *wave.close()]
    samples = np.concatenate(blocks)
    assert len(samples) == pytest.approx(32_000, abs=64)
    assert samples[-8_000] == pytest.approx(0.25, abs=0.01)


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


# Files


NAMES = ("a:b", "http:x", "concat:|", "%d", "\"q' [x]*?#", "naïve 日本 😀", "new\nline\t", "-dash", "bad\udcff")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_be_of_any_characters(
    clip: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(f"{name}.mkv")
    path.write_bytes(clip.read_bytes())
    assert read(path, PictureIntake(1))[0].seconds == 3
    path.write_text("no video")
    with pytest.raises(EncoderError) as caught:
        read(path, PictureIntake(1))
    assert str(caught.value).encode("utf-8")


def test_an_open_file_is_read_as_well_as_a_path(clip: Path) -> None:
    _, (expected,) = read(clip, PictureIntake(2))
    with clip.open("rb") as file:
        _, (pictures,) = read(file, PictureIntake(2))
    np.testing.assert_array_equal(pictures, expected)
    with pytest.raises(EncoderError, match="not a video or sound file"):
        read(io.BytesIO(b"text" * 100), PictureIntake(1))


def test_corrupt_packets_in_the_middle_cost_what_they_hold_and_are_noted(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "clip.mkv", Video(frames=150, keyframes=15), Sound(seconds=5, codec="flac", kind="tone")
    )
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1_500] = np.random.default_rng(1).bytes(1_500)
    path.write_bytes(content)
    reading, (pictures, windows) = read(path, PictureIntake(1), SoundIntake(16_000))
    assert reading.seconds == 5
    assert "the file is damaged: what could not be decoded was left out" in reading.notes
    assert read_number(pictures[0]) == 15
    assert read_number(pictures[4]) == 135
    assert np.abs(windows[0]).max() > 0.3
    assert np.abs(windows[4]).max() > 0.3


def test_a_file_that_may_not_be_read_is_told_by_the_systems_own_words(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(EncoderError, match="Permission denied"):
        read(path, PictureIntake(1))


def test_an_address_is_read_as_well_as_a_path(clip: Path) -> None:
    _, (expected,) = read(clip, PictureIntake(2))
    _, (pictures,) = read(f"file://{clip}", PictureIntake(2))
    np.testing.assert_array_equal(pictures, expected)
    with pytest.raises(EncoderError, match="cannot be read"):
        read(f"file://{clip}.gone", PictureIntake(1))


def test_a_picture_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(EncoderError, match="is not a video or sound file"):
            read(source, PictureIntake(1))


def test_cover_art_is_no_picture_of_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        white = VideoFrame.from_ndarray(np.full((48, 64, 3), 255, np.uint8), format="rgb24")
        for packet in [*cover.encode(white.reformat(format="yuvj420p")), *cover.encode(None)]:
            container.mux(packet)
        wave = AudioFrame.from_ndarray(np.full((1, 32_000), 0.3, np.float32), "fltp", "mono")
        wave.sample_rate, wave.pts = 16_000, 0
        for packet in [*sound.encode(wave), *sound.encode(None)]:
            container.mux(packet)
    reading, (pictures,) = read(path, PictureIntake(1))
    assert (reading.seconds, pictures) == (2, [])
    assert reading.notes == ("there is no picture: it counts as black",)


def test_of_a_file_of_which_nothing_can_be_decoded_that_is_told(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=30), None)
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[begin:end] = bytes(end - begin)
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=r"clip\.mp4: nothing in it can be decoded"):
        read(path, PictureIntake(1))


def test_what_lies_far_beyond_the_duration_does_not_count_as_read(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mkv", Video(frames=300), Sound(seconds=10))
    reading = Reading(path, [PictureIntake(1), SoundIntake(16_000)], 3)
    positions = [reading.position for _ in reading]
    assert positions == sorted(positions)
    assert 1 < positions[3] <= 3
    assert reading.position == 3
