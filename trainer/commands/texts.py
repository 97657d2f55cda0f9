"""`texts`: text features of categories, by a text encoder or out of a file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import read_categories
from trainer.captions import read_captions
from trainer.commands.arguments import Subcommands, add_run_dir
from trainer.jobs import UsageError, check_folder, read_noted
from trainer.labels import Modality
from trainer.parses import NPZ_DAMAGE
from trainer.protocol import Finished, Note, Reporter, Started
from trainer.texts import (
    TEMPLATES,
    TextFeatures,
    caption,
    check_rows,
    read_text_file,
    texts_path,
    write_texts,
)

_ENCODERS = {"clip": Modality.VISUAL, "clap": Modality.AUDIO}


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "texts",
        help="make text features of categories",
        description="Make text features of categories, beside the feature set in whose space they "
        "are. Those of other categories that are there already are kept.",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--encoder", choices=[*_ENCODERS], help="needs the package transformers")
    which.add_argument(
        "--from", dest="rows", type=Path, metavar="FILE.npy", help="rows in the order of the categories"
    )
    command.add_argument("--model", metavar="FOLDER", help="of the encoder; or its name, with --download")
    command.add_argument("--download", action="store_true", help="the model may be fetched from the hub")
    command.add_argument("--set", metavar="NAME", help="the feature set; clip's is clip, clap's is clap512")
    whose = command.add_mutually_exclusive_group(required=True)
    whose.add_argument("--dataset", type=Path, metavar="DIR")
    whose.add_argument("--categories", type=Path, metavar="FILE", help="one a line, of any vocabulary")
    command.add_argument("--out", type=Path, required=True, metavar="FEATURES")
    usual = "; ".join(f'{modality} "{template}"' for modality, template in TEMPLATES.items())
    said = command.add_mutually_exclusive_group()
    said.add_argument("--template", metavar="T", help=f"what is said of a category; {usual}")
    said.add_argument(
        "--captions", metavar="NAME|FILE", help="a caption for each category: llp (VALOR's), unav100, or a file"
    )
    add_run_dir(command)
    command.set_defaults(command=texts)


def texts(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Make text features, or take them out of a file."""
    _check(arguments)
    reporter.send(Started(kind="texts", pid=os.getpid()))
    given: Path | None = arguments.categories
    categories = read_categories(given) if given else read_noted(arguments.dataset, reporter).categories
    made = _rows_of_file(arguments, categories) if arguments.rows else _encoded(arguments, categories)
    path = texts_path(arguments.out, _set_name(arguments))
    known = read_text_file(path).categories if path.is_file() else ()
    if replaced := [category for category in categories if category in known]:
        reporter.send(Note(text=f"those of {len(replaced)} categories were there, and are replaced"))
    write_texts(arguments.out, _set_name(arguments), made)
    such = f", such as {made.captions[0]!r}" if made.captions[0] else ""
    text = f"text features of {len(categories)} categories, {made.features.shape[1]} columns{such}"
    reporter.send(Note(text=text))
    reporter.send(Finished(outputs={"texts": str(path)}))


def _check(arguments: argparse.Namespace) -> None:
    if arguments.rows is None and arguments.model is None:
        from trainer.encoders.chosen_models import CHOOSE, chosen_model

        chosen = chosen_model(arguments.encoder)
        if chosen is None:
            raise UsageError(
                f"--encoder {arguments.encoder} needs --model: the folder that holds it; or name that once "
                f"with `{CHOOSE} {arguments.encoder} FOLDER`"
            )
        arguments.model = chosen.path
    if arguments.rows is not None and (arguments.model or arguments.download):
        raise UsageError("--from takes rows that are there: leave out --model and --download")
    if arguments.rows is not None and arguments.set is None:
        raise UsageError("--from needs --set: the feature set in whose space the rows are")
    texts_path(arguments.out, _set_name(arguments))  # refuses what names no set
    check_folder(arguments.out)
    if arguments.template is not None:
        caption(arguments.template, "")  # refuses what is no template


def _set_name(arguments: argparse.Namespace) -> str:
    if arguments.set is not None:
        name: str = arguments.set
        return name
    from trainer.encoders.texts import TEXT_ENCODERS

    return TEXT_ENCODERS[arguments.encoder].features


def _encoded(arguments: argparse.Namespace, categories: tuple[str, ...]) -> TextFeatures:
    from trainer.encoders.texts import encode_texts

    captions, said = _captions(arguments, categories, TEMPLATES[_ENCODERS[arguments.encoder]])
    features = encode_texts(arguments.encoder, arguments.model, captions, download=arguments.download)
    encoder = f"{arguments.encoder} {Path(arguments.model).name}"
    return TextFeatures(categories, captions, features, {"encoder": encoder, **said})


def _rows_of_file(arguments: argparse.Namespace, categories: tuple[str, ...]) -> TextFeatures:
    """The rows as they are; nobody says of what captions, unless a template or captions are given."""
    path: Path = arguments.rows
    features = _load(path)
    if features.ndim != 2 or len(features) != len(categories):
        raise UsageError(
            f"{path}: is of shape {features.shape}; there must be one row for each of the {len(categories)} "
            "categories, in their order"
        )
    check_rows(path, features, categories)
    captions, said = _captions(arguments, categories, "")
    return TextFeatures(categories, captions, features, {"encoder": f"file {path.name}", **said})


def _captions(
    arguments: argparse.Namespace, categories: tuple[str, ...], usual: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The captions of the categories, and what text features say of how they were made.

    `usual`: the template where nothing else is asked for; none where nobody says what the captions are.
    """
    if arguments.captions is None:
        template = arguments.template or usual
        said = (caption(template, category) if template else "" for category in categories)
        return tuple(said), {"template": template}
    captions = read_captions(arguments.captions)
    return captions.of(_modality(arguments), categories), {"template": "", "captions": captions.name}


def _modality(arguments: argparse.Namespace) -> Modality:
    """What the captions are of."""
    if arguments.encoder is not None:
        return _ENCODERS[arguments.encoder]
    from trainer.encoders.texts import TEXT_ENCODERS

    known = {encoder.features: encoder.modality for encoder in TEXT_ENCODERS.values()}
    if arguments.set not in known:
        raise UsageError(
            f"--captions has one for audio and one for visual, and nothing says which of them --set "
            f"{arguments.set} is; leave it out, or give one of {', '.join(known)}"
        )
    return known[arguments.set]


def _load(path: Path) -> NDArray[np.float32]:
    try:
        features = np.load(path, allow_pickle=False)
        if not isinstance(features, np.ndarray) or features.dtype.kind not in "fiu":
            raise UsageError(f"{path}: holds no array of plain numbers")
        with np.errstate(over="ignore"):  # infinite, which is refused
            return np.asarray(features, np.float32)
    except UsageError:
        raise
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except NPZ_DAMAGE as error:
        raise UsageError(f"{path}: damaged, or no array of numbers") from error
