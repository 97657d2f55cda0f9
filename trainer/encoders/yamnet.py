"""YAMNet (Google's MediaPipe build): what each second sounds like, as AudioSet's 521 classes name it.

Two windows of 0.975 s a second, of 0.125 s before and after its middle, are averaged: one alone answers very
differently to the same sound shifted a little, and wider apart they hear more of the neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.cores import threads_of_a_small_network
from trainer.encoders.encoding import Encoder, FeatureSet, Loading, Rows, SoundIntake
from trainer.encoders.litert import LiteRtModel, class_names_in
from trainer.encoders.weights import OF_ENCODERS, own_weights, weights_of
from trainer.labels import Modality

_RATE = 16_000
_WINDOW = 15_600
_SHIFT = 2_000
"""Samples from the middle of a second to the middle of a window."""
_REACH = _SHIFT - (_RATE - _WINDOW) // 2
"""Samples that a window reaches beyond its second."""
_POOLED = "layer28/reduce_mean"

_PREPROCESSING: dict[str, str | int | float] = {
    "sample rate": _RATE,
    "channels": 1,
    "windows a second": 2,
    "window s": _WINDOW / _RATE,
    "window middles from that of the second s": f"-{_SHIFT / _RATE}, {_SHIFT / _RATE}",
}
SETS = (
    FeatureSet(
        "yamnet", Modality.AUDIO, 1024, 1, {**_PREPROCESSING, "layer": "average of the last feature maps"}
    ),
    FeatureSet("yamnet-scores", Modality.AUDIO, 521, 1, {**_PREPROCESSING, "layer": "scores of classes"}),
)


def load(loading: Loading) -> Encoder:
    """Raises EncoderError where the weights or the runtime are not installed."""
    (path,), sums = own_weights("yamnet", loading)
    model = LiteRtModel(path, _POOLED, threads_of_a_small_network())
    return Encoder("yamnet", 1, (_Branch(model),), sums, precision="int8")


def class_names() -> tuple[str, ...]:
    """What the columns of yamnet-scores stand for: AudioSet's display names."""
    return class_names_in(weights_of(*OF_ENCODERS["yamnet"]))


class _Branch:
    """Two windows of each second."""

    sets = SETS
    intake = SoundIntake(_RATE, before=_REACH / _RATE, after=_REACH / _RATE)
    batch = 1

    def __init__(self, model: LiteRtModel) -> None:
        self._model = model

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        """(2, 15600) in [-1, 1]."""
        windows = np.stack([given[:_WINDOW], given[-_WINDOW:]])
        return np.asarray(windows, np.float32).clip(-1, 1)

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        scores, pooled = self._model.averages(items)
        return pooled, scores
