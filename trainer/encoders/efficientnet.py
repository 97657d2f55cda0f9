"""EfficientNet-Lite3 (Google), trained on ImageNet: what each second shows, as its 1000 classes name it.

Whole pictures between grey bars, for events happen at the edges too, and a squeezed animal is less of one. Two
of them a second are averaged: blurred ones are taken for anything.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.cores import threads_of_a_small_network
from trainer.encoders.encoding import Encoder, FeatureSet, Loading, PictureIntake, Rows
from trainer.encoders.litert import LiteRtModel, class_names_in
from trainer.encoders.weights import OF_ENCODERS, own_weights, weights_of
from trainer.labels import Modality

_SIDE = 280
_PICTURES = 2
_POOLED = "head/Squeeze1"
_MEAN, _DEVIATION = 127, 128
"""Of the pictures it was trained on, as its metadata say."""

_PREPROCESSING: dict[str, str | int | float] = {
    "pictures a second": _PICTURES,
    "size": f"{_SIDE} x {_SIDE}, the whole picture between grey bars",
    "scaling": "area to smaller, bilinear to larger",
    "mean": _MEAN,
    "deviation": _DEVIATION,
}
SETS = (
    FeatureSet(
        "efficientnet",
        Modality.VISUAL,
        1280,
        1,
        {**_PREPROCESSING, "layer": "average of the last feature maps"},
    ),
    FeatureSet(
        "efficientnet-scores", Modality.VISUAL, 1000, 1, {**_PREPROCESSING, "layer": "probabilities of classes"}
    ),
)


def load(loading: Loading) -> Encoder:
    """Raises EncoderError where the weights or the runtime are not installed."""
    (path,), sums = own_weights("efficientnet", loading)
    model = LiteRtModel(path, _POOLED, threads_of_a_small_network())
    return Encoder("efficientnet", 1, (_Branch(model),), sums, precision="int8")


def class_names() -> tuple[str, ...]:
    """What the columns of efficientnet-scores stand for; two pairs of ImageNet's classes have the same name."""
    return class_names_in(weights_of(*OF_ENCODERS["efficientnet"]))


class _Branch:
    """Two whole pictures of each second."""

    sets = SETS
    intake = PictureIntake(_PICTURES)
    batch = 1

    def __init__(self, model: LiteRtModel) -> None:
        self._model = model
        # Its bytes are no pixels: they cover more than black to white, as scaled pictures overshoot.
        self._bytes = model.quantised((np.arange(256) - _MEAN) / _DEVIATION)

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        """(280, 280, 3) uint8 as the model's input wants them."""
        return self._bytes[letterboxed(np.asarray(given, np.uint8), _SIDE, _MEAN)]

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        scores, pooled = self._model.averages(items)
        return pooled, scores


def letterboxed(picture: NDArray[np.uint8], side: int, bars: int) -> NDArray[np.uint8]:
    """The whole picture (H, W, 3) in the middle of a square, with its shape, between bars of a grey."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((side, side, 3), bars, np.uint8)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=way)
    return square
