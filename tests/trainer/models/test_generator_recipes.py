"""The recipes of the generators: each is its row of a table, and changes what the row is named for alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_generator import small_generator
from tests.trainer.recipe_settings import load
from trainer.models.generator import Generator, GeneratorConfig
from trainer.prediction import PredictionRule
from trainer.recipe_files import recipe_names, to_table

FULL = "ear/gen/full"

ROWS = {
    # Tables III and S-XI, test
    FULL: ("Tables III and S-XI", "81.7 75.5 68.0 75.1 80.8 75.1 71.3 62.0 69.5 72.9", 73.2),
    "uwav/gen": ("Tables III and S-XI", "78.4 74.5 65.5 72.8 78.4 71.1 69.6 57.7 66.1 69.0", 70.3),
    # Tables IV and S-XII
    "uwav/gen-lm": ("Tables IV and S-XII", "79.8 73.8 65.0 72.9 79.4 72.9 69.0 58.0 66.6 70.8", 70.8),
    "ear/gen/no-lm": ("Tables IV and S-XII", "81.1 74.3 66.5 74.0 80.2 74.7 69.7 60.5 68.3 71.8", 72.1),
    # Tables V and S-XIII
    "ear/gen/no-uni1": ("Tables V and S-XIII", "81.2 74.9 67.5 74.6 80.4 74.8 70.4 62.1 69.1 72.2", 72.7),
    "ear/gen/no-uni2": ("Tables V and S-XIII", "80.3 74.3 66.2 73.6 79.5 73.3 69.9 60.0 67.7 70.8", 71.6),
    "ear/gen/no-multi1": ("Tables V and S-XIII", "80.1 74.2 65.9 73.4 79.5 73.2 69.7 59.5 67.5 71.0", 71.4),
    "ear/gen/no-multi2": ("Tables V and S-XIII", "78.6 72.4 63.3 71.4 78.3 71.0 68.0 56.5 65.1 68.8", 69.3),
    # Table S-XVIII
    "ear/gen/tau-a0.97": ("Table S-XVIII", "80.4 76.0 67.3 74.6 80.2 73.3 71.8 60.9 68.6 71.6", 72.5),
    "ear/gen/tau-a0.99": ("Table S-XVIII", "80.0 75.5 66.5 74.0 80.0 72.8 71.5 60.2 68.2 71.3", 72.0),
    "ear/gen/tau-v0.92": ("Table S-XVIII", "80.0 73.9 64.9 72.9 79.4 73.2 69.4 58.2 66.9 70.9", 71.0),
    "ear/gen/tau-v0.94": ("Table S-XVIII", "81.4 72.6 66.0 73.3 79.4 74.2 68.5 60.7 67.8 71.5", 71.5),
    "ear/gen/tau-v0.96": ("Table S-XVIII", "81.7 74.8 67.5 74.7 80.6 75.2 70.5 61.3 69.0 72.5", 72.8),
    "ear/gen/tau-v0.98": ("Table S-XVIII", "79.9 72.6 64.3 72.3 79.3 72.9 67.7 57.4 66.0 70.0", 70.2),
    # Table S-XIX
    "ear/gen/w-0.1-0.15": ("Table S-XIX", "79.9 75.4 66.2 73.9 79.9 72.7 71.2 59.3 67.7 71.1", 71.7),
    "ear/gen/w-0.15-0.15": ("Table S-XIX", "79.6 74.2 65.0 72.9 79.4 72.5 69.5 58.1 66.7 70.6", 70.8),
    "ear/gen/w-0.05-0.05": ("Table S-XIX", "80.0 76.1 66.8 74.3 80.1 72.9 71.6 60.3 68.3 71.2", 72.2),
    "ear/gen/w-0.05-0.25": ("Table S-XIX", "79.8 73.4 65.4 72.9 79.2 73.0 69.0 59.5 67.2 70.5", 71.0),
}
"""Table, the ten numbers, and the mean of them as the paper prints it."""

UWAV = {"architecture": "symmetric", "audio_weight": 0.0, "visual_weight": 0.0}
CHANGES: dict[str, dict[str, object]] = {
    "uwav/gen": UWAV,
    "uwav/gen-lm": {"architecture": "symmetric"},
    "ear/gen/no-lm": {"audio_weight": 0.0, "visual_weight": 0.0},
    "ear/gen/no-uni1": {"audio_weight": 0.0},
    "ear/gen/no-uni2": {"visual_weight": 0.0},
    "ear/gen/no-multi1": {"visual_dynamic_weight": 0.0},
    "ear/gen/no-multi2": {"audio_dynamic_weight": 0.0},
    "ear/gen/tau-a0.97": {"tau_audio": 0.97},
    "ear/gen/tau-a0.99": {"tau_audio": 0.99},
    "ear/gen/tau-v0.92": {"tau_visual": 0.92},
    "ear/gen/tau-v0.94": {"tau_visual": 0.94},
    "ear/gen/tau-v0.96": {"tau_visual": 0.96},
    "ear/gen/tau-v0.98": {"tau_visual": 0.98},
    "ear/gen/w-0.1-0.15": {"audio_weight": 0.1},
    "ear/gen/w-0.15-0.15": {"audio_weight": 0.15},
    "ear/gen/w-0.05-0.05": {"visual_weight": 0.05},
    "ear/gen/w-0.05-0.25": {"visual_weight": 0.25},
    "ear/gen/w-swapped": {"audio_weight": 0.15, "visual_weight": 0.05},
    "ear/gen/scope-clip": {"migration_scope": "clip"},
    "ear/gen/static-calibrated": {"static_mode": "calibrated"},
    "ear/gen/combine-mean": {"combine": "mean"},
    "ear/gen/combine-minimum": {"combine": "minimum"},
    "ear/gen/pos-weight-1": {"positive_weight": 1.0},
}
"""The settings of the model in which a recipe is not EAR's complete one."""


