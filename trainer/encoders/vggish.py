"""VGGish (Hershey et al., 2017), trained on what became YouTube-8M: a row for the sound of each second.

Names and shapes of the weights are those of the package torchvggish. Sound is prepared as for LLP's published
features (Tian et al., 2020): each second by itself, so that its last 25 ms are in no frame of the 96.

LLP's rows are those of the last layer after its ReLU, as Google's program gave them until August 2020
(tensorflow/models, pull request 9080); they are neither rotated (PCA) nor quantised, as those of AudioSet are.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.encoders.encoding import Encoder, FeatureSet, Loading, SoundIntake
from trainer.encoders.hub import check_half
from trainer.encoders.networks import NetworkBranch, placed
from trainer.encoders.published import Published, load_published
from trainer.labels import Modality

PUBLISHED = Published(
    encoder="vggish",
    network="VGGish (torchvggish)",
    url="https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
    size="289 MB",
)

_RATE = 16_000
_WINDOW, _HOP, _FFT = 400, 160, 512
"""Samples."""
_FRAMES, _BANDS = 96, 64
_LOWEST, _HIGHEST = 125.0, 7500.0
_OFFSET = 0.01
"""Added to the bands, of which logarithms are taken."""
_BATCHES = {"cpu": 8, "cuda": 64}
"""Seconds. On a CPU, reading the weights takes longer than one second's arithmetic."""

FEATURES = FeatureSet(
    name="vggish",
    modality=Modality.AUDIO,
    width=128,
    rate=1,
    preprocessing={
        "sample rate": _RATE,
        "mel bands": _BANDS,
        "frequencies": f"{_LOWEST:g} to {_HIGHEST:g} Hz",
        "window": _WINDOW,
        "hop": _HOP,
        "frames": f"the first {_FRAMES} of a second",
        "logarithm": f"of the band + {_OFFSET}",
        "rows": "the last layer after ReLU, without PCA",
    },
)


def load(loading: Loading) -> Encoder:
    """`loading.model` is a file of weights, or a folder with one. Raises EncoderError."""
    check_half("vggish", loading)
    network, weights = load_published(VGGish, PUBLISHED, loading)
    batch = _BATCHES[torch.device(loading.device).type]
    branch = NetworkBranch((FEATURES,), SoundIntake(_RATE), batch, log_mel, placed(network, loading))
    return Encoder("vggish", 1, (branch,), weights, "float16" if loading.half else "float32")


def log_mel(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """A second of sound (16000,) -> (96, 64): logarithms of mel bands, frame by frame."""
    frames = sliding_window_view(samples.astype(np.float64), _WINDOW)[::_HOP][:_FRAMES]
    window = np.hanning(_WINDOW + 1)[:-1]
    levels = np.abs(np.fft.rfft(frames * window, _FFT)) @ _mel_filters()
    return np.log(levels + _OFFSET).astype(np.float32)


@cache
def _mel_filters() -> NDArray[np.float64]:
    """(257, 64): triangles that are even, with straight sides, on the mel scale, and overlap by half."""
    edges = np.linspace(_to_mel(_LOWEST), _to_mel(_HIGHEST), _BANDS + 2)
    places = _to_mel(np.fft.rfftfreq(_FFT, 1 / _RATE))
    return np.stack([np.interp(places, edges[i : i + 3], (0, 1, 0)) for i in range(_BANDS)], axis=1)


def _to_mel(hertz: NDArray[np.floating] | float) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700), np.float64)


class VGGish(nn.Module):
    """Log-mel levels (N, 96, 64) -> (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for group in ((64,), (128,), (256, 256), (512, 512)):
            for outputs in group:
                layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(kernel_size=2))
        self.features = nn.Sequential(*layers)
        places = _FRAMES // 16 * (_BANDS // 16)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * places, 4096),
            nn.ReLU(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, 128),
            nn.ReLU(),
        )

    def forward(self, levels: Tensor) -> Tensor:
        maps = self.features(levels[:, None])
        rows: Tensor = self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))  # TensorFlow's order: channels last
        return rows
