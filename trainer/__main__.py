"""The trainer's command line. Exit codes: 0 done, 1 it broke, 2 bad input (one line says what), 3 stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import NoReturn

from trainer import commands
from trainer.annotations import SPLITS
from trainer.evaluation import RULE_NAMES, threshold
from trainer.prediction import GATES, Threshold
from trainer.protocol import (
    FINISH_FILE,
    STOP_FILE,
    Epoch,
    Failed,
    Finished,
    Message,
    Note,
    Progress,
    Reporter,
    Started,
    Stopped,
    StopRequested,
)

DONE, BROKEN, BAD_INPUT, STOPPED = 0, 1, 2, 3

_MOST_RESAMPLES = 1_000_000
"""More would only fill the memory: the ends of the intervals are known to the second decimal."""

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
            return f"{message.stage}: {message.done} of {message.total}{left}"
        case Epoch():
            numbers = {"loss": message.losses.get("total", float("nan")), **message.metrics}
            shown = [f"{name} {value:.3g}" for name, value in numbers.items() if "/event/" not in name]
            return f"epoch {message.epoch} of {message.epochs}: {', '.join(shown)}"
        case Started():
            return " ".join(filter(None, (message.kind, message.recipe, "on", message.device)))
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
        if error.errno in (ENOSPC, EDQUOT):
            reason = "the disk is full; free some space and start it again"
        file = error.filename2 or error.filename  # of two, where it was to be
        code, text = BAD_INPUT, ": ".join(filter(None, (str(file or ""), reason)))
    else:
        traceback.print_exception(error)
        text = f"the trainer broke ({type(error).__name__}: {text}); the traceback is in its log"
    print(f"error: {text}", file=sys.stderr, flush=True)
    if isinstance(error, commands.RunExistsError):
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


class _ArgumentParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise commands.UsageError(f"{message} (see {self.prog} --help)")


def _argument_parser() -> argparse.ArgumentParser:
    parser = _ArgumentParser(
        prog="avvp-trainer", description="Audio-visual video parsing: train, parse, score."
    )
    parser.set_defaults(run_dir=None)
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_recipes(subcommands)
    _add_train(subcommands)
    _add_parse(subcommands)
    _add_evaluate(subcommands)
    _add_extract(subcommands)
    return parser


_Subcommands = argparse._SubParsersAction  # the only name that argparse gives it


def _add_recipes(subcommands: _Subcommands[_ArgumentParser]) -> None:
    recipes = subcommands.add_parser("recipes", help="list what can be trained")
    recipes.add_argument("--json", action="store_true", help="for programs")
    recipes.set_defaults(command=commands.recipes)


def _add_train(subcommands: _Subcommands[_ArgumentParser]) -> None:
    train = subcommands.add_parser(
        "train",
        help="train a parser by a recipe",
        description="Train a parser by a recipe; with several processes, which share every batch, by "
        "`torchrun --nproc-per-node N -m trainer train ...`. In the run folder, a file named "
        f'"{STOP_FILE}" ends the training between two steps, and one named "{FINISH_FILE}" ends it '
        "well after the epoch under way; --resume goes on after both.",
    )
    train.add_argument("recipe", nargs="?", metavar="RECIPE", help="a recipe's name, or a .toml file")
    train.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    train.add_argument("--features", type=Path, required=True, metavar="DIR")
    train.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="where the run is kept")
    train.add_argument("--device", default="auto", help="auto (default), cpu, cuda")
    train.add_argument(
        "--threads", type=_count, metavar="N", help="of the CPU; all cores but one, shared by the processes"
    )
    train.add_argument("--seed", type=int)
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    train.add_argument("--parse", type=Path, metavar="OUT.npz", help="then parse every clip of the dataset")
    train.add_argument("--resume", action="store_true", help="go on with the run in --run-dir")
    train.set_defaults(command=commands.train)


def _add_parse(subcommands: _Subcommands[_ArgumentParser]) -> None:
    parse = subcommands.add_parser("parse", help="parse clips by a checkpoint")
    parse.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parse.add_argument("--features", type=Path, required=True, metavar="DIR")
    which = parse.add_mutually_exclusive_group(required=True)
    which.add_argument("--dataset", type=Path, metavar="DIR", help="the clips of a dataset folder")
    which.add_argument(
        "--clips", nargs="+", action="extend", metavar="NAME", help="write --clips=-NAME for a dash"
    )
    parse.add_argument("--split", choices=SPLITS, help="only this split of the dataset")
    parse.add_argument("--out", type=Path, required=True, metavar="P.npz")
    parse.add_argument("--device", default="auto", help="auto (default), cpu, cuda")
    parse.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write messages")
    parse.set_defaults(command=commands.parse)


def _add_evaluate(subcommands: _Subcommands[_ArgumentParser]) -> None:
    evaluate = subcommands.add_parser("evaluate", help="score a parse file against dense truth")
    evaluate.add_argument("parses", type=Path, metavar="P.npz")
    evaluate.add_argument("--dataset", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--split", choices=SPLITS, required=True)
    evaluate.add_argument("--json", action="store_true", help="for programs")
    rule = evaluate.add_argument_group("when a segment is predicted", "without these, as the parse file says")
    rule.add_argument("--rule", choices=RULE_NAMES, help="as the published code of that name")
    rule.add_argument("--gate", choices=GATES, help="which probability of the whole clip must be reached too")
    rule.add_argument("--threshold", type=_threshold, metavar="T", help="of segments and whole clips")
    for option, whose in (("--segment-thresholds", "segments"), ("--video-thresholds", "whole clips")):
        rule.add_argument(
            option,
            nargs=2,
            type=_threshold,
            metavar=("AUDIO", "VISUAL"),
            help=f"of {whose}; a number each, or one for each category: 0.4,0.5,...",
        )
    rule.add_argument("--strict", action=argparse.BooleanOptionalAction, help="a threshold must be exceeded")
    more = evaluate.add_argument_group("more to say")
    more.add_argument("--ao-vo", action="store_true", help="CoLeaF's scores of what is only heard, only seen")
    more.add_argument("--per-category", action="store_true", help="scores and true events of each category")
    more.add_argument("--per-clip", type=Path, metavar="FILE.csv", help="write the scores of each clip there")
    more.add_argument(
        "--bootstrap", type=_count, default=0, metavar="N", help="95 %% intervals, of N resamples of the clips"
    )
    more.add_argument("--against", type=Path, metavar="OTHER.npz", help="compare on the clips that both hold")
    evaluate.set_defaults(command=commands.evaluate)


def _threshold(text: str) -> Threshold:
    try:
        return threshold(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_RESAMPLES:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {_MOST_RESAMPLES}")
    return int(text)


def _add_extract(subcommands: _Subcommands[_ArgumentParser]) -> None:
    extract = subcommands.add_parser("extract", help="make features of media files")
    extract.add_argument("--encoder", required=True, metavar="NAME")
    which = extract.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--media", type=Path, metavar="DIR", help="a folder of media files named like their clips"
    )
    which.add_argument(
        "--list", type=Path, metavar="FILE.tsv", help="columns filename, path and optionally duration"
    )
    extract.add_argument("--out", type=Path, required=True, metavar="FEATURES")
    extract.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write messages")
    extract.set_defaults(command=commands.extract)


if __name__ == "__main__":
    sys.exit(main())
