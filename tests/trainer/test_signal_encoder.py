"""The built-in encoder on small files of our own, and on real ones."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media_files import Sound, Video, write_media
from trainer.encoders import EncoderError
from trainer.encoders.encoding import PictureIntake, SoundIntake
from trainer.encoders.file_encoder import Encoded, FileEncoder
from trainer.encoders.looks import HEIGHT, LOOK_WIDTH, PICTURE_RATE, WIDTH, colour_names, foreground, look
from trainer.encoders.motion import MOTION_WIDTH
from trainer.encoders.picture import Film, picture_features
from trainer.encoders.reading import Reading
from trainer.encoders.signal import AUDIO_SET, SIGNAL, VISUAL_SET
from trainer.encoders.sound import BANDS, SOUND_RATE, sound_features

CLICKING = Sound(seconds=3)
SECONDS = 4
_CONTEXT = 2 * BANDS + 11
"""The last columns of a sound: how its levels and its shape differ from the clip's."""


def tone(frequency: float, seconds: float = SECONDS, level: float = 0.3) -> NDArray[np.float32]:
    time = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (level * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def square_at(x: int, y: int = 50, colour: tuple[int, int, int] = (20, 20, 230)) -> NDArray[np.uint8]:
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    picture[y : y + 20, x : x + 20] = colour
    return picture


def film_of(*pictures: NDArray[np.uint8]) -> Film:
    return Film().add_all(pictures)


def still(seconds: int) -> list[NDArray[np.uint8]]:
    return [square_at(60)] * (seconds * PICTURE_RATE)


# Sound


def test_silence_has_the_same_features_in_every_second() -> None:
    features = sound_features(np.zeros(0, np.float32), SECONDS)
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features, np.repeat(features[:1], SECONDS, axis=0))


@pytest.mark.parametrize(("frequency", "higher"), [(200, 3000), (500, 6000)])
def test_a_higher_tone_is_loudest_in_a_higher_band(frequency: float, higher: float) -> None:
    low, high = (sound_features(tone(f), SECONDS)[1, :BANDS] for f in (frequency, higher))
    assert low.argmax() < high.argmax()
    assert low[low.argmax()] > high[low.argmax()] + 0.5


def test_a_tone_is_told_from_its_clip_only_in_the_seconds_in_which_it_sounds() -> None:
    wave = np.random.default_rng(1).normal(0, 0.01, SECONDS * SOUND_RATE).astype(np.float32)
    wave[SOUND_RATE : 2 * SOUND_RATE] += tone(1000, 1)
    features = sound_features(wave, SECONDS)
    against_clip = features[:, -_CONTEXT:]
    strength = np.abs(against_clip).mean(axis=1)
    assert strength[1] > 4 * strength[[0, 2, 3]].max()


def test_a_faster_beat_shows_in_the_modulation_and_a_steady_tone_has_none() -> None:
    time = np.arange(SECONDS * SOUND_RATE) / SOUND_RATE
    steady, slow, fast = (
        sound_features((tone(1000) * gate).astype(np.float32), SECONDS)[2]
        for gate in (1.0, time % 0.5 < 0.25, time % 0.125 < 0.06)
    )
    assert np.abs(slow - steady).max() > 0.5
    assert np.abs(fast - steady).max() > 0.5
    assert np.abs(fast - slow).max() > 0.5


def test_each_second_of_sound_is_described_by_itself() -> None:
    """All but what looks around a second: the log-mel statistics."""
    wave = np.concatenate([tone(300, 1), tone(3000, 1), tone(300, 1)])
    bands = sound_features(wave, 3)[:, :BANDS]
    np.testing.assert_allclose(bands[0], bands[2], atol=0.1)
    assert np.abs(bands[1] - bands[0]).max() > 0.5


# Picture


def test_a_moving_square_has_motion_and_a_still_one_has_none() -> None:
    moving = [square_at(4 * i) for i in range(2 * PICTURE_RATE)]
    features = picture_features(film_of(*still(2), *moving), 4)
    motion = features[:, 2 * LOOK_WIDTH : 2 * LOOK_WIDTH + MOTION_WIDTH]
    assert not motion[:2].any()
    assert np.abs(motion[3]).sum() > 1


def test_the_way_of_a_motion_is_told() -> None:
    right = [square_at(20 + 2 * i, colour=(240, 240, 240)) for i in range(PICTURE_RATE)]
    flow_across = 2 * LOOK_WIDTH + 7
    there = picture_features(film_of(*right), 1)[0, flow_across]
    back = picture_features(film_of(*reversed(right)), 1)[0, flow_across]
    assert there > 0 > back


def test_what_stands_out_from_the_background_is_found_with_its_place() -> None:
    behind = np.full((60, 80, 3), 90, np.uint8)
    picture = behind.copy()
    picture[40:55, 60:75] = (20, 20, 230)
    row = foreground(picture, behind)
    share, x, y = row[:3]
    assert share**2 == pytest.approx(15 * 15 / (60 * 80), rel=0.4)
    assert x == pytest.approx(0.7, abs=0.1)
    assert y == pytest.approx(0.6, abs=0.1)
    assert not foreground(behind, behind).any()


def test_colours_are_told_apart_also_in_the_dark() -> None:
    colours = [(0, 0, 230), (0, 230, 0), (230, 0, 0), (0, 0, 120), (0, 0, 0), (240, 240, 240)]
    names = {int(colour_names(np.full((2, 2, 3), colour, np.uint8))[0, 0]) for colour in colours}
    assert len(names) == len(colours)


