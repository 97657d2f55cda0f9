"""VALOR's recipes: its HAN, its losses and its schedule, taught by hard labels that its rule makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from tests.trainer.models.small_soft import taught
from tests.trainer.recipe_settings import load
from trainer.checkpoint import build_model
from trainer.config import Config
from trainer.recipe_files import recipe_names

PLUS, PLUS_PLUS, BASE = "valor/llp/vggish", "valor/llp/clip", "valor/llp/base"
OURS = (PLUS, PLUS_PLUS, BASE, "valor/signal", "valor/default")


def test_valor_has_these_recipes_and_no_other():
    assert {name for name in recipe_names() if name.startswith("valor/")} == {*OURS}


@pytest.mark.parametrize(
    ("name", "source", "numbers", "mean"),
    [
        (PLUS, "EAR, Table I and S-X", "62.8 66.7 60.0 63.2 62.3 57.1 63.9 54.4 58.5 55.9", 60.5),
        (PLUS_PLUS, "EAR, Table II", "68.1 68.4 61.9 66.2 66.8 61.2 64.7 55.5 60.4 59.0", 63.2),
    ],
)
def test_a_recipe_carries_the_ten_numbers_of_its_row(name, source, numbers, mean):
    config = load(name)

    assert source in config.source
    assert config.published == tuple(map(float, numbers.split()))
    assert sum(config.published) / 10 == pytest.approx(mean, abs=0.051)


def test_valor_without_plus_and_those_of_small_projects_claim_no_numbers():
    for name in (BASE, "valor/signal", "valor/default"):
        assert not load(name).published


@pytest.mark.parametrize(
    ("name", "sizes", "rates", "seed"),
    [
        (PLUS, (256, 8, 1024, 4), (3e-4, 3e-6), 64),
        (PLUS_PLUS, (256, 8, 1024, 4), (3e-4, 3e-6), 87),
        (BASE, (512, 8, 1024, 1), (1e-4, 1e-6), 1000),
    ],
)
def test_the_settings_are_those_of_its_code(name, sizes, rates, seed):
    config = load(name)
    model, optimiser, schedule, training = config.model, config.optimiser, config.schedule, config.training

    assert (model.width, model.heads, model.feedforward, model.layers) == sizes
    assert (model.dropout, model.projection, model.han_update) == (0.1, "han", "sequential")
    assert (optimiser.kind, optimiser.beta1, optimiser.beta2) == ("adamw", 0.5, 0.999)
    assert (optimiser.weight_decay, optimiser.lr, schedule.lr_min) == (1e-3, *rates)
    assert (schedule.kind, schedule.warm_up) == ("cosine", 10)
    assert (training.epochs, training.batch, training.clip_norm, training.seed) == (60, 64, 1.0, seed)
    assert training.select_by == "segment/Type@AV"
    assert not config.prediction.strict


def test_the_features_are_those_of_its_releases():
    plus, plus_plus = load(PLUS).features, load(PLUS_PLUS).features

    assert (plus.audio, plus.visual) == ("vggish", ("res152", "r2plus1d_18"))
    assert (plus_plus.audio, plus_plus.visual) == ("clap", ("clip", "r2plus1d_18"))


@pytest.mark.parametrize("name", OURS)
def test_hard_labels_teach_it_which_its_own_rule_makes_on_llp(name):
    labels = load(name).labels

    assert (labels.kind, labels.soft, labels.filtered) == ("pseudo", False, True)
    assert labels.generator == ("" if name in ("valor/signal", "valor/default") else "valor")


def small(name: str) -> Config:
    config = load(name)
    sizes = {"width": 16, "heads": 2, "feedforward": 16, "layers": 1, "dropout": 0.0}
    return replace(config, model=replace(config.model, **sizes))


@pytest.mark.parametrize("name", OURS)
def test_its_loss_is_that_of_the_video_and_of_the_segments_of_each_modality(make_batch, name):
    """4.1.2 of the specification: three means, each of weight 1."""
    config = small(name)
    batch = taught(make_batch(visual=(4,) * len(config.features.visual)))
    known = batch.labels != -1
    pseudo = batch.pseudo_labels.round()
    batch = replace(batch, pseudo_labels=pseudo, reviewed=torch.full_like(batch.reviewed, -1))
    widths = {config.features.audio: 6, **dict.fromkeys(config.features.visual, 4)}
    torch.manual_seed(0)
    model = build_model(config, 3, widths).eval()

    losses = model.step(batch, 1).losses
    output = model(batch)

    assert {key for key, loss in losses.items() if loss} == {"audio_segments", "visual_segments", "video"}
    for axis, key in enumerate(("audio_segments", "visual_segments")):
        logits, wanted = (x[:, axis][batch.valid] for x in (output.logits, pseudo))
        torch.testing.assert_close(losses[key], binary_cross_entropy_with_logits(logits, wanted))
    video = output.video.clamp(1e-7, 1 - 1e-7)[known]
    torch.testing.assert_close(losses["video"], binary_cross_entropy(video, batch.labels[known].float()))


@pytest.mark.parametrize("name", OURS)
def test_a_recipe_takes_steps_that_lower_its_loss(make_batch, name):
    config = small(name)
    batch = taught(make_batch(visual=(4,) * len(config.features.visual)))
    batch = replace(batch, pseudo_labels=batch.pseudo_labels.round())
    widths = {config.features.audio: 6, **dict.fromkeys(config.features.visual, 4)}
    torch.manual_seed(0)
    model = build_model(config, 3, widths).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    totals = []
    for _ in range(8):
        loss = sum(model.step(batch, 1).losses.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(loss.item())

    assert totals[-1] < 0.95 * totals[0]
