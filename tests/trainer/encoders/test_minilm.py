"""Texts about the same things lie close to each other, whatever else is asked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.default_weights import need_weights
from trainer.encoders.minilm import encode

TEXTS = ("A dog barks", "Bark", "Violin, fiddle", "This is the sound of fire alarm", "Vacuum cleaner")
EXACT = (
    (1.0, 0.7109, 0.0953, 0.2784, 0.0590),
    (0.7109, 1.0, 0.2857, 0.3030, 0.2038),
    (0.0953, 0.2857, 1.0, 0.1510, 0.2113),
    (0.2784, 0.3030, 0.1510, 1.0, 0.1401),
    (0.0590, 0.2038, 0.2113, 0.1401, 1.0),
)
"""Cosines by the published float32 weights, through transformers."""


@pytest.fixture(autouse=True)
def weights() -> None:
    need_weights("minilm")


def test_cosines_are_those_of_the_published_model() -> None:
    rows = encode(TEXTS)
    assert rows.shape == (5, 384)
    np.testing.assert_allclose(rows @ rows.T, EXACT, atol=0.01)


def test_a_text_alone_is_what_it_is_among_others() -> None:
    others = [*TEXTS, "word " * 400, "", "naïve 汉字"] * 5
    rows = encode(others)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(rows[:5], np.concatenate([encode([text]) for text in TEXTS]), atol=1e-6)
    np.testing.assert_array_equal(rows, encode(others))


def test_no_texts_have_no_rows() -> None:
    assert encode([]).shape == (0, 384)
