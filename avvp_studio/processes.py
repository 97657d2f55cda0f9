"""Our own modules as processes of their own: how they are called, and how one is known again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_children: list[subprocess.Popen[bytes]] = []
"""Processes that this one started, kept until they end so that none is left a zombie."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process number with when it began, because numbers are used again."""

    pid: int
    began: float

    @property
    def is_sound(self) -> bool:
        """Whether it can be one at all: it may come from a damaged file."""
        is_number = isinstance(self.pid, int) and 0 < self.pid < 2**31
        return is_number and isinstance(self.began, int | float)

    def process(self) -> psutil.Process | None:
        """The process, if it still is the same one."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.began) < 1.0
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    def end(self, *, by_force: bool) -> None:
        process = self.process()
        if process is not None:
            _try(process.kill if by_force else process.terminate)


def command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of a module. What lies in the working folder is never imported (-P)."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, with our packages importable also from a source tree."""
    source = str(Path(__file__).resolve().parent.parent)
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, *known]), "PYTHONUNBUFFERED": "1"}


def start(module: str, arguments: Sequence[str], *, folder: Path, log: Path) -> ProcessId:
    """Start a module in a folder, detached, polite to the window, all it prints in `log`. Raises OSError."""
    with log.open("ab") as file:
        child = subprocess.Popen(
            command(module, arguments),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(),
            start_new_session=True,
        )
    _children.append(child)
    began = time.time()
    try:
        process = psutil.Process(child.pid)
        process.nice(10)
        began = float(process.create_time())
    except psutil.Error:  # it has ended already
        pass
    return ProcessId(child.pid, began)


def run(module: str, arguments: Sequence[str]) -> int:
    """Run a module to its end in this process's terminal; returns its exit code. Ctrl+C is for the module."""
    child = subprocess.Popen(command(module, arguments), env=environment())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the module got it, too, and ends in its own time
            continue


def reap() -> None:
    """Let go of those that have ended."""
    _children[:] = [child for child in _children if child.poll() is None]


def _try(action: Callable[[], object]) -> None:
    """A process that ended in the meantime is no error."""
    try:
        action()
    except psutil.Error:
        return
