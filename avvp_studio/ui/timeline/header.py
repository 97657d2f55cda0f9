"""The left column: what each row is, and whose curves are drawn."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from avvp_studio.ui.icons import pixmap
from avvp_studio.ui.names import display_name, parser_name
from avvp_studio.ui.theme import category_colour, mix
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.inks import Ink, ink
from avvp_studio.ui.timeline.rows import CategoryRow
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.wording import MORE_PARSERS, NO_PARSER
from trainer.labels import MODALITIES, Modality

_LEFT = 12
_CHIP = 10
_LEGEND = 18
"""Pixels of a parser's line beside its name."""
_TEXT = _LEFT + _CHIP + 8
_ICON = 15
_RIGHT = 10
_MIDDLE = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


def paint_header(painter: QPainter, scene: Scene, row: CategoryRow, ratio: float) -> None:
    """First line: colour and name; second: key digit and mark of the video-level label; a sign at each lane."""
    is_armed = row.category == scene.armed
    whole = QRectF(0, row.whole.top, scene.sizes.header, row.whole.height)
    if is_armed:
        painter.fillRect(whole, QColor(mix(scene.theme.accent, scene.theme.surface, 0.22)))
        painter.fillRect(QRectF(0, whole.top(), 3, whole.height()), QColor(scene.theme.accent))
    is_low = row.whole.height < 2 * scene.sizes.line + 8
    _paint_name(painter, scene, row, row.whole if is_low else row.audio)
    if is_low:
        return
    _paint_marks(painter, scene, row, ratio)
    for modality in MODALITIES:
        _paint_sign(painter, scene, row, modality, ratio)
        _paint_swatches(painter, scene, row.lane(modality), modality)


def paint_corner(painter: QPainter, scene: Scene) -> None:
    """Beside the bands: which line belongs to which parser."""
    sizes, theme = scene.sizes, scene.theme
    height = scene.bands.bottom - sizes.ruler
    painter.setFont(scene.text)
    tracks = scene.content.tracks[: scene.rows.style.drawn]
    if not tracks:
        area = QRectF(_LEFT, sizes.ruler, sizes.header - _LEFT - _RIGHT, height)
        painter.setPen(QColor(theme.text_muted))
        # What does not fit is in the tooltip; a wrapped line is seldom full.
        room = (height // sizes.line - 0.6) * area.width()
        said = painter.fontMetrics().elidedText(
            scene.content.no_tracks or NO_PARSER, Qt.TextElideMode.ElideRight, round(room)
        )
        painter.drawText(area, _MIDDLE | Qt.TextFlag.TextWordWrap, said)
    line = min(sizes.line + 3.0, height / max(2, len(tracks)))
    top = sizes.ruler + (height - line * len(tracks)) / 2
    for place, track in enumerate(tracks):
        middle = top + (place + 0.5) * line
        inked = ink(theme, place)
        painter.setPen(_legend_pen(inked))
        painter.drawLine(QLineF(_LEFT - 1, middle, _LEFT + _LEGEND, middle))
        painter.setPen(QColor(theme.text if inked.is_newest else theme.text_muted))
        area = QRectF(_LEFT + _LEGEND + 6, middle - line / 2, sizes.header - _LEFT - _LEGEND - 6 - _RIGHT, line)
        hidden = len(scene.content.tracks) - len(tracks)
        is_last = place == len(tracks) - 1
        said = MORE_PARSERS.format(parser=parser_name(track.parser), count=hidden) if hidden and is_last else ""
        _draw_elided(painter, area, said or parser_name(track.parser), Qt.TextElideMode.ElideMiddle)


def paint_drop_line(painter: QPainter, scene: Scene, before: str | None) -> None:
    """Where a row that is taken along will stand."""
    row = scene.rows.of(before) if before is not None else None
    y = scene.origin + (row.whole.top if row is not None else scene.rows.total)
    painter.fillRect(QRectF(0, y - 2, scene.view.left + scene.view.width, 3), QColor(scene.theme.accent))


def _paint_sign(painter: QPainter, scene: Scene, row: CategoryRow, modality: Modality, ratio: float) -> None:
    """The ear or the eye of a lane; pale and struck out where the newest parser cannot hear or see."""
    left, middle = _icon_left(scene), _middle(row.lane(modality))
    reach = scene.content.tracks[0].reach.get((modality, row.category)) if scene.content.tracks else None
    is_blind = reach is not None and not reach.is_known
    colour = scene.theme.text_disabled if is_blind else scene.hue(modality)
    painter.drawPixmap(QPointF(left, middle - _ICON / 2), pixmap(modality.value, colour, _ICON, ratio))
    if is_blind:
        painter.setPen(QPen(QColor(scene.theme.text_muted), 1.4))
        half = _ICON / 2 - 1
        x = left + _ICON / 2
        painter.drawLine(QLineF(x - half, middle + half, x + half, middle - half))


def _paint_swatches(painter: QPainter, scene: Scene, lane: Band, modality: Modality) -> None:
    """Which band of a lane is whose, where each parser has its own."""
    if not scene.rows.style.has_bands:
        return
    for place, band in enumerate(scene.rows.style.parts(lane.height).beliefs):
        swatch = QRectF(scene.sizes.header - 5, lane.top + band.top, 3, band.height)
        painter.fillRect(swatch, QColor(ink(scene.theme, place, scene.hue(modality)).colour))


def _paint_name(painter: QPainter, scene: Scene, row: CategoryRow, band: Band) -> None:
    """With the digit before the right edge where there is only one line."""
    theme, middle = scene.theme, _middle(band)
    index = scene.content.columns[row.category]
    right = float(_icon_left(scene) - 6)
    digit = scene.digits.get(row.category)
    if band == row.whole and digit is not None:
        painter.setFont(scene.figures)
        _badge(painter, scene, right - scene.sizes.line + 8, middle, digit, theme.text)
        right -= scene.sizes.line
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(category_colour(index)))
    painter.drawRoundedRect(QRectF(_LEFT, middle - _CHIP / 2, _CHIP, _CHIP), 3, 3)
    painter.setFont(_bold(scene.text))
    painter.setPen(QColor(theme.text_muted if scene.is_dimmed(row.category) else theme.text))
    area = QRectF(_TEXT, middle - scene.sizes.line, right - _TEXT, 2 * scene.sizes.line)
    _draw_elided(painter, area, display_name(row.category), Qt.TextElideMode.ElideRight)


