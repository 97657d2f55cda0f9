"""Torch as every training has it, and parsers that remember what they were given."""

from __future__ import annotations

import pytest

from tests.trainer.engine.watchers import WATCHERS, WatcherConfig
from trainer.device import prepare_torch
from trainer.models import MODELS


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare_torch()


@pytest.fixture
def watchers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parsers of `watchers` can be asked for by name."""
    for name, parser in WATCHERS.items():
        monkeypatch.setitem(MODELS, name, (WatcherConfig, parser))
