"""VGGish: the levels of Google's program and the numbers of a network computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainer.encoders.random_networks import random_network, small_file
from trainer.encoders.encoding import Loading
from trainer.encoders.vggish import FEATURES, VGGish, load, log_mel


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    return Loading(str(small_file(tmp_path_factory.mktemp("weights") / "vggish.pth", VGGish)))


def test_the_state_dict_is_that_of_the_published_file():
    with torch.device("meta"):
        network = VGGish()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}

    assert sum(parameter.numel() for parameter in network.parameters()) == 72_141_184
    weights = {name: shape for name, shape in shapes.items() if name.endswith("weight")}
    assert weights == {
        "features.0.weight": (64, 1, 3, 3),
        "features.3.weight": (128, 64, 3, 3),
        "features.6.weight": (256, 128, 3, 3),
        "features.8.weight": (256, 256, 3, 3),
        "features.11.weight": (512, 256, 3, 3),
        "features.13.weight": (512, 512, 3, 3),
        "embeddings.0.weight": (4096, 12288),
        "embeddings.2.weight": (4096, 4096),
        "embeddings.4.weight": (128, 4096),
    }
    assert {*shapes} == {name.replace("weight", part) for name in weights for part in ("weight", "bias")}


def test_levels_are_those_of_a_transform_written_out():
    random = np.random.default_rng(1)
    time = np.arange(16_000) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.1 * random.normal(size=16_000) * time

    levels = log_mel(sound.astype(np.float32))

    assert (levels.shape, levels.dtype) == ((96, 64), np.float32)
    np.testing.assert_allclose(levels, reference(sound), atol=1e-5)


def reference(sound: np.ndarray) -> np.ndarray:
    """Frame by frame and band by band, from the definitions."""
    places = np.arange(400)
    hann = np.sin(np.pi * places / 400) ** 2
    waves = np.exp(-2j * np.pi * np.arange(257)[:, None] * places / 512)
    mel = 2595 * np.log10(1 + np.arange(257) * 16_000 / 512 / 700)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (125, 7500))
    width = (high - low) / 65
    made = np.empty((96, 64))
    for frame in range(96):
        magnitudes = np.abs(waves @ (hann * sound[160 * frame : 160 * frame + 400]))
        for band in range(64):
            centre = low + (band + 1) * width
            made[frame, band] = (np.clip(1 - np.abs(mel - centre) / width, 0, None) * magnitudes).sum()
    return np.log(made + 0.01)


def test_a_tone_is_loudest_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    mel = 2595 * np.log10(1 + np.array([125, 1000, 7500]) / 700)
    expected = 65 * (mel[1] - mel[0]) / (mel[2] - mel[0]) - 1
    assert abs(log_mel(tone).mean(axis=0).argmax() - expected) <= 0.5


def test_what_comes_after_the_96th_frame_is_not_heard():
    sound = np.random.default_rng(2).normal(size=16_000).astype(np.float32)
    changed = sound.copy()
    changed[95 * 160 + 400 :] = 0
    np.testing.assert_array_equal(log_mel(changed), log_mel(sound))


def test_rows_are_those_of_a_network_computed_by_hand():
    network = random_network(VGGish)
    levels = np.random.default_rng(3).normal(size=(96, 64)).astype(np.float32)
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}

    with torch.inference_mode():
        found = network(torch.from_numpy(levels)[None]).numpy()[0]

    maps = levels[..., None]  # (time, band, channel), the order of TensorFlow
    for number, is_pooled in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        maps = np.tensordot(windows, state[f"features.{number}.weight"], ((2, 3, 4), (1, 2, 3)))
        maps = np.maximum(maps + state[f"features.{number}.bias"], 0)
        if is_pooled:
            height, width, channels = maps.shape
            maps = maps.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
    row = maps.reshape(-1)
    for number in (0, 2, 4):
        row = np.maximum(state[f"embeddings.{number}.weight"] @ row + state[f"embeddings.{number}.bias"], 0)
    assert 20 < np.count_nonzero(row) < 128
    np.testing.assert_allclose(found, row, rtol=1e-3, atol=1e-5 * row.max())


def test_an_encoder_makes_one_row_a_second_and_no_row_depends_on_its_place(loading):
    encoder = load(loading)
    (branch,) = encoder.branches
    sound = np.random.default_rng(4).normal(0, 0.1, size=(branch.batch, 16_000)).astype(np.float32)
    items = np.stack([branch.prepare(second) for second in sound])

    (rows,) = branch.infer(items)

    assert (encoder.name, encoder.precision, encoder.sets) == ("vggish", "float32", (FEATURES,))
    assert (branch.intake.rate, branch.intake.before, branch.intake.after) == (16_000, 0, 0)
    assert (rows.shape, rows.dtype) == ((branch.batch, 1, 128), np.float32)
    assert rows.min() >= 0
    assert len(np.unique(rows[:, 0], axis=0)) == branch.batch
    for turn in (1, 4):
        (turned,) = branch.infer(np.roll(items, turn, axis=0))
        np.testing.assert_array_equal(np.roll(turned, -turn, axis=0), rows)


def test_the_rows_of_silence_are_all_the_same(loading):
    (branch,) = load(loading).branches
    silence = branch.prepare(np.zeros(16_000, np.float32))
    np.testing.assert_allclose(silence, np.log(0.01), rtol=1e-6)

    (rows,) = branch.infer(np.stack([silence] * branch.batch))

    assert rows.any()
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:1], rows.shape))
