"""A line under the picture: that a video is hard to play, and how far its proxy is; else it is away."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from avvp_studio.media.hardness import Hardness
from avvp_studio.proxies import Proxies
from avvp_studio.ui.buttons import tool_button
from avvp_studio.ui.icon_label import IconLabel
from avvp_studio.ui.icons import icon
from avvp_studio.ui.theme import Theme

SLOW_TO_PLAY = "This video may not play smoothly: a second of it takes up to {playing:.1f} s to decode."
SLOW_TO_SEEK = (
    "Going to a place in this video can take {seeking:.1f} s: it has a keyframe only every {group:.0f} s."
)
MAKING = "Making a proxy of {name}"
PROXY_TIP = (
    "A copy of the picture that is light to play, frame for frame at the same times. "
    "Labels, training and exports use the video itself."
)


class ProxyBar(QWidget):
    """Says what `Proxies` knows, and asks it to make one or to stop."""

    def __init__(self, proxies: Proxies, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._proxies = proxies
        self._dismissed: set[Path] = set()
        self._icon = IconLabel(16)
        self._text = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._progress = QProgressBar(textVisible=False, maximum=100)
        self._progress.setFixedWidth(160)
        self._progress.setAccessibleName("How far the proxy is")
        self._make = QPushButton("Make a proxy")
        self._make.setToolTip(PROXY_TIP)
        self._cancel = QPushButton("Cancel")
        self._dismiss = tool_button(tip="Dismiss")
        for button in (self._make, self._cancel):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._make.clicked.connect(proxies.make)
        self._cancel.clicked.connect(proxies.cancel)
        self._dismiss.clicked.connect(self._on_dismissed)
        self._arrange()
        self.set_theme(theme)
        proxies.changed.connect(self._show)
        self._show()

    def _arrange(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        for part in (self._progress, self._make, self._cancel, self._dismiss):
            row.addWidget(part)

    @property
    def text(self) -> str:
        """What is said; empty when the line is away."""
        return "" if self.isHidden() else self._text.text()

    def set_theme(self, theme: Theme) -> None:
        self._icon.set_icon(icon("note", theme, theme.accent))
        self._dismiss.setIcon(icon("close", theme, theme.text_muted))

    def _show(self) -> None:
        making = self._proxies.making
        text = MAKING.format(name=making.source.name) if making is not None else self._advice()
        self._text.setText(text)
        self._progress.setValue(round(making.done * 100) if making is not None else 0)
        while_making: tuple[QWidget, ...] = (self._progress, self._cancel)
        otherwise: tuple[QWidget, ...] = (self._make, self._dismiss)
        for part in (*while_making, *otherwise):
            part.setVisible((part in while_making) == (making is not None))
        self.setVisible(bool(text))

    def _advice(self) -> str:
        hardness, source = self._proxies.hardness, self._proxies.source
        if hardness is None or source in self._dismissed or self._proxies.current is not None:
            return ""
        return advice(hardness)

    def _on_dismissed(self) -> None:
        if self._proxies.source is not None:
            self._dismissed.add(self._proxies.source)
        self._show()


def advice(hardness: Hardness) -> str:
    """What there is to say of how hard a video is; nothing of one that is not."""
    if hardness.is_slow_to_play:
        return SLOW_TO_PLAY.format(playing=hardness.playing)
    if hardness.is_slow_to_seek:
        return SLOW_TO_SEEK.format(seeking=hardness.seeking, group=hardness.group)
    return ""
