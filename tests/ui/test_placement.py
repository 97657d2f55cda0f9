"""A picture is fitted in, or looked at closely around a point, with no needless gap at its edges."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF, QSizeF

from avvp_studio.ui.placement import LARGEST, Placement, Stage, fitted

FITTED = Placement()
SMALL = Stage(QSizeF(400, 200), QSizeF(800, 400))
LARGE = Stage(QSizeF(1600, 800), QSizeF(800, 400))


def under(stage: Stage, placement: Placement, at: QPointF) -> tuple[float, float]:
    """The pixel of the picture that is under a point of the view."""
    box = stage.box(placement)
    return (
        (at.x() - box.x()) / box.width() * stage.picture.width(),
        (at.y() - box.y()) / box.height() * stage.picture.height(),
    )


def test_a_picture_fits_into_the_view_whatever_its_shape() -> None:
    area = QRectF(0, 0, 400, 200)
    assert fitted(100, 100, area) == QRectF(100, 0, 200, 200)
    assert fitted(1600, 400, area) == QRectF(0, 50, 400, 100)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_one_to_one_is_a_screen_pixel_for_each_pixel_of_the_picture(ratio: float) -> None:
    stage = Stage(QSizeF(1601, 801), QSizeF(800, 400), ratio)
    box = stage.box(Placement(1.0))
    assert (box.width() * ratio, box.height() * ratio) == pytest.approx((1601, 801))
    assert box.x() * ratio == pytest.approx(round(box.x() * ratio))


@pytest.mark.parametrize("at", [QPointF(400, 200), QPointF(100, 350), QPointF(799, 1)])
@pytest.mark.parametrize("stage", [SMALL, LARGE, Stage(QSizeF(1600, 800), QSizeF(800, 400), 2.0)])
def test_what_is_under_the_cursor_stays_there(stage: Stage, at: QPointF) -> None:
    placement, wanted = FITTED, under(stage, FITTED, at)
    for _ in range(8):
        placement = stage.notched(placement, 1, at)
        assert under(stage, placement, at) == pytest.approx(wanted, abs=1.0)


def test_zooming_back_comes_to_the_whole_picture_again() -> None:
    placement = LARGE.notched(FITTED, 4.3, QPointF(10, 10))
    assert not placement.is_fitted
    assert LARGE.notched(placement, -4.3, QPointF(700, 300)) == FITTED
    assert LARGE.notched(placement, -9, QPointF(700, 300)) == FITTED


def test_whoever_zooms_past_the_whole_picture_stops_there() -> None:
    assert SMALL.notched(Placement(2.1), -1, QPointF(0, 0)) == FITTED
    assert SMALL.notched(Placement(1.9), 1, QPointF(0, 0)) == FITTED


def test_a_small_picture_can_be_seen_in_its_own_size_and_no_smaller() -> None:
    placement = SMALL.notched(FITTED, -20, QPointF(0, 0))
    assert SMALL.box(placement) == QRectF(200, 100, 400, 200)


def test_a_large_picture_gets_no_smaller_than_the_view() -> None:
    assert LARGE.notched(FITTED, -3, QPointF(0, 0)) == FITTED


def test_there_is_a_largest_scale() -> None:
    assert LARGE.notched(FITTED, 100, QPointF(0, 0)).scale == LARGEST


def test_a_drag_moves_the_picture_with_the_hand_until_its_edge() -> None:
    placement = Placement(1.0)
    moved = LARGE.panned(placement, QPointF(100, -50))
    assert LARGE.box(moved).topLeft() - LARGE.box(placement).topLeft() == QPointF(100, -50)
    assert LARGE.box(LARGE.panned(placement, QPointF(5000, 5000))).topLeft() == QPointF(0, 0)
    end = LARGE.panned(LARGE.panned(placement, QPointF(5000, 5000)), QPointF(-10, 0))
    assert LARGE.box(end).x() == -10  # from the edge it comes back at once


def test_a_fitted_picture_and_one_inside_the_view_do_not_move() -> None:
    assert LARGE.panned(FITTED, QPointF(10, 10)) == FITTED
    assert not LARGE.can_pan(FITTED)
    own_size = Placement(1.0)
    assert not SMALL.can_pan(own_size)
    assert SMALL.box(SMALL.panned(own_size, QPointF(30, 30))) == SMALL.box(own_size)


def test_in_another_view_the_picture_fills_it_again() -> None:
    corner = LARGE.panned(Placement(1.0), QPointF(5000, 5000))
    wide = Stage(LARGE.picture, QSizeF(1500, 700))
    assert wide.box(corner).topLeft() == QPointF(0, 0)
