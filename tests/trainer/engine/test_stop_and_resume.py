"""A run that is stopped or finished early, and taken up again: as if it had never stopped, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import config_of, messages, of_type, run, same, weights
from trainer.checkpoint import CheckpointError, load_state, save_state
from trainer.labels import Event, Modality, State
from trainer.protocol import FINISH_FILE, STOP_FILE, Epoch, Message, Note, Reporter, StopRequested


class StopAfter(Reporter):
    """Asks for a stop `steps` after the given epoch, as a person would with the stop file."""

    def __init__(self, run_dir: Path, epochs: int, steps: int = 2) -> None:
        super().__init__(run_dir)
        self._folder, self._epochs, self._steps = run_dir, epochs, steps

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Epoch):
            self._epochs -= 1

    @property
    def is_stop_requested(self) -> bool:
        if self._epochs <= 0:
            self._steps -= 1
            if self._steps < 0:
                (self._folder / STOP_FILE).touch()
        return super().is_stop_requested


class FinishAfter(Reporter):
    """Asks for the training to finish during the epoch after `epochs`."""

    def __init__(self, run_dir: Path, epochs: int) -> None:
        super().__init__(run_dir)
        self._folder, self._epochs = run_dir, epochs

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Epoch) and message.epoch == self._epochs:
            (self._folder / FINISH_FILE).touch()


@pytest.mark.parametrize("recipe", ["han/signal", "coleaf/signal", "ecma/signal"])
def test_a_run_stopped_after_any_step_ends_as_if_it_had_never_stopped(world: World, recipe: str) -> None:
    config = config_of(recipe, "epochs=4", *(["mask_period=2"] if recipe == "ecma/signal" else []))
    whole = run(world, "whole", config)
    for epochs, steps in ((0, 1), (1, 0), (1, 2)):  # counted from where the run is taken up
        stopping = StopAfter(world.root / "stopped", epochs, steps)
        with pytest.raises(StopRequested):
            run(world, "stopped", config, reporter=stopping, resume=True)
        (world.root / "stopped" / STOP_FILE).unlink()
    resumed = run(world, "stopped", config, resume=True)
    assert same(weights(world, "whole"), weights(world, "stopped"))
    assert (resumed.epoch, resumed.metrics) == (whole.epoch, whole.metrics)
    told = [
        [(epoch.epoch, epoch.losses, epoch.metrics) for epoch in of_type(messages(world, name), Epoch)]
        for name in ("whole", "stopped")
    ]
    assert told[0] == told[1]
    for path in (world.root / "whole").glob("supervision/*.npz"):
        assert path.read_bytes() == (world.root / "stopped" / "supervision" / path.name).read_bytes()


def test_a_run_that_is_to_finish_ends_well_after_its_epoch_and_resumes_to_the_full_number(world: World) -> None:
    run(world, "whole")
    result = run(world, "early", reporter=FinishAfter(world.root / "early", 2))
    assert [epoch.epoch for epoch in of_type(messages(world, "early"), Epoch)] == [1, 2, 3]
    assert of_type(messages(world, "early"), Note)[-1].text == "finished early, after epoch 3 of 6"
    assert result.checkpoint.is_file()
    (world.root / "early" / FINISH_FILE).unlink()
    run(world, "early", resume=True)
    assert same(weights(world, "whole"), weights(world, "early"))


def test_a_run_is_not_resumed_on_other_labels(world: World) -> None:
    run(world)
    clip = next(iter(world.dataset.splits["train"]))
    reviewed = {clip: (Event(Modality.AUDIO, "Dog", 0, 2, State.PRESENT, "ann"),)}
    world.write(replace(world.dataset, reviewed=reviewed))
    with pytest.raises(CheckpointError, match="their labels changed"):
        run(world, resume=True)


def test_a_state_that_does_not_fit_is_refused(world: World) -> None:
    run(world)
    path = world.root / "run" / "state.pt"
    for change in (
        {"trainee": {}},
        {"course": {"speed": 3}},
        {"course": {"epoch": "x"}},
        {"order": torch.zeros(3)},
    ):
        state = load_state(path)
        save_state(world.root / "run" / "state.pt", state | change)
        with pytest.raises(CheckpointError, match="does not fit this run; start a new one"):
            run(world, resume=True)
        save_state(path, state)
