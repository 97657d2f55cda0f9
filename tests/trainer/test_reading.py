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
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tests.media_files import Sound, Video, read_number, write_media
from trainer.encoders import EncoderError
from trainer.encoders.encoding import Intake, PictureIntake, SoundIntake
from trainer.encoders.media import Source
from trainer.encoders.reading import Reading

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