def test_a_film_that_ends_is_black_from_the_next_second_on() -> None:
    features = picture_features(film_of(*still(2)[:15]), 4)
    black = look(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    np.testing.assert_allclose(features[2:, :LOOK_WIDTH], np.stack([black] * 2), atol=1e-6)
    np.testing.assert_allclose(features[1, :LOOK_WIDTH], features[0, :LOOK_WIDTH], atol=1e-6)


# Files


def encode(path: Path, duration: float | None = None) -> Encoded:
    return FileEncoder([SIGNAL]).encode(path, duration)


def check(path: Path, duration: float | None, seconds: int) -> tuple[str, ...]:
    """The notes on a file whose features are as they should be."""
    encoded = encode(path, duration)
    for features in SIGNAL.sets:
        array = encoded.features[features.name]
        assert array.shape == (seconds, features.width)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert np.abs(array).max() <= 4
    return encoded.notes


@pytest.mark.parametrize(
    ("video", "sound"),
    [
        (Video(frames=90), CLICKING),
        (Video(frames=36, rate="12"), Sound(seconds=3, rate=22_050, channels=1)),
        (Video(frames=90, width=98, height=130, turned=90), Sound(seconds=3, channels=6)),
        (Video(frames=6, times=(0, 0.4, 0.5, 1.9, 2.0, 2.9)), CLICKING),
    ],
    ids=["plain", "slow and mono", "turned, 5.1", "variable rate"],
)
def test_each_kind_of_file_gives_a_row_a_second(tmp_path: Path, video: Video, sound: Sound) -> None:
    path = write_media(tmp_path / "clip.mp4", video, sound)
    assert check(path, None, 3) == ()
    assert check(path, 2.0, 2) == ()


def test_the_same_file_gives_the_same_features(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=60), CLICKING)
    first, second = encode(path, 3).features, encode(path, 3).features
    for name in (AUDIO_SET, VISUAL_SET):
        np.testing.assert_array_equal(first[name], second[name])


def test_a_clip_without_sound_has_the_features_of_silence(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=60), None)
    assert check(path, None, 2) == ("there is no sound: it counts as silence",)
    silence = sound_features(np.zeros(0, np.float32), 2)
    np.testing.assert_array_equal(encode(path).features[AUDIO_SET], silence)


def test_a_clip_without_a_picture_has_the_features_of_black(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.m4a", None, CLICKING)
    assert check(path, 3, 3) == ("there is no picture: it counts as black",)
    np.testing.assert_array_equal(encode(path, 3).features[VISUAL_SET], picture_features(Film(), 3))


def test_sound_that_is_shorter_than_the_picture_ends_in_silence(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=120), Sound(seconds=2, kind="tone"))
    notes = check(path, None, 4)
    assert len(notes) == 1
    assert notes[0].startswith("the sound ends at 2.0 s of 4 s")
    level = encode(path).features[AUDIO_SET][:, :BANDS].max(axis=1)
    assert (level[:2] > 0.3).all()
    assert level[3] == -1


def test_a_duration_beyond_the_file_is_filled_up(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=60), Sound(seconds=2))
    assert [note.split(" ends")[0] for note in check(path, 5.0, 5)] == ["the sound", "the picture"]


def shifted(path: Path, out: Path, *, video: float, audio: float) -> Path:
    """The same file with its streams' time stamps moved by so many seconds."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None or packet.time_base is None:
                continue
            by = round((video if packet.stream.type == "video" else audio) / packet.time_base)
            packet.pts, packet.dts = (packet.pts or 0) + by, packet.dts + by
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return out


def test_a_file_that_starts_late_is_counted_from_its_start(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mkv", Video(frames=60), Sound(seconds=2, codec="flac"))
    late = shifted(path, tmp_path / "late.mkv", video=5, audio=5)
    before, after = encode(path).features, encode(late).features
    assert before[AUDIO_SET].shape == after[AUDIO_SET].shape
    np.testing.assert_allclose(before[AUDIO_SET], after[AUDIO_SET], atol=0.2)


def test_sound_that_starts_after_the_picture_is_heard_where_it_is(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mkv", Video(frames=90), Sound(seconds=1, codec="flac", kind="tone"))
    late = shifted(path, tmp_path / "late.mkv", video=0, audio=1.5)
    heard = np.concatenate([second for _, second in Reading(late, [SoundIntake(SOUND_RATE)])])
    begins = np.flatnonzero(np.abs(heard) > 0.1)[0] / SOUND_RATE
    assert begins == pytest.approx(1.5, abs=0.05)


def test_pictures_come_at_an_even_rate_and_are_held_between_frames(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", Video(frames=3, times=(0, 1, 1.5)), None)
    pictures = [picture for _, picture in Reading(path, [PictureIntake(PICTURE_RATE)], 2)][:15]
    assert len(pictures) == 15
    assert all(picture is pictures[0] for picture in pictures[:10])
    assert pictures[10] is not pictures[0]


def test_of_a_file_that_was_cut_off_what_is_left_is_used(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mkv", Video(frames=120), Sound(seconds=4, codec="flac"))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert any("ends at" in note or "damaged" in note for note in check(cut, 4.0, 4))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"only text\n" * 50, "is not a video or sound file"), (None, "cannot be read")],
    ids=["empty", "text", "missing"],
)
def test_what_is_no_video_is_refused_by_name(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EncoderError, match=reason) as caught:
        encode(path)
    assert "clip.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="is a folder"):
        encode(tmp_path)


def test_real_clips_can_be_encoded(shared_media: Path) -> None:
    paths = [path for path in sorted(shared_media.iterdir()) if path.suffix != ".md"]
    assert paths
    for path in paths:
        check(path, 2.0, 2)


def test_the_real_llp_clip_has_ten_seconds_of_sound_and_picture(shared_media: Path) -> None:
    assert check(shared_media / "BjCEufrlXm4_20_30.mp4", None, 10) == ()
