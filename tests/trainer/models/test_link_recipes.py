"""The recipes of LINK: each is its row of a table or an open choice, and changes only what its name says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_link import JOINT_WIDTHS, linked, material
from tests.trainer.models.small_soft import total
from tests.trainer.recipe_settings import differences, load
from trainer.checkpoint import build_model
from trainer.recipe_files import recipe_names

FULL, BASE = "link/llp/full", "link/llp/base"
JOINT = ["clap512", "clip"]

OFF = {
    "features.joint": [],
    "model.tsa": "none",
    "model.cmim": False,
    "model.plsim": False,
    "model.label_weight": 0.0,
    "model.similarity_weight": 0.0,
}
CHANGES: dict[str, dict[str, object]] = {
    BASE: OFF,
    "link/llp/avss-unweighted": {"model.pair_weighting": "none"},
    "link/llp/mu-fixed": {"model.mu_trainable": False},
    "link/llp/no-han": {"model.layers": 0},
    "link/llp/plsim-masked-train": {"model.plsim_masked": True},
    "link/llp/leap": {"model.overlap": "leap_code", "model.pair_weighting": "none"},
    "link/llp/sum-t": {"model.segment_reduction": "sum_t"},
    "link/llp/alpha-0": {"model.alpha_start": 0.0},
    "link/llp/alpha-0.1": {"model.alpha_start": 0.1},
    "link/llp/mug-schedule": {"training.epochs": 20},
}
"""The settings in which a recipe is not the whole of LINK."""

ADDED: dict[str, dict[str, object]] = {
    "link/llp/w-sloss": {"model.label_weight": 1.0, "model.similarity_weight": 1.0},
    "link/llp/w-tsam": {"model.tsa": "both", "model.cmim": True},
    "link/llp/w-plsim": {"model.plsim": True, "features.joint": JOINT},
    "link/llp/tsa-only": {"model.tsa": "both"},
    "link/llp/cmim-only": {"model.cmim": True},
}
"""What a recipe adds to the base."""

OURS = [FULL, *CHANGES, *ADDED, "link/signal", "link/default"]


def test_every_row_and_every_open_choice_has_a_recipe_and_nothing_else_does():
    assert {name for name in recipe_names() if load(name).parser == "link"} == {*OURS}


def test_the_whole_carries_the_ten_numbers_of_table_i_and_no_other_recipe_claims_any():
    numbers = "69.7 69.0 62.1 66.9 68.5 63.4 64.9 55.7 61.3 60.8"

    assert load(FULL).published == tuple(map(float, numbers.split()))
    assert load(FULL).source == "LINK, Table I"
    assert [name for name in OURS if load(name).published] == [FULL]


@pytest.mark.parametrize("name", CHANGES)
def test_a_variant_changes_what_it_is_named_for_and_nothing_else(name):
    assert differences(name, FULL) == CHANGES[name]


@pytest.mark.parametrize("name", ADDED)
def test_a_component_is_added_to_the_base_and_nothing_else_is(name):
    assert differences(name, BASE) == ADDED[name]


def test_the_components_of_table_ii_make_the_whole_together():
    added = {
        key: value
        for row in ("w-sloss", "w-tsam", "w-plsim")
        for key, value in ADDED[f"link/llp/{row}"].items()
    }

    assert differences(FULL, BASE) == added


@pytest.mark.parametrize("name", OURS)
def test_every_recipe_trains_on_hard_filtered_labels_and_reads_texts_only_for_plsim(name):
    config = load(name)
    labels = config.labels

    assert (labels.kind, labels.soft, labels.filtered) == ("pseudo", False, True)
    assert labels.generator == ("" if name in ("link/signal", "link/default") else "valor")
    assert list(config.features.joint) == (JOINT if config.model.plsim else [])


def test_features_schedule_and_sizes_are_those_of_valor():
    config = load(FULL)
    optimiser, schedule, training, model = config.optimiser, config.schedule, config.training, config.model

    assert (config.features.audio, config.features.visual) == ("clap", ("clip", "r2plus1d_18"))
    assert (optimiser.kind, optimiser.lr, optimiser.beta1, optimiser.weight_decay) == ("adamw", 3e-4, 0.5, 1e-3)
    assert (schedule.kind, schedule.warm_up, schedule.lr_min) == ("cosine", 10, 3e-6)
    assert (training.epochs, training.batch, training.clip_norm) == (60, 64, 1.0)
    assert (model.width, model.heads, model.feedforward, model.layers, model.dropout) == (256, 8, 1024, 4, 0.1)
    assert (model.segments, model.mu_start, model.alpha_start, model.beta_start) == (10, 0.0, 1.0, 1.0)


def test_the_base_is_valor_with_clap_and_clip():
    """But for the seed, of which LINK says nothing."""
    link, valor = load(BASE), load("valor/llp/clip")

    for part in ("features", "labels", "optimiser", "schedule", "prediction"):
        assert getattr(link, part) == getattr(valor, part)
    assert replace(link.training, seed=0) == replace(valor.training, seed=0)
    shared = {"width", "heads", "feedforward", "layers", "dropout", "han_update"}
    assert all(getattr(link.model, key) == getattr(valor.model, key) for key in shared)


@pytest.mark.parametrize("name", OURS)
def test_every_recipe_takes_steps_that_lower_its_loss(make_batch, name):
    config = load(name)
    small = {"width": 16, "heads": 2, "feedforward": 16, "dropout": 0.0, "layers": min(1, config.model.layers)}
    config = replace(config, model=replace(config.model, **small))
    sets = config.features
    widths = dict.fromkeys(sets.visual, 4) | {sets.audio: 6}
    joint = dict(zip(sets.joint, JOINT_WIDTHS, strict=False))
    batch = linked(make_batch(visual=tuple((widths | joint)[name] for name in sets.visual)))
    torch.manual_seed(0)
    model = build_model(config, 3, widths | joint).train()
    model.prepare(material())
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    totals = []
    for _ in range(8):
        loss = total(model.step(batch, 1).losses)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(loss.item())

    assert totals[-1] < 0.95 * totals[0]
