"""Pictures as intakes get them: upright, with square pixels, in the same colours of whatever kind they are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tests.media_files import Video, write_media
from tests.trainer.readings import clip as clip
from tests.trainer.readings import read
from trainer.encoders.encoding import PictureIntake


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
