"""Looks after what a connection to a cluster hangs on: without it Ray ends the whole program, after a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_PATIENCE_S = 5.0
"""How long an address may take to answer."""
_LOOK_S = 2.0
_HEAD_MAY_BE_SILENT_S = 30.0
"""It may come back. Ray gives up after 60 s."""
_NODE_MAY_BE_SILENT_S = 3.0
"""It never comes back. Ray gives up within some ten seconds."""


@dataclass(frozen=True)
class Lifeline:
    """Something of a cluster that must answer at a host and port; `silent_s`: how long it may not."""

    what: str
    place: str
    silent_s: float


def lifelines(ray: Any) -> tuple[Lifeline, ...]:
    """The head of a connected cluster, and the node that this process is of."""
    context = ray.get_runtime_context()
    own = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    node = f"{own['NodeManagerAddress']}:{own['NodeManagerPort']}"
    return (
        Lifeline("its node on this machine", node, _NODE_MAY_BE_SILENT_S),
        Lifeline("its head", context.gcs_address, _HEAD_MAY_BE_SILENT_S),
    )


class Watch:
    """Tells which lifeline is lost."""

    def __init__(self, lines: Sequence[Lifeline]) -> None:
        self._lines = lines
        self._heard = dict.fromkeys(lines, time.monotonic())
        self._next = 0.0

    def lost(self) -> Lifeline | None:
        """One that has been silent for too long. To be asked often: looks from time to time."""
        if time.monotonic() < self._next:
            return None
        for line in self._lines:
            if not silence(line.place):
                self._heard[line] = time.monotonic()
            elif time.monotonic() - self._heard[line] > line.silent_s:
                return line
        self._next = time.monotonic() + _LOOK_S
        return None

    def silent(self) -> Lifeline | None:
        """One that does not answer now."""
        return next((line for line in self._lines if silence(line.place)), None)


def silence(place: str) -> str:
    """Why nobody answers at a host and port; "" where somebody does."""
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""
