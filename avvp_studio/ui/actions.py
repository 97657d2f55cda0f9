"""Everything the window can be told to do, as actions with text, key and icon; menus only arrange them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.icons import icon
from avvp_studio.ui.keys.bindings import Bindings
from avvp_studio.ui.shortcuts import REPEATED, Scope, scope_of
from avvp_studio.ui.theme import Theme
from avvp_studio.ui.timeline.arrangement import BANDS

DIGITS = "1234567890"
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Spec:
    text: str
    tip: str
    icon: str = ""
    icon_checked: str = ""
    is_checkable: bool = False
    is_checked: bool = False
    title: str = ""
    """What it is called where no menu says what it is about."""


_SPECS: dict[str, _Spec] = {
    "open": _Spec("&Open project…", "Open a project folder", "folder"),
    "new": _Spec("&New project…", "Make a project from annotations and videos"),
    "add_videos": _Spec("&Add videos…", "Make clips of videos, and find tracks in them", "film"),
    "export": _Spec("&Export…", "Write the labels for training or for other tools", "export"),
    "save_sound": _Spec("Save &sound…", "Write the sound of the selection, or of the clip, as a file"),
    "quit": _Spec("&Quit", "Leave; everything is stored already"),
    "play": _Spec("&Play", "Play or pause", "play", "pause", is_checkable=True),
    "play_selection": _Spec("Play the &selection", "Play the selection once, or the segment at the playhead"),
    "play_around": _Spec(
        "Play &around", "Play from a second before the selection, or the playhead, to one after"
    ),
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
    "scrub_sound": _Spec("Sound while s&crubbing", "Hear a moment of each place passed", is_checkable=True),
    "previous_clip": _Spec("Previous clip", "Open the clip before this one in the library"),
    "next_clip": _Spec("Next clip", "Open the clip after this one in the library"),
    "set_in": _Spec("Select from here", "The selection begins with the segment at the playhead"),
    "set_out": _Spec("Select to here", "The selection ends with the segment at the playhead"),
    "select_all": _Spec("Select the whole clip", "Select from the start to the end"),
    "escape": _Spec("Disarm", "Put the armed category down, then the selection"),
    "search_category": _Spec("Find category…", "Type a part of a category's name to arm it", "search"),
    "search_clip": _Spec("Filter the library…", "Type a part of a clip's name or of a category"),
    "sort_clips": _Spec("S&ort the library…", "Choose by what the clips in the library are sorted", "sort"),
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
    "forget_labels": _Spec("Forget chosen labels", "Take back what is chosen in the list of labels"),
    "split": _Spec("&Split", "Make two labels of the armed category's at the playhead"),
    "merge": _Spec("&Merge", "Make one label of those in the selection, or of that here and the next"),
    "extend": _Spec("&Extend to the playhead", "The nearest label of the armed category reaches to here"),
    "onset_earlier": _Spec("Begin earlier", "The label here begins one segment earlier; 10 ms in free mode"),
    "onset_later": _Spec("Begin later", "The label here begins one segment later; 10 ms in free mode"),
    "offset_earlier": _Spec("End earlier", "The label here ends one segment earlier; 10 ms in free mode"),
    "offset_later": _Spec("End later", "The label here ends one segment later; 10 ms in free mode"),
    "label_earlier": _Spec("Move earlier", "The label here moves one segment back; 10 ms in free mode"),
    "label_later": _Spec("Move later", "The label here moves one segment on; 10 ms in free mode"),
    "copy_to_seen": _Spec("Also see&n", "What is said of the sound holds for the picture, too"),
    "copy_to_heard": _Spec("Also h&eard", "What is said of the picture holds for the sound, too"),
    "free": _Spec(
        "F&ree onsets", "Labels begin and end anywhere, not only between segments", is_checkable=True
    ),
    "hold_delay": _Spec("Reaction &time…", "How late a key that is held while playing comes"),
    "accept": _Spec("&Accept", "What is predicted of the armed category holds, in the selection or segment"),
    "accept_event": _Spec("Accept the &event", "The whole prediction at the playhead holds"),
    "accept_lane": _Spec("Accept the &category", "What is predicted of the armed category in the clip holds"),
    "accept_all": _Spec("Accept a&ll shown", "What is predicted of all rows holds, in the selection or clip"),
    "rest_absent": _Spec("The &rest is absent", "What is not labelled of the armed category is absent"),
    "rest_absent_all": _Spec("The rest of all shown is a&bsent", "What is not labelled in all rows is absent"),
    "forget_all": _Spec("&Forget all shown", "Take back all labels of all rows in the selection"),
    "train": _Spec("&Train…", "Train a parser on the labels as they are now"),
    "find_tracks": _Spec("&Find tracks", "Find tracks in all clips without any training"),
    "find_joint_tracks": _Spec(
        "Find tracks by &CLIP and CLAP", "The same, by checkpoints of your own that compare with words"
    ),
    "jobs": _Spec("Show &jobs", "What is being trained, and how far it is"),
    "library": _Spec("&Library", "Show or hide the library", is_checkable=True, is_checked=True),
    "side": _Spec(
        "Labels and &jobs", "Show or hide the panel at the right", is_checkable=True, is_checked=True
    ),
    "rows_candidates": _Spec("&Candidates", "Rows of what is labelled or predicted", is_checkable=True),
    "rows_all": _Spec("&All categories", "Rows of every category of the project", is_checkable=True),
    "rows_labelled": _Spec("&Video label", "Rows of what the video-level label says", is_checkable=True),
    "rows_predicted": _Spec("&Predicted", "Rows of what a shown parser predicts", is_checkable=True),
    "rows_edited": _Spec("&Edited", "Rows of what a person labelled in this clip", is_checkable=True),
    "rows_disagreeing": _Spec(
        "&Disagreeing", "Rows where labels and parsers do not say the same", is_checkable=True
    ),
    "band_minimap": _Spec("&Minimap", "See the whole clip, and which part is in view", is_checkable=True),
    "band_thumbnails": _Spec("&Thumbnails", "See pictures of the video on the timeline", is_checkable=True),
    "band_waveform": _Spec("&Waveform", "See how loud the sound is", is_checkable=True),
    "band_spectrogram": _Spec("&Spectrogram", "See how high the sounds are", is_checkable=True),
    "spectrogram_mel": _Spec(
        "As &heard",
        "Show frequencies as they are heard (mel), or evenly (linear)",
        is_checkable=True,
        title="Spectrogram as heard",
    ),
    "spectrogram_shorter": _Spec(
        "&Shorter window",
        "See in the spectrogram more exactly when sounds are",
        title="Shorter window of the spectrogram",
    ),
    "spectrogram_longer": _Spec(
        "&Longer window",
        "See in the spectrogram more exactly how high sounds are",
        title="Longer window of the spectrogram",
    ),
    "spectrogram_fainter": _Spec(
        "&Fainter sounds", "Show fainter sounds in the spectrogram", title="Fainter sounds in the spectrogram"
    ),
    "spectrogram_louder": _Spec(
        "Lou&der sounds only",
        "Show only louder sounds in the spectrogram",
        title="Louder sounds only in the spectrogram",
    ),
    "lanes_heat": _Spec("&Heat", "Show probabilities as colour, or as curves", is_checkable=True),
    "lanes_stacked": _Spec(
        "Parsers &stacked", "Show parsers below one another, or over one another", is_checkable=True
    ),
    "lanes_compact": _Spec("&Compact rows", "Show many categories in little room", is_checkable=True),
    "row_pin": _Spec("P&in", "Keep the armed category on top, or no longer"),
    "row_up": _Spec("Row &up", "Move the armed category up"),
    "row_down": _Spec("Row d&own", "Move the armed category down"),
    "row_taller": _Spec("&Taller rows", "Make the armed row, or all, taller"),
    "row_lower": _Spec("&Lower rows", "Make the armed row, or all, lower"),
    "rows_reset": _Spec("&Usual arrangement", "Rows in their usual order and height, nothing pinned"),
    "scores": _Spec(
        "&Scores", "Show how well the newest parser fits the labels", is_checkable=True, is_checked=True
    ),
    "heard_threshold_up": _Spec(
        "Raise the threshold of &heard", "Predict the armed category from a higher probability on"
    ),
    "heard_threshold_down": _Spec(
        "Lower the threshold of h&eard", "Predict the armed category from a lower probability on"
    ),
    "seen_threshold_up": _Spec(
        "Raise the threshold of &seen", "Predict the armed category from a higher probability on"
    ),
    "seen_threshold_down": _Spec(
        "Lower the threshold of s&een", "Predict the armed category from a lower probability on"
    ),
    "threshold_to_all": _Spec("This threshold for &all", "Give every category the thresholds of the armed one"),
    "reset_threshold": _Spec("&Own threshold", "The parser's own thresholds of the armed category again"),
    "reset_thresholds": _Spec("O&wn thresholds", "The parser's own thresholds of all categories again", "undo"),
    "copy_thresholds": _Spec(
        "&Copy for evaluate", "Copy the command that scores all clips by these thresholds"
    ),
    "zoom_in": _Spec("Zoom in", "See less time, larger"),
    "zoom_out": _Spec("Zoom out", "See more time"),
    "zoom_fit": _Spec("Zoom to the whole clip", "See all of the clip"),
    "full_screen": _Spec("&Full screen", "The picture alone, on the whole screen", "full-screen"),
    "picture_fit": _Spec("&Fit the picture", "See all of the picture"),
    "picture_actual": _Spec("&One to one", "A pixel of the screen for each pixel of the picture"),
    "picture_in": _Spec("Picture larger", "See the picture larger"),
    "picture_out": _Spec("Picture smaller", "See the picture smaller"),
    "brighter": _Spec("&Brighter", "Display the picture brighter; the video stays as it is"),
    "darker": _Spec("&Darker", "Display the picture darker; the video stays as it is"),
    "more_contrast": _Spec("More &contrast", "Display more contrast; the video stays as it is"),
    "less_contrast": _Spec("&Less contrast", "Display less contrast; the video stays as it is"),
    "reset_tone": _Spec("&Reset brightness and contrast", "Display the picture as it is in the video"),
    "picture_info": _Spec("Picture &information", "Time, frame and size on the picture", is_checkable=True),
    "use_proxies": _Spec(
        "&Play proxies", "Show the proxy of a video where there is one", is_checkable=True, is_checked=True
    ),
    "make_proxy": _Spec("&Make a proxy", "Make a copy of the picture that is light to play"),
    "remove_proxy": _Spec("Remo&ve the proxy", "Remove the proxy of this video; the video stays"),
    "theme_system": _Spec(
        "Follow the system",
        "Dark, light or of high contrast, as the system is",
        is_checkable=True,
        title="Theme of the system",
    ),
    "theme_dark": _Spec("Dark", "Wear the dark theme", is_checkable=True, title="Dark theme"),
    "theme_light": _Spec("Light", "Wear the light theme", is_checkable=True, title="Light theme"),
    "theme_contrast_dark": _Spec(
        "High contrast, dark",
        "Wear the dark theme of high contrast",
        is_checkable=True,
        title="Dark theme of high contrast",
    ),
    "theme_contrast_light": _Spec(
        "High contrast, light",
        "Wear the light theme of high contrast",
        is_checkable=True,
        title="Light theme of high contrast",
    ),
    "palette": _Spec("&Find anything…", "Find an action, a category or a clip by its name", "search"),
    "guide": _Spec("User &guide", "How to use the studio"),
    "keys": _Spec("&Keys", "Show every key", "keys"),
    "edit_keys": _Spec("&Edit keys…", "Change which keys do what"),
    "about": _Spec("&About AVVP Studio", "Version and licence"),
    **{f"arm_{digit}": _Spec(f"Category {digit}", "Arm this category") for digit in DIGITS},
}

MENUS: dict[str, str] = {
    "&File": "open new - add_videos - export save_sound - quit",
    "&Edit": "undo redo - heard seen both - not_heard not_seen neither - forget forget_labels"
    " - >arm search_category escape - set_in set_out select_all",
    "&Labels": "split merge extend - onset_earlier onset_later offset_earlier offset_later"
    " label_earlier label_later - copy_to_seen copy_to_heard - accept accept_event accept_lane accept_all"
    " - rest_absent rest_absent_all forget_all - free hold_delay",
    "&Play": "play play_selection play_around loop - mute scrub_sound - frame_back frame_forward"
    " second_back second_forward jump_back jump_forward to_start to_end"
    " - shuttle_back shuttle_stop shuttle_forward slower faster - previous_clip next_clip",
    "P&arser": "train find_tracks find_joint_tracks jobs - >tracks"
    " - scores heard_threshold_up heard_threshold_down seen_threshold_up seen_threshold_down"
    " threshold_to_all reset_threshold reset_thresholds copy_thresholds",
    "Pic&ture": "full_screen - picture_fit picture_actual picture_in picture_out - brighter darker"
    " more_contrast less_contrast reset_tone - picture_info - use_proxies make_proxy remove_proxy",
    "&View": "library side search_clip sort_clips - >band >spectrogram - zoom_in zoom_out zoom_fit - >theme",
    "&Rows": "rows_candidates rows_all rows_labelled rows_predicted rows_edited rows_disagreeing"
    " - lanes_heat lanes_stacked lanes_compact - row_pin row_up row_down row_taller row_lower - rows_reset",
    "&Help": "palette - guide keys edit_keys - about",
}
"""What is in each menu: names of actions, "-" for a line, ">name" for a submenu."""


SPECTROGRAM = tuple(name for name in _SPECS if name.startswith("spectrogram_"))
"""How the spectrogram is shown."""


class Actions:
    """The actions by name, owned by a window: their keys work while that window has the focus."""

    def __init__(self, owner: QWidget, appearance: Appearance, bindings: Bindings | None = None) -> None:
        self._owner = owner
        self.bindings = bindings or Bindings()
        self._by_name = {name: self._make(name, spec) for name, spec in _SPECS.items()}
        self._show_keys()
        self.bindings.changed.connect(self._show_keys)
        self._themes = self._make_themes(appearance)
        self._arm_menu: QMenu | None = None
        self._arm_entry: QAction | None = None  # with it, whoever looks the menu up would let go of the menu
        self.set_theme(appearance.theme)

    def __getitem__(self, name: str) -> QAction:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def title(self, name: str) -> str:
        """What an action does, in words that do not change with the state of the window."""
        spec = _SPECS[name]
        return spec.title or spec.text.replace("&", "").rstrip("…")

    def tip(self, name: str) -> str:
        """What an action does, in a sentence."""
        return _SPECS[name].tip

    def with_keys(self, text: str) -> str:
        """A text with "{play}" and the like as the key in force; without one, as what it is called in menus."""
        return _PLACE.sub(self._key_or_title, text)

    def _key_or_title(self, place: re.Match[str]) -> str:
        name = place[1]
        if name not in self._by_name:
            return place[0]
        return self.bindings.first_text(name) or f"“{self.title(name)}”"

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
        action.setAutoRepeat(name in REPEATED)
        action.setStatusTip(spec.tip)
        action.setIconVisibleInMenu(False)
        if scope_of(name) is Scope.WINDOW:
            self._owner.addAction(action)
        else:  # its keys are shown in menus, and obeyed by FocusKeys
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        return action

    def _show_keys(self) -> None:
        for name, action in self._by_name.items():
            keys, tip = self.bindings.text(name), _SPECS[name].tip
            action.setShortcuts(self.bindings.sequences(name))
            action.setToolTip(f"{tip}  ({keys})" if keys else tip)

    def _make_themes(self, appearance: Appearance) -> QActionGroup:
        group = QActionGroup(self._owner)
        for choice in Appearance.CHOICES:
            action = group.addAction(self._by_name[f"theme_{choice}"])
            action.setChecked(choice == appearance.choice)
            action.triggered.connect(lambda *_, choice=choice: appearance.choose(choice))
        return group

    def _add(self, menu: QMenu, name: str, tracks: QMenu) -> None:
        if name == "-":
            menu.addSeparator()
        elif name == ">theme":
            menu.addMenu("Theme").addActions(self._themes.actions())
        elif name == ">band":
            menu.addMenu("&Bands").addActions([self[f"band_{band}"] for band in BANDS])
        elif name == ">spectrogram":
            menu.addMenu("S&pectrogram").addActions([self[name] for name in SPECTROGRAM])
        elif name == ">tracks":
            menu.addMenu(tracks)
        elif name == ">arm":
            self._arm_menu = menu.addMenu("Arm category")
            self._arm_entry = self._arm_menu.menuAction()
        else:
            menu.addAction(self[name])
