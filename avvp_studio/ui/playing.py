"""What the keys and buttons for playing do."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QSettings

from avvp_studio.player import Player
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.transport import next_rate
from avvp_studio.workspace import Workspace

JUMP = 5.0
AROUND = 1.0
_SCRUB_SOUND = "player/scrub_sound"


class Playing:
    """Steps, jumps and rates on a player. Steps of one second go from segment to segment."""

    def __init__(self, workspace: Workspace, player: Player, actions: Actions, settings: QSettings) -> None:
        self._workspace = workspace
        self._player = player
        self._settings = settings
        actions["scrub_sound"].toggled.connect(self._on_scrub_sound_toggled)
        actions["scrub_sound"].setChecked(settings.value(_SCRUB_SOUND, False, type=bool) is True)

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        player = self._player
        return {
            "play": player.toggle,
            "play_selection": self.play_selection,
            "play_around": self.play_around,
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

    def play_selection(self) -> None:
        """Play the selection once, or the segment at the playhead."""
        start = min(math.floor(round(self._player.home, 3)), math.ceil(self._player.duration) - 1)
        self._player.play_once(*(self._workspace.selection or (start, start + 1)))

    def play_around(self) -> None:
        """Play once from a little before the selection, or the playhead, to a little after it."""
        onset, offset = self._workspace.selection or (self._player.home, self._player.home)
        self._player.play_once(onset - AROUND, offset + AROUND)

    def segment_back(self) -> None:
        self._seek(math.ceil(round(self._player.position, 3)) - 1.0)

    def segment_forward(self) -> None:
        self._seek(math.floor(round(self._player.position, 3)) + 1.0)

    def _on_scrub_sound_toggled(self, is_on: bool) -> None:
        self._player.set_scrub_sound(is_on)
        self._settings.setValue(_SCRUB_SOUND, is_on)

    def _seek(self, time: float) -> None:
        self._player.seek(min(max(time, 0.0), self._player.duration))
