"""Checkpoints: weights as safetensors with all that is needed to use them, and the state to resume a run from.

Every file is written whole and then renamed; nothing is ever unpickled.
"""

from __future__ import annotations

import io
import json
import pickle
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from trainer.config import Config, ConfigError
from trainer.features import Scaling
from trainer.models import MODELS
from trainer.models.layers import Parser
from trainer.recipe_files import config_from_table, to_table
from trainer.whole_files import written_whole

BEST_FILE, LAST_FILE, STATE_FILE = "best.safetensors", "last.safetensors", "state.pt"

_METADATA_KEY = "avvp"
_FORMAT = 1
_SCALING = "scaling."
_FROM_START = "delete it to train this run from its start"


class CheckpointError(ValueError):
    """A checkpoint or a resume state that cannot be used, and why."""


def model_config_types() -> dict[str, type]:
    """Each parser's name and the dataclass of its own settings, as `trainer.recipe_files` asks for them."""
    return {name: config_type for name, (config_type, _) in MODELS.items()}


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """All that is said about the weights beside them.

    `widths`: the columns of each feature set that was used. `labels`: the hash of the dataset that was trained
    on (`trainer.annotations.labels_hash`). The optimiser and the generators are in the resume state of the run.
    """

    config: Config
    categories: tuple[str, ...]
    widths: Mapping[str, int]
    epoch: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    run: str = ""
    labels: str = ""
    scaling: Scaling | None = field(default=None, compare=False)
    """What the features were standardised by; kept with the weights, not in the JSON."""

    def to_json(self) -> str:
        return json.dumps(
            {
                "format": _FORMAT,
                "config": to_table(self.config),
                "categories": self.categories,
                "widths": dict(self.widths),
                "epoch": self.epoch,
                "metrics": dict(self.metrics),
                "created": self.created,
                "run": self.run,
                "labels": self.labels,
            },
            ensure_ascii=False,
        )


def build_model(config: Config, categories: int, widths: Mapping[str, int]) -> Parser:
    """The parser that the config describes, with fresh weights."""
    _, model_type = MODELS[config.parser]
    features = config.features
    visual_widths = tuple(widths[name] for name in features.visual)
    joint = {"joint_widths": tuple(widths[name] for name in features.joint)} if features.joint else {}
    return model_type(config.model, widths[features.audio], visual_widths, categories, **joint)


def save_checkpoint(path: Path, model: Parser, info: CheckpointInfo) -> None:
    """Write weights and info, whole, then renamed into place."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if info.scaling is not None:
        for i, (mean, deviation) in enumerate(zip(info.scaling.means, info.scaling.deviations, strict=True)):
            weights[f"{_SCALING}mean.{i}"] = torch.from_numpy(mean)
            weights[f"{_SCALING}deviation.{i}"] = torch.from_numpy(deviation)
    # Not save_file: that makes a file which only its owner may read.
    with written_whole(path) as partial:
        partial.write_bytes(save(weights, metadata={_METADATA_KEY: info.to_json()}))


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint says about itself. Raises CheckpointError when it is missing, damaged or not ours."""
    info, _ = _read(path)
    return info


def load_checkpoint(path: Path, device: torch.device) -> tuple[Parser, CheckpointInfo]:
    """The parser with its trained weights, ready to parse. Raises CheckpointError as `read_info` does."""
    info, weights = _read(path)
    model = build_model(info.config, len(info.categories), info.widths)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise CheckpointError(
            f"{path}: its weights do not fit its own config: damaged, or of another version of the trainer; "
            f"train again ({first})"
        ) from error
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise CheckpointError(
            f"{path}: its weights are not all finite numbers: the training was lost; train again"
        )
    return model.to(device).eval(), info


def _read(path: Path) -> tuple[CheckpointInfo, dict[str, torch.Tensor]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged, or not a safetensors file ({error})") from error
    if _METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path}: not a checkpoint of this trainer: it does not say its recipe and categories"
        )
    try:
        table: dict[str, Any] = json.loads(metadata[_METADATA_KEY])
        if table["format"] != _FORMAT:
            raise CheckpointError(
                f"{path}: written by another version of the trainer (format {table['format']})"
            )
        info = CheckpointInfo(
            config=config_from_table(table["config"], str(path), models=model_config_types()),
            categories=tuple(table["categories"]),
            widths={str(name): int(width) for name, width in table["widths"].items()},
            epoch=int(table["epoch"]),
            metrics=table["metrics"],
            created=float(table["created"]),
            run=str(table["run"]),
            labels=str(table.get("labels", "")),
            scaling=_take_scaling(weights),
        )
    except (CheckpointError, ConfigError):
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: what it says about itself is damaged ({error!r})") from error
    return info, weights


def _take_scaling(weights: dict[str, torch.Tensor]) -> Scaling | None:
    """Take what is not the model's out of the weights."""
    taken = {name: weights.pop(name).numpy() for name in list(weights) if name.startswith(_SCALING)}
    if not taken:
        return None
    sets = range(len(taken) // 2)
    means, deviations = (tuple(taken[f"{_SCALING}{kind}.{i}"] for i in sets) for kind in ("mean", "deviation"))
    return Scaling(means, deviations)


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write what a stopped run needs to go on: tensors and plain values only."""
    content = io.BytesIO()  # to a file, torch would say of a full disk only that it failed
    torch.save(dict(state), content)
    with written_whole(path) as partial:
        partial.write_bytes(content.getbuffer())


def load_state(path: Path) -> dict[str, Any]:
    """Read it back, on the CPU. Raises CheckpointError when it is damaged or holds anything but plain data."""
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path}: cannot be resumed from: damaged, or not a resume state; {_FROM_START}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"it is a {type(state).__name__}")
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path}: cannot be resumed from: damaged, or not a resume state ({first}); {_FROM_START}"
        ) from error
    return state
