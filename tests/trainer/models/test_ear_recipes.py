"""The recipes of EAR's and UWAV's parsers: each is its row of a table, and changes only what its name says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_soft import taught, total
from tests.trainer.recipe_settings import differences, load
from trainer.batch import Material
from trainer.checkpoint import build_model
from trainer.recipe_files import recipe_names, to_table

EAR, UWAV = "ear/llp/vggish", "uwav/llp/vggish"

ROWS = {
    # Tables I and II; S-X
    EAR: ("Table I and S-X", "65.9 69.8 63.8 66.5 64.8 60.2 66.5 58.8 61.8 58.5", 63.7),
    UWAV: ("Table I and S-X", "64.2 70.0 63.4 65.9 63.9 58.6 66.7 57.5 60.9 57.4", 62.8),
    "ear/llp/clip": ("Table II", "71.3 71.8 66.2 69.8 70.1 66.4 68.1 61.4 65.3 63.9", 67.4),
    "uwav/llp/clip": ("Table II", "68.9 72.3 65.6 68.9 68.3 63.5 68.7 59.6 63.9 62.4", 66.2),
    # Tables VI and S-XIV
    "ear/llp/han-valor": ("Table VI and S-XIV", "62.8 66.7 60.0 63.2 62.3 57.1 63.9 54.4 58.5 55.9", 60.5),
    "ear/llp/han-uwav": ("Table VI and S-XIV", "64.2 70.0 63.4 65.9 63.9 58.6 66.7 57.5 60.9 57.4", 62.8),
    "ear/llp/han-ear": ("Table VI and S-XIV", "65.7 68.7 63.1 65.8 64.5 60.4 65.4 58.2 61.3 58.3", 63.1),
    # Tables VII and S-XV
    "ear/llp/no-amdf": ("Table VII and S-XV", "64.9 68.4 62.3 65.2 64.0 59.4 64.8 56.6 60.3 57.4", 62.3),
    "ear/llp/no-erm": ("Table VII and S-XV", "65.1 68.9 63.2 65.7 64.4 59.2 65.4 57.7 60.8 57.6", 62.8),
    # Tables VIII and S-XVI
    "ear/llp/amdf-msamca": ("Table VIII and S-XVI", "65.1 68.5 62.9 65.5 64.0 59.4 65.4 57.4 60.7 57.6", 62.7),
    "ear/llp/amdf-han": ("Table VIII and S-XVI", "65.1 68.9 63.0 65.7 64.4 59.7 65.8 58.0 61.2 58.0", 63.0),
    # Tables IX and S-XVII
    "ear/llp/erm-attention": ("Table IX and S-XVII", "64.5 67.7 62.0 64.7 63.6 59.3 64.6 57.1 60.3 57.3", 62.1),
    "ear/llp/erm-serial": ("Table IX and S-XVII", "66.2 69.2 63.6 66.3 65.2 60.0 66.0 58.2 61.4 58.3", 63.4),
    "ear/llp/erm-no-uni": ("Table IX and S-XVII", "65.2 68.6 63.1 65.7 64.3 59.4 65.3 57.5 60.7 57.7", 62.8),
    "ear/llp/erm-no-multi": ("Table IX and S-XVII", "65.5 68.4 63.0 65.6 64.6 60.5 65.1 58.4 61.3 58.7", 63.1),
    # Table S-XX
    "ear/llp/erm-l2": ("Table S-XX", "65.8 69.3 63.4 66.2 64.8 60.4 65.8 58.3 61.5 58.4", 63.4),
    "ear/llp/erm-l4": ("Table S-XX", "65.8 68.1 62.5 65.5 64.4 60.8 64.9 57.2 61.0 58.6", 62.9),
}
"""Table, the ten numbers, and the mean of them as the paper prints it."""

CHANGES: dict[str, dict[str, object]] = {
    "ear/llp/no-amdf": {"model.fusion": "none"},
    "ear/llp/no-erm": {"model.erm": "none"},
    "ear/llp/amdf-msamca": {"model.fusion": "msa-mca"},
    "ear/llp/amdf-han": {"model.fusion": "han"},
    "ear/llp/erm-attention": {"model.erm": "attention"},
    "ear/llp/erm-serial": {"model.erm": "serial"},
    "ear/llp/erm-no-uni": {"model.erm": "multi"},
    "ear/llp/erm-no-multi": {"model.erm": "uni"},
    "ear/llp/erm-l2": {"model.erm_layers": 2},
    "ear/llp/erm-l4": {"model.erm_layers": 4},
    "ear/llp/input-concat": {"model.erm_input": "concat"},
    "ear/llp/input-query": {"model.erm_input": "query"},
    "ear/llp/reweight-paper": {"model.reweight_scale": "paper"},
    "ear/llp/clip": {"features.audio": "clap512", "features.visual": ["clip"]},
}
"""The settings in which a recipe is not EAR's complete one."""

