"""Pictures of rows, kept for as long as nothing in them changes: scrolling and an edit repaint little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import ref

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QPainter, QPixmap

from avvp_studio.domain.tracks import Track
from avvp_studio.ui.timeline.content import lane
from avvp_studio.ui.timeline.pixels import painted
from avvp_studio.ui.timeline.rows import CategoryRow
from avvp_studio.ui.timeline.scene import Scene
from trainer.labels import MODALITIES

_Key = tuple[object, ...]
RowPainter = Callable[[QPainter, CategoryRow], None]
_KEPT_PIXELS = 8_000_000
"""Some 32 MB: a few windows full."""


class RowPictures:
    """Draws rows, or copies what it drew before.

    `begin` is told which rows are to be painted, up to where, and at which ratio of pixels.
    """

    def __init__(
        self,
        begin: Callable[[Scene, Sequence[CategoryRow], int, float], RowPainter],
        key: Callable[[Scene, CategoryRow], _Key],
    ) -> None:
        self._begin, self._key = begin, key
        self._kept: dict[str, tuple[_Key, QPixmap]] = {}

    def draw(
        self, painter: QPainter, scene: Scene, rows: Sequence[CategoryRow], left: int, width: int, ratio: float
    ) -> None:
        keys = {row.category: (self._key(scene, row), width, ratio) for row in rows}
        stale = [row for row in rows if self._kept.get(row.category, (None,))[0] != keys[row.category]]
        if stale:
            paint = self._begin(scene, stale, left + width, ratio)
            for row in stale:
                self._kept[row.category] = keys[row.category], _painted(paint, row, left, width, ratio)
        for row in rows:
            self._kept[row.category] = self._kept.pop(row.category)  # the last of them was drawn last
            painter.drawPixmap(QPointF(left, row.whole.top), self._kept[row.category][1])

    def forget_surplus(self) -> None:
        """Let the pictures go that were not drawn for longest."""
        pixels = sum(picture.width() * picture.height() for _, picture in self._kept.values())
        while pixels > _KEPT_PIXELS and len(self._kept) > 1:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            pixels -= oldest.width() * oldest.height()


def _painted(paint: RowPainter, row: CategoryRow, left: int, width: int, ratio: float) -> QPixmap:
    def moved(painter: QPainter) -> None:
        painter.translate(-left, -row.whole.top)
        paint(painter, row)

    return painted(QSize(width, row.whole.height), ratio, moved)


def lanes_key(scene: Scene, row: CategoryRow) -> _Key:
    """What is said of a category, and the time in view."""
    content = scene.content
    lanes = [lane(content, modality, row.category) for modality in MODALITIES]
    said = tuple((shown.events, shown.states.tobytes()) for shown in lanes)
    tracks = tuple(_track_key(track, content.columns[row.category]) for track in content.tracks)
    return said, tracks, content.duration, scene.view, *_look(scene, row)


def _track_key(track: Track, column: int) -> _Key:
    """A parse, and how one category is predicted by it: of the others the thresholds may be moving."""
    thresholds = [
        rule.segment_threshold(modality.axis, column)
        for rule in (track.rule, track.own_rule)
        for modality in MODALITIES
    ]
    return track.parser, ref(track.parse), *thresholds  # who keeps a picture keeps no parse


def header_key(scene: Scene, row: CategoryRow) -> _Key:
    """What a header shows."""
    content = scene.content
    reach = content.tracks[0].reach if content.tracks else None
    return (
        content.columns[row.category],
        row.category in content.video_labels,
        row.category in scene.pinned,
        scene.digits.get(row.category),
        scene.sizes,
        reach,
        *_look(scene, row),
    )


def _look(scene: Scene, row: CategoryRow) -> _Key:
    is_armed, is_dimmed = row.category == scene.armed, scene.is_dimmed(row.category)
    return scene.theme, scene.text.key(), scene.rows.style, row.whole.height, is_armed, is_dimmed
