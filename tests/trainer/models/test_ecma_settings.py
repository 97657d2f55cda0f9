"""E-CMANet with parts switched off, down to CoLeaF, and settings that are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_ecma import LATE, SMALL, small_ecma
from trainer.models.coleaf import Coleaf, ColeafConfig
from trainer.models.ecma import EcmaConfig


def test_what_is_off_is_neither_made_nor_computed(make_batch):
    batch = make_batch()
    no_ema, no_cma = small_ecma(replace(SMALL, ema=False)), small_ecma(replace(SMALL, cma=False))

    without_teacher, without_pairs = no_ema.step(batch, LATE), no_cma.step(batch, LATE)

    assert no_ema.teacher is None
    assert "pseudo" not in without_teacher.losses
    assert not {"teacher", "thresholds", "mask"} & set(without_teacher.supervision)
    assert "cma" not in without_pairs.losses
    assert not {"pairs", "similarity"} & set(without_pairs.supervision)
    no_ema.after_step()


def test_without_both_modules_it_is_coleaf(make_batch):
    batch = make_batch()
    names = {"student.": "anchor."}
    bare = small_ecma(replace(SMALL, ema=False, cma=False))
    torch.manual_seed(0)
    coleaf = Coleaf(ColeafConfig(width=16, feedforward=32), 6, (4,), 3)
    weights = {name.replace("student.", names["student."]): value for name, value in bare.state_dict().items()}
    del weights["steps"]
    coleaf.load_state_dict(weights)

    found = []
    for model in (bare, coleaf):
        torch.manual_seed(1)  # the same dropout
        found.append(model.step(batch, 5).losses)

    assert found[0] == found[1]


def test_the_literal_equation_9_adds_nothing_of_coleaf(make_batch):
    strict = small_ecma(replace(SMALL, coleaf_aux=False))

    losses = strict.step(make_batch(), LATE).losses

    assert set(losses) == {"audio_video", "visual_video", "video", "reviewed", "pseudo", "cma"}
    assert not any(name.startswith("reference") for name, _ in strict.named_parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask_mode": "best"}, 'not "best"'),
        ({"ema_decay": 1.0}, r"in \[0, 1\), not 1.0"),
        ({"mask_k": 0}, "not 0"),
        ({"mask_k_share": 1.5}, r"in \[0, 1\], not 1.5"),
        ({"mask_period": -1}, "not -1"),
        ({"cma_on": "raw"}, 'attended, projected, not "raw"'),
        ({"pseudo_norm": "all"}, 'clip, batch, not "all"'),
        ({"parse_with": "teacher", "ema": False}, "parse_with .* needs a teacher"),
        ({"mask_period": 1, "ema": False}, "mask_period needs a teacher"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        EcmaConfig(**settings)
