"""The recipes of weak supervision: every table row of E-CMANet, every swept value, and each of them trains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from tests.trainer.recipe_settings import differences, load
from trainer.batch import Batch
from trainer.checkpoint import build_model
from trainer.config import Config
from trainer.metrics import METRICS
from trainer.recipe_files import recipe_names, to_table

HAN = [60.1, 52.9, 48.9, 54.0, 55.4, 51.3, 48.9, 43.0, 47.7, 48.0]
COLEAF = [64.2, 67.1, 59.8, 63.8, 61.9, 57.1, 64.8, 52.8, 58.2, 55.5]
COLEAF_DAGGER = [64.2, 67.4, 59.9, 63.8, 63.3, 53.2, 64.1, 52.4, 56.6, 52.7]
WITHOUT_CMA = [65.4, 68.2, 60.4, 64.7, 64.4, 54.4, 64.7, 52.3, 57.2, 53.8]
WITHOUT_EMA = [65.9, 68.8, 61.0, 65.2, 64.8, 54.5, 65.5, 52.9, 57.7, 54.0]
FULL = [66.1, 69.9, 61.7, 65.9, 65.4, 54.5, 66.6, 53.5, 58.2, 54.3]

PRINTED = {
    # Table 1 of E-CMANet, where its parsers and those that it builds on stand
    "han/llp/vggish": ("Table 1", HAN),
    "coleaf/llp/vggish": ("Table 1", COLEAF),
    "ecma/llp/full": ("Table 1", FULL),
    # Table 3, row by row
    "coleaf/llp/clip": ("Table 3, row 1", COLEAF_DAGGER),
    "ecma/llp/coleaf-dagger": ("Table 3, row 1", COLEAF_DAGGER),
    "ecma/llp/no-cma": ("Table 3, row 2", WITHOUT_CMA),
    "ecma/llp/no-ema": ("Table 3, row 3", WITHOUT_EMA),
}
PRINTED_OF_UNAV = {"han/unav": (35.0, 41.4), "coleaf/unav": (41.5, 47.8), "ecma/unav/full": (41.8, 47.4)}
"""Table 2: segment/AV and event/AV."""

SWEEPS: dict[str, tuple[str, object, dict[str, object]]] = {
    "alpha": ("ema_decay", 0.99, {"0.9": 0.9, "0.996": 0.996, "0.999": 0.999}),
    "gamma": ("mask_gamma", 1.0, {"0.8": 0.8, "1.2": 1.2, "1.5": 1.5}),
    "k": ("mask_k", 3, {"1": 1, "2": 2, "5": 5}),
    "tau": ("tau_audio", 0.5, {"0.3": 0.3, "0.6": 0.6, "0.7": 0.7, "0.8": 0.8}),
    "period": ("mask_period", 0, {"1": 1, "2": 2}),
    "warmup": ("warmup_epochs", 1, {"0": 0, "2": 2, "3": 3}),
}
"""The setting of each sweep, its value in the complete recipe, and the others by their recipe."""

SWITCHES: dict[str, dict[str, object]] = {
    "ecma/llp/mask-topk": {"mask_mode": "topk"},
    "ecma/llp/ungated": {"mask_gate_by_label": False},
    "ecma/llp/no-cma": {"cma": False},
    "ecma/llp/no-ema": {"ema": False},
    "ecma/llp/coleaf-dagger": {"ema": False, "cma": False},
    "ecma/llp/strict-eq9": {"coleaf_aux": False, "audio_video_weight": 1.0, "video_weight": 1.0},
}
OTHERS = {
    *("ecma/sweep/schedule-valor", "han/llp/clip"),
    *("han/signal", "coleaf/signal", "ecma/signal"),
    *("han/default", "coleaf/default", "ecma/default"),
}


WEAK = [name for name in recipe_names() if load(name).labels.kind == "video"]
"""Those of generators and of parsers on pseudo-labels are in tests/trainer/models."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The models here are tiny: several threads would only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def sweep_recipes() -> list[tuple[str, str, object]]:
    """Every swept value: its recipe, its setting, and the value."""
    return [
        (f"ecma/sweep/{sweep}-{text}", setting, value)
        for sweep, (setting, _, values) in SWEEPS.items()
        for text, value in values.items()
    ]


def test_every_row_of_the_tables_and_every_swept_value_has_a_recipe_and_nothing_else_does() -> None:
    swept = {name for name, _, _ in sweep_recipes()}
    assert {*WEAK} == {*PRINTED, *PRINTED_OF_UNAV, *SWITCHES, *OTHERS, *swept}


