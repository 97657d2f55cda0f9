"""The rules of supervision: on numpy and on torch, the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.fixture(params=["numpy", "torch"])
def make(request):
    """Makes an array of the kind under test from nested lists or a numpy array."""

    def make(values, dtype=np.float32):
        array = np.asarray(values, dtype=dtype)
        return array if request.param == "numpy" else torch.from_numpy(array.copy())

    make.kind = np.ndarray if request.param == "numpy" else torch.Tensor
    return make
