"""Pictures of many lanes at once hold what painting each pixel by itself would leave."""

from __future__ import annotations

import numpy as np
import pytest

from avvp_studio.ui.timeline.raster import Raster

LINE, ON, FILL = 0xFF0000AA, 0xFF00BB00, 0x33000011
COUNT, WIDTH, HEIGHT = 3, 60, 20


def drawn(seed=0):
    """Heights in steps of some columns, and where there are any: with gaps."""
    random = np.random.default_rng(seed)
    heights = random.integers(0, HEIGHT - 3, (COUNT, WIDTH // 4)).repeat(4, axis=1).astype(np.int16)
    return heights, random.random((COUNT, WIDTH // 6)).repeat(6, axis=1) < 0.7


@pytest.mark.parametrize("dashes", [(), (3, 2)])
@pytest.mark.parametrize("thickness", [1, 2])
def test_a_line_goes_along_the_heights_and_upright_between_them_where_both_are_known(dashes, thickness):
    heights, where = drawn()
    on = np.arange(WIDTH) % 7 == 0
    raster = Raster(COUNT, WIDTH, HEIGHT)
    raster.steps(
        heights,
        where,
        LINE,
        thickness=thickness,
        dashes=dashes,
        on=np.broadcast_to(on, where.shape),
        colour_on=ON,
    )
    expected = np.zeros((COUNT, HEIGHT, WIDTH), np.uint32)
    for index, x in np.argwhere(where):
        y = heights[index, x]
        before = heights[index, x - 1] if x and where[index, x - 1] else y
        if y == before and dashes and x % sum(dashes) >= dashes[0]:
            continue
        expected[index, min(y, before) : max(y, before) + thickness, x] = ON if on[x] else LINE
    np.testing.assert_array_equal(raster.pixels, expected)


def test_a_fill_reaches_from_the_heights_down_to_the_foot():
    heights, where = drawn(1)
    raster = Raster(COUNT, WIDTH, HEIGHT)
    raster.fill(heights, HEIGHT - 2, FILL, where)
    for index in range(COUNT):
        for x in range(WIDTH):
            filled = np.flatnonzero(raster.pixels[index, :, x] == FILL).tolist()
            assert filled == (list(range(heights[index, x], HEIGHT - 2)) if where[index, x] else [])


def test_a_frame_is_the_outline_of_each_run_but_open_at_the_edge_of_the_picture():
    where = np.zeros((1, 12), bool)
    where[0, :3] = where[0, 5:9] = True
    raster = Raster(1, 12, 6)
    raster.frame(1, 4, LINE, where)
    rows = ["".join("#" if pixel else "." for pixel in row) for row in raster.pixels[0]]
    assert rows == [
        "............",
        "###..####...",
        "..#..#..#...",
        "..#..#..#...",
        "###..####...",
        "............",
    ]


def test_every_hatching_leaves_gaps_and_differs_from_the_others():
    where = np.ones((1, 24), bool)
    made = []
    for hatch in range(5):
        raster = Raster(1, 24, 6)
        raster.bar(1, 4, LINE, where, hatch=hatch)
        assert not raster.pixels[0, [0, 5]].any()
        made.append((raster.pixels[0, 1:5] == LINE).tobytes())
        assert (raster.pixels[0, 1:5] == LINE).all() == (hatch == 0)
    assert len(set(made)) == 5
