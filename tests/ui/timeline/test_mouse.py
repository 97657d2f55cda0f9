"""The timeline as a hand meets it: real mouse and key events on the real widget."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt

from avvp_studio.ui.timeline.gestures.wishes import Mark
from tests.ui.timeline.hand import (
    AUDIO,
    LEFT,
    NO_KEY,
    SHIFT,
    VISUAL,
    content,
    double_click,
    drag,
    hold,
    offscreen_popup,
    open_menu,
    send_move,
)
from trainer.labels import State


def test_dragging_right_on_the_armed_category_paints(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    drag(qtbot, timeline, timeline.point("Dog", VISUAL, 2.5), timeline.point("Dog", VISUAL, 4.5))
    assert wishes.heard == [("label_requested", Mark((VISUAL,), "Dog", 2.0, 5.0, State.PRESENT))]


def test_dragging_left_erases_and_with_shift_forgets(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 4.5), timeline.point("Dog", AUDIO, 2.5)
    drag(qtbot, timeline, start, end)
    drag(qtbot, timeline, start, end, keys=SHIFT)
    assert wishes.heard == [
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.ABSENT)),
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.UNSEEN)),
    ]


def test_two_quick_drags_on_an_armed_lane_paint_twice(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 2.5), timeline.point("Dog", AUDIO, 4.5)
    drag(qtbot, timeline, start, end)
    qtbot.mouseDClick(timeline, LEFT, NO_KEY, start)
    send_move(timeline, end)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert len(wishes.of("label_requested")) == 2


def test_a_click_seeks_and_edits_nothing_even_where_a_category_is_armed(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    point = timeline.point("Dog", AUDIO, 6.5)
    qtbot.mouseClick(timeline, LEFT, NO_KEY, point)
    assert [name for name, *_ in wishes.heard] == ["seek_requested"]
    assert wishes.heard[0][1] == pytest.approx(6.5, abs=0.01)


def test_dragging_on_the_ruler_scrubs_live_and_ends_with_a_seek(qtbot, timeline, wishes):
    drag(qtbot, timeline, timeline.ruler_point(1), timeline.ruler_point(5))
    scrubs = [values[0] for values in wishes.of("scrub_requested")]
    assert scrubs == pytest.approx([3, 5], abs=0.02)
    assert wishes.heard[-1] == ("seek_requested", scrubs[-1])


def test_shift_on_the_ruler_and_a_drag_on_other_lanes_select_a_range(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    drag(qtbot, timeline, timeline.ruler_point(1.5), timeline.ruler_point(3.5), keys=SHIFT)
    drag(qtbot, timeline, timeline.point("Speech", AUDIO, 5.5), timeline.point("Speech", AUDIO, 7.5))
    assert wishes.heard == [("selection_requested", (1.0, 4.0)), ("selection_requested", (5.0, 8.0))]


def test_escape_cancels_a_drag_and_only_then_disarms(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    start, end = timeline.point("Dog", AUDIO, 2.5), timeline.point("Dog", AUDIO, 4.5)
    hold(qtbot, timeline, start, end)
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert wishes.heard == []
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard == [("arm_requested", None)]


def test_escape_during_a_scrub_goes_back_to_where_the_playhead_was(qtbot, timeline, wishes):
    timeline.set_playhead(8.0)
    hold(qtbot, timeline, timeline.ruler_point(1), timeline.ruler_point(5))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard[-1] == ("seek_requested", 8.0)


def test_escape_lets_go_of_the_range_when_nothing_is_armed(qtbot, timeline, wishes):
    timeline.set_selection((2.0, 4.0))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert wishes.heard == [("selection_requested", None)]


def test_a_header_click_and_a_lane_double_click_arm(qtbot, timeline, wishes):
    header = QPoint(40, timeline.point("Speech", AUDIO, 0).y())
    qtbot.mouseClick(timeline, LEFT, NO_KEY, header)
    timeline.set_content(content(tracks=()))
    double_click(qtbot, timeline, timeline.point("Dog", VISUAL, 8))
    assert wishes.of("arm_requested") == [["Speech"], ["Dog"]]


def test_a_click_on_the_armed_header_disarms(qtbot, timeline, wishes):
    timeline.set_armed("Speech")
    qtbot.mouseClick(timeline, LEFT, NO_KEY, QPoint(40, timeline.point("Speech", AUDIO, 0).y()))
    assert wishes.heard == [("arm_requested", None)]


def test_the_corner_beside_the_ruler_does_nothing(qtbot, timeline, wishes):
    qtbot.mouseClick(timeline, LEFT, NO_KEY, QPoint(40, 10))
    assert wishes.heard == []


@offscreen_popup
def test_the_context_menu_marks_the_run_under_the_mouse(qtbot, timeline, wishes):
    actions, menu = open_menu(timeline, timeline.point("Dog", AUDIO, 3.5))
    assert not actions["Heard here"].isEnabled()
    actions["Not heard here"].trigger()
    actions["Forget"].trigger()
    menu.close()
    assert wishes.heard == [
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.ABSENT)),
        ("label_requested", Mark((AUDIO,), "Dog", 2.0, 5.0, State.UNSEEN)),
    ]


@offscreen_popup
def test_the_context_menu_marks_the_selected_range_and_can_arm(qtbot, timeline, wishes):
    timeline.set_selection((1.0, 4.0))
    actions, menu = open_menu(timeline, timeline.point("Speech", VISUAL, 2.5))
    actions["Seen here"].trigger()
    actions["Arm Speech"].trigger()
    menu.close()
    assert wishes.heard == [
        ("label_requested", Mark((VISUAL,), "Speech", 1.0, 4.0, State.PRESENT)),
        ("arm_requested", "Speech"),
    ]


def test_a_drag_says_what_letting_go_would_do_and_falls_silent_when_it_ends(qtbot, timeline):
    said = []
    timeline.drag_described.connect(said.append)
    timeline.set_content(content(rows=("Violin_fiddle", "Speech")))
    timeline.set_armed("Violin_fiddle")
    start, end = timeline.point("Violin_fiddle", AUDIO, 2.5), timeline.point("Violin_fiddle", AUDIO, 4.5)
    drag(qtbot, timeline, start, end)
    drag(qtbot, timeline, end, start)
    drag(qtbot, timeline, start, end, keys=SHIFT)
    assert [text for text in said if text == ""] == ["", "", ""]
    assert said[1] == "Let go: Violin fiddle heard, 0:02 – 0:05. Esc leaves it as it is."
    assert "Let go: Violin fiddle not heard, 0:02 – 0:05. Esc leaves it as it is." in said
    assert said[-2] == "Let go: Violin fiddle heard, 0:02 – 0:05: forgotten. Esc leaves it as it is."


def test_another_clip_during_a_drag_cancels_it(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    end = timeline.point("Dog", AUDIO, 4.5)
    hold(qtbot, timeline, timeline.point("Dog", AUDIO, 2.5), end)
    timeline.set_content(content(rows=("Dog", "Cello")))
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end)
    assert wishes.heard == []


def test_a_drag_whose_button_came_up_elsewhere_changes_nothing(qtbot, timeline, wishes):
    timeline.set_armed("Dog")
    hold(qtbot, timeline, timeline.point("Dog", AUDIO, 2.5), timeline.point("Dog", AUDIO, 4.5))
    elsewhere = Qt.MouseButton.NoButton  # a window that opened took the release
    send_move(timeline, timeline.point("Dog", AUDIO, 5.5), down=elsewhere)
    assert timeline._ghost is None
    qtbot.mouseClick(timeline, LEFT, NO_KEY, timeline.point("Dog", AUDIO, 6.5))
    assert [name for name, *_ in wishes.heard] == ["seek_requested"]