@pytest.mark.parametrize("name", PRINTED)
def test_a_recipe_of_llp_carries_the_ten_numbers_of_its_row(name: str) -> None:
    table, numbers = PRINTED[name]
    config = load(name)
    assert list(config.published) == numbers
    assert f"E-CMANet, {table}" in config.source
    # The papers' type column is the mean of the first three, to what rounding leaves of it.
    for level in (numbers[:5], numbers[5:]):
        assert sum(level[:3]) / 3 == pytest.approx(level[3], abs=0.11)


@pytest.mark.parametrize("name", PRINTED_OF_UNAV)
def test_a_recipe_of_unav_carries_the_two_numbers_that_are_printed(name: str) -> None:
    config = load(name)
    printed = {
        metric: number
        for metric, number in zip(METRICS, config.published, strict=True)
        if not math.isnan(number)
    }
    assert printed == dict(zip(("segment/AV", "event/AV"), PRINTED_OF_UNAV[name], strict=True))
    assert "E-CMANet, Table 2" in config.source
    assert config.training.select_by == "segment/AV"
    assert config.features.resample


def test_no_other_recipe_claims_published_numbers() -> None:
    claiming = {name for name in WEAK if load(name).published}
    assert claiming == {*PRINTED, *PRINTED_OF_UNAV}


@pytest.mark.parametrize(("name", "setting", "value"), sweep_recipes())
def test_a_sweep_changes_its_setting_and_nothing_else(name: str, setting: str, value: object) -> None:
    base = "ecma/llp/mask-topk" if setting == "mask_k" else "ecma/llp/full"
    expected = {f"model.{setting}": value}
    if setting == "tau_audio":
        expected["model.tau_visual"] = value
    assert differences(name, base) == expected


def test_the_complete_recipe_has_the_value_that_each_sweep_leaves_out() -> None:
    model = load("ecma/llp/full").model
    assert {setting: getattr(model, setting) for setting, _, _ in SWEEPS.values()} == {
        setting: value for setting, value, _ in SWEEPS.values()
    }
    assert model.tau_visual == model.tau_audio


@pytest.mark.parametrize("name", SWITCHES)
def test_a_variant_switches_what_it_is_named_for_and_nothing_else(name: str) -> None:
    expected = {f"model.{setting}": value for setting, value in SWITCHES[name].items()}
    assert differences(name, "ecma/llp/full") == expected


def test_the_ablation_down_to_coleaf_trains_as_coleaf_does() -> None:
    one, other = load("ecma/llp/coleaf-dagger"), load("coleaf/llp/clip")
    for section in ("features", "optimiser", "schedule", "training", "prediction"):
        assert getattr(one, section) == getattr(other, section)
    assert to_table(other.model).items() <= to_table(one.model).items()


def shrunk(config: Config) -> Config:
    small = {"width": 16, "feedforward": 16, "dropout": 0.0, "visual_dropout": 0.0}
    if config.parser != "han":
        small["reference_dropout"] = 0.0
    return replace(config, model=replace(config.model, **small))


def random_batch(config: Config, *, reviewed: bool) -> Batch:
    """Clips of six, four and one segment, the last without labels; with `reviewed` some cells of each."""
    random = torch.Generator().manual_seed(2)
    clips, segments, categories = 3, 6, 4
    states = torch.full((clips, 2, segments, categories), -1, dtype=torch.int8)
    if reviewed:
        states[0, :, :, 0] = 0
        states[1, 0, 2, 1] = 1
        states[2, 1, 0, 2] = 1
    labels = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 0], [-1, -1, -1, -1]])
    return Batch(
        audio=torch.randn(clips, segments, 5, generator=random),
        visual=tuple(torch.randn(clips, segments, 7, generator=random) for _ in config.features.visual),
        valid=torch.arange(segments) < torch.tensor([6, 4, 1])[:, None],
        labels=labels,
        reviewed=states,
        index=torch.arange(clips),
    )


@pytest.mark.parametrize("name", WEAK)
def test_every_recipe_trains(name: str) -> None:
    config = shrunk(load(name))
    widths = {config.features.audio: 5, **dict.fromkeys(config.features.visual, 7)}
    torch.manual_seed(0)
    model = build_model(config, 4, widths).train()
    late = 9  # every loss has begun
    model.start_epoch(late)
    unreviewed = model.step(random_batch(config, reviewed=False), late).losses
    assert all(bool(loss.isfinite()) for loss in unreviewed.values())
    assert not unreviewed["reviewed"]

    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-2)
    batch, totals = random_batch(config, reviewed=True), []
    for _ in range(8):
        losses = model.step(batch, late).losses
        assert losses["reviewed"]
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        model.after_step()
        totals.append(total.item())
    assert all(math.isfinite(total) for total in totals)
    assert totals[-1] < 0.9 * totals[0]
