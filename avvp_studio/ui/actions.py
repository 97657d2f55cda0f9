"""Everything the window can be told to do, as actions with text, key and icon; menus only arrange them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from avvp_studio.ui.icons import icon
from avvp_studio.ui.shortcuts import keys_text, sequences
from avvp_studio.ui.theme import Appearance, Theme

DIGITS = "1234567890"


@dataclass(frozen=True, slots=True)
class _Spec:
    text: str
    tip: str
    icon: str = ""
    icon_checked: str = ""
    is_checkable: bool = False
    is_checked: bool = False


_SPECS: dict[str, _Spec] = {
    "open": _Spec("&Open project…", "Open a project folder", "folder"),
    "new": _Spec("&New project…", "Make a project from annotations and videos"),
    "add_videos": _Spec("&Add videos…", "Make clips of videos, and find tracks in them", "film"),
    "export": _Spec("&Export…", "Write the labels for training or for other tools", "export"),
    "save_sound": _Spec("Save &sound…", "Write the sound of the selection, or of the clip, as a file"),
    "quit": _Spec("&Quit", "Leave; everything is stored already"),
    "play": _Spec("&Play", "Play or pause", "play", "pause", is_checkable=True),
    "frame_back": _Spec("Frame back", "One frame back", "frame-back"),
    "frame_forward": _Spec("Frame forward", "One frame forward", "frame-forward"),
    "second_back": _Spec("Segment back", "To the start of the segment, or of the one before", "second-back"),
    "second_forward": _Spec("Segment forward", "To the start of the next segment", "second-forward"),
    "jump_back": _Spec("Five seconds back", "Five seconds back"),
    "jump_forward": _Spec("Five seconds forward", "Five seconds forward"),
    "to_start": _Spec("To the start", "To the start of the clip"),
    "to_end": _Spec("To the end", "To the end of the clip"),
    "shuttle_back": _Spec("Shuttle backward", "Run backward; again for faster"),
    "shuttle_stop": _Spec("Shuttle stop", "Stop running"),
    "shuttle_forward": _Spec("Shuttle forward", "Run forward; again for faster"),
    "loop": _Spec("&Loop", "Loop the selected range, or the clip", "loop", is_checkable=True),
    "slower": _Spec("Slower", "Play slower"),
    "faster": _Spec("Faster", "Play faster"),
    "mute": _Spec("&Mute", "Sound on or off", "sound", "muted", is_checkable=True),
    "previous_clip": _Spec("Previous clip", "Open the clip before this one in the library"),
    "next_clip": _Spec("Next clip", "Open the clip after this one in the library"),
    "set_in": _Spec("Select from here", "The selection begins with the segment at the playhead"),
    "set_out": _Spec("Select to here", "The selection ends with the segment at the playhead"),
    "select_all": _Spec("Select the whole clip", "Select from the start to the end"),
    "escape": _Spec("Disarm", "Put the armed category down, then the selection"),
    "search_category": _Spec("Find category…", "Type a part of a category's name to arm it", "search"),
    "search_clip": _Spec("Filter the library…", "Type a part of a clip's name or of a category"),
    "undo": _Spec("&Undo", "Take the last change of this clip's labels back", "undo"),
    "redo": _Spec("&Redo", "Do again what was taken back", "redo"),
    "heard": _Spec(
        "Mark heard", "The armed category is heard in the selection, or the segment at the playhead"
    ),
    "seen": _Spec("Mark seen", "The armed category is seen in the selection, or the segment at the playhead"),
    "both": _Spec("Mark heard and seen", "The armed category is heard and seen there"),
    "not_heard": _Spec("Mark not heard", "The armed category is absent from the sound there"),
    "not_seen": _Spec("Mark not seen", "The armed category is absent from the picture there"),
    "neither": _Spec("Mark neither", "The armed category is neither heard nor seen there"),
    "forget": _Spec("Forget", "Nothing is said any more of the armed category there", "delete"),
    "train": _Spec("&Train…", "Train a parser on the labels as they are now"),
    "find_tracks": _Spec("&Find tracks", "Find tracks in all clips without any training"),
    "jobs": _Spec("Show &jobs", "What is being trained, and how far it is"),
    "library": _Spec("&Library", "Show or hide the library", is_checkable=True, is_checked=True),
    "side": _Spec(
        "Labels and &jobs", "Show or hide the panel at the right", is_checkable=True, is_checked=True
    ),
    "zoom_in": _Spec("Zoom in", "See less time, larger"),
    "zoom_out": _Spec("Zoom out", "See more time"),
    "zoom_fit": _Spec("Zoom to the whole clip", "See all of the clip"),
    "guide": _Spec("User &guide", "How to use the studio"),
    "keys": _Spec("&Keys", "Show every key", "keys"),
    "about": _Spec("&About AVVP Studio", "Version and licence"),
    **{f"arm_{digit}": _Spec(f"Category {digit}", "Arm this category") for digit in DIGITS},
}

MENUS: dict[str, str] = {
    "&File": "open new - add_videos - export save_sound - quit",
    "&Edit": "undo redo - heard seen both - not_heard not_seen neither - forget - >arm search_category escape"
    " - set_in set_out select_all",
    "&Play": "play loop mute - frame_back frame_forward second_back second_forward jump_back jump_forward"
    " to_start to_end - shuttle_back shuttle_stop shuttle_forward slower faster - previous_clip next_clip",
    "P&arser": "train find_tracks jobs - >tracks",
    "&View": "library side search_clip - zoom_in zoom_out zoom_fit - >theme",
    "&Help": "guide keys - about",
}
"""What is in each menu: names of actions, "-" for a line, ">name" for a submenu."""

_THEME_TEXTS = {"system": "Follow the system", "dark": "Dark", "light": "Light"}


class Actions:
    """The actions by name, owned by a window: their keys work while that window has the focus."""

    def __init__(self, owner: QWidget, appearance: Appearance) -> None:
        self._owner = owner
        self._by_name = {name: self._make(name, spec) for name, spec in _SPECS.items()}
        self._themes = self._make_themes(appearance)
        self._arm_menu: QMenu | None = None
        self.set_theme(appearance.theme)

    def __getitem__(self, name: str) -> QAction:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def title(self, name: str) -> str:
        """What an action does, in words that do not change with the state of the window."""
        return _SPECS[name].text.replace("&", "").rstrip("…")

    def bind(self, functions: Mapping[str, Callable[[], object]]) -> None:
        """Say what actions do when they are triggered. Raises KeyError on a name that there is not."""
        for name, function in functions.items():
            self._by_name[name].triggered.connect(lambda *_, function=function: function())

    def fill_menus(self, bar: QMenuBar, tracks: QMenu) -> None:
        """Put everything into menus; `tracks` is the submenu of the parsers."""
        for title, names in MENUS.items():
            menu = bar.addMenu(title)
            for name in names.split():
                self._add(menu, name, tracks)

    def show_candidates(self, count: int) -> None:
        """List the first `count` digits in the menu; the keys of the others stay, to say that they are free."""
        if self._arm_menu is not None:
            self._arm_menu.clear()
            self._arm_menu.addActions([self[f"arm_{digit}"] for digit in DIGITS[:count]])
            self._arm_menu.setEnabled(count > 0)

    def set_theme(self, theme: Theme) -> None:
        for name, spec in _SPECS.items():
            if spec.icon:
                checked = spec.icon_checked and self._by_name[name].isChecked()
                self._by_name[name].setIcon(icon(spec.icon_checked if checked else spec.icon, theme))

    def set_checked(self, name: str, is_checked: bool, theme: Theme) -> None:
        """Show a state that came from elsewhere, without acting on it."""
        spec, action = _SPECS[name], self._by_name[name]
        action.setChecked(is_checked)
        if spec.icon_checked:
            action.setIcon(icon(spec.icon_checked if is_checked else spec.icon, theme))

    def _make(self, name: str, spec: _Spec) -> QAction:
        action = QAction(spec.text, self._owner, checkable=spec.is_checkable, checked=spec.is_checked)
        action.setObjectName(name)
        action.setShortcuts(sequences(name))
        action.setStatusTip(spec.tip)
        keys = keys_text(name)
        action.setToolTip(f"{spec.tip}  ({keys})" if keys else spec.tip)
        action.setIconVisibleInMenu(False)
        self._owner.addAction(action)
        return action

    def _make_themes(self, appearance: Appearance) -> QActionGroup:
        group = QActionGroup(self._owner)
        for choice in Appearance.CHOICES:
            action = QAction(_THEME_TEXTS[choice], group, checkable=True)
            action.setObjectName(f"theme_{choice}")
            action.setChecked(choice == appearance.choice)
            action.triggered.connect(lambda *_, choice=choice: appearance.choose(choice))
        return group

    def _add(self, menu: QMenu, name: str, tracks: QMenu) -> None:
        if name == "-":
            menu.addSeparator()
        elif name == ">theme":
            menu.addMenu("Theme").addActions(self._themes.actions())
        elif name == ">tracks":
            menu.addMenu(tracks)
        elif name == ">arm":
            self._arm_menu = menu.addMenu("Arm category")
        else:
            menu.addAction(self[name])
