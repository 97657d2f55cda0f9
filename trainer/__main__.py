"""The trainer's command line. Exit codes: 0 done, 1 it broke, 2 bad input (one line says what), 3 stopped."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path

from trainer.commands import COMMANDS
from trainer.commands.arguments import ArgumentParser
from trainer.jobs import RunExistsError
from trainer.protocol import (
    STOP_FILE,
    Epoch,
    Failed,
    Finished,
    Message,
    Note,
    Progress,
    Reporter,
    Stage,
    Started,
    Stopped,
    StopRequested,
)

DONE, BROKEN, BAD_INPUT, STOPPED = 0, 1, 2, 3

_LINE_INTERVAL = 5.0
"""Seconds between two lines of progress for people."""


class _Console(Reporter):
    """Says everything twice: to the run folder for programs, to stdout for people."""

    def __init__(self, run_dir: Path | None) -> None:
        super().__init__(run_dir)
        self._last_line = -_LINE_INTERVAL

    def send(self, message: Message) -> None:
        super().send(message)
        if isinstance(message, Progress) and message.done < message.total:
            if time.monotonic() - self._last_line < _LINE_INTERVAL:
                return
            self._last_line = time.monotonic()
        text = _line(message)
        if text:
            print(text, flush=True)


def _line(message: Message) -> str:
    match message:
        case Progress():
            left = "" if message.eta_s is None else f", {message.eta_s:.0f} s left"
            detail = f"; {message.detail}" if message.detail else ""
            return f"{message.stage}: {message.done} of {message.total}{left}{detail}"
        case Epoch():
            return str(message)
        case Started():
            return " ".join(filter(None, (message.kind, message.recipe, "on", message.device)))
        case Stage():
            skipped = ", skipped" if message.skipped else ""
            return f"stage {message.number} of {message.stages}: {message.name}{skipped}"
        case Note():
            return f"note: {message.text}"
        case Finished():
            return "finished" + "".join(f"\n  {name}: {path}" for name, path in message.outputs.items())
        case Stopped():
            return "stopped"
        case _:
            return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may be no text at all
            stream.reconfigure(errors="backslashreplace")
    reporter = Reporter(None)
    try:
        arguments = _argument_parser().parse_args(argv)
        reporter = _Console(arguments.run_dir)
        with _stopped_by_signals(arguments.run_dir):
            arguments.command(arguments, reporter)
    except SystemExit as request:  # --help
        return int(request.code or 0)
    except KeyboardInterrupt:
        return _end(reporter, Stopped(), STOPPED)
    except Exception as error:  # the last door: whatever it was, the run folder must say it
        return _failed(error, reporter)
    return DONE


def _failed(error: Exception, reporter: Reporter) -> int:
    """Say what went wrong where people and programs look; a traceback only for what nobody foresaw.

    The trainer's own exceptions speak to users: a ValueError is bad input, any other is a job that broke.
    """
    code, text = BROKEN, " ".join(str(error).split())
    if not _may_tell():
        return BROKEN
    if isinstance(error, StopRequested):
        return _end(reporter, Stopped(), STOPPED)
    if type(error).__module__.partition(".")[0] == "trainer":
        code = BAD_INPUT if isinstance(error, ValueError) else BROKEN
    elif isinstance(error, OSError):
        reason = error.strerror or text
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = "a file is where a folder is needed; give another place"
        if error.errno in (ENOSPC, EDQUOT):
            reason = "the disk is full; free some space and start it again"
        file = error.filename2 or error.filename  # of two, where it was to be
        code, text = BAD_INPUT, ": ".join(filter(None, (str(file or ""), reason)))
    else:
        traceback.print_exception(error)
        text = f"the trainer broke ({type(error).__name__}: {text}); the traceback is in its log"
    print(f"error: {text}", file=sys.stderr, flush=True)
    if isinstance(error, RunExistsError):
        return code
    return _end(reporter, Failed(error=text), code)


def _may_tell() -> bool:
    """Whether nobody else tells why this training ends: of several processes of one the first to end does."""
    if "WORLD_SIZE" not in os.environ:
        return True
    from trainer.group import Group, GroupError

    try:
        return Group.of_environment().may_tell()
    except GroupError:
        return True


def _end(reporter: Reporter, message: Message, code: int) -> int:
    try:
        reporter.send(message)
    except OSError as error:  # a full disk, a folder that went away
        if not isinstance(message, Failed):  # what failed is told already
            print(f"error: the run folder cannot be written: {error}", file=sys.stderr)
    return code


@contextmanager
def _stopped_by_signals(run_dir: Path | None) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask for a stop as the stop file does; without a run folder they end the program."""

    def ask(*_: object) -> None:
        if run_dir is None:
            raise KeyboardInterrupt
        (run_dir / STOP_FILE).touch()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _argument_parser() -> ArgumentParser:
    parser = ArgumentParser(prog="avvp-trainer", description="Audio-visual video parsing: train, parse, score.")
    parser.set_defaults(run_dir=None)
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
