"""Fills the bands of the timeline: asks for what is in view, and keeps how a person wants it shown."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QPoint, QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import QMenu

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.media.spectrogram import WINDOWS, Analysis, FrequencyScale
from avvp_studio.media.tiles import Tile
from avvp_studio.pictures import Pictures
from avvp_studio.soundtrack import NOT_FOUND
from avvp_studio.tiling import Tiling
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.shown_rows import ShownRows
from avvp_studio.ui.timeline.arrangement import BANDS, SPECTROGRAM, THUMBNAILS
from avvp_studio.ui.timeline.band_media import RANGES_DB, BandMedia
from avvp_studio.ui.timeline.filmstrip import wanted_thumbnails
from avvp_studio.ui.timeline.gestures.wishes import Resize
from avvp_studio.ui.timeline.spectrogram import wanted_pieces
from avvp_studio.ui.timeline.timeline import Timeline
from avvp_studio.workspace import Workspace

USUAL_HEIGHT = "Usual &height"
SCALE, WINDOW, RANGE = "&Frequencies", "&Window", "&Range"
SCALES = {FrequencyScale.MEL: "As heard (mel)", FrequencyScale.LINEAR: "Evenly (linear)"}
WINDOW_CHOICE, RANGE_CHOICE = "{milliseconds:.0f} ms", "{decibels} dB"
WINDOW_SAID = "The window of the spectrogram: {milliseconds:.0f} ms"
RANGE_SAID = "The spectrogram shows sounds down to {decibels} dB below the loudest."
_SETTLED_MS = 60
"""What is only passed by is not asked for."""
_SHOWN_MS = 40


class Banding(QObject):
    """Between the timeline and the pictures of the open clip."""

    hinted = Signal(str)
    """A word on what an action did."""

    def __init__(
        self,
        timeline: Timeline,
        workspace: Workspace,
        pictures: Pictures,
        actions: Actions,
        rows: ShownRows,
        settings: QSettings,
    ) -> None:
        super().__init__(timeline)
        self._timeline = timeline
        self._workspace = workspace
        self._pictures = pictures
        self._actions = actions
        self._rows = rows
        self._settings = settings
        self._range_db = RANGES_DB[1]
        self._asking = self._timer(_SETTLED_MS, self._ask)
        self._showing = self._timer(_SHOWN_MS, self._show)
        self._restore()
        actions.bind(self.commands())
        workspace.clip_changed.connect(self._on_clip_changed)
        timeline.looked.connect(self._asking.start)
        timeline.band_menu_requested.connect(self._on_menu_requested)
        pictures.changed.connect(self._on_pictures_changed)
        self._on_clip_changed()

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            "spectrogram_mel": self._change_scale,
            "spectrogram_shorter": lambda: self._step_window(-1),
            "spectrogram_longer": lambda: self._step_window(1),
            "spectrogram_fainter": lambda: self._step_range(1),
            "spectrogram_louder": lambda: self._step_range(-1),
        }

    def menu(self, band: str) -> QMenu:
        """Which bands are shown, and how this one is ("" is none of them)."""
        menu = QMenu(self._timeline)
        menu.addActions([self._actions[f"band_{name}"] for name in BANDS])
        if not band:
            return menu
        menu.addSeparator()
        menu.addAction(USUAL_HEIGHT).triggered.connect(lambda: self._rows.carry_out(Resize(None, band=band)))
        if band == SPECTROGRAM:
            menu.addSeparator()
            self._add_spectrogram(menu)
        return menu

    def set_analysis(self, analysis: Analysis) -> None:
        """Show the spectrogram with another window or scale."""
        self._settings.setValue("spectrogram/window", analysis.window)
        self._settings.setValue("spectrogram/scale", str(analysis.scale))
        self._analyse(analysis)

    def set_range(self, decibels: int) -> None:
        """Show sounds in the spectrogram down to so much below the loudest."""
        self._range_db = decibels
        self._settings.setValue("spectrogram/range", decibels)
        self._show()

    def _timer(self, milliseconds: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=milliseconds)
        timer.timeout.connect(call)
        return timer

    def _restore(self) -> None:
        """As it was left; settings that cannot be read are as good as none."""
        window, decibels = (self._number(f"spectrogram/{name}") for name in ("window", "range"))
        scale = self._settings.value("spectrogram/scale", "")
        analysis = Analysis()
        if window in WINDOWS:
            analysis = replace(analysis, window=window)
        if scale in list(FrequencyScale):
            analysis = replace(analysis, scale=FrequencyScale(str(scale)))
        if decibels in RANGES_DB:
            self._range_db = decibels
        self._analyse(analysis)

    def _analyse(self, analysis: Analysis) -> None:
        self._pictures.analyse(analysis)
        self._actions["spectrogram_mel"].setChecked(analysis.scale is FrequencyScale.MEL)

    def _change_scale(self) -> None:
        analysis = self._pictures.analysis
        is_mel = analysis.scale is FrequencyScale.MEL
        self.set_analysis(replace(analysis, scale=FrequencyScale.LINEAR if is_mel else FrequencyScale.MEL))

    def _step_window(self, step: int) -> None:
        analysis = self._pictures.analysis
        window = _beside(WINDOWS, analysis.window, step)
        self.set_analysis(replace(analysis, window=window))
        self.hinted.emit(WINDOW_SAID.format(milliseconds=1000 * window / SAMPLE_RATE))

    def _step_range(self, step: int) -> None:
        self.set_range(_beside(RANGES_DB, self._range_db, step))
        self.hinted.emit(RANGE_SAID.format(decibels=self._range_db))

    def _number(self, key: str) -> int:
        value = str(self._settings.value(key, ""))
        return int(value) if value.isdecimal() else 0

    def _add_spectrogram(self, menu: QMenu) -> None:
        analysis = self._pictures.analysis
        _add_choices(
            menu.addMenu(SCALE),
            [
                (title, analysis.scale is scale, partial(self.set_analysis, replace(analysis, scale=scale)))
                for scale, title in SCALES.items()
            ],
        )
        _add_choices(
            menu.addMenu(WINDOW),
            [
                (
                    WINDOW_CHOICE.format(milliseconds=1000 * window / SAMPLE_RATE),
                    analysis.window == window,
                    partial(self.set_analysis, replace(analysis, window=window)),
                )
                for window in WINDOWS
            ],
        )
        _add_choices(
            menu.addMenu(RANGE),
            [
                (
                    RANGE_CHOICE.format(decibels=range_db),
                    self._range_db == range_db,
                    partial(self.set_range, range_db),
                )
                for range_db in RANGES_DB
            ],
        )

    def _on_menu_requested(self, band: str, where: QPoint) -> None:
        menu = self.menu(band)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def _on_clip_changed(self) -> None:
        clip, paths = self._workspace.clip, self._workspace.paths
        if clip is None or paths is None:
            self._pictures.open(None, 0.0, None)
            return
        media = clip.media if clip.media is not None and os.path.isfile(clip.media) else None
        self._pictures.open(media, clip.duration, paths.tiles)
        self._show()

    def _on_pictures_changed(self) -> None:
        if not self._showing.isActive():
            self._showing.start()

    def _show(self) -> None:
        pictures = self._pictures
        tilings = {THUMBNAILS: pictures.thumbnails, SPECTROGRAM: pictures.spectrogram}
        self._timeline.set_media(
            BandMedia(
                thumbnails=pictures.thumbnails.made,
                spectrogram=pictures.spectrogram.made,
                analysis=pictures.analysis,
                range_db=self._range_db,
                notes={name: self._note(tiling) for name, tiling in tilings.items()},
            )
        )
        self._asking.start()

    def _note(self, tiling: Tiling) -> str:
        return tiling.problem if self._pictures.has_media else NOT_FOUND

    def _ask(self) -> None:
        """Want what is in view in the bands that are shown."""
        scene = self._timeline.scene
        bands = scene.bands.by_name if scene is not None else {}
        thumbnails: Sequence[Tile] = ()
        pieces: Sequence[Tile] = ()
        if scene is not None and THUMBNAILS in bands:
            height = bands[THUMBNAILS].height
            thumbnails = wanted_thumbnails(scene.view, height, scene.media, scene.content.duration)
        if scene is not None and SPECTROGRAM in bands:
            pieces = wanted_pieces(scene.view, scene.media, scene.content.duration)
        self._pictures.thumbnails.want(thumbnails)
        self._pictures.spectrogram.want(pieces)


def _beside(choices: Sequence[int], chosen: int, step: int) -> int:
    """The choice before or after the chosen one; at the end of them, the chosen one."""
    return choices[min(max(choices.index(chosen) + step, 0), len(choices) - 1)]


def _add_choices(menu: QMenu, choices: Sequence[tuple[str, bool, Callable[[], None]]]) -> None:
    """One of several: its title, whether it is chosen, and what choosing it does."""
    for title, is_chosen, choose in choices:
        action = menu.addAction(title)
        action.setCheckable(True)
        action.setChecked(is_chosen)
        action.triggered.connect(lambda _=False, choose=choose: choose())
