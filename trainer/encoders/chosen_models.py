"""Models that a person named once for encoders which come without any: a table beside the cached weights.

So `--model` need not be said each time, and jobs name no path outside their project.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from trainer.encoders.catalogue import ENCODERS
from trainer.encoders.encoding import EncoderError, Loading
from trainer.encoders.weights import cache_folder
from trainer.recipe_files import toml_value
from trainer.whole_files import written_whole

TABLE = "models.toml"
TAKERS = ("clip", "clap", "resnet152", "r2plus1d", "vggish")
"""The encoders for which a model can be chosen."""
_SHARED = {"clip-crop": "clip", "clap-map": "clap"}
"""Encoders that compute with the model of another."""
CHOOSE = "avvp-trainer encoders model"


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A folder or file of weights. `texts`: it also makes text features, by which tracks are found."""

    path: str
    texts: bool = False


def chosen_models() -> dict[str, ChosenModel]:
    """By the encoder they were chosen for. Raises EncoderError for a table that cannot be read."""
    path = cache_folder() / TABLE
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: ChosenModel(str(one["path"]), one.get("texts") is True) for name, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"{path}: cannot be read ({error}); delete it, and name the models again with `{CHOOSE}`"
        ) from error


def taker_of(encoder: str) -> str:
    """For which encoder a model has to be chosen that this one is to have."""
    return _SHARED.get(encoder, encoder)


def chosen_model(encoder: str) -> ChosenModel | None:
    """What an encoder is to compute with where nobody says otherwise. Raises EncoderError."""
    return chosen_models().get(taker_of(encoder)) if taker_of(encoder) in TAKERS else None


def choose_model(encoder: str, model: str, *, download: bool = False) -> tuple[ChosenModel, str]:
    """Keep a model for an encoder, once it is known to work; and why it makes no texts, where it should.

    Raises EncoderError, and OSError where the table cannot be written.
    """
    from trainer.encoders.hub import open_checkpoint
    from trainer.encoders.texts import TEXT_ENCODERS, encode_texts

    before, lack = chosen_models(), ""
    ENCODERS[encoder].load(Loading(model, download, device="cpu"))
    text_encoder = TEXT_ENCODERS.get(encoder)
    if text_encoder is not None:
        model = str(open_checkpoint(text_encoder.part, model, download=download).folder)
        try:
            encode_texts(encoder, model, ["a word"])
        except EncoderError as error:
            lack = str(error)
    chosen = ChosenModel(_absolute(model), text_encoder is not None and not lack)
    _write({**before, encoder: chosen})
    return chosen, lack


def forget_model(encoder: str) -> ChosenModel | None:
    """The model that was chosen and is not any more; its files stay. Raises EncoderError and OSError."""
    models = chosen_models()
    forgotten = models.pop(encoder, None)
    if forgotten is not None:
        _write(models)
    return forgotten


def _absolute(model: str) -> str:
    path = os.path.abspath(model)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise EncoderError(
            f"{path!r}: this name is not UTF-8 and cannot be kept; rename it, or give --model each time"
        ) from None
    return path


def _write(models: Mapping[str, ChosenModel]) -> None:
    path = cache_folder() / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, model in models.items():
        lines += [f"[{name}]", *(f"{key} = {toml_value(value)}" for key, value in asdict(model).items()), ""]
    with written_whole(path) as partial:
        partial.write_text("\n".join(lines), encoding="utf-8")
