"""Comparing arrays of numpy and of torch."""

from __future__ import annotations

import numpy as np


def plain(array) -> np.ndarray:
    return np.asarray(array)


def check(make, result, expected) -> None:
    assert isinstance(result, make.kind)
    np.testing.assert_array_equal(plain(result), expected)
