"""Sets of keys to begin from. Each says only what differs from the table in ui/shortcuts.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Keys = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preset:
    """A title for a person, and the keys of those actions that have others than usual."""

    title: str
    keys: Keys


_ELAN: Keys = {
    "play": ("Ctrl+Space", "Space"),
    "frame_back": ("Ctrl+Left", "Left"),
    "frame_forward": ("Ctrl+Right", "Right"),
    "jump_back": ("Ctrl+Shift+Left",),
    "jump_forward": ("Ctrl+Shift+Right",),
    "to_start": ("Ctrl+B", "Home"),
    "to_end": ("Ctrl+E", "End"),
    "loop": ("Ctrl+L", "R"),
    "escape": ("Esc", "Alt+C"),
    "forget": ("Alt+D", "Delete", "Backspace"),
    "export": ("Ctrl+Shift+E",),
    "library": ("Ctrl+Shift+B",),
}

_EDITOR: Keys = {
    "play_selection": ("Ctrl+Shift+Space",),
    "play_around": ("Shift+Space",),
    "loop": ("Ctrl+L", "Ctrl+/"),
    "select_all": ("X", "Ctrl+A"),
    "escape": ("Esc", "Alt+X"),
    "slower": ("[",),
    "faster": ("]",),
    "zoom_in": ("=", "Ctrl+="),
    "zoom_out": ("-", "Ctrl+-"),
    "zoom_fit": ("Shift+Z", "\\", "Ctrl+0"),
    "edit_keys": ("Ctrl+Alt+K",),
}

USUAL = "studio"
PRESETS: Mapping[str, Preset] = {
    USUAL: Preset("Studio", {}),
    "elan": Preset("Like ELAN", _ELAN),
    "editor": Preset("Like a video editor", _EDITOR),
}
