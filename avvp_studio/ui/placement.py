"""Where a picture is drawn in a view: fitted, or at a scale around a point. Values and pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF

LARGEST = 16.0
"""Times as large as the picture itself."""
_NOTCH = 1.25
_SAME = 1e-3


def fitted(width: float, height: float, area: QRectF) -> QRectF:
    """The largest rectangle of the aspect ratio width : height in the middle of an area."""
    scale = min(area.width() / width, area.height() / height)
    box = QRectF(0, 0, width * scale, height * scale)
    box.moveCenter(area.center())
    return box


@dataclass(frozen=True, slots=True)
class Placement:
    """How a picture lies in a view. `scale` is in screen pixels a picture pixel; 0 fits the picture in."""

    scale: float = 0.0
    x: float = 0.5
    """The point of the picture in the middle of the view, in widths of the picture."""
    y: float = 0.5

    @property
    def is_fitted(self) -> bool:
        return self.scale == 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A picture (in its own pixels) and the view that it is shown in, of `ratio` screen pixels a unit."""

    picture: QSizeF
    view: QSizeF
    ratio: float = 1.0

    @property
    def fit_scale(self) -> float:
        """The scale at which the picture just fits."""
        across = self.view.width() / self.picture.width()
        return min(across, self.view.height() / self.picture.height()) * self.ratio

    def scale(self, placement: Placement) -> float:
        return self.fit_scale if placement.is_fitted else placement.scale

    def box(self, placement: Placement) -> QRectF:
        """Where the whole picture is, in units of the view; zoomed, from a whole screen pixel: sharp at 1:1."""
        box = self._box(placement)
        if not placement.is_fitted:
            box.moveTopLeft(QPointF(*(round(at * self.ratio) / self.ratio for at in (box.x(), box.y()))))
        return box

    def can_pan(self, placement: Placement) -> bool:
        """Whether a part of the picture is outside the view."""
        box = self.box(placement)
        return box.width() > self.view.width() + _SAME or box.height() > self.view.height() + _SAME

    def zoomed(self, placement: Placement, scale: float, at: QPointF) -> Placement:
        """At another scale, with what is under `at` staying there; fitted where that is the scale."""
        before = self.scale(placement)
        smallest = min(self.fit_scale, 1.0)
        scale = min(max(scale, smallest), max(LARGEST, self.fit_scale))
        crosses_fit = (before - self.fit_scale) * (scale - self.fit_scale) < 0
        if crosses_fit or abs(scale / self.fit_scale - 1) < _SAME:
            return Placement()
        box = self._box(placement)
        u, v = (at.x() - box.x()) / box.width(), (at.y() - box.y()) / box.height()
        width, height = self.picture.width() * scale / self.ratio, self.picture.height() * scale / self.ratio
        x = u + (self.view.width() / 2 - at.x()) / width
        y = v + (self.view.height() / 2 - at.y()) / height
        return self._within(Placement(scale, x, y))

    def notched(self, placement: Placement, notches: float, at: QPointF) -> Placement:
        """Some notches of the wheel larger, or (negative) smaller."""
        return self.zoomed(placement, self.scale(placement) * _NOTCH**notches, at)

    def panned(self, placement: Placement, by: QPointF) -> Placement:
        """Moved by a way in the view, as far as there is picture."""
        if placement.is_fitted:
            return placement
        box = self.box(placement)
        moved = replace(placement, x=placement.x - by.x() / box.width(), y=placement.y - by.y() / box.height())
        return self._within(moved)

    def _box(self, placement: Placement) -> QRectF:
        if placement.is_fitted:
            return fitted(self.picture.width(), self.picture.height(), QRectF(QPointF(), self.view))
        scale = placement.scale / self.ratio
        width, height = self.picture.width() * scale, self.picture.height() * scale
        left = _begin(self.view.width(), width, placement.x)
        return QRectF(left, _begin(self.view.height(), height, placement.y), width, height)

    def _within(self, placement: Placement) -> Placement:
        """With the middle of the view not so far out that there is less picture than there could be."""
        scale = placement.scale / self.ratio
        half_x = min(0.5, self.view.width() / (self.picture.width() * scale) / 2)
        half_y = min(0.5, self.view.height() / (self.picture.height() * scale) / 2)
        x = min(max(placement.x, half_x), 1 - half_x)
        y = min(max(placement.y, half_y), 1 - half_y)
        return replace(placement, x=x, y=y)


def _begin(view: float, length: float, middle: float) -> float:
    """Where a picture begins so that its point `middle` is in the middle of the view, without needless gaps."""
    if length <= view:
        return (view - length) / 2
    return min(0.0, max(view - length, view / 2 - middle * length))
