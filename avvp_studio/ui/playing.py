"""What the keys and buttons for playing do."""

from __future__ import annotations

import math
from collections.abc import Callable

from avvp_studio.player import Player
from avvp_studio.ui.transport import next_rate

JUMP = 5.0


class Playing:
    """Steps, jumps and rates on a player. Steps of one second go from segment to segment."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        player = self._player
        return {
            "play": player.toggle,
            "frame_back": lambda: player.step_frames(-1),
            "frame_forward": lambda: player.step_frames(1),
            "second_back": self.segment_back,
            "second_forward": self.segment_forward,
            "jump_back": lambda: self._seek(player.position - JUMP),
            "jump_forward": lambda: self._seek(player.position + JUMP),
            "to_start": lambda: self._seek(0.0),
            "to_end": lambda: self._seek(player.duration),
            "shuttle_back": lambda: player.shuttle(-1),
            "shuttle_stop": lambda: player.shuttle(0),
            "shuttle_forward": lambda: player.shuttle(1),
            "slower": lambda: player.set_rate(next_rate(player.rate, -1)),
            "faster": lambda: player.set_rate(next_rate(player.rate, 1)),
        }

    def segment_back(self) -> None:
        self._seek(math.ceil(round(self._player.position, 3)) - 1.0)

    def segment_forward(self) -> None:
        self._seek(math.floor(round(self._player.position, 3)) + 1.0)

    def _seek(self, time: float) -> None:
        self._player.seek(min(max(time, 0.0), self._player.duration))
