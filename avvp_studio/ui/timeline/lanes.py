"""One category: its audio lane, its visual lane, and the audio-visual row derived from the two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from avvp_studio.ui.theme import translucent
from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.beliefs import both_pictures, lane_pictures
from avvp_studio.ui.timeline.blocks import paint_absent, paint_person_mark, paint_present
from avvp_studio.ui.timeline.content import Label, Lane, LaneTrack, lane
from avvp_studio.ui.timeline.curves import Steps
from avvp_studio.ui.timeline.lane_style import LaneParts
from avvp_studio.ui.timeline.rows import CategoryRow
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.threshold_lines import threshold_lines
from avvp_studio.ui.timeline.wording import blind_text
from trainer.labels import MODALITIES, Modality, State

_FROM_FILE = 0.6
"""A complete file says absent nearly everywhere: it must not shout over what a person checked."""
_MARKED = 12

_Pictures = dict[tuple[str, Modality | None], QImage]
"""By category and modality; the derived row has none."""


def label_box(scene: Scene, area: QRectF) -> QRectF:
    """The part of a lane that belongs to labels."""
    return _box(area, scene.rows.style.parts(round(area.height())).labels)


class LanePainter:
    """Paints the lanes of rows, each when it is asked to; what is drawn by columns it makes of all at once."""

    def __init__(self, scene: Scene, rows: Iterable[CategoryRow], ratio: float) -> None:
        self._scene, self._pictures = scene, {}
        if scene.grid is not None:
            self._pictures = _pictures(scene, rows, scene.grid, ratio)

    def paint(self, painter: QPainter, row: CategoryRow) -> None:
        """The painter's origin is the top of the first row."""
        scene, grid = self._scene, self._scene.grid
        if grid is None:
            return
        lanes = {modality: lane(scene.content, modality, row.category) for modality in MODALITIES}
        for modality, shown in lanes.items():
            area = _across(scene, row.lane(modality))
            _paint_lane(painter, scene, shown, grid, area, self._pictures[row.category, modality])
        both = self._pictures.get((row.category, None))
        if both is not None:
            painter.drawImage(QPointF(scene.view.left, row.both.top), both)
        elif row.both.height:
            _paint_both(painter, scene, lanes, grid, _across(scene, row.both))


def _pictures(scene: Scene, rows: Iterable[CategoryRow], grid: Steps, ratio: float) -> _Pictures:
    """Of lanes that are equally high, together; rows that nobody resized are."""
    found: _Pictures = {}
    for (height, both), alike in _alike(rows).items():
        names = [row.category for row in alike]
        lanes = {modality: [lane(scene.content, modality, name) for name in names] for modality in MODALITIES}
        for modality in MODALITIES:
            pictures = lane_pictures(scene, lanes[modality], height, grid, ratio)
            found |= zip([(name, modality) for name in names], pictures, strict=True)
        if both and grid.is_dense:
            pairs = list(zip(lanes[Modality.AUDIO], lanes[Modality.VISUAL], strict=True))
            pictures = both_pictures(scene, pairs, both, grid, ratio)
            found |= zip([(name, None) for name in names], pictures, strict=True)
    return found


def _alike(rows: Iterable[CategoryRow]) -> dict[tuple[int, int], list[CategoryRow]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row.audio.height, row.both.height].append(row)
    return groups


def _paint_lane(
    painter: QPainter, scene: Scene, shown: Lane, grid: Steps, area: QRectF, picture: QImage
) -> None:
    """From back to front: labels, what parsers believe, thresholds, and who labelled."""
    parts, view = scene.rows.style.parts(round(area.height())), scene.view
    box = _box(area, parts.labels)
    are_marked = box.height() >= _MARKED
    labels: list[Label] = []
    if are_marked or not grid.is_dense:
        labels = [label for label in shown.labels if label.is_within(view.onset, view.offset)]
    if not grid.is_dense:
        _paint_labels(painter, scene, labels, shown.modality, box)
    painter.drawImage(area.topLeft(), picture)
    _paint_words(painter, scene, shown, parts, area)
    for line in threshold_lines(scene.rows.style, shown, round(area.height())):
        _paint_threshold(painter, scene, grid, line.track, area.top() + line.y)
    shortest = _MARKED / view.pixels_per_second
    for label in labels:
        if are_marked and label.is_by_person and label.offset - label.onset >= shortest:
            paint_person_mark(painter, scene.theme, QPointF(view.x(label.offset) - 3.5, box.top() + 3.5))