def test_every_row_and_every_open_choice_has_a_recipe_and_nothing_else_does():
    found = {name for name in recipe_names() if load(name).parser == "generator"}
    assert found == {FULL, *CHANGES}
    assert {*ROWS} <= found


@pytest.mark.parametrize("name", ROWS)
def test_a_recipe_carries_the_ten_numbers_of_its_row(name):
    table, numbers, average = ROWS[name]
    config = load(name)
    assert list(config.published) == [float(number) for number in numbers.split()]
    assert f"EAR, {table}" in config.source
    assert sum(config.published) / 10 == pytest.approx(average, abs=0.051)
    for level in (config.published[:5], config.published[5:]):
        assert sum(level[:3]) / 3 == pytest.approx(level[3], abs=0.11)


def test_an_open_choice_claims_no_numbers():
    for name in {*CHANGES} - {*ROWS}:
        assert not load(name).published
        assert "without numbers" in load(name).source


@pytest.mark.parametrize("name", CHANGES)
def test_a_recipe_changes_what_it_is_named_for_and_nothing_else(name):
    ours, full = to_table(load(name)), to_table(load(FULL))
    changed = {
        f"{section}.{key}": value
        for section, table in ours.items()
        if isinstance(table, dict)
        for key, value in table.items()
        if value != full[section][key]
    }
    assert changed == {f"model.{key}": value for key, value in CHANGES[name].items()}


def test_the_complete_recipe_is_what_ear_states_and_else_what_uwav_s_code_has():
    config = load(FULL)
    assert config.model == GeneratorConfig()
    assert (config.features.audio, config.features.visual) == ("clap512", ("clip",))
    assert config.labels.kind == Generator.taught_by
    assert config.prediction.rule() == PredictionRule("none", combine="product")
    optimiser, schedule, training = config.optimiser, config.schedule, config.training
    assert (optimiser.kind, optimiser.lr, optimiser.beta1, optimiser.weight_decay) == ("adamw", 1e-4, 0.5, 1e-3)
    assert (schedule.kind, schedule.warm_up, schedule.lr_min) == ("cosine", 10, 1e-5)
    assert (training.epochs, training.batch, training.clip_norm) == (80, 64, 2.0)
    assert (training.bucket, training.select_by, training.keep_supervision) == (8, "segment/AV", 0)


@pytest.mark.parametrize("name", [FULL, *CHANGES])
def test_every_recipe_trains(name, dense):
    config = load(name)
    small = {"width": 16, "heads": 2, "feedforward": 24, "hidden": 20, "layers": 1, "dropout": 0.0}
    model = small_generator(replace(config.model, **small)).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    totals = []
    for _ in range(8):
        total = sum(model.step(dense, 1).losses.values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(total.item())
    assert totals[-1] < totals[0]
