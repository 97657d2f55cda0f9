from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainer.engine.loss_log import LossLog, TrainingError
from trainer.group import Group


def losses(audio: float, video: float) -> dict[str, Tensor]:
    return {name: torch.tensor(v) for name, v in (("audio", audio), ("video", video), ("total", audio + video))}


def test_means_are_over_clips_not_over_steps() -> None:
    log = LossLog(1, Group())
    log.add(losses(1.0, 3.0), 3)
    log.add(losses(5.0, 3.0), 1)
    assert log.means() == {"audio": 2.0, "video": 3.0, "total": 5.0}


def test_a_look_at_many_steps_names_the_first_that_was_lost() -> None:
    log = LossLog(4, Group())
    log.add(losses(1.0, 1.0), 2)
    log.look()
    for video in (1.0, float("nan"), float("inf")):
        log.add(losses(1.0, video), 2)
    with pytest.raises(TrainingError, match=r"finite number \(video, epoch 4, step 3\): lower"):
        log.look()


def test_an_epoch_above_what_it_may_reach_names_the_first_step_above() -> None:
    log = LossLog(4, Group(), most=10)
    for audio in (1.0, 40.0, 2.0):
        log.add(losses(audio, 0.0), 2)
    with pytest.raises(TrainingError, match=r"its mean over epoch 4 is 14\.3.*step 2 was the first"):
        log.means()


def test_one_step_above_is_no_divergence() -> None:
    log = LossLog(4, Group(), most=10)
    for audio in (1.0, 20.0, 2.0):
        log.add(losses(audio, 0.0), 2)
    assert log.means()["total"] == pytest.approx(23 / 3)


def test_a_log_goes_on_where_another_stopped() -> None:
    whole, first, second = (LossLog(2, Group()) for _ in range(3))
    for log in (whole, first):
        log.add(losses(1.0, 3.0), 3)
    first.look()
    second.restore(first.state())
    for log in (whole, second):
        log.add(losses(0.1, 0.7), 2)
    assert second.means() == whole.means()
