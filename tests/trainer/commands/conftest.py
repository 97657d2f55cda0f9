"""The trainer's command line, run in this process."""

from __future__ import annotations

import pytest

from tests.trainer.commands.steps import Run
from trainer.__main__ import main
from trainer.encoders import chosen_models


@pytest.fixture(autouse=True)
def _no_model_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody chose on this machine changes no test."""
    monkeypatch.setattr(chosen_models, "TABLE", "models-of-tests.toml")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
