"""A proxy shows the frames of its video at exactly their times, and is there whole or not at all."""

from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avvp_studio.media import proxy
from avvp_studio.media.errors import MediaError
from avvp_studio.media.frames import VideoReader
from avvp_studio.media.proxy import current_proxy, make_proxy, proxy_path, remove_proxies
from tests.media_files import Sound, Video, frame_times, read_number, write_media

UNEVEN = (0.0, 0.04, 0.05, 0.2, 0.21, 0.5, 1.3, 1.301, 1.35, *(2 + i * 0.033 for i in range(20)))
LATE = tuple(0.7 + i / 25 for i in range(20))
KINDS = {
    "steady.mp4": Video(frames=30),
    "uneven.mkv": Video(times=UNEVEN),
    "uneven.mp4": Video(times=UNEVEN),
    "odd_rate.mp4": Video(rate="30007/1000", frames=30),
    "film_rate.avi": Video(codec="mpeg4", rate="24000/1001", frames=30, options=()),
    "b_frames.mp4": Video(frames=40, options=(("preset", "medium"), ("bf", "3"))),
    "sound_first.mkv": Video(times=LATE),
    "sound_first.mp4": Video(times=LATE),
}


def frames_of(path: Path, time_zero: float | None = None) -> list[tuple[float, int]]:
    """When each frame begins, and the number in it."""
    reader = VideoReader(path, time_zero=time_zero)
    frame, following, found = None, reader.frame_at(0.0), []
    while following is not frame:
        frame = following
        found.append((frame.time, read_number(reader.pixels(frame))))
        following = reader.step(frame.time, 1)
    reader.close()
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("proxy") / "street.mp4", Video(frames=40, keyframes=40))


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_there_at_its_time(tmp_path: Path, name: str) -> None:
    path = write_media(tmp_path / name, KINDS[name], Sound(seconds=2.5) if "sound" in name else None)
    wanted = frames_of(path)
    assert [number for _, number in wanted] == list(range(len(frame_times(KINDS[name]))))
    found = frames_of(make_proxy(path, tmp_path / "proxies"), time_zero=0.0)
    assert [number for _, number in found] == [number for _, number in wanted]
    assert [time for time, _ in found] == pytest.approx([time for time, _ in wanted], abs=1e-6)


def test_sound_that_begins_long_before_the_picture_moves_no_frame(tmp_path: Path) -> None:
    path = write_media(tmp_path / "late.mkv", Video(times=LATE), Sound(seconds=2))
    first, _ = frames_of(make_proxy(path, tmp_path), time_zero=0.0)[0]
    assert first == pytest.approx(0.7, abs=0.03)


def test_any_frame_is_a_few_frames_after_a_keyframe(tmp_path: Path, source: Path) -> None:
    with av.open(str(make_proxy(source, tmp_path))) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert len(keys) == 40
    assert sum(keys) >= 4


def test_a_proxy_stands_upright_in_square_pixels(tmp_path: Path) -> None:
    path = write_media(tmp_path / "turned.mp4", Video(frames=3, turned=90, aspect=Fraction(3, 2)), None)
    shapes = []
    for file, zero in ((path, None), (make_proxy(path, tmp_path), 0.0)):
        reader = VideoReader(file, time_zero=zero)
        shapes.append(reader.pixels(reader.frame_at(0.0)).shape)
    assert shapes[0] == shapes[1] == (288, 128, 4)


def test_the_colours_are_those_of_the_video(tmp_path: Path, source: Path) -> None:
    means = []
    for file in (source, make_proxy(source, tmp_path)):
        reader = VideoReader(file)
        means.append(reader.pixels(reader.frame_at(1.0)).mean(axis=(0, 1)))
    assert np.abs(means[0] - means[1]).max() < 2


def test_a_picture_larger_than_is_ever_shown_is_made_smaller(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "USUAL_SIZE", (97, 97))
    with av.open(str(make_proxy(source, tmp_path))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (96, 64)


def test_a_proxy_is_current_until_the_video_changes(tmp_path: Path) -> None:
    path, folder = write_media(tmp_path / "a.mp4", Video(frames=5), None), tmp_path / "proxies"
    assert current_proxy(path, folder) is None
    first = make_proxy(path, folder)
    assert current_proxy(path, folder) == first
    os.utime(path, (1, 1))
    assert current_proxy(path, folder) is None
    second = make_proxy(path, folder)
    assert list(folder.iterdir()) == [second]


def test_videos_of_one_beginning_of_a_name_have_proxies_of_their_own(tmp_path: Path) -> None:
    paths = [
        write_media(tmp_path / f"{'[x]' * 30}{last}.mp4", Video(frames=int(last)), None) for last in ("3", "5")
    ]
    made = [make_proxy(path, tmp_path / "proxies") for path in paths]
    assert [len(frames_of(path, 0.0)) for path in made] == [3, 5]
    remove_proxies(paths[0], tmp_path / "proxies")
    assert [path.exists() for path in made] == [False, True]


def test_stopping_leaves_nothing(tmp_path: Path, source: Path) -> None:
    told: list[float] = []
    with pytest.raises(InterruptedError):
        make_proxy(source, tmp_path, lambda: len(told) > 5, lambda done, total: told.append(done))
    assert len(told) > 5
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*paths: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(proxy.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        make_proxy(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_changes_meanwhile_gets_no_proxy(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", Video(frames=5), None)
    with pytest.raises(MediaError, match=r"a\.mp4 was changed"):
        make_proxy(path, tmp_path / "proxies", progress=lambda done, total: os.utime(path, (1, 1)))
    assert list((tmp_path / "proxies").iterdir()) == []


def test_what_a_killed_program_left_goes_and_what_another_writes_stays(tmp_path: Path, source: Path) -> None:
    old, fresh = tmp_path / "old.1.part", tmp_path / "fresh.2.part"
    for part in (old, fresh):
        part.write_bytes(b"half")
    os.utime(old, (1, 1))
    make_proxy(source, tmp_path)
    assert [old.exists(), fresh.exists()] == [False, True]


def test_a_file_without_a_picture_needs_no_proxy(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le", seconds=0.2))
    with pytest.raises(MediaError, match="no picture"):
        make_proxy(path, tmp_path / "proxies")


def test_a_file_that_is_gone_has_no_current_proxy(tmp_path: Path) -> None:
    assert current_proxy(tmp_path / "gone.mp4", tmp_path) is None
    with pytest.raises(OSError, match=r"gone\.mp4"):
        proxy_path(tmp_path / "gone.mp4", tmp_path)
