"""A training step that two processes take together. As a program, `RANK FILE OUT`, this is one of them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as processes
from torch import Tensor

from tests.trainer.models.small_generator import MIGRATING, small_generator
from tests.trainer.models.small_link import moved_link, with_joint
from tests.trainer.models.small_soft import SMALL_UWAV, small_ear, small_uwav, taught
from trainer.batch import Batch
from trainer.checkpoint import model_config_types
from trainer.engine.trainee import Trainee
from trainer.group import Group
from trainer.models import MODELS
from trainer.models.coleaf import ColeafConfig
from trainer.models.ecma import EcmaConfig
from trainer.models.han import HanConfig
from trainer.models.layers import Parser
from trainer.recipe_files import load_recipe

NARROW = {"width": 16, "heads": 2, "feedforward": 16, "dropout": 0.0, "visual_dropout": 0.0}
AT_ONCE = {"reference_dropout": 0.0, "reference_warmup_epochs": 0, "anchor_warmup_epochs": 0}
"""Settings of CoLeaF: all of its losses from the first epoch on."""


def small_weak(kind: str, config: HanConfig) -> Parser:
    torch.manual_seed(0)
    return MODELS[kind][1](config, 6, (4,), 3)


PARSERS = {
    "han": lambda: small_weak("han", HanConfig(**NARROW)),
    "coleaf": lambda: small_weak("coleaf", ColeafConfig(**NARROW, **AT_ONCE)),
    "ecma": lambda: small_weak("ecma", EcmaConfig(**NARROW, **AT_ONCE, warmup_epochs=0)),
    "ecma, means over clips": lambda: small_weak(
        "ecma", EcmaConfig(**NARROW, warmup_epochs=0, coleaf_aux=False, cma_norm="clip")
    ),
    "generator": lambda: small_generator(replace(MIGRATING, migration_scope="clip", uni_positive_weight=2.0)),
    "symmetric generator": lambda: small_generator(
        replace(MIGRATING, migration_scope="clip", architecture="symmetric")
    ),
    "uwav": lambda: small_uwav(replace(SMALL_UWAV, mix_alpha=0.0)),
    "ear": lambda: small_ear(mix_alpha=0.0),
    "ear, attention": lambda: small_ear(mix_alpha=0.0, erm="attention"),
    "link": moved_link,
    "link, a weight a clip": lambda: moved_link(pair_weighting="clip", label_loss="union"),
    "link, sums": lambda: moved_link(segment_reduction="sum_t", overlap="leap_code", plsim_masked=True),
}
"""Without what is drawn, and without what migrates between the clips of a process's part of a batch."""

MIXED = "uwav with mixup, of clips that are still"
_PARTS = (slice(0, 2), slice(2, 3))


def clips() -> Batch:
    """Clips of five, three and one segment, with labels of every kind; some cells are reviewed."""
    random = torch.Generator().manual_seed(0)
    reviewed = torch.full((3, 2, 5, 3), -1, dtype=torch.int8)
    reviewed[0, 0, 1, 2] = reviewed[2, 1, 0, 0] = 1
    batch = Batch(
        audio=torch.randn(3, 5, 6, generator=random),
        visual=(torch.randn(3, 5, 4, generator=random),),
        valid=torch.arange(5) < torch.tensor([5, 3, 1])[:, None],
        labels=torch.tensor([[1.0, 1, 0], [0, 1, 0], [-1, -1, -1]]),
        reviewed=reviewed,
        index=torch.arange(3),
        truth=torch.randint(-1, 2, (3, 5, 3), generator=random, dtype=torch.int8),
    )
    return with_joint(taught(batch))


def still(batch: Batch) -> Batch:
    """The batch with one segment, over and over, in the clips of each process: to mix them changes nothing."""
    alike = torch.tensor([0, 0, 2])
    return replace(
        batch,
        audio=batch.audio[alike, :1].expand(-1, 5, -1),
        visual=(batch.visual[0][alike, :1].expand(-1, 5, -1),),
        reviewed=torch.full_like(batch.reviewed, -1),
        pseudo_labels=batch.pseudo_labels[alike, :, :1].expand(-1, -1, 5, -1),
    )


def part_of(batch: Batch, clips: slice) -> Batch:
    fields = {
        name: value[clips] if isinstance(value, Tensor) else tuple(rows[clips] for rows in value)
        for name, value in vars(batch).items()
        if value is not None
    }
    return Batch(**fields)


def step(parser: Parser, batch: Batch, group: Group) -> dict[str, Tensor]:
    """The losses of a step, the gradients of every weight, and the buffers after it."""
    config = load_recipe("han/signal", ["training.clip_norm=0"], models=model_config_types())
    losses = Trainee(config, parser, group, torch.device("cpu")).step(batch, 1).losses
    found = {name: group.mean(loss.detach()) for name, loss in losses.items()}
    for name, parameter in parser.named_parameters():
        found[name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return found | dict(parser.named_buffers())


def main(rank: int, meeting: Path, out: Path) -> None:
    torch.set_num_threads(1)
    processes.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    group, part = Group(rank, 2), part_of(clips(), _PARTS[rank])
    found = {name: step(make(), part, group) for name, make in PARSERS.items()}
    found[MIXED] = step(small_uwav(), part_of(still(clips()), _PARTS[rank]), group)
    if group.is_first:
        torch.save(found, out)
    processes.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
