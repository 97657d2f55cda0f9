"""ResNet-152 (He et al., 2016), trained on ImageNet: eight rows a second of what pictures show.

Names and shapes of the weights are torchvision's, so that its files fit. Pictures are prepared as for LLP's
published features (Tian et al., 2020): the shorter side scaled to 256 pixels, the middle cut out.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from trainer.encoders.encoding import Encoder, FeatureSet, Loading, PictureIntake
from trainer.encoders.hub import check_half
from trainer.encoders.networks import NetworkBranch, Standardised, placed, scaled
from trainer.encoders.published import Published, load_published
from trainer.labels import Modality

PUBLISHED = Published(
    encoder="resnet152",
    network="ResNet-152 (torchvision, IMAGENET1K_V1)",
    url="https://download.pytorch.org/models/resnet152-394f9c45.pth",
    size="242 MB",
    same=("resnet152-b121ed2d.pth",),
)
"""Not IMAGENET1K_V2, of the same shapes: LLP's features are of the first."""

_RATE = 8
_SHORTER_SIDE, _SIDE = 256, 224
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_GROWTH = 4
"""How many times its width a bottleneck puts out."""
_BATCHES = {"cpu": 1, "cuda": 16}
"""Seconds."""

FEATURES = FeatureSet(
    name="res152",
    modality=Modality.VISUAL,
    width=2048,
    rate=_RATE,
    preprocessing={
        "pictures a second": _RATE,
        "shorter side": _SHORTER_SIDE,
        "crop": f"{_SIDE} x {_SIDE}, the middle",
        "scaling": "bilinear, antialiased",
        "mean": "0.485, 0.456, 0.406",
        "deviation": "0.229, 0.224, 0.225",
        "rows": "the last feature maps, averaged",
    },
)


def load(loading: Loading) -> Encoder:
    """`loading.model` is a file of weights, or a folder with one. Raises EncoderError."""
    check_half("resnet152", loading)
    network, weights = load_published(ResNet, PUBLISHED, loading)
    whole = nn.Sequential(
        nn.Flatten(0, 1),  # each picture of a second makes a row
        Standardised(network, _MEAN, _DEVIATION),
    )
    batch = _BATCHES[torch.device(loading.device).type]
    branch = NetworkBranch((FEATURES,), PictureIntake(_RATE), batch, middle_of_picture, placed(whole, loading))
    return Encoder("resnet152", 1, (branch,), weights, "float16" if loading.half else "float32")


def middle_of_picture(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(H, W, 3) -> (224, 224, 3), as torchvision's Resize(256) and CenterCrop(224)."""
    height, width = picture.shape[:2]
    shorter = min(height, width)
    picture = scaled(picture, _SHORTER_SIDE * height // shorter, _SHORTER_SIDE * width // shorter)
    top, left = (round((length - _SIDE) / 2) for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + _SIDE, left : left + _SIDE])


class Bottleneck(nn.Module):
    """Three convolutions, beside which the input goes by; as in torchvision, the middle one has the stride."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = _GROWTH * width
        self.conv1, self.bn1 = _convolution(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _convolution(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        inner = relu(self.bn1(self.conv1(maps)))
        inner = relu(self.bn2(self.conv2(inner)))
        return relu(self.bn3(self.conv3(inner)) + self.downsample(maps))


class ResNet(nn.Module):
    """Pictures (N, 3, H, W) -> (N, 2048). Nothing here reads `fc`, the classifier, which the files hold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(3, 64, 7, stride=2), nn.BatchNorm2d(64)
        self.layer1 = _layer(64, 64, blocks=3, stride=1)
        self.layer2 = _layer(256, 128, blocks=8, stride=2)
        self.layer3 = _layer(512, 256, blocks=36, stride=2)
        self.layer4 = _layer(1024, 512, blocks=3, stride=2)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, pictures: Tensor) -> Tensor:
        maps: Tensor = max_pool2d(relu(self.bn1(self.conv1(pictures))), kernel_size=3, stride=2, padding=1)
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return maps.mean((2, 3))


def _layer(inputs: int, width: int, *, blocks: int, stride: int) -> nn.Sequential:
    rest = (Bottleneck(_GROWTH * width, width, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inputs, width, stride), *rest)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