def _paint_marks(painter: QPainter, scene: Scene, row: CategoryRow, ratio: float) -> None:
    theme, middle, left = scene.theme, _middle(row.visual), float(_TEXT)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    digit = scene.digits.get(row.category)
    painter.setFont(scene.figures)
    if digit is not None:
        badge = _badge(painter, scene, left, middle, digit, theme.text)
        left = badge.right() + 6
    if row.category in scene.pinned:
        top_left = QPointF(round(left), round(middle - _ICON / 2))
        painter.drawPixmap(top_left, pixmap("pin", theme.text_muted, _ICON, ratio))
        left += _ICON + 6
    if row.category in scene.content.video_labels:
        _badge(painter, scene, left, middle, "video label", theme.text_muted, is_filled=True)


def _badge(
    painter: QPainter,
    scene: Scene,
    left: float,
    middle: float,
    text: str,
    colour: str,
    *,
    is_filled: bool = False,
) -> QRectF:
    """A key is an outlined cap, a mark a filled tag; both as tall as a line of text."""
    line = scene.sizes.line
    width = max(line + 2, QFontMetricsF(painter.font()).horizontalAdvance(text) + 10)
    badge = QRectF(round(left) + 0.5, round(middle - line / 2) + 0.5, round(width) - 1, line - 1)
    painter.setPen(Qt.PenStyle.NoPen if is_filled else QPen(QColor(scene.theme.border), 1))
    painter.setBrush(QColor(scene.theme.raised))
    painter.drawRoundedRect(badge, 3, 3)
    painter.setPen(QColor(colour))
    painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
    return badge


def _legend_pen(inked: Ink) -> QPen:
    pen = QPen(QColor(inked.colour), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if inked.dashes:
        pen.setDashPattern([length / pen.widthF() for length in inked.dashes])
    return pen


def _draw_elided(painter: QPainter, area: QRectF, text: str, mode: Qt.TextElideMode) -> None:
    shown = QFontMetricsF(painter.font()).elidedText(text, mode, area.width())
    painter.drawText(area, _MIDDLE, shown)


def _middle(band: Band) -> float:
    return band.top + band.height / 2


def _icon_left(scene: Scene) -> float:
    return scene.sizes.header - _RIGHT - _ICON


def _bold(base: QFont) -> QFont:
    bold = QFont(base)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold
