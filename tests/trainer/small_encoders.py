"""Small encoders with random weights, real in all but their size; the same each time they are made."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.encoders.encoding import Encoder, FeatureSet, PictureIntake, Rows, SoundIntake
from trainer.labels import Modality


@dataclass(eq=False)
class Branch:
    """A network over sound or pictures that counts what it is asked for; `pause`: seconds a batch."""

    sets: tuple[FeatureSet, ...]
    intake: SoundIntake | PictureIntake
    network: nn.Module
    batch: int = 4
    pause: float = 0.0
    batches: int = 0
    prepared: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        with self._lock:
            self.prepared += 1
        scale = 255 if given.dtype == np.uint8 else 1
        return (np.moveaxis(given, -1, 0) if given.ndim == 3 else given).astype(np.float32) / scale

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        assert len(items) == self.batch, "a batch is always full"
        time.sleep(self.pause)
        self.batches += 1
        with torch.inference_mode():
            flat = torch.from_numpy(np.asarray(items, np.float32))
            if isinstance(self.intake, PictureIntake):
                flat = flat.flatten(0, 1)
            return (self.network(flat).reshape(len(items), self.sets[0].rate, -1).numpy(),)


def visual(name: str = "small-visual", *, rate: int = 2, width: int = 24, pause: float = 0.0) -> Branch:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = nn.Sequential(
            nn.Conv2d(3, 16, 5, 3), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, width),
        )  # fmt: skip
    sets = (FeatureSet(name, Modality.VISUAL, width, rate, {"scaling": "by the decoder"}),)
    return Branch(sets, PictureIntake(rate, (64, 48)), network.eval(), pause=pause)


def audio(name: str = "small-audio", *, width: int = 12) -> Branch:
    with torch.random.fork_rng():
        torch.manual_seed(8)
        network = nn.Sequential(nn.Linear(12_000, 64), nn.GELU(), nn.Linear(64, width))
    sets = (FeatureSet(name, Modality.AUDIO, width, 1, {}),)
    return Branch(sets, SoundIntake(8_000, before=0.25, after=0.25), network.eval(), batch=5)


def small_encoder(*branches: Branch, name: str = "small", weights: str = "12" * 32) -> Encoder:
    return Encoder(name, 1, branches or (audio(), visual()), {"small.safetensors": weights})
