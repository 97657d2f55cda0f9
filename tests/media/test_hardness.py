"""A video is hard to play when its pictures are many and large; to seek, when its keyframes are far apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from avvp_studio.media.hardness import estimate, hardness_of
from avvp_studio.media.probe import VideoInfo
from tests.media_files import Sound, Video, write_media


def info(width: int, height: int, fps: float = 30.0, codec: str = "h264") -> VideoInfo:
    return VideoInfo(width, height, fps, codec, 60.0)


@pytest.mark.parametrize(
    ("video", "group", "is_slow_to_play", "is_slow_to_seek"),
    [
        (info(1920, 1080), 8.0, False, False),
        (info(1280, 720, 60), 4.0, False, False),
        (info(3840, 2160, 60), 0.5, True, False),
        (info(3840, 2160, 30, "hevc"), 1.0, True, False),
        (info(1920, 1080), 20.0, False, True),
        (info(640, 360), 20.0, False, False),
        (info(640, 360), 300.0, False, True),
        (info(1920, 1080, 30, "prores"), 0.03, True, False),
        (info(1920, 1080, 60, "snow"), 0.5, True, False),
    ],
)
def test_size_rate_codec_and_keyframes_decide(
    video: VideoInfo, group: float, is_slow_to_play: bool, is_slow_to_seek: bool
) -> None:
    found = estimate(video, group)
    assert (found.is_slow_to_play, found.is_slow_to_seek) == (is_slow_to_play, is_slow_to_seek)
    assert found.is_hard == (is_slow_to_play or is_slow_to_seek)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_longest_way_between_keyframes_is_found_with_a_list_of_them_and_without(
    tmp_path: Path, suffix: str
) -> None:
    path = write_media(tmp_path / f"a.{suffix}", Video(frames=75, keyframes=50), None)
    found = hardness_of(path)
    assert found is not None
    assert found.group == pytest.approx(50 / 30, abs=0.01)
    assert not found.is_hard


def test_the_way_from_the_last_keyframe_to_the_end_counts(tmp_path: Path) -> None:
    found = hardness_of(write_media(tmp_path / "a.mp4", Video(frames=60, keyframes=600), None))
    assert found is not None
    assert found.group == pytest.approx(2.0, abs=0.01)


def test_a_file_without_a_picture_is_not_hard(tmp_path: Path) -> None:
    assert hardness_of(write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le", seconds=0.2))) is None


def test_looking_through_a_file_can_be_stopped(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", Video(frames=10), None)
    with pytest.raises(InterruptedError):
        hardness_of(path, lambda: True)
