"""The parsers by name: each a config and the model that it configures, one file per paper."""

from __future__ import annotations

from typing import Any

from trainer.models.coleaf import Coleaf, ColeafConfig
from trainer.models.ecma import Ecma, EcmaConfig
from trainer.models.han import Han, HanConfig

MODELS: dict[str, tuple[type[Any], type[Han] | type[Coleaf] | type[Ecma]]] = {
    "han": (HanConfig, Han),
    "coleaf": (ColeafConfig, Coleaf),
    "ecma": (EcmaConfig, Ecma),
}
