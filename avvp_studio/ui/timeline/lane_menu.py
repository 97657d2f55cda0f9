"""What can be said about the cells, or the label, under the mouse."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from avvp_studio.ui.names import display_name
from avvp_studio.ui.timeline.content import lane
from avvp_studio.ui.timeline.gestures.gesture import Ground
from avvp_studio.ui.timeline.gestures.place import OnEvent, OnThreshold, Place, Zone
from avvp_studio.ui.timeline.gestures.runs import run_under, stretch_under
from avvp_studio.ui.timeline.gestures.wishes import Arm, Mark, Play, Reshape, SetThreshold, Split, Wish
from avvp_studio.ui.timeline.wording import (
    all_thresholds_text,
    choice_text,
    copy_text,
    own_threshold_text,
    span_text,
)
from trainer.labels import Event, Modality, State


class LaneMenu(QMenu):
    """A menu of wishes on a place with a category."""

    wished = Signal(object)

    def __init__(self, ground: Ground, place: Place, parent: QWidget) -> None:
        super().__init__(parent)
        assert place.category is not None
        self._ground, self._content = ground, ground.content
        if place.zone is Zone.LANE and place.modality is not None:
            self._add_choices(place.category, place.modality, place.time)
            self.addSeparator()
            if isinstance(place.target, OnEvent):
                self._add_reshapes(place.target.event, place.time)
        if place.zone is Zone.LANE and (stretch := stretch_under(ground.content, place)) is not None:
            self._add(f"Play {span_text(*stretch)}", Play(*stretch))
            self.addSeparator()
        if place.zone is Zone.LANE and place.modality is not None:
            self._add_thresholds(place.category, place.modality, place.threshold)
        name = display_name(place.category)
        if place.category == ground.armed:
            self._add(f"Disarm {name}", Arm(None))
        else:
            self._add(f"Arm {name}", Arm(place.category))

    def _add(self, text: str, wish: Wish, *, is_enabled: bool = True) -> None:
        action = self.addAction(text.replace("&", "&&"))
        action.setEnabled(is_enabled)
        action.triggered.connect(lambda: self.wished.emit(wish))

    def _add_choices(self, category: str, modality: Modality, time: float) -> None:
        shown = lane(self._content, modality, category)
        segment = min(int(time), self._content.segments - 1)
        first, last = run_under(segment, shown.states, shown.predicted, self._ground.selection)
        title = self.addAction(f"{display_name(category)}, {span_text(first, last)}".replace("&", "&&"))
        title.setEnabled(False)
        for state in (State.PRESENT, State.ABSENT, State.UNSEEN):
            mark = Mark((modality,), category, float(first), float(last), state)
            says_more = bool((shown.states[first:last] != state.value_in_grid).any())
            self._add(choice_text(modality, state), mark, is_enabled=says_more)

    def _add_thresholds(self, category: str, modality: Modality, line: OnThreshold | None) -> None:
        """Of the parser whose line is under the mouse, or of the newest one."""
        tracks = [track for track in lane(self._content, modality, category).tracks if not track.is_blind]
        under = [track for track in tracks if line is not None and track.parser == line.parser]
        if not tracks:
            return
        track = (under or tracks)[0]
        wish = SetThreshold(track.parser, modality, category, track.threshold, is_all=True)
        self._add(all_thresholds_text(modality, track.threshold), wish)
        own = SetThreshold(track.parser, modality, category, None)
        self._add(own_threshold_text(track), own, is_enabled=track.threshold != track.own_threshold)
        self.addSeparator()

    def _add_reshapes(self, event: Event, time: float) -> None:
        at = self._ground.settled(time)
        self._add(f"Split at {at:g} s", Split(event, at), is_enabled=event.onset < at < event.offset)
        other = Modality.VISUAL if event.modality is Modality.AUDIO else Modality.AUDIO
        copied = Reshape(event, event.onset, event.offset, other, is_copy=True)
        self._add(copy_text(other, event.state), copied)
