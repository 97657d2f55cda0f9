"""One category: its audio lane, its visual lane, and the audio-visual row derived from the two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF, QRegion

from avvp_studio.ui.theme import mix, translucent
from avvp_studio.ui.timeline.blocks import paint_absent, paint_person_mark, paint_present
from avvp_studio.ui.timeline.content import MAX_DRAWN_TRACKS, Lane, LaneTrack, TimelineContent, lane
from avvp_studio.ui.timeline.curves import Steps, steps
from avvp_studio.ui.timeline.rows import CategoryRow
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.wording import blind_text
from trainer.labels import ABSENT, MODALITIES, Modality, runs

_STRIP = 4
_OLDER_STRIP = 3

Curve = list[QPolygonF]
"""One line of steps for each stretch in which something is known."""


def label_box(content: TimelineContent, area: QRectF) -> QRectF:
    """The part of a lane that labels and curves share: all of it but the prediction strips at the foot."""
    drawn = min(len(content.tracks), MAX_DRAWN_TRACKS)
    strips = (0, _STRIP + 1, _STRIP + _OLDER_STRIP + 2)[drawn]
    return area.adjusted(0, 0, 0, -strips)


def paint_category(painter: QPainter, scene: Scene, row: CategoryRow) -> None:
    """Paint the lanes of a category; the painter's origin is the top of the first row."""
    grid = steps(scene.view, scene.content.segments)
    lanes = {modality: lane(scene.content, modality, row.category) for modality in MODALITIES}
    for modality, shown in lanes.items():
        band = row.lane(modality)
        if grid is not None:
            area = QRectF(scene.view.left, band.top, scene.view.width, band.height)
            _paint_lane(painter, scene, shown, grid, area)
    if grid is not None:
        area = QRectF(scene.view.left, row.both.top, scene.view.width, row.both.height)
        _paint_both(painter, scene, lanes, grid, area)


def _paint_lane(painter: QPainter, scene: Scene, shown: Lane, grid: Steps, area: QRectF) -> None:
    """From back to front: filled curve, labels, lines, strips."""
    hue, box = scene.hue(shown.modality), label_box(scene.content, area)
    tracks = shown.tracks[:MAX_DRAWN_TRACKS]
    curves = [_curve(grid, track, box) for track in tracks]
    if tracks:
        _fill(painter, grid, tracks[0], box, translucent(hue, 0.2))
    if tracks and tracks[0].is_blind:
        _paint_blind(painter, scene, tracks[0], shown.modality, box)
    _paint_labels(painter, scene, shown, grid, box)
    if tracks:
        _paint_threshold(painter, scene, grid, tracks[0], box)
        _paint_curves(painter, scene, shown, grid, box, curves)
        _paint_strips(painter, hue, grid, tracks, area)


def _paint_blind(painter: QPainter, scene: Scene, track: LaneTrack, modality: Modality, box: QRectF) -> None:
    """In words, where a flat curve would look like "absent": the newest parser cannot know."""
    painter.setFont(scene.text)
    painter.setPen(QColor(scene.theme.text_muted))
    room = box.adjusted(8, 0, -8, 0)
    text = painter.fontMetrics().elidedText(
        blind_text(track.parser, modality), Qt.TextElideMode.ElideRight, round(room.width())
    )
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _paint_labels(painter: QPainter, scene: Scene, shown: Lane, grid: Steps, box: QRectF) -> None:
    pitch = scene.view.pixels_per_second
    # A complete file says absent nearly everywhere: it must not shout over what a person checked.
    for strength, chosen in ((0.45, ~shown.by_person), (1.0, shown.by_person)):
        painter.setOpacity(strength)
        for left, right in grid.spans((shown.states == ABSENT) & chosen):
            paint_absent(painter, scene.theme, QRectF(left, box.top(), right - left, box.height()), pitch)
    painter.setOpacity(1.0)
    for left, right in grid.spans(shown.present):
        block = QRectF(left, box.top(), right - left, box.height())
        paint_present(painter, scene.theme, scene.hue(shown.modality), block, seen_from=scene.view.left)
    for left, right in grid.spans(shown.by_person):
        if right - left >= 12:
            paint_person_mark(painter, scene.theme, QPointF(right - 3.5, box.top() + 3.5))


def _paint_curves(
    painter: QPainter, scene: Scene, shown: Lane, grid: Steps, box: QRectF, curves: list[Curve]
) -> None:
    """The lines, the newest on top. A block has their hue: across it they have the colour of labels."""
    blocks = QRegion()
    for left, right in grid.spans(shown.present):
        block = QRectF(left, box.top(), right - left, box.height())
        blocks += block.adjusted(2, 2, -2, -2).toAlignedRect()
    hue, present = scene.hue(shown.modality), scene.theme.present
    painter.save()
    # Smoothing is slow, and lost where steps are only a few pixels wide.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not grid.is_dense)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for age, curve in reversed(list(enumerate(curves))):
        painter.setPen(_line(mix(hue, scene.theme.text, 0.8), age, grid))
        _draw(painter, curve)
    if not blocks.isEmpty():
        painter.setClipRegion(blocks, Qt.ClipOperation.IntersectClip)
        for age, curve in reversed(list(enumerate(curves))):
            painter.setPen(_line(present, age, grid))
            _draw(painter, curve)
    painter.restore()


