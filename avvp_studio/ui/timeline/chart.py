"""The rows of a clip on one time axis, to look at: painting, scrolling, zooming, and what lies where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from avvp_studio.media.peaks import Peaks
from avvp_studio.ui.theme import DARK, Theme, tabular
from avvp_studio.ui.timeline.arrangement import Arrangement, Bands
from avvp_studio.ui.timeline.backdrop import Backdrop, paint_no_clip
from avvp_studio.ui.timeline.band_media import BandMedia
from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import Mark, Reorder, Reshape, Select, Wish
from avvp_studio.ui.timeline.header import paint_drop_line
from avvp_studio.ui.timeline.minimap import clip_beside_minimap, paint_on_minimap
from avvp_studio.ui.timeline.overlay import (
    paint_focus,
    paint_hover,
    paint_hover_time,
    paint_mark,
    paint_playhead,
    paint_reshape,
    paint_selection,
    playhead_strips,
)
from avvp_studio.ui.timeline.places import place_on
from avvp_studio.ui.timeline.rows import GUTTER, Rows, Sizes
from avvp_studio.ui.timeline.scene import Scene
from avvp_studio.ui.timeline.scroll_bars import ScrollBars
from avvp_studio.ui.timeline.targets import target_at
from avvp_studio.ui.timeline.threshold_flag import paint_threshold_hand
from avvp_studio.ui.timeline.threshold_lines import threshold_at
from avvp_studio.ui.timeline.view import TimeView
from avvp_studio.ui.timeline.wording import summary
from trainer.labels import Modality

_NOTCH = 120
_ZOOM_PER_NOTCH = 1.25
_PLAYED_AT_ONCE = 1.0
"""Seconds: a playhead that moves farther in one step was sent there, one that moves less is playing."""


class Chart(QWidget):
    """Shows what it is given. Setting any of it asks for nothing."""

    looked = Signal()
    """Other time may be in view, in other bands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content: TimelineContent | None = None
        self._theme = DARK
        self._peaks: Peaks | None = None
        self._note = ""
        self._media = BandMedia()
        self._armed: str | None = None
        self._digits: dict[str, str] = {}
        self._pinned: frozenset[str] = frozenset()
        self._selection: tuple[float, float] | None = None
        self._playhead = 0.0
        self._hover: Place | None = None
        self._ghost: Wish | None = None
        self._held_marks: tuple[Mark, ...] = ()
        self._arrangement = Arrangement()
        self._view: TimeView | None = None
        self._scene: Scene | None = None
        self._backdrop = Backdrop()
        self._bars = ScrollBars(self, self._on_scrolled_down, self.look_from)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Timeline")
        self._rebuild()

    # What is shown

    def set_content(self, content: TimelineContent | None) -> None:
        """Show a clip, or none. The zoom stays when the new content is as long as the old."""
        before = self._content
        if before is None or content is None or before.extent != content.extent:
            self._view = None
        if before is None or content is None or before.rows[:1] != content.rows[:1]:
            self._bars.put_down(0)
        self._content = content
        self._rebuild()

    def set_peaks(self, peaks: Peaks | None, note: str) -> None:
        """Show the sound, or the note where there is none to show."""
        self._peaks, self._note = peaks, note
        self._show_bands()

    def set_media(self, media: BandMedia) -> None:
        """What bands show beside the peaks. It is drawn as it is at the time: after a change, set it again."""
        self._media = media
        self._show_bands()

    @property
    def scene(self) -> Scene | None:
        """All that is drawn; None while no clip is."""
        return self._scene

    def set_playhead(self, time: float) -> None:
        """Move the playhead; only the strips that it leaves and enters are painted again."""
        before, self._playhead = self._playhead, time
        scene = self._scene
        if scene is None:
            return
        was_sent = abs(time - before) > _PLAYED_AT_ONCE
        if not scene.view.shows(time) and (was_sent or scene.view.shows(before)):
            self._set_view(scene.view.starting_at(time - scene.view.span * 0.05))
            return
        for moment in (before, time):
            for strip in playhead_strips(scene, moment, self.height()):
                self.update(strip)

    def set_armed(self, category: str | None) -> None:
        """Light up the category that drags label, and bring it into sight."""
        if category == self._armed:
            return
        self._armed = category
        self._rebuild()
        row = self._scene.rows.of(category) if self._scene is not None and category is not None else None
        if row is not None:
            visible = self._body().height()
            lowest, highest = row.whole.bottom - visible, row.whole.top
            self._bars.put_down(min(max(self._bars.down.value(), lowest), highest))
            self._rebuild()

    def set_selection(self, selection: tuple[float, float] | None) -> None:
        self._selection = selection
        self.update()

    def set_held(self, marks: tuple[Mark, ...]) -> None:
        """What keys that are held down will have marked."""
        if marks != self._held_marks:
            self._held_marks = marks
            self.update()

    def set_digits(self, digits: dict[str, str]) -> None:
        """The key that arms each category, for the badges."""
        self._digits = dict(digits)
        self._rebuild()

    def set_pinned(self, categories: Iterable[str]) -> None:
        """The categories that stay on top, whatever the others are ordered by."""
        self._pinned = frozenset(categories)
        self._rebuild()

    def row_height(self, category: str) -> int | None:
        """How tall a row is drawn; None when the category has none."""
        row = self._scene.rows.of(category) if self._scene is not None else None
        return row.whole.height if row is not None else None

    def set_arrangement(self, arrangement: Arrangement) -> None:
        """Which bands are shown, and how tall things are."""
        if arrangement != self._arrangement:
            self._arrangement = arrangement
            self._rebuild()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._rebuild()

    # Zoom

    def zoom_in(self) -> None:
        """Closer, around the playhead when it is in view, else around the middle."""
        self._zoom(_ZOOM_PER_NOTCH**2)

    def zoom_out(self) -> None:
        self._zoom(_ZOOM_PER_NOTCH**-2)

    def zoom_to_fit(self) -> None:
        """The whole clip."""
        if self._view is not None:
            self._set_view(self._view.fitted())

    def look_from(self, onset: float) -> None:
        """See the time from `onset` on, in the same zoom."""
        if self._view is not None:
            self._set_view(self._view.starting_at(onset))

    # What lies where

    def point(self, category: str, modality: Modality, time: float) -> QPoint:
        """The middle of a lane at a time, on this widget. The category must have a row."""
        assert self._scene is not None
        row = self._scene.rows.of(category)
        assert row is not None
        band = row.lane(modality)
        y = self._scene.origin + band.top + band.height / 2
        return QPointF(self._scene.view.x(time), y).toPoint()

    def ruler_point(self, time: float) -> QPoint:
        """The middle of the ruler at a time, on this widget."""
        assert self._scene is not None
        return QPointF(self._scene.view.x(time), self._scene.sizes.ruler / 2).toPoint()

    def place_at(self, point: QPointF | QPoint) -> Place | None:
        """What lies under a point; None while no clip is shown. The time is held within the clip."""
        scene = self._scene
        if scene is None:
            return None
        place = place_on(scene, float(point.x()), float(point.y()))
        return replace(place, target=target_at(scene, place), threshold=threshold_at(scene, place))

    def sizeHint(self) -> QSize:
        return QSize(1000, 380)

    def minimumSizeHint(self) -> QSize:
        sizes = self._sizes()
        return QSize(sizes.header + 200, self._bands().bottom + 3 * sizes.shortest_lane)

    # Drawing

    def paintEvent(self, painted: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            scene = self._scene
            if scene is None:
                paint_no_clip(painter, self.rect(), self._theme)
                return
            bottom = self._body().bottom() + 1
            extent, ratio = QSize(self.width(), bottom), self.devicePixelRatioF()
            self._backdrop.draw(painter, scene, extent, painted.rect(), ratio)
            painter.fillRect(QRect(0, bottom, self.width(), self.height() - bottom), QColor(scene.theme.window))
            axis = QRect(round(scene.view.left), 0, round(scene.view.width) + 1, self.height())
            clip_beside_minimap(painter, scene, axis)
            self._paint_moving(painter, scene, axis.bottom() + 1)
            painter.setClipping(False)
            paint_on_minimap(painter, scene, self._playhead, self._hover)
            if isinstance(self._ghost, Reorder):
                paint_drop_line(painter, scene, self._ghost.before)
            if self.hasFocus():
                paint_focus(painter, self.rect(), scene.theme)

    def resizeEvent(self, _: QResizeEvent) -> None:
        self._rebuild()

    def changeEvent(self, changed: QEvent) -> None:
        if changed.type() in (QEvent.Type.FontChange, QEvent.Type.ApplicationFontChange):
            self._rebuild()
        super().changeEvent(changed)

    def wheelEvent(self, turned: QWheelEvent) -> None:
        """Zooms at the mouse. With Shift, or sideways: along the time. With Ctrl, or over headers: the rows."""
        view, turn = self._view, turned.angleDelta()
        if view is None:
            return
        modifiers, point = turned.modifiers(), turned.position()
        if modifiers & Qt.KeyboardModifier.ControlModifier or point.x() < view.left:
            self._bars.down.setValue(
                self._bars.down.value() - round(turn.y() / _NOTCH * self._bars.down.singleStep())
            )
        elif modifiers & Qt.KeyboardModifier.ShiftModifier or abs(turn.x()) > abs(turn.y()):
            notches = (turn.x() or turn.y()) / _NOTCH
            self._set_view(view.panned(-notches * view.span / 8))
        else:
            around = view.clamped_time(point.x())
            self._set_view(view.zoomed(_ZOOM_PER_NOTCH ** (turn.y() / _NOTCH), around=around))
        turned.accept()

    def _paint_moving(self, painter: QPainter, scene: Scene, bottom: int) -> None:
        selection = self._selection
        if isinstance(self._ghost, Select):
            selection = (self._ghost.onset, self._ghost.offset)
        if selection is not None:
            paint_selection(painter, scene, *selection, bottom)
        painter.save()
        painter.setClipRect(self._body(), Qt.ClipOperation.IntersectClip)
        for mark in self._held_marks:
            paint_mark(painter, scene, mark)
        if isinstance(self._ghost, Mark):
            paint_mark(painter, scene, self._ghost)
        elif isinstance(self._ghost, Reshape):
            paint_reshape(painter, scene, self._ghost)
        elif self._hover is not None:
            paint_hover(painter, scene, self._hover)
        paint_threshold_hand(painter, scene, self._hover, self._ghost)
        painter.restore()
        if self._hover is not None and self._ghost is None:
            paint_hover_time(painter, scene, self._hover, bottom)
        paint_playhead(painter, scene, self._playhead, bottom)

    # State that follows from the rest

    def _show_moving(self, *, hover: Place | None, ghost: Wish | None) -> None:
        """What the hand is at: neither is part of the content."""
        if (hover, ghost) != (self._hover, self._ghost):
            self._hover, self._ghost = hover, ghost
            self.update()

    def _sizes(self) -> Sizes:
        metrics = QFontMetrics(self.font())
        column = self._arrangement.column
        return Sizes(metrics.height(), metrics.averageCharWidth(), column)

    def _bands(self) -> Bands:
        return Bands(self._sizes(), self._arrangement)

    def _body(self) -> QRect:
        """Where the categories lie: under the bands, above the horizontal scroll bar."""
        top = self._bands().bottom
        foot = GUTTER if self._view is not None and not self._view.is_whole else 0
        return QRect(0, top, self.width(), max(0, self.height() - top - foot))

    def _rebuild(self) -> None:
        """Bring view, scroll bars and scene in line with the state, and paint everything anew."""
        content, sizes = self._content, self._sizes()
        self._backdrop.forget_body()
        self._scene = None
        if content is not None:
            left, width = sizes.header, max(1, self.width() - sizes.header - GUTTER)
            view = self._view or TimeView.whole(content.extent, left=left, width=width)
            self._view = view.placed(left=left, width=width)
            style = self._arrangement.lane_style(len(content.tracks))
            shown, height = self._shown_rows(content), self._body().height()
            rows = Rows(sizes, shown, height, style, self._arrangement.rows)
            self._bars.fit(rows, self._view, self._body(), self.height())
            self._scene = self._make_scene(content, self._view, rows)
        self._bars.show_needed(self._view if content is not None else None)
        self.setAccessibleDescription(summary(content, self._armed))
        self.update()
        self.looked.emit()

    def _make_scene(self, content: TimelineContent, view: TimeView, rows: Rows) -> Scene:
        return Scene(
            content=content,
            theme=self._theme,
            view=view,
            sizes=rows.sizes,
            bands=self._bands(),
            rows=rows,
            scroll=self._bars.down.value(),
            text=self.font(),
            figures=tabular(self.font()),
            armed=self._armed,
            digits=self._digits,
            pinned=self._pinned,
            peaks=self._peaks,
            note=self._note,
            media=self._media,
        )

    def _show_bands(self) -> None:
        """The bands show something else: what the rows show stays."""
        self._refresh_scene()
        self._backdrop.forget_top()
        self.update(0, 0, self.width(), self._bands().bottom)

    def _refresh_scene(self) -> None:
        if self._scene is not None:
            self._scene = self._make_scene(self._scene.content, self._scene.view, self._scene.rows)

    def _shown_rows(self, content: TimelineContent) -> tuple[str, ...]:
        """The categories of interest, and the armed one, which must have lanes to be labelled in."""
        armed = self._armed
        is_extra = armed is not None and armed not in content.rows and armed in content.categories
        return (*content.rows, armed) if is_extra and armed is not None else content.rows

    def _set_view(self, view: TimeView) -> None:
        if view != self._view:
            self._view = view
            self._rebuild()

    def _zoom(self, factor: float) -> None:
        view = self._view
        if view is not None:
            middle = (view.onset + view.offset) / 2
            around = self._playhead if view.shows(self._playhead) else middle
            self._set_view(view.zoomed(factor, around=around))

    def _on_scrolled_down(self) -> None:
        self._refresh_scene()
        self._backdrop.forget_body()
        self.update()
