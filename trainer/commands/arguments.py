"""What the arguments of several commands have in common."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn, TypeAlias

from trainer.evaluation import threshold
from trainer.jobs import UsageError, alone_in, forget_wishes
from trainer.prediction import Threshold
from trainer.protocol import Reporter

_MOST = 1_000_000
"""More resamples would only fill the memory: the ends of the intervals are known to the second decimal."""


class ArgumentParser(argparse.ArgumentParser):
    """One that raises UsageError where argparse would end the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


Subcommands: TypeAlias = "argparse._SubParsersAction[ArgumentParser]"  # the only name that argparse gives it


Work: TypeAlias = Callable[[argparse.Namespace, Reporter], None]


def add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda")


def add_engine(command: argparse.ArgumentParser) -> None:
    """Of a command whose work can be spread over many machines."""
    command.add_argument("--engine", choices=("local", "ray"), default="local", help="where the work is done")
    command.add_argument(
        "--address", default="", metavar="A", help="of the Ray cluster; else one is started here"
    )


def add_run_dir(command: argparse.ArgumentParser) -> None:
    """Of a command that leaves nothing there but what it says."""
    command.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write messages")


def alone(work: Work) -> Work:
    """The work as a job of its run folder, if it has one: alone there, whatever was asked for before it."""

    @wraps(work)
    def job(arguments: argparse.Namespace, reporter: Reporter) -> None:
        if arguments.run_dir is None:
            return work(arguments, reporter)
        with alone_in(arguments.run_dir):
            forget_wishes(arguments.run_dir)
            return work(arguments, reporter)

    return job


def a_threshold(text: str) -> Threshold:
    try:
        return threshold(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def a_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {_MOST}")
    return int(text)


def a_probability(text: str) -> float:
    """A number between 0 and 1, which has a logit."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1")
    return value


def a_positive_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def a_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value
