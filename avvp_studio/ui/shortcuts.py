"""The keys. One table, so that no key means two things and the help sheet cannot lie."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QKeySequence

KEYS: Mapping[str, tuple[str, ...]] = {
    # project
    "open": ("Ctrl+O",),
    "new": ("Ctrl+N",),
    "add_videos": ("Ctrl+Shift+A",),
    "export": ("Ctrl+E",),
    "quit": ("Ctrl+Q",),
    # playing
    "play": ("Space",),
    "frame_back": ("Left",),
    "frame_forward": ("Right",),
    "second_back": ("Shift+Left",),
    "second_forward": ("Shift+Right",),
    "jump_back": ("Ctrl+Left",),
    "jump_forward": ("Ctrl+Right",),
    "to_start": ("Home",),
    "to_end": ("End",),
    "shuttle_back": ("J",),
    "shuttle_stop": ("K",),
    "shuttle_forward": ("L",),
    "loop": ("R", "Ctrl+L"),
    "slower": ("[", "-"),
    "faster": ("]", "="),
    "mute": ("M",),
    "previous_clip": ("PgUp", "Ctrl+Up"),
    "next_clip": ("PgDown", "Ctrl+Down"),
    # choosing
    "set_in": ("I",),
    "set_out": ("O",),
    "select_all": ("Ctrl+A",),
    "escape": ("Esc",),
    "search_category": ("/",),
    "search_clip": ("Ctrl+F",),
    **{f"arm_{digit}": (digit,) for digit in "1234567890"},
    # labelling
    "undo": ("Ctrl+Z",),
    "redo": ("Ctrl+Shift+Z", "Ctrl+Y"),
    "heard": ("A",),
    "seen": ("V",),
    "both": ("B",),
    "not_heard": ("Shift+A",),
    "not_seen": ("Shift+V",),
    "neither": ("Shift+B",),
    "forget": ("Delete", "Backspace"),
    # training
    "train": ("Ctrl+T",),
    "jobs": ("Ctrl+Shift+J",),
    # viewing
    "library": ("Ctrl+B",),
    "side": ("Ctrl+J",),
    "zoom_in": ("Ctrl+=", "Ctrl++"),
    "zoom_out": ("Ctrl+-",),
    "zoom_fit": ("Ctrl+0",),
    "guide": ("F1",),
    "keys": ("?",),
}


def sequences(name: str) -> list[QKeySequence]:
    """The keys of an action; none for an action that is reached through menus only."""
    return [QKeySequence(key) for key in KEYS.get(name, ())]


def keys_text(name: str) -> str:
    """The keys of an action for a person to read, in the words of the platform."""
    native = QKeySequence.SequenceFormat.NativeText
    return " or ".join(sequence.toString(native) for sequence in sequences(name))
