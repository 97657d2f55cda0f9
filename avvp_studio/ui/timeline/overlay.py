"""What moves over the lanes: the playhead, the mouse, the selected range, and what a drag is about to do."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from avvp_studio.ui.theme import Theme, translucent
from avvp_studio.ui.timeline.arrangement import MINIMAP, SPECTROGRAM
from avvp_studio.ui.timeline.blocks import paint_ghost
from avvp_studio.ui.timeline.gestures.place import OnEvent, Place, Side, Zone
from avvp_studio.ui.timeline.gestures.wishes import Mark, Reshape
from avvp_studio.ui.timeline.lanes import label_box
from avvp_studio.ui.timeline.minimap import moment_strips
from avvp_studio.ui.timeline.ruler import clock
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.spectrogram import paint_frequency
from trainer.labels import Modality


def segments_box(scene: Scene, category: str, modality: Modality, onset: float, offset: float) -> QRectF | None:
    """Where a label from onset to offset lies on the widget; None when the category has no row."""
    row = scene.rows.of(category)
    if row is None:
        return None
    band, top = row.lane(modality), scene.origin
    left, right = scene.view.x(onset), scene.view.x(offset)
    return label_box(scene, QRectF(left, top + band.top, right - left, band.height))


def paint_selection(painter: QPainter, scene: Scene, onset: float, offset: float, bottom: float) -> None:
    """A band over all rows; in the ruler its edges have handles, so that a short range is still found."""
    left, right = scene.view.x(onset), scene.view.x(offset)
    colour = QColor(scene.theme.selection)
    painter.fillRect(QRectF(left, 0, right - left, bottom), translucent(scene.theme.selection, 0.14))
    painter.fillRect(QRectF(left, 0, right - left, 3), colour)
    for edge, inwards in ((left, 1), (right, -1)):
        painter.fillRect(QRectF(edge - 0.75, 0, 1.5, bottom), colour)
        handle = [QPointF(edge, 0), QPointF(edge + inwards * 8, 0), QPointF(edge, 10)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF(handle))


def paint_mark(painter: QPainter, scene: Scene, mark: Mark) -> None:
    """The ghost of what a drag will have marked when the button is released now."""
    for modality in mark.modalities:
        box = segments_box(scene, mark.category, modality, mark.onset, mark.offset)
        if box is None:
            continue
        hue = scene.hue(modality)
        paint_ghost(painter, scene.theme, hue, box, scene.view.pixels_per_second, state=mark.state)


def paint_reshape(painter: QPainter, scene: Scene, reshape: Reshape) -> None:
    """The ghost of a label in its new range; where it was it fades."""
    event, view = reshape.event, scene.view
    before = segments_box(scene, event.category, event.modality, event.onset, event.offset)
    after = segments_box(scene, event.category, reshape.modality, reshape.onset, reshape.offset)
    if before is None or after is None:
        return
    if not reshape.is_copy:
        painter.fillRect(before.adjusted(0, 1, 0, -1), translucent(scene.theme.surface, 0.75))
    paint_ghost(
        painter, scene.theme, scene.hue(reshape.modality), after, view.pixels_per_second, state=event.state
    )


def paint_grip(painter: QPainter, scene: Scene, category: str, target: OnEvent) -> None:
    """A bar on the end of a label that a drag would take hold of."""
    event = target.event
    box = segments_box(scene, category, event.modality, event.onset, event.offset)
    if box is not None:
        x = box.left() if target.side is Side.ONSET else box.right()
        bar = QRectF(x - 2, box.top() + 2, 4, box.height() - 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(scene.theme.accent))
        painter.drawRoundedRect(bar, 2, 2)


def paint_hover(painter: QPainter, scene: Scene, place: Place) -> None:
    """A frame around the segment that a drag from here would begin with, or the end that it would pull."""
    if place.zone is not Zone.LANE or place.category is None:
        return
    if isinstance(place.target, OnEvent) and place.target.side is not None:
        paint_grip(painter, scene, place.category, place.target)
        return
    if place.category != scene.armed:
        return
    segment = int(place.time)
    if place.modality is None or not 0 <= segment < scene.content.segments:
        return
    box = segments_box(scene, place.category, place.modality, segment, segment + 1)
    if box is not None:
        painter.setPen(QPen(QColor(scene.theme.accent), 1))
        painter.setBrush(translucent(scene.theme.accent, 0.12))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)


def paint_hover_time(painter: QPainter, scene: Scene, place: Place, bottom: float) -> None:
    """A faint line under the mouse through all rows, with its time in the ruler."""
    if place.band == MINIMAP:  # there the same x is another time
        return
    painter.fillRect(QRectF(round(place.x), 0, 1, bottom), translucent(scene.theme.text, 0.25))
    theme = scene.theme
    _paint_flag(painter, scene, place.x, clock(place.time, 2), theme.text, theme.hover)
    if place.zone is Zone.BAND and place.band == SPECTROGRAM:
        paint_frequency(painter, scene, scene.bands.by_name[SPECTROGRAM], place.x, place.y)


def paint_focus(painter: QPainter, area: QRect, theme: Theme) -> None:
    """A frame around all of the timeline: the keys go to it."""
    width = 2 if theme.has_high_contrast else 1
    painter.setPen(QPen(QColor(theme.accent), 2 * width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)


def paint_playhead(painter: QPainter, scene: Scene, time: float, bottom: float) -> None:
    if not scene.view.shows(time):
        return
    theme, x = scene.theme, round(scene.view.x(time))
    painter.fillRect(QRectF(x - 0.5, 0, 1.5, bottom), QColor(theme.playhead))
    _paint_flag(painter, scene, x, clock(time, 2), theme.on_accent, theme.playhead)


def playhead_strips(scene: Scene, time: float, bottom: int) -> tuple[QRect, ...]:
    """The parts of the widget that the playhead covers: its flag, its line, its place on the minimap."""
    x = round(scene.view.x(time))
    flag = _flag(scene, x, clock(time, 2)).toAlignedRect().adjusted(-1, -1, 1, 1)
    return flag, QRect(x - 2, 0, 5, bottom), *moment_strips(scene, time)


def _flag(scene: Scene, x: float, text: str) -> QRectF:
    """A flag in the ruler, centred on its line as far as the edges of the time axis allow."""
    metrics = QFontMetricsF(scene.figures)
    width = round(metrics.horizontalAdvance("0" * len(text))) + 8
    left = min(max(x - width / 2, scene.view.left), scene.view.left + scene.view.width - width)
    return QRectF(round(left), 2, width, scene.sizes.line + 2)


def _paint_flag(painter: QPainter, scene: Scene, x: float, text: str, ink: str, ground: str) -> None:
    flag = _flag(scene, x, text)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(flag, 3, 3)
    painter.setFont(scene.figures)
    painter.setPen(QColor(ink))
    painter.drawText(flag, Qt.AlignmentFlag.AlignCenter, text)
