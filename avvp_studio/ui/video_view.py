"""The picture of the clip in view, or why there is none; it can be looked at closely, and brightened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from avvp_studio.ui.icon_label import IconLabel
from avvp_studio.ui.icons import icon
from avvp_studio.ui.placement import Placement, Stage
from avvp_studio.ui.theme import Theme, tabular
from avvp_studio.ui.tone import Tone, toned

_NOTCH = 120
"""What Qt counts for one notch of a wheel."""
_SHARP = 3.0
"""From so many screen pixels a picture pixel on, pixels are drawn as squares."""


class VideoView(QWidget):
    """Paints frames with their aspect ratio; in their place it can say what is missing.

    The wheel zooms at the cursor and a drag pans. Texts stand in its upper corners where there are any.
    """

    locate_requested = Signal()
    double_clicked = Signal()
    placement_changed = Signal()
    """The picture is placed, or fitted, in another way."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._frame = QImage()
        self._toned = QImage()  # the frame as it is displayed
        self._size = QSize()  # of the picture itself: frames of large ones are smaller
        self._placement = Placement()
        self._tone = Tone()
        self._texts = ("", "")
        self._dragged_from: QPointF | None = None
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
        self.setAccessibleName("Picture")
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
        had_picture, self._frame = self.has_picture, frame
        self._toned = toned(frame, self._tone)
        if self.has_picture:
            self._card.hide()
        self._show_cursor()
        self.update()
        if self.has_picture and not had_picture:
            self.placement_changed.emit()

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

    @property
    def placement(self) -> Placement:
        return self._placement

    @property
    def picture_size(self) -> QSize:
        """How large the picture is in the file, but upright, as its frames are."""
        told, frame = self._size, self._frame.size()
        if told.isEmpty():
            return frame
        is_turned = (told.width() > told.height()) != (frame.width() > frame.height())
        return told.transposed() if is_turned and self.has_picture else told

    @property
    def scale(self) -> float:
        """Screen pixels a pixel of the picture; 0 without a picture."""
        stage = self._stage()
        return stage.scale(self._placement) if stage is not None else 0.0

    @property
    def tone(self) -> Tone:
        return self._tone

    @property
    def texts(self) -> tuple[str, str]:
        """What stands in the upper corners, left and right."""
        return self._texts

    def set_picture_size(self, size: QSize) -> None:
        """How large the picture is in the file, however it lies; an empty size: as large as its frames."""
        self._size = size
        self.update()

    def place(self, placement: Placement) -> None:
        """Show the picture like this."""
        if placement != self._placement:
            self._placement = placement
            self._show_cursor()
            self.update()
            self.placement_changed.emit()

    def zoom(self, notches: float, at: QPointF | None = None) -> None:
        """Make the picture larger, or (negative) smaller, around a point; by default the middle of the view."""
        stage = self._stage()
        if stage is not None:
            self.place(stage.notched(self._placement, notches, at or QRectF(self.rect()).center()))

    def set_tone(self, tone: Tone) -> None:
        self._tone = tone
        self._toned = toned(self._frame, tone)
        self.update()

    def set_texts(self, left: str, right: str) -> None:
        if (left, right) != self._texts:
            self._texts = (left, right)
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.has_picture:
            self.zoom(event.angleDelta().y() / _NOTCH, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        is_grip = event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton)
        if is_grip and self._can_pan():
            self._dragged_from = event.position()
            self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        stage = self._stage()
        if self._dragged_from is not None and stage is not None:
            self.place(stage.panned(self._placement, event.position() - self._dragged_from))
            self._dragged_from = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_from = None
        self._show_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_cursor()
        self.placement_changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(self._theme.sunken))
            stage = self._stage()
            if stage is None:
                return
            is_smooth = stage.scale(self._placement) < _SHARP
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smooth)
            painter.drawImage(stage.box(self._placement), self._toned, QRectF(self._toned.rect()))
            for text, side in zip(
                self._texts, (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight), strict=True
            ):
                self._paint_text(painter, text, side)

    def _paint_text(self, painter: QPainter, text: str, side: Qt.AlignmentFlag) -> None:
        """A line on a dark plate in an upper corner: readable on any picture."""
        if not text:
            return
        painter.setFont(tabular(self.font()))
        metrics = painter.fontMetrics()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, self.width() - 32)
        plate = QRectF(8, 8, metrics.horizontalAdvance(text) + 16, metrics.height() + 6)
        if side is Qt.AlignmentFlag.AlignRight:
            plate.moveRight(self.width() - 8)
            left = self.fontMetrics().horizontalAdvance(self._texts[0]) + 40 if self._texts[0] else 0
            if plate.left() < left:  # both do not fit beside one another
                plate.moveTop(plate.bottom() + 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 190))
        painter.drawRoundedRect(plate, 4, 4)
        painter.setPen(QColor("#f4f6f8"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)

    def _stage(self) -> Stage | None:
        if not self.has_picture:
            return None
        return Stage(QSizeF(self.picture_size), QSizeF(self.size()), self.devicePixelRatioF())

    def _can_pan(self) -> bool:
        stage = self._stage()
        return stage is not None and stage.can_pan(self._placement)

    def _show_cursor(self) -> None:
        if not self._can_pan():
            self.unsetCursor()
        elif self._dragged_from is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

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
