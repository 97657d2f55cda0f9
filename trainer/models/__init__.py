"""The parsers by name: each a config and the model that it configures, one file per paper."""

from __future__ import annotations

from typing import Any

from trainer.models.coleaf import Coleaf, ColeafConfig
from trainer.models.ear import Ear, EarConfig
from trainer.models.ecma import Ecma, EcmaConfig
from trainer.models.generator import Generator, GeneratorConfig
from trainer.models.han import Han, HanConfig
from trainer.models.layers import Parser
from trainer.models.link import Link, LinkConfig
from trainer.models.uwav import Uwav, UwavConfig

MODELS: dict[str, tuple[type[Any], type[Parser]]] = {
    "han": (HanConfig, Han),
    "coleaf": (ColeafConfig, Coleaf),
    "ecma": (EcmaConfig, Ecma),
    "generator": (GeneratorConfig, Generator),
    "uwav": (UwavConfig, Uwav),
    "ear": (EarConfig, Ear),
    "link": (LinkConfig, Link),
}
