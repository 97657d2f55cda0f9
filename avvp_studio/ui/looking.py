"""What the keys for looking at the picture do: zoom, brightness and contrast, what is said of it, its proxy."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QObject, QSettings, QSize

from avvp_studio.media.frames import USUAL_SIZE
from avvp_studio.player import Player
from avvp_studio.proxies import Proxies
from avvp_studio.ui.actions import Actions
from avvp_studio.ui.placement import LARGEST, Placement
from avvp_studio.ui.tone import STEP, Tone
from avvp_studio.ui.transport import clock
from avvp_studio.ui.video_view import VideoView

ACTUAL = Placement(1.0)
FACTS = "{time}   frame {frame}   {width} × {height}   {fps:.6g} fps   {codec}"
ZOOMED, BRIGHTNESS, CONTRAST, PROXY = "{percent} %", "brightness {value:+d}", "contrast {value:+d}", "proxy"
_HALF_A_TICK = 0.0005


class Looking(QObject):
    """Keeps in the settings how the picture is looked at. Nothing of it changes the video or the project."""

    def __init__(
        self, video: VideoView, player: Player, proxies: Proxies, actions: Actions, settings: QSettings
    ) -> None:
        super().__init__(video)
        self._video = video
        self._player = player
        self._proxies = proxies
        self._actions = actions
        self._settings = settings
        actions.bind(self.commands())
        self._restore()
        actions["picture_info"].toggled.connect(self._on_info_toggled)
        actions["use_proxies"].toggled.connect(self._on_use_toggled)
        video.placement_changed.connect(self._on_placement_changed)
        player.media_changed.connect(self._on_media_changed)
        player.position_changed.connect(self._show_facts)
        proxies.changed.connect(self._on_proxies_changed)
        proxies.chosen_changed.connect(player.set_proxy)
        self._on_media_changed()
        self._on_proxies_changed()

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        video, proxies = self._video, self._proxies
        return {
            "picture_fit": lambda: video.place(Placement()),
            "picture_actual": lambda: video.place(ACTUAL),
            "picture_in": lambda: video.zoom(1),
            "picture_out": lambda: video.zoom(-1),
            "brighter": lambda: self.set_tone(video.tone.brighter(STEP)),
            "darker": lambda: self.set_tone(video.tone.brighter(-STEP)),
            "more_contrast": lambda: self.set_tone(video.tone.with_more_contrast(STEP)),
            "less_contrast": lambda: self.set_tone(video.tone.with_more_contrast(-STEP)),
            "reset_tone": lambda: self.set_tone(Tone()),
            "make_proxy": proxies.make,
            "remove_proxy": proxies.remove,
        }

    def set_tone(self, tone: Tone) -> None:
        """Display the picture brighter or with more contrast."""
        self._video.set_tone(tone)
        self._settings.setValue("picture/brightness", tone.brightness)
        self._settings.setValue("picture/contrast", tone.contrast)
        self._show_facts()

    def _restore(self) -> None:
        scale = self._number("picture/scale")
        if 0 < scale <= LARGEST:
            self._video.place(Placement(scale))
        brightness, contrast = self._number("picture/brightness"), self._number("picture/contrast")
        self._video.set_tone(Tone().brighter(round(brightness)).with_more_contrast(round(contrast)))
        self._actions["picture_info"].setChecked(self._number("picture/info") == 1)
        self._actions["use_proxies"].setChecked(self._number("picture/use_proxies", 1.0) == 1)
        self._proxies.set_enabled(self._actions["use_proxies"].isChecked())

    def _number(self, key: str, otherwise: float = 0.0) -> float:
        """A number from the settings, which somebody may have spoiled."""
        try:
            number = float(str(self._settings.value(key, otherwise)))
        except ValueError:
            return otherwise
        return number if math.isfinite(number) else otherwise

    def _on_info_toggled(self, is_shown: bool) -> None:
        self._settings.setValue("picture/info", int(is_shown))
        self._show_facts()

    def _on_use_toggled(self, are_used: bool) -> None:
        self._settings.setValue("picture/use_proxies", int(are_used))
        self._proxies.set_enabled(are_used)

    def _on_placement_changed(self) -> None:
        self._settings.setValue("picture/scale", self._video.placement.scale)
        self._ask_for_detail()
        self._show_facts()

    def _on_media_changed(self) -> None:
        info = self._player.info
        size = QSize(info.video.width, info.video.height) if info is not None and info.video else QSize()
        self._video.set_picture_size(size)
        self._ask_for_detail()
        self._show_facts()

    def _ask_for_detail(self) -> None:
        """Have pictures in the size in which they are looked at; the usual one is quicker."""
        info = self._player.info
        if info is None or info.video is None:
            return
        size, scale = self._video.picture_size.toTuple(), self._video.scale
        is_close = any(scale * side > most for side, most in zip(size, USUAL_SIZE, strict=True))
        self._player.set_picture_size((max(size), max(size)) if is_close else USUAL_SIZE)

    def _on_proxies_changed(self) -> None:
        proxies = self._proxies
        can_make = proxies.source is not None and proxies.current is None and proxies.making is None
        self._actions["make_proxy"].setEnabled(can_make)
        self._actions["remove_proxy"].setEnabled(proxies.current is not None)
        self._show_facts()

    def _show_facts(self) -> None:
        self._video.set_texts(self._facts(), "   ".join(self._deviations()))

    def _facts(self) -> str:
        """Of the picture, if that is wanted. The frame is counted by the mean rate."""
        info, position = self._player.info, self._player.position
        if info is None or info.video is None or not self._actions["picture_info"].isChecked():
            return ""
        video = info.video
        return FACTS.format(
            time=clock(position),
            frame=math.floor((position + _HALF_A_TICK) * video.fps),
            width=self._video.picture_size.width(),
            height=self._video.picture_size.height(),
            fps=video.fps,
            codec=video.codec,
        )

    def _deviations(self) -> list[str]:
        """In what the picture is not shown as it is: that must be seen."""
        tone, placement = self._video.tone, self._video.placement
        said = []
        if not placement.is_fitted:
            said.append("1:1" if placement.scale == 1 else ZOOMED.format(percent=round(placement.scale * 100)))
        if tone.brightness:
            said.append(BRIGHTNESS.format(value=tone.brightness))
        if tone.contrast:
            said.append(CONTRAST.format(value=tone.contrast))
        if self._proxies.chosen is not None:
            said.append(PROXY)
        return said
