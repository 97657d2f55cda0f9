"""The command line of a pipeline on a small pair, and what it said."""

from __future__ import annotations

from pathlib import Path

from tests.trainer.pairs import GENERATOR, PARSER, Pair, options
from trainer.protocol import MESSAGES_FILE, Message, Note, Stage, read_message


def arguments(pair: Pair, *more: object, recipe: str = "ear/llp/vggish", by: str = "source") -> list[str]:
    if by == "source":
        source = ["--source", pair.folder("source"), "--source-features", pair.features("source")]
        source += options("--set-generator", GENERATOR)
    else:
        source = ["--generator", by]
    where = [*pair.places("target"), "--run-dir", pair.root / "run", "--device", "cpu"]
    every = ["pipeline", recipe, *where, *source, *options("--set", PARSER), *more]
    return [str(argument) for argument in every]


def messages(folder: Path) -> list[Message]:
    lines = (folder / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def stages(pair: Pair) -> list[tuple[str, int, int, bool]]:
    told = [message for message in messages(pair.root / "run") if isinstance(message, Stage)]
    return [(stage.name, stage.number, stage.stages, stage.skipped) for stage in told]


def skipped(pair: Pair) -> list[bool]:
    return [is_skipped for _, _, _, is_skipped in stages(pair)]


def notes(pair: Pair) -> str:
    return "\n".join(m.text for m in messages(pair.root / "run") if isinstance(m, Note))
