"""All that stays when the playhead moves: two pictures, painted again only when what they show changes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

from avvp_studio.ui.theme import Theme, translucent
from avvp_studio.ui.timeline.arrangement import MINIMAP, SPECTROGRAM, THUMBNAILS, WAVEFORM
from avvp_studio.ui.timeline.filmstrip import paint_filmstrip
from avvp_studio.ui.timeline.header import paint_corner, paint_header
from avvp_studio.ui.timeline.lanes import LanePainter
from avvp_studio.ui.timeline.minimap import Minimap
from avvp_studio.ui.timeline.pixels import painted
from avvp_studio.ui.timeline.row_pictures import RowPainter, RowPictures, header_key, lanes_key
from avvp_studio.ui.timeline.rows import CategoryRow
from avvp_studio.ui.timeline.ruler import paint_grid, paint_ruler
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.spectrogram import paint_spectrogram
from avvp_studio.ui.timeline.waveform import paint_waveform

NO_CLIP = "Here stand the lanes of a clip: its tracks, and your labels."
NO_ROWS = (
    "Nothing is labelled or predicted here yet.\n"
    "Press / to find a category, then drag in its lanes to label it."
)

_PAINTERS = {THUMBNAILS: paint_filmstrip, WAVEFORM: paint_waveform, SPECTROGRAM: paint_spectrogram}
"""Of the bands that follow the view."""


class Backdrop:
    """The top (ruler and bands, which never scroll) and the body (the categories), cached apart."""

    def __init__(self) -> None:
        self._top: QPixmap | None = None
        self._top_of: tuple[object, ...] = ()
        self._body: QPixmap | None = None
        self._headers = RowPictures(_header_painter, header_key)
        self._lanes = RowPictures(_lanes_painter, lanes_key)
        self._minimap = Minimap()

    def forget_top(self) -> None:
        """The bands show something else."""
        self._top = None

    def forget_body(self) -> None:
        """The rows moved or changed."""
        self._body = None

    def draw(self, painter: QPainter, scene: Scene, extent: QSize, exposed: QRect, ratio: float) -> None:
        """Copy the exposed part onto the widget, which is `extent` large."""
        top = QRect(0, 0, extent.width(), min(scene.bands.bottom, extent.height()))
        body = QRect(0, top.bottom() + 1, extent.width(), max(0, extent.height() - top.height()))
        of = (top.size(), ratio, *_shown_on_top(scene))
        if self._top is None or self._top_of != of:
            self._top_of = of
            self._top = painted(top.size(), ratio, lambda p: self._paint_top(p, scene, top.size(), ratio))
        if self._body is None or self._body.size() != body.size() * ratio:
            self._body = painted(body.size(), ratio, lambda p: self._paint_body(p, scene, body.size(), ratio))
        for area, picture in ((top, self._top), (body, self._body)):
            target = area.intersected(exposed)
            if not target.isEmpty():
                source = QRectF(target.translated(-area.topLeft()))
                origin = QPointF(source.left() * ratio, source.top() * ratio)
                painter.drawPixmap(QRectF(target), picture, QRectF(origin, source.size() * ratio))

    def _paint_top(self, painter: QPainter, scene: Scene, size: QSize, ratio: float) -> None:
        sizes, theme, view = scene.sizes, scene.theme, scene.view
        painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(theme.surface))
        painter.fillRect(QRect(0, 0, size.width(), sizes.ruler), QColor(theme.window))
        painter.save()
        painter.setClipRect(QRectF(view.left, 0, view.width, size.height()))
        paint_grid(painter, view, theme.grid, sizes.ruler, size.height())
        paint_ruler(painter, scene)
        for name, band in scene.bands:
            if name in _PAINTERS:
                _PAINTERS[name](painter, scene, band, ratio)
        _paint_beyond(painter, scene, sizes.ruler, size.height())
        if MINIMAP in scene.bands.by_name:
            self._minimap.paint(painter, scene, scene.bands.by_name[MINIMAP], ratio)
        painter.restore()
        paint_corner(painter, scene)
        _rule(painter, theme.border, 0, sizes.ruler - 1, size.width())
        for _, band in scene.bands:
            left = 0 if band.bottom == scene.bands.bottom else view.left  # the legend stands over all of them
            _rule(painter, theme.border, left, band.bottom - 1, size.width())
        _column_edge(painter, scene, size.height())

    def _paint_body(self, painter: QPainter, scene: Scene, size: QSize, ratio: float) -> None:
        theme, view, width = scene.theme, scene.view, size.width()
        painter.fillRect(QRect(0, 0, width, size.height()), QColor(theme.window))
        if not scene.rows.categories:
            painter.setFont(scene.text)
            painter.setPen(QColor(theme.text_muted))
            area = QRectF(view.left, 0, view.width, size.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, scene.content.no_rows or NO_ROWS)
            return
        painter.translate(0, -scene.scroll)
        column = round(view.left)
        rows = scene.rows.between(scene.scroll, scene.scroll + size.height())
        self._headers.draw(painter, scene, rows, 0, column, ratio)
        self._lanes.draw(painter, scene, rows, column, width - column, ratio)
        self._headers.forget_surplus()
        self._lanes.forget_surplus()


def paint_no_clip(painter: QPainter, area: QRect, theme: Theme) -> None:
    painter.fillRect(area, QColor(theme.surface))
    painter.setPen(QColor(theme.text_muted))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, NO_CLIP)


def _shown_on_top(scene: Scene) -> tuple[object, ...]:
    """Of labels it shows nothing, but on a minimap."""
    content, bands = scene.content, scene.bands
    parsers = tuple(track.parser for track in content.tracks)
    said = (content.duration, parsers, content.no_tracks, scene.rows.style, scene.note)
    look = (scene.theme, scene.text.key(), scene.figures.key(), scene.sizes, tuple(bands))
    return scene.view, scene.peaks, content if MINIMAP in bands.by_name else None, *said, *look


def _header_painter(scene: Scene, _: Sequence[CategoryRow], right: int, ratio: float) -> RowPainter:
    def paint(painter: QPainter, row: CategoryRow) -> None:
        band = row.whole
        ground = QColor(scene.lane_background(row.category))
        painter.fillRect(QRectF(0, band.top, right, band.height), ground)
        if scene.is_dimmed(row.category):
            painter.fillRect(QRectF(0, band.top, right, band.height), _veil(scene.theme))
        paint_header(painter, scene, row, ratio)
        _column_edge(painter, scene, band.bottom)
        _rule(painter, scene.theme.border, 0, band.bottom - 1, right)

    return paint


def _lanes_painter(scene: Scene, rows: Sequence[CategoryRow], right: int, ratio: float) -> RowPainter:
    theme, view, lanes = scene.theme, scene.view, LanePainter(scene, rows, ratio)
    grounds: dict[tuple[str, int], QPixmap] = {}

    def paint(painter: QPainter, row: CategoryRow) -> None:
        band, look = row.whole, (scene.lane_background(row.category), row.whole.height)
        if look not in grounds:
            size = QSize(right - round(view.left), band.height)
            grounds[look] = painted(size, ratio, lambda p: _paint_ground(p, scene, row, right))
        painter.drawPixmap(QPointF(view.left, band.top), grounds[look])
        painter.save()
        painter.setClipRect(QRectF(view.left, band.top, view.width, band.height))
        lanes.paint(painter, row)
        if scene.is_dimmed(row.category):
            whole = QRectF(view.left, band.top, right - view.left, band.height)
            painter.fillRect(whole, _veil(theme))
        _paint_beyond(painter, scene, band.top, band.bottom)
        painter.restore()
        _rule(painter, theme.border, view.left, band.bottom - 1, right)

    return paint


def _paint_ground(painter: QPainter, scene: Scene, row: CategoryRow, right: int) -> None:
    """What lies behind lanes; rows of one height have the same."""
    theme, view, band = scene.theme, scene.view, row.whole
    painter.translate(-view.left, -band.top)
    painter.fillRect(
        QRectF(view.left, band.top, right - view.left, band.height), QColor(scene.lane_background(row.category))
    )
    painter.setClipRect(QRectF(view.left, band.top, view.width, band.height))
    paint_grid(painter, view, theme.grid, band.top, band.bottom)
    _rule(painter, theme.grid, view.left, row.audio.bottom, view.left + view.width)


def _veil(theme: Theme) -> QColor:
    """Over rows that are not the armed one; where contrast matters they only just recede."""
    return translucent(theme.surface, 0.1 if theme.has_high_contrast else 0.35)


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
