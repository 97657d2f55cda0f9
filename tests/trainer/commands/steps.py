"""What the tests of the trainer's command line do and look at again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.trainer.conftest import World
from trainer.protocol import MESSAGES_FILE, Message, read_message

SMALL = [
    argument
    for setting in ("model.width=16", "model.heads=2", "model.feedforward=16", "epochs=3", "lr=1e-2")
    for argument in ("--set", setting)
]

Run = Callable[..., tuple[int, str, str]]


def train_arguments(
    world: World, *more: object, recipe: str = "han/signal", run_dir: str = "run"
) -> list[object]:
    places = ["--dataset", world.folder, "--features", world.features, "--run-dir", world.root / run_dir]
    return ["train", recipe, *places, "--device", "cpu", *more]


def messages(run_dir: Path) -> list[Message]:
    lines = (run_dir / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def is_one_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1
