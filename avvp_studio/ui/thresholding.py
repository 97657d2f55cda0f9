"""What the keys and gestures for thresholds do."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QGuiApplication

from avvp_studio.domain.tracks import Track
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.names import display_name, parser_name
from avvp_studio.ui.timeline.gestures.threshold import with_threshold
from avvp_studio.ui.timeline.gestures.wishes import SetThreshold
from avvp_studio.ui.timeline.wording import PERCEIVED
from avvp_studio.workspace import Workspace
from trainer.labels import MODALITIES, Modality
from trainer.prediction import Threshold

ARM_FIRST = "Arm the category first: its threshold is the one that moves"
NO_TRACK = "No shown parser has parsed this clip, so there is no threshold"
IS_OWN = "{parser} predicts by its own thresholds already"
MOVED = "{category} {perceived}: predicted from {level:.2f} on, by {parser}"
ALL_MOVED = "Everything is predicted as {category} is, by {parser}"
RESET = "{parser} predicts by its own thresholds again"
COPIED = "Copied: the command that scores {parser} by these thresholds. Name an exported dataset in it."
_STEP = 0.05
_SHOWN = "scores/shown"
_COMMAND = (
    "avvp-trainer evaluate {path} --dataset DATASET --split {split} --segment-thresholds {audio} {visual}"
)


class Thresholding(QObject):
    """Changes the rule of the newest shown parser, or of the one that a gesture names."""

    hinted = Signal(str)
    """What has changed, or why a key did nothing."""

    def __init__(self, workspace: Workspace, actions: Actions, settings: QSettings, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        actions["scores"].setChecked(settings.value(_SHOWN, True, type=bool) is True)
        actions["scores"].toggled.connect(partial(settings.setValue, _SHOWN))

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            "heard_threshold_up": partial(self._step, Modality.AUDIO, _STEP),
            "heard_threshold_down": partial(self._step, Modality.AUDIO, -_STEP),
            "seen_threshold_up": partial(self._step, Modality.VISUAL, _STEP),
            "seen_threshold_down": partial(self._step, Modality.VISUAL, -_STEP),
            "threshold_to_all": self._give_to_all,
            "reset_threshold": self._reset_armed,
            "reset_thresholds": self._reset_all,
            "copy_thresholds": self._copy,
        }

    def carry_out(self, wish: SetThreshold) -> None:
        """Set a threshold as a gesture asked for."""
        track = next((track for track in self._workspace.tracks if track.parser == wish.parser), None)
        if track is not None:
            self._use(with_threshold(track, self._categories, wish))

    def _step(self, modality: Modality, by: float) -> None:
        found = self._armed()
        if found is not None:
            track, category = found
            column = self._categories.index(category)
            level = track.rule.segment_threshold(modality.axis, column) + by
            wish = SetThreshold(track.parser, modality, category, level)
            track = with_threshold(track, self._categories, wish)
            self._use(track)
            level = track.rule.segment_threshold(modality.axis, column)
            self._say(MOVED, track, category=category, perceived=PERCEIVED[modality], level=level)

    def _give_to_all(self) -> None:
        found = self._armed()
        if found is not None:
            track, category = found
            column, before = self._categories.index(category), track.rule
            for modality in MODALITIES:
                level = before.segment_threshold(modality.axis, column)
                wish = SetThreshold(track.parser, modality, category, level, is_all=True)
                track = with_threshold(track, self._categories, wish)
            self._use(track)
            self._say(ALL_MOVED, track, category=category)

    def _reset_armed(self) -> None:
        found = self._armed()
        if found is not None:
            track, category = found
            for modality in MODALITIES:
                wish = SetThreshold(track.parser, modality, category, None)
                track = with_threshold(track, self._categories, wish)
            self._use(track)

    def _reset_all(self) -> None:
        track = self._newest()
        if track is not None:
            self._say(IS_OWN if track.rule == track.own_rule else RESET, track)
            self._use(track.by_rule(track.own_rule))

    def _copy(self) -> None:
        track, clip = self._newest(), self._workspace.clip
        if track is None or clip is None:
            return
        audio, visual = self._workspace.rule_in_file(track).segment
        command = _COMMAND.format(
            path=shlex.quote(str(self._workspace.parse_files[track.parser])),
            split="test" if clip.split == "test" else "val",
            audio=_typed(audio),
            visual=_typed(visual),
        )
        QGuiApplication.clipboard().setText(command)
        self._say(COPIED, track)

    @property
    def _categories(self) -> tuple[str, ...]:
        project = self._workspace.project
        return project.categories if project is not None else ()

    def _newest(self) -> Track | None:
        tracks = self._workspace.tracks
        if not tracks:
            self.hinted.emit(NO_TRACK)
        return tracks[0] if tracks else None

    def _armed(self) -> tuple[Track, str] | None:
        track, armed = self._newest(), self._workspace.armed
        if track is not None and armed is None:
            self.hinted.emit(ARM_FIRST)
        return (track, armed) if track is not None and armed is not None else None

    def _use(self, track: Track) -> None:
        self._workspace.use_rule_of(track)

    def _say(self, sentence: str, track: Track, *, category: str = "", **said: object) -> None:
        parser = parser_name(track.parser)
        self.hinted.emit(sentence.format(parser=parser, category=display_name(category), **said))


def _typed(threshold: Threshold) -> str:
    """As `evaluate` wants it typed."""
    return ",".join(f"{value:g}" for value in (threshold if isinstance(threshold, tuple) else (threshold,)))
