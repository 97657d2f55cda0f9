"""The command line of a pipeline on a small pair, what it said, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.pairs import GENERATOR, PARSER, Pair, options
from trainer.protocol import MESSAGES_FILE, Message, Note, Reporter, Stage, read_message


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


class StoppedAt:
    """Puts a file into the run folder once a message came by that it is to come after."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, run: Path, file: str, at: Callable[[Message], bool]
    ) -> None:
        send = Reporter.send

        def sent(reporter: Reporter, message: Message) -> None:
            send(reporter, message)
            if at(message) and not self.is_done:
                self.is_done = True
                (run / file).touch()

        self.is_done = False
        monkeypatch.setattr(Reporter, "send", sent)