UWAV_CHANGES: dict[str, dict[str, object]] = {
    "uwav/llp/clip": {"features.audio": "clap512", "features.visual": ["clip"]},
    "ear/llp/han-uwav": {},
    "ear/llp/han-ear": {"labels.generator": "ear/gen/full"},
}

OURS = [*dict.fromkeys([*ROWS, *CHANGES, *UWAV_CHANGES]), "ear/signal", "ear/default"]


def test_every_row_and_every_open_choice_has_a_recipe_and_nothing_else_does():
    found = {name for name in recipe_names() if load(name).parser in ("ear", "uwav")}

    assert {name for name in found if not name.startswith("valor/")} == set(OURS)


@pytest.mark.parametrize("name", ROWS)
def test_a_recipe_carries_the_ten_numbers_of_its_row(name):
    table, numbers, mean = ROWS[name]
    config = load(name)

    assert config.published == tuple(map(float, numbers.split()))
    assert f"EAR, {table}" in config.source
    assert sum(config.published) / 10 == pytest.approx(mean, abs=0.051)


def test_no_other_recipe_claims_numbers():
    assert {name for name in OURS if load(name).published} == set(ROWS)


@pytest.mark.parametrize("name", CHANGES)
def test_a_variant_changes_what_it_is_named_for_and_nothing_else(name):
    assert differences(name, EAR) == CHANGES[name]


@pytest.mark.parametrize("name", UWAV_CHANGES)
def test_a_variant_of_uwav_changes_what_it_is_named_for_and_nothing_else(name):
    assert differences(name, UWAV) == UWAV_CHANGES[name]


@pytest.mark.parametrize("name", OURS)
def test_every_recipe_trains_on_pseudo_labels_of_a_generator_that_there_is(name):
    labels = load(name).labels

    assert labels.kind == "pseudo"
    assert labels.filtered
    assert labels.generator in ("", "valor", *recipe_names())
    assert labels.soft is (name != "ear/llp/han-valor")


def test_ear_and_uwav_share_features_schedule_and_losses():
    ear, uwav = load(EAR), load(UWAV)

    for part in ("features", "optimiser", "schedule", "training"):
        assert getattr(ear, part) == getattr(uwav, part)
    shared = dict(to_table(ear.model).items() & to_table(uwav.model).items())
    assert {"reweight_scale", "pos_share", "mix_alpha", "mix_weight", "width", "dropout"} <= {*shared}


def test_the_settings_are_those_of_the_papers():
    config = load(EAR)
    optimiser, schedule, training = config.optimiser, config.schedule, config.training

    assert (optimiser.kind, optimiser.lr, optimiser.beta1, optimiser.weight_decay) == ("adamw", 1e-4, 0.9, 1e-4)
    assert (schedule.kind, schedule.warm_up, schedule.lr_min) == ("cosine", 10, 5e-6)
    assert (training.epochs, training.batch, training.clip_norm) == (80, 64, 1.0)
    model = config.model
    assert (model.width, model.heads, model.feedforward, model.dropout) == (512, 16, 2048, 0.1)
    assert (model.erm_layers, model.mix_alpha, model.pos_share, model.reweight_scale) == (3, 1.7, 0.5, "code")


def test_han_with_the_labels_of_valor_is_trained_as_valor():
    assert differences("ear/llp/han-valor", "valor/llp/vggish") == {}


@pytest.mark.parametrize("name", OURS)
def test_every_recipe_takes_steps_that_lower_its_loss(make_batch, name):
    config = load(name)
    small = {"width": 16, "heads": 2, "feedforward": 16, "dropout": 0.0}
    small |= {"temporal_layers": 1, "event_width": 8} if config.parser == "ear" else {"layers": 1}
    config = replace(config, model=replace(config.model, **small))
    visual = (4,) * len(config.features.visual)
    widths = {config.features.audio: 6, **dict.fromkeys(config.features.visual, 4)}
    batch = taught(make_batch(visual=visual))
    batch = replace(batch, pseudo_labels=batch.pseudo_labels.round())
    torch.manual_seed(0)
    model = build_model(config, 3, widths).train()
    model.prepare(Material(label_rates=torch.full((2, 3), 0.25)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    totals = []
    for _ in range(8):
        loss = total(model.step(batch, 1).losses)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(loss.item())

    assert totals[-1] < 0.95 * totals[0]
