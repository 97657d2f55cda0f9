"""R(2+1)D-18 (Tran et al., 2018), trained on Kinetics-400: a row for the movement in each second.

Names and shapes of the weights are torchvision's, so that its files fit. Pictures are prepared as for LLP's
published features (Tian et al., 2020): eight a second, the whole picture scaled to a square.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import relu

from trainer.encoders.encoding import Encoder, FeatureSet, Loading, PictureIntake
from trainer.encoders.hub import check_half
from trainer.encoders.networks import NetworkBranch, Standardised, placed, scaled
from trainer.encoders.published import Published, load_published
from trainer.labels import Modality

PUBLISHED = Published(
    encoder="r2plus1d",
    network="R(2+1)D-18 (torchvision, KINETICS400_V1)",
    url="https://download.pytorch.org/models/r2plus1d_18-91a641e6.pth",
    size="126 MB",
)

_PICTURES = 8
"""Of a second, which are one clip."""
_SIDE = 112
_MEAN, _DEVIATION = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
_BATCHES = {"cpu": 1, "cuda": 32}
"""Seconds."""

FEATURES = FeatureSet(
    name="r2plus1d_18",
    modality=Modality.VISUAL,
    width=512,
    rate=1,
    preprocessing={
        "pictures a second": _PICTURES,
        "picture": f"{_SIDE} x {_SIDE}, the whole",
        "scaling": "bilinear, antialiased",
        "mean": "0.43216, 0.394666, 0.37645",
        "deviation": "0.22803, 0.22145, 0.216989",
        "rows": "the last feature maps of a second's pictures, averaged",
    },
)


def load(loading: Loading) -> Encoder:
    """`loading.model` is a file of weights, or a folder with one. Raises EncoderError."""
    check_half("r2plus1d", loading)
    network, weights = load_published(R2Plus1D, PUBLISHED, loading)
    whole = Standardised(network, _MEAN, _DEVIATION)
    batch = _BATCHES[torch.device(loading.device).type]
    branch = NetworkBranch((FEATURES,), PictureIntake(_PICTURES), batch, whole_picture, placed(whole, loading))
    return Encoder("r2plus1d", 1, (branch,), weights, "float16" if loading.half else "float32")


def whole_picture(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(H, W, 3) -> (112, 112, 3), whatever its shape: as torchvision's Resize((112, 112))."""
    return scaled(picture, _SIDE, _SIDE)


class Factored(nn.Sequential):
    """A convolution in space, then one in time, with `between` channels between them."""

    def __init__(self, inputs: int, between: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, between, (1, 3, 3), (1, stride, stride), padding=(0, 1, 1), bias=False),
            nn.BatchNorm3d(between),
            nn.ReLU(),
            nn.Conv3d(between, outputs, (3, 1, 1), (stride, 1, 1), padding=(1, 0, 0), bias=False),
        )


class Block(nn.Module):
    """Two factored convolutions, beside which the input goes by."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        between = channels_between(inputs, outputs)
        self.conv1 = nn.Sequential(
            Factored(inputs, between, outputs, stride), nn.BatchNorm3d(outputs), nn.ReLU()
        )
        # As many channels between as in the first, in torchvision's weights, whatever the paper says.
        self.conv2 = nn.Sequential(Factored(outputs, between, outputs), nn.BatchNorm3d(outputs))
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, maps: Tensor) -> Tensor:
        return relu(self.conv2(self.conv1(maps)) + self.downsample(maps))


class R2Plus1D(nn.Module):
    """Clips (N, 3, T, H, W) -> (N, 512). Nothing here reads `fc`, the classifier, which the files hold."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 45, (1, 7, 7), (1, 2, 2), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(45),
            nn.ReLU(),
            nn.Conv3d(45, 64, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(),
        )
        self.layer1 = nn.Sequential(Block(64, 64, stride=1), Block(64, 64, stride=1))
        self.layer2 = nn.Sequential(Block(64, 128, stride=2), Block(128, 128, stride=1))
        self.layer3 = nn.Sequential(Block(128, 256, stride=2), Block(256, 256, stride=1))
        self.layer4 = nn.Sequential(Block(256, 512, stride=2), Block(512, 512, stride=1))
        self.fc = nn.Linear(512, 400)

    def forward(self, clips: Tensor) -> Tensor:
        maps: Tensor = self.stem(clips.contiguous())  # a CPU takes longer where the colours are innermost
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return maps.mean((2, 3, 4))


def channels_between(inputs: int, outputs: int) -> int:
    """As many as give a factored convolution the weights of a whole one of 3 x 3 x 3 (section 3.5)."""
    return 27 * inputs * outputs // (9 * inputs + 3 * outputs)
