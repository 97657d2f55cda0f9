"""EfficientNet sees what pictures show, as a whole and in its shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.default_weights import DOG, need_weights, pictures_of
from trainer.encoders import efficientnet
from trainer.encoders.encoding import Encoder, Loading

DOGS = slice(151, 269)
"""ImageNet's breeds."""


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    need_weights("efficientnet")
    return efficientnet.load(Loading())


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1280, 720), (90, 160), (1, 500)])
def test_the_whole_picture_is_in_the_middle_with_its_shape(height: int, width: int) -> None:
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, : width // 2] = 0
    square = efficientnet.letterboxed(picture, 280, 127)
    assert square.shape == (280, 280, 3)
    shown = np.argwhere((square != 127).all(axis=2))
    tall, wide = shown.max(axis=0) - shown.min(axis=0) + 1
    assert max(tall, wide) >= 279
    assert tall / wide == pytest.approx(height / width, rel=0.02, abs=1 / 280)
    top, left = shown.min(axis=0)
    assert abs(2 * left + wide - 280) <= 1
    assert abs(2 * top + tall - 280) <= 1
    line = square[top + tall // 2, left : left + wide, 0]
    assert line[: wide * 2 // 5].max() == 0
    assert line[wide * 3 // 5 :].min() == 255


def test_pixels_become_the_bytes_of_its_own_scale(encoder: Encoder) -> None:
    """As its metadata say: (pixel - 127) / 128, then its input's scale 0.01266734 and zero point 130."""
    grey = np.zeros((280, 280, 3), np.uint8)
    grey[:, :100], grey[:, 100:200] = 127, 255
    prepared = encoder.branches[0].prepare(grey)
    assert prepared.dtype == np.uint8
    assert [int(prepared[0, x, 0]) for x in (250, 50, 150)] == [52, 130, 209]


def test_the_pictures_of_a_second_are_averaged_in_any_order(encoder: Encoder) -> None:
    branch = encoder.branches[0]
    pictures = np.random.default_rng(0).integers(0, 255, (2, 280, 280, 3)).astype(np.uint8)
    pooled, scores = branch.infer(pictures[None])
    assert (pooled.shape, scores.shape) == ((1, 1, 1280), (1, 1, 1000))
    turned = branch.infer(pictures[None, ::-1])
    np.testing.assert_array_equal(pooled, turned[0])
    alone = [branch.infer(np.stack([picture, picture])[None])[1] for picture in pictures]
    np.testing.assert_allclose(scores, np.mean(alone, axis=0), atol=1e-6)


def test_a_real_clip_shows_a_dog(encoder: Encoder, shared_media: Path) -> None:
    branch, names = encoder.branches[0], efficientnet.class_names()
    assert len(names) == 1000
    assert (names[0], names[DOGS][0], names[DOGS][-1], names[-1]) == (
        "tench",
        "Chihuahua",
        "Mexican hairless",
        "toilet tissue",
    )
    pictures = pictures_of(shared_media / DOG, 2)
    prepared = np.stack([[branch.prepare(picture) for picture in second] for second in pictures])
    scores = np.concatenate([branch.infer(second[None])[1][0] for second in prepared])
    dogs = scores[:, DOGS].sum(axis=1)
    assert (dogs > 0.5).sum() >= 8
    assert dogs[0] < 0.3  # only ground and a tail
