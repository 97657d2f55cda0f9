"""All that stays when the playhead moves: two pictures, painted again only when what they show changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

from avvp_studio.ui.theme import translucent
from avvp_studio.ui.timeline.arrangement import WAVEFORM
from avvp_studio.ui.timeline.header import paint_corner, paint_header
from avvp_studio.ui.timeline.lanes import paint_category
from avvp_studio.ui.timeline.rows import Band, CategoryRow
from avvp_studio.ui.timeline.ruler import paint_grid, paint_ruler
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.waveform import paint_waveform

NO_ROWS = (
    "Nothing is labelled or predicted here yet.\n"
    "Press / to find a category, then drag in its lanes to label it."
)


BAND_PAINTERS: Mapping[str, Callable[[QPainter, Scene, Band, float], None]] = {WAVEFORM: paint_waveform}


class Backdrop:
    """The top (ruler and bands, which never scroll) and the body (the categories), cached apart."""

    def __init__(self) -> None:
        self._top: QPixmap | None = None
        self._body: QPixmap | None = None

    def forget(self) -> None:
        """Everything looks different now."""
        self._top = self._body = None

    def forget_body(self) -> None:
        """Only the rows moved or changed."""
        self._body = None

    def draw(self, painter: QPainter, scene: Scene, extent: QSize, exposed: QRect, ratio: float) -> None:
        """Copy the exposed part onto the widget, which is `extent` large."""
        top = QRect(0, 0, extent.width(), min(scene.bands.bottom, extent.height()))
        body = QRect(0, top.bottom() + 1, extent.width(), max(0, extent.height() - top.height()))
        self._top = _kept(self._top, top.size(), ratio, lambda p: _paint_top(p, scene, top.size(), ratio))
        self._body = _kept(self._body, body.size(), ratio, lambda p: _paint_body(p, scene, body.size(), ratio))
        for area, picture in ((top, self._top), (body, self._body)):
            target = area.intersected(exposed)
            if not target.isEmpty():
                source = QRectF(target.translated(-area.topLeft()))
                origin = QPointF(source.left() * ratio, source.top() * ratio)
                painter.drawPixmap(QRectF(target), picture, QRectF(origin, source.size() * ratio))


def _kept(picture: QPixmap | None, size: QSize, ratio: float, paint: Callable[[QPainter], None]) -> QPixmap:
    """The picture as it is when it still fits, or a new one."""
    pixels = size * ratio
    if picture is not None and picture.size() == pixels and picture.devicePixelRatio() == ratio:
        return picture
    picture = QPixmap(pixels)
    picture.setDevicePixelRatio(ratio)
    if not pixels.isEmpty():
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint(painter)
        painter.end()
    return picture


def _paint_top(painter: QPainter, scene: Scene, size: QSize, ratio: float) -> None:
    sizes, theme, view = scene.sizes, scene.theme, scene.view
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(theme.surface))
    painter.fillRect(QRect(0, 0, size.width(), sizes.ruler), QColor(theme.window))
    painter.save()
    painter.setClipRect(QRectF(view.left, 0, view.width, size.height()))
    paint_grid(painter, view, theme.grid, sizes.ruler, size.height())
    paint_ruler(painter, scene)
    for name, band in scene.bands:
        BAND_PAINTERS[name](painter, scene, band, ratio)
    _paint_beyond(painter, scene, sizes.ruler, size.height())
    painter.restore()
    paint_corner(painter, scene)
    _rule(painter, theme.border, 0, sizes.ruler - 1, size.width())
    for _, band in scene.bands:
        _rule(painter, theme.border, 0, band.bottom - 1, size.width())
    _column_edge(painter, scene, size.height())


def _paint_body(painter: QPainter, scene: Scene, size: QSize, ratio: float) -> None:
    theme, view, width = scene.theme, scene.view, size.width()
    painter.fillRect(QRect(0, 0, width, size.height()), QColor(theme.window))
    if not scene.rows.categories:
        painter.setFont(scene.text)
        painter.setPen(QColor(theme.text_muted))
        area = QRectF(view.left, 0, view.width, size.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, NO_ROWS)
        return
    painter.translate(0, -scene.scroll)
    for row in scene.rows.between(scene.scroll, scene.scroll + size.height()):
        _paint_row(painter, scene, row, width, ratio)
    _column_edge(painter, scene, scene.rows.total)


def _paint_row(painter: QPainter, scene: Scene, row: CategoryRow, width: int, ratio: float) -> None:
    theme, view, band = scene.theme, scene.view, row.whole
    whole = QRectF(0, band.top, width, band.height)
    painter.fillRect(whole, QColor(scene.lane_background(row.category)))
    painter.save()
    painter.setClipRect(QRectF(view.left, band.top, view.width, band.height))
    paint_grid(painter, view, theme.grid, band.top, band.bottom)
    _rule(painter, theme.grid, view.left, row.audio.bottom, view.left + view.width)
    paint_category(painter, scene, row)
    if scene.is_dimmed(row.category):
        painter.fillRect(whole, translucent(theme.surface, 0.4))
    _paint_beyond(painter, scene, band.top, band.bottom)
    painter.restore()
    paint_header(painter, scene, row, ratio)
    _rule(painter, theme.border, 0, band.bottom - 1, width)


def _paint_beyond(painter: QPainter, scene: Scene, top: float, bottom: float) -> None:
    """The last segment may reach past the end of the clip: there is nothing to see or hear there."""
    end = scene.view.x(scene.content.duration)
    right = scene.view.left + scene.view.width
    if end < right - 0.5:
        area = QRectF(end, top, right - end, bottom - top)
        painter.fillRect(area, translucent(scene.theme.window, 0.6))
        painter.fillRect(area, QBrush(QColor(scene.theme.border), Qt.BrushStyle.BDiagPattern))


def _column_edge(painter: QPainter, scene: Scene, bottom: float) -> None:
    painter.setPen(QPen(QColor(scene.theme.border), 1))
    painter.drawLine(QLineF(scene.view.left - 0.5, 0, scene.view.left - 0.5, bottom))


def _rule(painter: QPainter, colour: str, left: float, top: float, right: float) -> None:
    painter.fillRect(QRectF(left, top, right - left, 1), QColor(colour))
