"""What is in a file, and what is said about files that cannot be played."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from avvp_studio.media.errors import media_errors
from avvp_studio.media.probe import MediaError, probe
from tests.media_files import Sound, Video, write_media


def test_a_video_with_sound(tmp_path):
    info = probe(write_media(tmp_path / "a.mp4", Video(rate="24000/1001", frames=48), Sound(rate=44_100)))
    assert info.video is not None
    assert info.audio is not None
    assert (info.video.width, info.video.height, info.video.codec) == (192, 128, "h264")
    assert info.video.fps == pytest.approx(23.976, abs=0.001)
    assert info.video.duration == pytest.approx(2.002, abs=0.001)
    assert (info.audio.sample_rate, info.audio.channels, info.audio.codec) == (44_100, 2, "aac")


def test_the_longer_stream_gives_the_duration(tmp_path):
    shorter = probe(write_media(tmp_path / "a.mp4", Video(frames=60), Sound(seconds=1)))
    longer = probe(write_media(tmp_path / "b.mp4", Video(frames=30), Sound(seconds=3)))
    assert shorter.duration == pytest.approx(2, abs=0.03)
    assert longer.duration == pytest.approx(3, abs=0.03)


def test_a_picture_without_sound_and_a_sound_without_picture(tmp_path):
    silent = probe(write_media(tmp_path / "a.mp4", Video(), None))
    unseen = probe(write_media(tmp_path / "a.wav", None, Sound(codec="pcm_s16le", rate=11_025, channels=1)))
    assert silent.audio is None
    assert unseen.video is None
    assert unseen.audio is not None
    assert (unseen.audio.sample_rate, unseen.audio.channels) == (11_025, 1)


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    info = probe(write_media(tmp_path / "a.mp4", Video(aspect=Fraction(4, 3)), None))
    assert info.video is not None
    assert (info.video.width, info.video.height) == (256, 128)


def test_a_start_that_is_not_zero_is_left_out_of_the_duration(tmp_path):
    info = probe(write_media(tmp_path / "a.ts", Video(), Sound()))  # these begin at 1.4 s
    assert info.duration == pytest.approx(2, abs=0.05)


def test_a_file_whose_header_has_no_duration_is_measured(tmp_path):
    path = tmp_path / "live.mkv"
    with (
        av.open(str(path), "w", options={"live": "1"}) as container,
        av.open(str(write_media(tmp_path / "a.mp4", Video(frames=45), None))) as source,
    ):
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    with av.open(str(path)) as container:
        assert container.duration is None
    assert probe(path).duration == pytest.approx(1.5, abs=0.04)


def test_cover_art_is_no_picture(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=48_000, layout="stereo")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        for packet in [*cover.encode(av.VideoFrame(64, 64, "yuvj420p")), *cover.encode(None)]:
            container.mux(packet)
        frame = av.AudioFrame(format="s16p", layout="stereo", samples=1152)
        frame.sample_rate = 48_000
        for number in range(20):
            frame.pts = number * 1152
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    info = probe(path)
    assert info.video is None
    assert info.audio is not None


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("filename\tevent_labels\n" * 50, encoding="utf-8")


def _subtitles(path: Path) -> None:
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n", encoding="utf-8")


def _headers_only(path: Path) -> None:
    """A sound file that ends where its samples should begin."""
    whole = write_media(path.with_name("whole.wav"), None, Sound(codec="pcm_s16le")).read_bytes()
    start = whole.index(b"data")
    path.write_bytes(whole[:start] + b"data" + bytes(4))


def _cut_off(path: Path) -> None:
    whole = write_media(path.with_name("whole.mp4")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("empty.mp4", _nothing, "empty.mp4 is empty"),
        ("text.mp4", _text, "text.mp4 is not a video or sound file"),
        ("list.txt", _text, "list.txt is not a video or sound file"),
        ("only.srt", _subtitles, "only.srt has neither a picture nor a sound"),
        ("headers.wav", _headers_only, "headers.wav has no length"),
        ("half.mp4", _cut_off, "half.mp4 is not a video or sound file, or it is damaged"),
        ("gone.mp4", lambda path: None, "gone.mp4 is not in"),
        ("folder.mp4", Path.mkdir, "is a folder"),
    ],
)
def test_what_cannot_be_played_is_explained_in_one_line(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(MediaError) as caught:
        probe(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_forbidden_file_and_a_broken_drive_are_told_apart(tmp_path):
    with pytest.raises(MediaError, match=r"a\.mp4 may not be read"), media_errors(tmp_path / "a.mp4"):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(MediaError, match=r"check the drive"), media_errors(tmp_path / "a.mp4"):
        raise OSError(5, "Input/output error")


def test_the_real_clips_open_or_say_why_not(shared_media):
    files = sorted(path for path in shared_media.iterdir() if path.suffix != ".md")
    for path in files:
        info = probe(path)
        assert info.duration > 2
        assert info.video is not None
        assert (info.audio is None) == (path.suffix == ".avi")
    with pytest.raises(MediaError, match="not a video or sound file"):
        probe(shared_media / "SOURCES.md")


def test_a_file_that_was_replaced_is_read_again(tmp_path):
    path = write_media(tmp_path / "a.mp4", Video(frames=60), None)
    before = probe(path).duration
    write_media(path, Video(frames=30), None)
    assert (before, probe(path).duration) == (pytest.approx(2), pytest.approx(1))
