"""CLAP's sound: as its own feature extractor prepares it, and the map of a whole clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from tests.trainer.encoders.tiny import branch_of, clap_folder, extractor, sound
from trainer.encoders import clap, clap_map
from trainer.encoders.encoding import Loading, SoundIntake
from trainer.encoders.hub import open_checkpoint
from trainer.feature_files import clap_map_to_segments

RATE = 48_000


@pytest.fixture(scope="module", params=[False, True], ids=["unfused", "fused"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clap_folder(tmp_path_factory.mktemp("clap"), is_fused=request.param)


def is_fused(folder: Path) -> bool:
    return bool(transformers.ClapConfig.from_pretrained(folder).audio_config.enable_fusion)


def theirs(folder: Path, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the library's feature extractor makes of sound: (frames, bands)."""
    inputs = extractor(is_fused(folder))(samples, sampling_rate=RATE, return_tensors="np")
    return np.asarray(inputs["input_features"][0, 0])


@pytest.mark.parametrize("seconds", [1, 0.99, 0.5, 3, 6, 10])
def test_sound_is_prepared_as_its_own_extractor_does(folder: Path, seconds: float) -> None:
    levels = clap.Levels(open_checkpoint(clap.part_of("clap"), str(folder)))
    ours, expected = levels.of_repeated(sound(seconds)), theirs(folder, sound(seconds))
    assert (ours.shape, ours.dtype) == ((levels.frames, 64), np.float32)
    np.testing.assert_array_max_ulp(ours, expected, 1)
    assert (ours == expected).mean() > 0.99


def test_silence_is_prepared_as_its_own_extractor_does(folder: Path) -> None:
    silence = np.zeros(RATE, np.float32)
    prepared = branch_of(clap.load(Loading(str(folder)))).prepare(silence)
    np.testing.assert_array_equal(prepared, theirs(folder, silence))


def test_rows_are_the_models_own_embeddings_of_length_1(folder: Path) -> None:
    encoder = clap.load(Loading(str(folder)))
    (features,), branch = encoder.sets, branch_of(encoder)
    assert (features.name, features.width, features.rate, branch.intake) == ("clap512", 6, 1, SoundIntake(RATE))
    assert features.preprocessing["mel scale"] == ("htk" if is_fused(folder) else "slaney")
    prepared = branch.prepare(sound(1))
    (rows,) = branch.infer(prepared[None])
    model = transformers.ClapAudioModelWithProjection.from_pretrained(folder).eval()
    given = torch.from_numpy(theirs(folder, sound(1)))[None, None].expand(
        1, 4 if is_fused(folder) else 1, -1, -1
    )
    with torch.inference_mode():
        expected = model(input_features=given, is_longer=torch.tensor([[False]])).audio_embeds[0].numpy()
    np.testing.assert_allclose(rows[0, 0], expected / np.linalg.norm(expected), atol=1e-5)
    assert rows.shape == (1, 1, 6)


def test_a_row_does_not_depend_on_what_came_before_it(folder: Path) -> None:
    for module in (clap, clap_map):
        branch = branch_of(module.load(Loading(str(folder))))
        assert branch.batch == 1  # so no row has neighbours
        first, second = branch.prepare(sound(1))[None], branch.prepare(sound(1)[::-1])[None]
        alone = branch.infer(first)[0]
        branch.infer(second)
        np.testing.assert_array_equal(branch.infer(first)[0], alone)


# The map of a whole clip


def tone(start: float, end: float, frequency: float = 3000.0, seconds: float = 10.0) -> NDArray[np.float32]:
    """A tone that is heard for a while, in faint noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    heard = (time >= start) & (time < end)
    faint = np.random.default_rng(0).normal(size=len(time)) * 1e-3
    return (0.5 * heard * np.sin(2 * np.pi * frequency * time) + faint).astype(np.float32)


@pytest.fixture(scope="module")
def loudness(folder: Path) -> Loudness:
    return Loudness(folder)


class Loudness:
    """How much a sound changes each row of the map of near silence."""

    def __init__(self, folder: Path) -> None:
        self.branch = branch_of(clap_map.load(Loading(str(folder))))

    def map_of(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        (rows,) = self.branch.infer(self.branch.prepare(samples)[None])
        return rows[0]

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        quiet = tone(0, 0, seconds=len(samples) / RATE)
        return np.abs(self.map_of(samples) - self.map_of(quiet)).sum(axis=1)


def test_a_map_has_the_published_layout(folder: Path) -> None:
    encoder = clap_map.load(Loading(str(folder)))
    (features,), branch = encoder.sets, branch_of(encoder)
    assert (features.name, features.width, features.rate) == ("clap", 32, 64)
    assert branch.intake == SoundIntake(RATE, is_whole=True, longest=10.0)
    (rows,) = branch.infer(branch.prepare(sound(10))[None])
    assert (rows.shape, rows.dtype) == ((1, 64, 32), np.float32)


@pytest.mark.parametrize(("start", "end"), [(0, 5), (5, 10), (2, 3), (7, 8)])
def test_columns_of_a_map_are_in_the_order_of_time(loudness: Loudness, start: int, end: int) -> None:
    change = loudness(tone(start, end)).reshape(2, 32).sum(axis=0)
    inside = np.zeros(32, bool)
    inside[round(start * 3.2) : round(end * 3.2)] = True
    assert change[inside].mean() > 2 * change[~inside].mean()
    assert np.argmax(change) in np.flatnonzero(inside)


def test_the_lower_band_of_a_map_is_the_first(loudness: Loudness) -> None:
    low, high = (loudness(tone(0, 10, frequency)).reshape(2, 32).sum(axis=1) for frequency in (150, 10_000))
    assert low[0] / low[1] > high[0] / high[1]
    assert low[0] > low[1]
    assert high[1] > high[0]


@pytest.mark.parametrize("second", [1, 4, 8])
def test_readers_of_maps_find_a_sound_in_its_second(loudness: Loudness, second: int) -> None:
    quiet, heard = (
        clap_map_to_segments(loudness.map_of(tone(second, end)), 10) for end in (second, second + 1)
    )
    assert np.abs(heard - quiet).sum(axis=1).argmax() == second


def test_the_map_of_a_shorter_clip_spans_it(loudness: Loudness) -> None:
    change = loudness(tone(0, 2, seconds=4)).reshape(2, 32).sum(axis=0)
    assert change[:16].min() > change[16:].mean()
    levels = np.asarray(loudness.branch.prepare(tone(0, 2, seconds=4)))
    assert levels.shape == (1001, 64)
    assert levels[100].argmax() == np.asarray(loudness.branch.prepare(tone(0, 10)))[100].argmax()  # its pitch


def test_the_map_of_ten_seconds_is_of_what_the_extractor_makes_of_16_bits(folder: Path) -> None:
    samples = sound(10)
    cut = (samples * 32767).astype(np.int16) / np.float32(32767)
    prepared = branch_of(clap_map.load(Loading(str(folder)))).prepare(samples)
    np.testing.assert_array_max_ulp(np.asarray(prepared), theirs(folder, cut), 2)
