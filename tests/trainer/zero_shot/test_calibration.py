"""From logits to probabilities: by default as they are, and by what was reviewed where there is some."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.conftest import World
from trainer.annotations import Dataset
from trainer.labels import ABSENT, PRESENT, UNSEEN, Event, Modality, State
from trainer.zero_shot.calibration import Calibration, fitted
from trainer.zero_shot.tracks import known_cells, teaching_names


def planted(clips: int, *, slope: float, biases: list[float], seed: int = 0) -> tuple[list, list]:
    """Logits of clips, and states that are present as often as sigmoid(slope z + bias) says."""
    rng = np.random.default_rng(seed)
    logits = [rng.normal(-1, 2, size=(10, len(biases))).astype(np.float32) for _ in range(clips)]
    chances = [1 / (1 + np.exp(-(slope * z + biases))) for z in logits]
    return logits, [(rng.random(p.shape) < p).astype(np.int8) for p in chances]


def test_without_truth_a_logit_of_0_is_as_likely_as_not() -> None:
    probabilities = Calibration.default(2).probabilities(np.array([[0, np.log(3)]], np.float32))
    np.testing.assert_allclose(probabilities, [[0.5, 0.75]], atol=1e-6)


def test_many_clips_tell_slope_and_biases() -> None:
    found = fitted(*planted(600, slope=1.6, biases=[1.5, -2, 0]))
    assert found.slope == pytest.approx(1.6, rel=0.15)
    np.testing.assert_allclose(found.biases, [1.5, -2, 0], atol=0.35)
    assert found.clips == 600


def test_one_clip_changes_little_and_more_change_more() -> None:
    shifts = [abs(fitted(*planted(n, slope=1, biases=[-3])).biases[0]) for n in (1, 5, 50)]
    assert 0 < shifts[0] < 0.8
    assert shifts[0] < shifts[1] < shifts[2]


def test_a_category_that_nobody_reviewed_keeps_the_default_bias() -> None:
    logits, states = planted(20, slope=1, biases=[-3, -3])
    for cells in states:
        cells[:, 1] = UNSEEN
    found = fitted(logits, states)
    assert found.biases[0] < -0.5
    assert found.biases[1] == pytest.approx(0, abs=1e-6)


def test_cells_that_nobody_looked_at_teach_nothing() -> None:
    logits, states = planted(5, slope=1, biases=[2.0])
    found = fitted(logits, [np.full_like(cells, UNSEEN) for cells in states])
    assert (found.slope, found.biases.tolist(), found.clips) == (1, [0], 0)


def test_a_clip_counts_as_one_however_long_it_is() -> None:
    states = np.array([[PRESENT], [PRESENT], [PRESENT], [ABSENT]], np.int8)
    short = fitted([np.zeros((4, 1), np.float32)], [states])
    long = fitted([np.zeros((400, 1), np.float32)], [np.repeat(states, 100, axis=0)])
    assert short.biases[0] > 0.1
    assert short.biases[0] == pytest.approx(long.biases[0], abs=1e-4)


def test_what_was_only_ever_marked_present_tells_nothing_of_where_it_is_not() -> None:
    logits, states = planted(20, slope=1, biases=[-3, -3])
    alone = fitted(logits, [np.where([[True, False]], cells, UNSEEN) for cells in states])
    one_sided = [
        np.where([[True, False]], cells, np.where(cells == PRESENT, PRESENT, UNSEEN)) for cells in states
    ]
    found = fitted(logits, one_sided)
    assert found.biases[1] == 0
    assert found.slope == pytest.approx(alone.slope)


def test_the_fit_is_the_least_of_what_it_minimises() -> None:
    logits, states = planted(30, slope=1.3, biases=[1.0])
    found = fitted(logits, states)

    def loss(slope: float, bias: float) -> float:
        margins = slope * np.concatenate(logits)[:, 0].astype(float) + bias
        y = np.concatenate(states)[:, 0]
        entropy = (np.logaddexp(0, margins) - y * margins).sum() / 10
        return entropy + np.log(slope) ** 2 / (2 * 0.5**2) + bias**2 / (2 * 1.5**2)

    best = loss(found.slope, found.biases[0])
    for slope, bias in ((1.02, 0), (0.98, 0), (1, 0.03), (1, -0.03)):
        assert loss(found.slope * slope, found.biases[0] + bias) > best


def test_only_train_and_validation_teach(world: World) -> None:
    reviewed = {name: (Event(Modality.AUDIO, "Dog", 0, 1),) for name in ("train-03", "test-01", "val-02")}
    dataset = Dataset(world.dataset.categories, world.dataset.splits, reviewed=reviewed)
    assert teaching_names(dataset) == ["train-03", "val-02"]
    names = teaching_names(world.dataset)  # dense truth of validation
    assert names == list(world.dataset.splits["val"])


def test_truth_of_what_is_heard_and_seen_at_once_tells_of_neither_alone(world: World) -> None:
    both = Dataset(world.dataset.categories, world.dataset.splits, world.dataset.truth, audio_visual_only=True)
    assert teaching_names(both) == []
    complete = Dataset(
        world.dataset.categories,
        world.dataset.splits,
        world.dataset.truth,
        world.dataset.complete,
        audio_visual_only=True,
    )
    assert teaching_names(complete) == []
    assert (known_cells(complete, "val-00", 4, complete.categories) == UNSEEN).all()


def test_reviewed_cells_are_known_and_others_are_not(world: World) -> None:
    events = (Event(Modality.VISUAL, "Car", 1, 2), Event(Modality.VISUAL, "Car", 2, 3, State.ABSENT))
    dataset = Dataset(world.dataset.categories, world.dataset.splits, reviewed={"train-00": events})
    cells = known_cells(dataset, "train-00", 4, ("Lamp", "Car"))
    assert (cells[:, :, 0] == UNSEEN).all()
    assert cells[0, :, 1].tolist() == [UNSEEN] * 4
    assert cells[1, :, 1].tolist() == [UNSEEN, PRESENT, ABSENT, UNSEEN]
