"""What files are read at all, what of them, and what is told of the others."""

from __future__ import annotations

import io
import os
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame

from tests.media_files import Sound, Video, read_number, write_broken_broadcast, write_media
from tests.trainer.readings import clip as clip
from tests.trainer.readings import read
from trainer.encoders import EncoderError
from trainer.encoders.encoding import PictureIntake, SoundIntake

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


def test_streams_that_begin_in_the_middle_of_a_broadcast_are_left_out(tmp_path: Path) -> None:
    path = write_broken_broadcast(tmp_path / "clip.ts")
    reading, (pictures,) = read(path, PictureIntake(1))
    assert (reading.seconds, len(pictures)) == (1, 1)  # the last part has the times of the first


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


def with_streams_first(source: Path, path: Path, *, cover: bool = False, data: bool = False) -> Path:
    """A file like another, with a white cover or with data before its picture and its sound."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        notes = made.add_data_stream("klv") if data else None
        streams = [made.add_stream_from_template(stream) for stream in given.streams]
        if cover:
            picture = made.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            white = VideoFrame.from_ndarray(np.full((48, 64, 3), 255, np.uint8), format="rgb24")
            for packet in [*picture.encode(white.reformat(format="yuvj420p")), *picture.encode(None)]:
                made.mux(packet)
        for packet in given.demux():
            if packet.dts is None or packet.time_base is None:
                continue
            if notes is not None and packet.is_keyframe:
                said = Packet(b"said" * 25)
                said.stream, said.time_base = notes, packet.time_base
                said.pts = said.dts = packet.dts
                made.mux(said)
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    if cover:  # it is written last, and other programs write it first
        content = path.read_bytes()
        begin, first = content.index(b"udta") - 4, content.index(b"trak") - 4
        assert begin + int.from_bytes(content[begin : begin + 4], "big") == len(content)
        path.write_bytes(content[:first] + content[begin:] + content[first:begin])
    return path


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_a_cover_or_data_before_the_picture_do_not_stand_for_it(tmp_path: Path, name: str) -> None:
    source = write_media(tmp_path / "source.mp4", Video(frames=90), Sound(seconds=3, kind="tone"))
    is_covered = name == "clip.mp4"
    path = with_streams_first(source, tmp_path / name, cover=is_covered, data=not is_covered)
    with av.open(str(path)) as container:
        first = container.streams[0]
        assert first.type == "data" or first.disposition & Disposition.attached_pic
    reading, (pictures, windows) = read(path, PictureIntake(1), SoundIntake(16_000))
    assert (reading.seconds, reading.notes) == (3, ())
    assert [read_number(picture) for picture in pictures] == [15, 45, 75]
    assert np.abs(windows[1]).max() > 0.3


@pytest.mark.parametrize("chosen", [0, 1])
def test_of_two_tracks_of_sound_the_one_that_players_choose_is_heard(tmp_path: Path, chosen: int) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]
        for number, track in enumerate(tracks):
            track.disposition = Disposition.default if number == chosen else Disposition(0)
        for number, track in enumerate(tracks):
            wave = np.full((1, 32_000), 8_000 * (number + 1), np.int16)
            frame = AudioFrame.from_ndarray(wave, "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            for packet in [*track.encode(frame), *track.encode(None)]:
                container.mux(packet)
    reading, (windows,) = read(path, SoundIntake(16_000))
    assert reading.seconds == 2
    assert windows[0][8_000] == pytest.approx(8_000 * (chosen + 1) / 32_768, abs=1e-3)


@pytest.mark.parametrize("chosen", [0, 1])
def test_of_two_pictures_the_one_that_players_choose_is_seen(tmp_path: Path, chosen: int) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("ffv1", rate=2) for _ in range(2)]
        for number, track in enumerate(tracks):
            track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
            track.disposition = Disposition.default if number == chosen else Disposition(0)
        for number, track in enumerate(tracks):
            for _ in range(4):
                grey = np.full((48, 64, 3), 80 * (number + 1), np.uint8)
                container.mux(track.encode(VideoFrame.from_ndarray(grey, format="rgb24")))
            container.mux(track.encode(None))
    _, (pictures,) = read(path, PictureIntake(1))
    assert [round(picture.mean() / 80) for picture in pictures] == [chosen + 1] * 2
