"""What a test of the player sees and turns: the screen, and the clock."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage

from avvp_studio.player import Player
from tests.media_files import read_number

FPS = 30


class HandClock:
    """Shows the time that a test sets."""

    def __init__(self) -> None:
        self.is_going = False
        self.time = 0.0

    def start(self) -> None:
        self.is_going, self.time = True, 0.0

    def stop(self) -> None:
        self.is_going = False

    def elapsed(self) -> float:
        return self.time if self.is_going else 0.0


class Screen:
    """Remembers what a player shows and says."""

    def __init__(self, player: Player) -> None:
        self.numbers: list[int | None] = []
        self.positions: list[float] = []
        self.failures: list[str] = []
        player.frame_changed.connect(self._on_frame)
        player.position_changed.connect(self.positions.append)
        player.failed.connect(self.failures.append)

    def _on_frame(self, image: QImage) -> None:
        if image.isNull():
            self.numbers.append(None)
            return
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
        self.numbers.append(read_number(rows))

    @property
    def number(self) -> int | None:
        return self.numbers[-1] if self.numbers else None


def play(player, clock, qtbot) -> None:
    """Play, and wait until the clock goes."""
    player.play()
    qtbot.waitUntil(lambda: clock.is_going)