def _paint_labels(
    painter: QPainter, scene: Scene, labels: list[Label], modality: Modality, box: QRectF
) -> None:
    """Present is drawn over absent."""
    pitch, hue = scene.view.pixels_per_second, scene.hue(modality)
    for label in sorted(labels, key=lambda label: label.state is State.PRESENT):
        left, right = scene.view.x(label.onset), scene.view.x(label.offset)
        block = QRectF(left, box.top(), right - left, box.height())
        if label.state is State.PRESENT:
            paint_present(painter, scene.theme, hue, block, seen_from=scene.view.left)
        else:
            is_clear = label.is_by_person or scene.theme.has_high_contrast
            painter.setOpacity(1.0 if is_clear else _FROM_FILE)
            paint_absent(painter, scene.theme, _within(block, scene), pitch)
            painter.setOpacity(1.0)


def _paint_words(painter: QPainter, scene: Scene, shown: Lane, parts: LaneParts, area: QRectF) -> None:
    """In words, where a flat curve would look like "absent": that a parser cannot know."""
    if not shown.tracks or not shown.tracks[0].is_blind or not parts.beliefs:
        return
    room = _box(area, parts.beliefs[0]).adjusted(8, 0, -8, 0)
    if room.height() < scene.sizes.line - 2:
        return
    painter.setFont(scene.text)
    painter.setPen(QColor(scene.theme.text_muted))
    said = blind_text(shown.tracks[0].parser, shown.modality)
    text = painter.fontMetrics().elidedText(said, Qt.TextElideMode.ElideRight, round(room.width()))
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _paint_threshold(painter: QPainter, scene: Scene, grid: Steps, track: LaneTrack, y: float) -> None:
    """Dotted where it is the parser's own, solid where a person chose it."""
    if track.threshold == track.own_threshold:
        pen = QPen(translucent(scene.theme.text_muted, 0.7), 1, Qt.PenStyle.DotLine)
    else:
        pen = QPen(translucent(scene.theme.accent, 0.9), 1)
    painter.setPen(pen)
    painter.drawLine(QLineF(max(grid.edges[0], scene.view.left), y, grid.edges[-1], y))


def _paint_both(
    painter: QPainter, scene: Scene, lanes: dict[Modality, Lane], grid: Steps, area: QRectF
) -> None:
    """Heard and seen: solid where labels say so, hatched where only the newest parser does."""
    audio, visual = lanes[Modality.AUDIO], lanes[Modality.VISUAL]
    predicted, present = audio.predicted & visual.predicted, audio.present & visual.present
    hue, area = scene.theme.audio_visual, area.adjusted(0, 1, 0, -1)
    painter.setPen(QPen(translucent(hue, 0.9), 1))
    painter.setBrush(QBrush(translucent(hue, 0.55), Qt.BrushStyle.BDiagPattern))
    for left, right in grid.spans(predicted):
        painter.drawRect(QRectF(left + 1.5, area.top() + 0.5, max(1.0, right - left - 3), area.height() - 1))
    painter.setPen(QPen(QColor(scene.theme.present), 1))
    painter.setBrush(QColor(hue))
    for left, right in grid.spans(present):
        block = QRectF(left + 1.5, area.top() + 0.5, max(1.0, right - left - 3), area.height() - 1)
        painter.drawRoundedRect(block, 2, 2)


def _across(scene: Scene, band: Band) -> QRectF:
    return QRectF(scene.view.left, band.top, scene.view.width, band.height)


def _box(area: QRectF, band: Band) -> QRectF:
    return QRectF(area.left(), area.top() + band.top, area.width(), band.height)


def _within(block: QRectF, scene: Scene) -> QRectF:
    """A box that is far longer than the view, cut where nobody sees it; its strokes keep their places."""
    pitch, view = scene.view.pixels_per_second, scene.view
    before = max(0, int((view.left - block.left()) / pitch) - 1)
    after = max(0, int((block.right() - view.left - view.width) / pitch) - 1)
    return block.adjusted(before * pitch, 0, -after * pitch, 0)
