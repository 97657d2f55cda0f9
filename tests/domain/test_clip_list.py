"""The order in which clips are stepped through."""

from __future__ import annotations

import pytest

from avvp_studio.domain.clip_list import ClipList
from avvp_studio.domain.project import Clip


def clips(names: str) -> tuple[Clip, ...]:
    return tuple(Clip(name, "train", None, 10.0, 10) for name in names)


@pytest.fixture
def listed() -> ClipList:
    return ClipList().renewed(clips("abcd"))


def test_steps_go_by_the_order_in_view_and_stop_at_its_ends(listed: ClipList) -> None:
    listed = listed.ordered(["d", "unknown", "a", "b"])
    assert [listed.step("a", delta) for delta in (-5, -1, 0, 1, 5)] == ["d", "d", "a", "b", "b"]


def test_a_step_from_outside_the_view_goes_to_its_near_end(listed: ClipList) -> None:
    listed = listed.ordered(["b", "c"])
    assert (listed.step("a", 1), listed.step("a", -1), listed.step(None, 1)) == ("b", "c", "b")


def test_with_nothing_in_view_a_step_goes_nowhere(listed: ClipList) -> None:
    listed = listed.ordered([])
    assert (listed.step("a", 1), listed.step(None, 1)) == ("a", None)


def test_an_order_outlives_a_change_of_the_clips_as_far_as_it_can(listed: ClipList) -> None:
    listed = listed.ordered(["c", "a"])
    assert listed.renewed(clips("abe")).order == ("a",)
    assert listed.renewed(clips("xy")).order == ("x", "y")


def test_changed_clips_keep_their_place_and_new_ones_come_last(listed: ClipList) -> None:
    other = Clip("b", "val", None, 3.0, 3)
    changed = listed.changed([other, *clips("e")], removed={"a", "d"})
    assert changed.clips == (other, *clips("ce"))
    assert changed.order == ("b", "c")
