"""SSD with MobileNetV2 (Google), trained on COCO: whether people are to be seen in each second, and what else.

ImageNet's classes name no person, and people are what most audio-visual events are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.encoders.encoding import Encoder, FeatureSet, Loading, PictureIntake, Rows
from trainer.encoders.weights import own_weights
from trainer.labels import Modality

_SIDE = 300
_SURE = 0.5
"""A person with at least this score counts as one."""
_MANY = 10
"""So many people are 1, and more no more."""

_CLASSES: Mapping[int, str] = dict(
    enumerate(
        # COCO left out some of the 90 numbers that it planned.
        "person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant - stop_sign "
        "parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe - backpack umbrella - - "
        "handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard "
        "surfboard tennis_racket bottle - wine_glass cup fork knife spoon bowl banana apple sandwich orange "
        "broccoli carrot hot_dog pizza donut cake chair couch potted_plant bed - dining_table - - toilet - tv "
        "laptop mouse remote keyboard cell_phone microwave oven toaster sink refrigerator - book clock vase "
        "scissors teddy_bear hair_drier toothbrush".replace("-", "").split(" "),
        start=1,
    )
)
_COLUMNS = {number: column for column, number in enumerate(n for n, name in _CLASSES.items() if name)}
_PERSON = 1
_COUNT, _LARGEST = len(_COLUMNS), len(_COLUMNS) + 1

SETS = (
    FeatureSet(
        "person",
        Modality.VISUAL,
        len(_COLUMNS) + 2,
        1,
        {
            "pictures a second": 1,
            "size": f"{_SIDE} x {_SIDE}, the whole picture, not in its shape",
            "columns": f"the best score of each of COCO's {len(_COLUMNS)} classes, person first; people of "
            f"{_SURE} and more, in parts of {_MANY}; the area of the largest of them, in parts of the picture",
        },
    ),
)


def load(loading: Loading) -> Encoder:
    """Raises EncoderError where the weights are not installed."""
    (graph, layers), sums = own_weights("person", loading)
    return Encoder("person", 1, (_Branch(graph, layers),), sums)


def class_names() -> tuple[str, ...]:
    """What the first 80 columns stand for: COCO's classes; after them come people's number and largest area."""
    return tuple(name.replace("_", " ") for name in _CLASSES.values() if name)


class _Branch:
    """The middle picture of each second."""

    sets = SETS
    intake = PictureIntake(1, size=(_SIDE, _SIDE))
    batch = 1

    def __init__(self, graph: Path, layers: Path) -> None:
        self._detector: Any = cv2.dnn.readNetFromTensorflow(str(graph), str(layers))

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        return given

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        rows = [[row_of(self._detections(picture)) for picture in pictures] for pictures in items]
        return (np.asarray(rows, np.float32),)

    def _detections(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._detector.setInput(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)[None])
        return np.asarray(self._detector.forward()[0, 0], np.float32)


def row_of(detections: NDArray[np.float32]) -> Rows:
    """(82,) of a picture's detections (N, 7): its number, class, score; its box from 0 to 1."""
    row = np.zeros(len(_COLUMNS) + 2, np.float32)
    for _, number, score, *box in detections:
        column = _COLUMNS.get(int(number))
        if column is None:
            continue
        row[column] = max(row[column], score)
        if int(number) == _PERSON and score >= _SURE:
            left, top, right, bottom = np.clip(box, 0, 1)
            row[_COUNT] = min(1.0, row[_COUNT] + 1 / _MANY)
            row[_LARGEST] = max(row[_LARGEST], (right - left) * (bottom - top))
    return row
