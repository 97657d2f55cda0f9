"""The detector finds people, counts them, and tells of other things."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.default_weights import DOG, PEOPLE, need_weights, pictures_of
from trainer.encoders import person
from trainer.encoders.encoding import Encoder, Loading


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    need_weights("person")
    return person.load(Loading())


def rows_of(encoder: Encoder, path: Path) -> np.ndarray:
    branch = encoder.branches[0]
    pictures = pictures_of(path, 1, branch.intake.size)
    return np.concatenate([branch.infer(branch.prepare(second)[None])[0][0] for second in pictures])


def test_its_columns_are_the_classes_of_coco_then_number_and_area_of_people() -> None:
    names = person.class_names()
    assert len(names) == len(set(names)) == 80
    assert (names[0], names[16], names[79]) == ("person", "dog", "toothbrush")
    assert person.SETS[0].width == 82


def test_a_row_has_the_best_score_of_each_class_and_what_people_are_there() -> None:
    detections = [
        (0, 1, 0.9, 0.0, 0.0, 0.5, 0.5),
        (0, 1, 0.6, 0.5, 0.0, 1.5, 1.0),  # reaches out of the picture
        (0, 1, 0.4, 0.0, 0.0, 1.0, 1.0),  # not sure enough to be counted
        (0, 18, 0.3, 0.0, 0.0, 0.1, 0.1),
        (0, 18, 0.2, 0.0, 0.0, 0.1, 0.1),
        (0, 90, 0.1, 0.0, 0.0, 0.1, 0.1),
        (0, 12, 0.8, 0.0, 0.0, 0.1, 0.1),  # no class of COCO's
    ]
    row = person.row_of(np.array(detections, np.float32))
    said = {name: value for name, value in zip(person.class_names(), row, strict=False) if value}
    assert said == pytest.approx({"person": 0.9, "dog": 0.3, "toothbrush": 0.1})
    assert row[80:] == pytest.approx([0.2, 0.5])


def test_a_crowd_is_one_and_no_more() -> None:
    row = person.row_of(np.array([(0, 1, 0.9, 0, 0, 1, 1)] * 50, np.float32))
    assert row[80:] == pytest.approx([1.0, 1.0])


def test_the_network_is_given_red_green_and_blue_in_the_order_that_it_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Network:
        """Finds a person as surely as the picture is red."""

        def setInput(self, pictures: np.ndarray) -> None:
            self.given = pictures

        def forward(self) -> np.ndarray:
            assert self.given.shape == (1, 3, 300, 300)
            assert self.given.dtype == np.float32
            return np.array([[[(0, 1, self.given[0, 0].mean() / 255, 0, 0, 1, 1)]]], np.float32)

    monkeypatch.setattr(person, "own_weights", lambda *_: ((Path("graph"), Path("layers")), {}))
    monkeypatch.setattr(person.cv2.dnn, "readNetFromTensorflow", lambda *_: Network())
    branch = person.load(Loading()).branches[0]
    pictures = np.zeros((1, 1, 300, 300, 3), np.uint8)
    pictures[..., 0], pictures[..., 2] = 204, 51
    assert branch.infer(pictures)[0][0, 0, 0] == pytest.approx(0.8)


def test_real_clips_show_people_and_a_dog(encoder: Encoder, shared_media: Path) -> None:
    people, dog = rows_of(encoder, shared_media / PEOPLE), rows_of(encoder, shared_media / DOG)
    assert people[:, 0].min() > 0.8
    assert (people[:, 80] >= 0.2).all()
    assert (dog[:, person.class_names().index("dog")] > 0.8).sum() >= 6
    assert np.median(dog[:, 0]) < 0.2
