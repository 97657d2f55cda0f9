"""The picture of the clip in view, or why there is none."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from avvp_studio.ui.icon_label import IconLabel
from avvp_studio.ui.icons import icon
from avvp_studio.ui.theme import Theme


def fitted(width: float, height: float, area: QRectF) -> QRectF:
    """The largest rectangle of the aspect ratio width : height in the middle of an area."""
    scale = min(area.width() / width, area.height() / height)
    box = QRectF(0, 0, width * scale, height * scale)
    box.moveCenter(area.center())
    return box


class VideoView(QWidget):
    """Paints frames with their aspect ratio, letterboxed; in their place it can say what is missing."""

    locate_requested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._frame = QImage()
        self._icon_name = "film"
        self._icon = IconLabel(32)
        self._title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._detail = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setProperty("role", "title")
        self._detail.setTextFormat(Qt.TextFormat.PlainText)
        self._detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._detail.setProperty("role", "muted")
        self._progress = QProgressBar(textVisible=False)
        self._progress.setObjectName("making")
        self._progress.setFixedWidth(280)
        self._locate = QPushButton("Locate…")
        self._locate.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._locate.clicked.connect(self.locate_requested)
        self._card = self._make_card()
        self.setMinimumSize(160, 90)
        self.show_no_clip()

    def _make_card(self) -> QFrame:
        card = QFrame()
        column = QVBoxLayout(card)
        column.setSpacing(6)
        column.addWidget(self._icon, alignment=Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._title)
        column.addWidget(self._detail)
        column.addSpacing(4)
        column.addWidget(self._progress, alignment=Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._locate, alignment=Qt.AlignmentFlag.AlignCenter)
        card.setMaximumWidth(560)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(card, 8, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        return card

    @property
    def message(self) -> str:
        """What stands in place of the picture; empty while there is a picture."""
        return "" if self._card.isHidden() else self._title.text()

    @property
    def has_picture(self) -> bool:
        return not self._frame.isNull()

    def show_frame(self, frame: QImage) -> None:
        """Show a picture in place of any message; a null one only takes the picture away."""
        self._frame = frame
        if self.has_picture:
            self._card.hide()
        self.update()

    def show_no_clip(self, advice: str = "") -> None:
        self._say("film", "No clip is open", advice)

    def show_progress(self, title: str, detail: str, done: int, total: int) -> None:
        """Something is being made that will be shown here; a `total` of 0 means that nobody knows how much."""
        if self.message != title:
            self._say("film", title, detail)
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        self._progress.show()

    def show_waiting(self) -> None:
        """A clip is being opened: nothing to see yet, and nothing to say."""
        self._frame = QImage()
        self._card.hide()
        self.update()

    def show_missing(self, name: str, expected: Path | None) -> None:
        where = f"Expected at {expected}. " if expected else ""
        text = f"{where}You can still label the clip from its tracks."
        self._say("film-off", f"The video of {name} was not found", text, can_locate=True)

    def show_no_picture(self, name: str) -> None:
        self._say("audio", "This file has sound but no picture", name)

    def show_error(self, text: str) -> None:
        self._say("error", "The video cannot be shown", text, can_locate=True)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._draw_icon()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, 320)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.sunken))
        if self.has_picture:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            box = fitted(self._frame.width(), self._frame.height(), QRectF(self.rect()))
            painter.drawImage(box, self._frame, QRectF(self._frame.rect()))

    def _say(self, icon_name: str, title: str, detail: str, *, can_locate: bool = False) -> None:
        self._frame = QImage()
        self._icon_name = icon_name
        self._draw_icon()
        self._title.setText(title)
        self._detail.setText(detail)
        self._locate.setVisible(can_locate)
        self._progress.hide()
        self._card.show()
        self.update()

    def _draw_icon(self) -> None:
        self._icon.set_icon(icon(self._icon_name, self._theme, self._theme.text_muted))