def _paint_threshold(painter: QPainter, scene: Scene, grid: Steps, track: LaneTrack, box: QRectF) -> None:
    if track.is_blind:
        return
    (y,) = _heights(np.array([track.threshold], np.float32), box)
    painter.setPen(QPen(translucent(scene.theme.text_muted, 0.7), 1, Qt.PenStyle.DotLine))
    painter.drawLine(QLineF(grid.edges[0], y, grid.edges[-1], y))


def _paint_strips(
    painter: QPainter, hue: str, grid: Steps, tracks: tuple[LaneTrack, ...], area: QRectF
) -> None:
    """The thresholded predictions: solid for the newest parser, hatched beneath it for the older."""
    older = _OLDER_STRIP if len(tracks) > 1 else -1
    top = area.bottom() - older - 1 - _STRIP
    for left, right in grid.spans(tracks[0].predicted):
        painter.fillRect(QRectF(left + 1, top, max(1.0, right - left - 2), _STRIP), QColor(hue))
    if len(tracks) > 1:
        hatch = QBrush(translucent(hue, 0.9), Qt.BrushStyle.BDiagPattern)
        for left, right in grid.spans(tracks[1].predicted):
            painter.fillRect(
                QRectF(left + 1, top + _STRIP + 1, max(1.0, right - left - 2), _OLDER_STRIP), hatch
            )


def _paint_both(
    painter: QPainter, scene: Scene, lanes: dict[Modality, Lane], grid: Steps, area: QRectF
) -> None:
    """Heard and seen: solid where labels say so, outlined where only the newest parser does."""
    audio, visual = lanes[Modality.AUDIO], lanes[Modality.VISUAL]
    hue, area = scene.theme.audio_visual, area.adjusted(0, 1, 0, -1)
    painter.setPen(QPen(translucent(hue, 0.9), 1))
    painter.setBrush(QBrush(translucent(hue, 0.55), Qt.BrushStyle.BDiagPattern))
    for left, right in grid.spans(audio.predicted & visual.predicted):
        painter.drawRect(QRectF(left + 1.5, area.top() + 0.5, max(1.0, right - left - 3), area.height() - 1))
    painter.setPen(QPen(QColor(scene.theme.present), 1))
    painter.setBrush(QColor(hue))
    for left, right in grid.spans(audio.present & visual.present):
        block = QRectF(left + 1.5, area.top() + 0.5, max(1.0, right - left - 3), area.height() - 1)
        painter.drawRoundedRect(block, 2, 2)


def _draw(painter: QPainter, curve: Curve) -> None:
    for stairs in curve:
        painter.drawPolyline(stairs)


def _line(colour: str, age: int, grid: Steps) -> QPen:
    """The newest parser's line is solid; an older one's thin and dashed, or faint where dashes are lost."""
    if grid.is_dense:
        return QPen(translucent(colour, (0.9, 0.4)[age]), 1)
    if age == 0:
        return QPen(translucent(colour, 0.9), 1.6)
    pen = QPen(translucent(colour, 0.7), 1)
    pen.setDashPattern([4, 3])
    return pen


def _heights(values: NDArray[np.float32], box: QRectF) -> list[float]:
    foot, reach = box.bottom() - 3.5, box.height() - 7
    return (foot - values.astype(np.float64) * reach).tolist()  # type: ignore[no-any-return]


def _curve(grid: Steps, track: LaneTrack, box: QRectF) -> Curve:
    """Probability against time, in steps; where nothing is known there is no line."""
    values = grid.highest(track.probabilities)
    return [
        _stairs(grid.edges[first : last + 1].tolist(), _heights(values[first:last], box))
        for first, last in runs(np.isfinite(values))
    ]


def _stairs(edges: list[float], heights: list[float]) -> QPolygonF:
    points = []
    for height, left, right in zip(heights, edges[:-1], edges[1:], strict=True):
        points += [QPointF(left, height), QPointF(right, height)]
    return QPolygonF(points)


def _fill(painter: QPainter, grid: Steps, track: LaneTrack, box: QRectF, colour: QColor) -> None:
    """The area under a curve, step by step: without smoothing, so that no seams show between steps."""
    values, foot, edges = grid.highest(track.probabilities), box.bottom() - 2, grid.edges.tolist()
    tops = _heights(np.nan_to_num(values), box)
    known = np.isfinite(values).tolist()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRects(
        [
            QRectF(left, top, right - left, foot - top)
            for left, right, top, is_known in zip(edges[:-1], edges[1:], tops, known, strict=True)
            if is_known
        ]
    )
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
