"""One file through encoders: what is encoded once, how rows are put together, what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media_files import Sound, Video, write_media
from tests.trainer.small_encoders import Branch, audio, small_encoder, visual
from trainer.encoders import EncoderError
from trainer.encoders.encoding import Encoder, SoundIntake
from trainer.encoders.file_encoder import FileEncoder, FileUnderWay
from trainer.encoders.pictures import black
from trainer.encoders.reading import Reading
from trainer.encoders.signal import SIGNAL


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("media") / "clip.mp4", Video(frames=180), Sound(seconds=6))


def test_rows_are_those_of_the_encoder_alone_on_what_the_file_shows(clip: Path) -> None:
    branch = visual(rate=2)
    features = FileEncoder([small_encoder(branch)]).encode(clip).features["small-visual"]
    pictures = [branch.prepare(picture) for _, picture in Reading(clip, [branch.intake])]
    items = np.stack(pictures).reshape(6, 2, *pictures[0].shape)
    expected = [branch.infer(np.concatenate([items[i : i + 1]] * 4))[0][0] for i in range(6)]
    np.testing.assert_array_equal(features, np.concatenate(expected))


def test_encoders_together_give_what_each_gives_alone(clip: Path) -> None:
    both = FileEncoder([small_encoder(), SIGNAL]).encode(clip).features
    for encoder in (small_encoder(), SIGNAL):
        alone = FileEncoder([encoder]).encode(clip).features
        for name, rows in alone.items():
            np.testing.assert_array_equal(both[name], rows)


def test_only_the_sets_that_are_asked_for_are_made(clip: Path) -> None:
    heard, seen = audio(), visual()
    encoded = FileEncoder([small_encoder(heard, seen)]).encode(clip, sets=["small-audio"])
    assert set(encoded.features) == {"small-audio"}
    assert seen.prepared == seen.batches == 0


def test_the_end_of_a_clip_is_black_and_silent_and_encoded_once(clip: Path) -> None:
    heard, seen = audio(), visual(rate=2)
    features = FileEncoder([small_encoder(heard, seen)]).encode(clip, 60.0).features
    assert {name: len(rows) for name, rows in features.items()} == {"small-audio": 60, "small-visual": 120}
    assert (seen.prepared, seen.batches) == (13, 2)  # six seconds, and a black one
    dark = seen.prepare(black((64, 48)))
    expected = seen.infer(np.stack([np.stack([dark, dark])] * 4))[0][0]
    np.testing.assert_array_equal(features["small-visual"].reshape(60, 2, -1)[6:], [expected] * 54)
    assert heard.batches == 2


def test_a_picture_that_stands_still_is_encoded_once(tmp_path: Path) -> None:
    path = write_media(tmp_path / "still.mp4", Video(frames=2, times=(0, 0.1)), None)
    seen = visual(rate=2)
    features = FileEncoder([small_encoder(seen)]).encode(path, 1.0).features["small-visual"]
    assert features.shape == (2, 24)
    assert seen.batches == 1


def test_a_set_of_whole_clips_is_left_out_of_longer_ones(clip: Path) -> None:
    def encoder(longest: float) -> Encoder:
        branch = audio()
        branch.intake = SoundIntake(2_000, is_whole=True, longest=longest)
        return small_encoder(branch)

    assert FileEncoder([encoder(6)]).encode(clip).features["small-audio"].shape == (1, 12)
    encoded = FileEncoder([encoder(5)]).encode(clip)
    assert encoded.features == {}
    assert encoded.notes == ("no small-audio: those are of clips of at most 5 s",)


def test_features_that_are_no_numbers_are_refused(clip: Path) -> None:
    class Broken(Branch):
        def infer(self, items):
            (rows,) = super().infer(items)
            return (np.where(rows > 0, np.nan, rows),)

    branch = visual()
    broken = Broken(branch.sets, branch.intake, branch.network)
    with pytest.raises(EncoderError, match=r"clip\.mp4: small-visual has features that are no numbers"):
        FileEncoder([small_encoder(broken)]).encode(clip)


def test_an_open_file_is_encoded_as_its_path_is(clip: Path) -> None:
    by_path = FileEncoder([small_encoder()]).encode(clip).features
    with clip.open("rb") as file:
        opened = FileEncoder([small_encoder()]).encode(file).features
    for name, rows in by_path.items():
        np.testing.assert_array_equal(opened[name], rows)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")],
    ids=["host", "cuda"],
)
def test_memory_that_is_used_up_is_told_with_what_it_was_for(clip: Path, error: Exception) -> None:
    def used_up(items: object) -> None:
        raise error

    branch = visual()
    branch.infer = used_up
    with pytest.raises(EncoderError, match="not enough memory to encode small-visual, 4 items at once"):
        FileEncoder([small_encoder(branch)]).encode(clip)


def test_a_picture_that_does_not_fit_in_memory_fails_its_file_alone(clip: Path) -> None:
    def used_up(given: object) -> None:
        raise MemoryError

    branch = visual()
    branch.prepare = used_up
    with pytest.raises(EncoderError, match=r"clip\.mp4: there is not enough memory for it; give fewer --jobs"):
        FileEncoder([small_encoder(branch)]).encode(clip)


@pytest.mark.parametrize("encoder", [SIGNAL, small_encoder()], ids=["clips", "segments"])
def test_a_file_that_is_not_wanted_any_more_is_left_in_the_middle(clip: Path, encoder: Encoder) -> None:
    completed: list[FileUnderWay] = []
    under_way = FileUnderWay(encoder.branches, clip, None, on_complete=completed.append)
    assert list(under_way.items(lambda: True)) == []
    assert (under_way.reading.seconds, completed) == (0, [])
