"""The usual keys, and where each holds. One table, so that no key means two things in one place."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Scope(StrEnum):
    """Where keys hold; the value is what a person reads. In a part of the window its own keys go first."""

    WINDOW = "Everywhere"
    TIMELINE = "Timeline"
    PICTURE = "Picture"
    LIBRARY = "Library"
    LABELS = "List of labels"


KEYS: Mapping[str, tuple[str, ...]] = {
    # project
    "open": ("Ctrl+O",),
    "new": ("Ctrl+N",),
    "add_videos": ("Ctrl+Shift+A",),
    "export": ("Ctrl+E",),
    "save_sound": ("Ctrl+Shift+S",),
    "quit": ("Ctrl+Q",),
    # playing
    "play": ("Space",),
    "play_selection": ("Shift+Space",),
    "play_around": ("Ctrl+Shift+Space",),
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
    "scrub_sound": ("Shift+M",),
    "previous_clip": ("PgUp", "Ctrl+Up"),
    "next_clip": ("PgDown", "Ctrl+Down"),
    # choosing
    "set_in": ("I",),
    "set_out": ("O",),
    "select_all": ("Ctrl+A",),
    "escape": ("Esc",),
    "search_category": ("/",),
    "search_clip": ("Ctrl+F",),
    "sort_clips": ("Ctrl+Shift+O",),
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
    "forget_labels": ("Delete", "Backspace"),
    # changing labels
    "split": ("S",),
    "merge": ("Shift+S",),
    "extend": ("E",),
    "onset_earlier": (",",),
    "onset_later": (".",),
    "offset_earlier": ("<", "Shift+,"),
    "offset_later": (">", "Shift+."),
    "label_earlier": ("Alt+Left",),
    "label_later": ("Alt+Right",),
    "copy_to_seen": ("Ctrl+Alt+V",),
    "copy_to_heard": ("Ctrl+Alt+A",),
    "free": ("F",),
    "hold_delay": ("Ctrl+Alt+D",),
    # reviewing
    "accept": ("G",),
    "accept_event": ("Shift+G",),
    "accept_lane": ("Ctrl+G",),
    "accept_all": ("Ctrl+Shift+G",),
    "rest_absent": ("N",),
    "rest_absent_all": ("Shift+N",),
    "forget_all": ("Ctrl+Delete", "Ctrl+Backspace"),
    # training
    "train": ("Ctrl+T",),
    "find_tracks": ("Ctrl+Shift+T",),
    "find_joint_tracks": ("Alt+Shift+T",),
    "jobs": ("Ctrl+Shift+J",),
    # thresholds
    "scores": ("Ctrl+Shift+F",),
    "heard_threshold_up": ("Ctrl+.",),
    "heard_threshold_down": ("Ctrl+,",),
    "seen_threshold_up": ("Ctrl+Shift+.", "Ctrl+>"),
    "seen_threshold_down": ("Ctrl+Shift+,", "Ctrl+<"),
    "threshold_to_all": ("Ctrl+;",),
    "reset_threshold": ("Ctrl+'",),
    "reset_thresholds": ("Ctrl+Shift+'", 'Ctrl+"'),
    "copy_thresholds": ("Ctrl+Shift+C",),
    # viewing
    "library": ("Ctrl+B",),
    "side": ("Ctrl+J",),
    "rows_candidates": ("Ctrl+1",),
    "rows_all": ("Ctrl+2",),
    "rows_labelled": ("Ctrl+3",),
    "rows_predicted": ("Ctrl+4",),
    "rows_edited": ("Ctrl+5",),
    "rows_disagreeing": ("Ctrl+6",),
    "band_minimap": ("F5",),
    "band_thumbnails": ("F6",),
    "band_waveform": ("F7",),
    "band_spectrogram": ("F8",),
    "spectrogram_mel": ("Shift+F8",),
    "spectrogram_shorter": ("F9",),
    "spectrogram_longer": ("Shift+F9",),
    "spectrogram_fainter": ("Ctrl+F8",),
    "spectrogram_louder": ("Ctrl+Shift+F8",),
    "lanes_heat": ("H",),
    "lanes_stacked": ("Shift+H",),
    "lanes_compact": ("Ctrl+H",),
    "row_pin": ("P",),
    "row_up": ("Alt+Up",),
    "row_down": ("Alt+Down",),
    "row_taller": ("Ctrl+Alt+=",),
    "row_lower": ("Ctrl+Alt+-",),
    "rows_reset": ("Ctrl+Alt+0",),
    "zoom_in": ("Ctrl+=", "Ctrl++"),
    "zoom_out": ("Ctrl+-",),
    "zoom_fit": ("Ctrl+0",),
    "full_screen": ("F11",),
    "picture_fit": ("Alt+0",),
    "picture_actual": ("Alt+1",),
    "picture_in": ("Alt+=", "Alt++"),
    "picture_out": ("Alt+-",),
    "brighter": ("Alt+.",),
    "darker": ("Alt+,",),
    "more_contrast": ("Alt+Shift+.", "Alt+>"),
    "less_contrast": ("Alt+Shift+,", "Alt+<"),
    "reset_tone": ("Alt+/",),
    "picture_info": ("Alt+I",),
    "use_proxies": ("Alt+O",),
    "make_proxy": ("Alt+Shift+P",),
    "remove_proxy": ("Alt+Shift+R",),
    "theme_system": ("Alt+Shift+S",),
    "theme_dark": ("Alt+Shift+D",),
    "theme_light": ("Alt+Shift+L",),
    "theme_contrast_dark": ("Alt+Shift+B",),
    "theme_contrast_light": ("Alt+Shift+W",),
    # help
    "palette": ("Ctrl+Shift+P",),
    "guide": ("F1",),
    "keys": ("?",),
    "edit_keys": ("Ctrl+K",),
    "about": ("Shift+F1",),
}

REPEATED = frozenset(
    {
        "frame_back",
        "frame_forward",
        "second_back",
        "second_forward",
        "jump_back",
        "jump_forward",
        "slower",
        "faster",
        "previous_clip",
        "next_clip",
        "undo",
        "redo",
        "onset_earlier",
        "onset_later",
        "offset_earlier",
        "offset_later",
        "label_earlier",
        "label_later",
        "heard_threshold_up",
        "heard_threshold_down",
        "seen_threshold_up",
        "seen_threshold_down",
        "row_up",
        "row_down",
        "row_taller",
        "row_lower",
        "zoom_in",
        "zoom_out",
        "picture_in",
        "picture_out",
        "brighter",
        "darker",
        "more_contrast",
        "less_contrast",
    }
)
"""Goes on while its key stays down; everything else is done once, however long the key is held."""

_SCOPES: Mapping[str, Scope] = {"forget_labels": Scope.LABELS}
"""The actions whose keys hold in one part of the window only."""


def scope_of(name: str) -> Scope:
    """Where the keys of an action hold."""
    return _SCOPES.get(name, Scope.WINDOW)
