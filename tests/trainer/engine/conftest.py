"""Torch as every training has it."""

from __future__ import annotations

import pytest

from trainer.device import prepare_torch


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare_torch()
