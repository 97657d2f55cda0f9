"""A label in the hand: pulled by an end, moved, copied, played; first as values, then by a real mouse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt

from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.begin import begin, begin_again
from avvp_studio.ui.timeline.gestures.gesture import Ground, Held
from avvp_studio.ui.timeline.gestures.place import OnEvent, Place, Side, Zone
from avvp_studio.ui.timeline.gestures.wishes import Arm, Mark, Play, Reshape, Seek, Select, Split
from avvp_studio.ui.timeline.view import TimeView
from tests.ui.timeline.hand import (
    AUDIO,
    EVENTS,
    LEFT,
    NO_KEY,
    SHIFT,
    VISUAL,
    content,
    double_click,
    drag,
    hold,
    open_menu,
    send_move,
)
from trainer.labels import MODALITIES, Event, State

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
ON_CTRL, ON_BOTH = Held(control=True), Held(control=True, shift=True)
DOG = Event(AUDIO, "Dog", 2.0, 5.0, State.PRESENT, "anna")
FINE = Event(AUDIO, "Dog", 2.25, 3.5, State.PRESENT, "anna")
offscreen_popup = pytest.mark.qt_log_ignore("This plugin does not support")


def ground(armed=None, is_free=False):
    nothing = np.full((2, 10, 1), -1, np.int8)
    shown = TimelineContent(9.8, 10, ("Dog",), ("Dog",), nothing)
    return Ground(shown, TimeView.whole(10.0, left=0.0, width=1000.0), armed, None, is_free)


def place(time, target=None, modality=AUDIO, y=0.0):
    return Place(Zone.LANE, time * 100, time, "Dog", modality, y=y, target=target)


def pull(label, side, end, *, is_free=False):
    edge = label.onset if side is Side.ONSET else label.offset
    pressed = begin(ground(is_free=is_free), place(edge, OnEvent(label, side)), Held())
    return pressed.moved(place(end), Held()).released()


def move(label, start, end, *, held=ON_CTRL, is_free=False, modality=AUDIO):
    pressed = begin(ground(is_free=is_free), place(start, OnEvent(label)), held)
    return pressed.moved(place(end, modality=modality), held).released()


def test_an_end_that_is_pulled_snaps_to_the_nearest_border():
    assert pull(DOG, Side.OFFSET, 7.4) == Reshape(DOG, 2.0, 7.0, AUDIO)
    assert pull(DOG, Side.ONSET, 0.6) == Reshape(DOG, 1.0, 5.0, AUDIO)
    assert pull(FINE, Side.OFFSET, 4.4) == Reshape(FINE, 2.25, 4.0, AUDIO)


def test_a_free_hand_puts_an_end_where_it_lets_go():
    assert pull(DOG, Side.OFFSET, 7.412, is_free=True) == Reshape(DOG, 2.0, 7.412, AUDIO)


@given(end=st.floats(-3, 14), side=st.sampled_from(Side), is_free=st.booleans())
def test_a_label_that_is_pulled_stays_within_the_clip_and_never_loses_its_length(end, side, is_free):
    wish = pull(FINE, side, end, is_free=is_free)
    if isinstance(wish, Reshape):
        assert 0 <= wish.onset < wish.offset <= 10
        kept = (wish.offset, FINE.offset) if side is Side.ONSET else (wish.onset, FINE.onset)
        assert kept[0] == kept[1]


def test_a_label_moves_with_ctrl_and_keeps_its_length():
    assert move(DOG, 3.0, 5.3) == Reshape(DOG, 4.0, 7.0, AUDIO)
    assert move(DOG, 3.0, 9.9) == Reshape(DOG, 7.0, 10.0, AUDIO)
    assert move(DOG, 3.0, 0.0) == Reshape(DOG, 0.0, 3.0, AUDIO)
    assert move(FINE, 3.0, 4.1) == Reshape(FINE, 3.0, 4.25, AUDIO)
    assert move(FINE, 3.0, 4.1, is_free=True) == Reshape(FINE, 3.35, 4.6, AUDIO)


def test_with_shift_too_a_copy_of_it_moves():
    assert move(DOG, 3.0, 7.0, held=ON_BOTH) == Reshape(DOG, 6.0, 9.0, AUDIO, is_copy=True)


def test_straight_across_into_the_other_lane_it_keeps_its_place():
    pressed = begin(ground(), place(3.0, OnEvent(FINE)), ON_CTRL)
    across = pressed.moved(place(3.01, modality=VISUAL, y=40.0), ON_BOTH)
    assert across.released() == Reshape(FINE, 2.25, 3.5, VISUAL, is_copy=True)


def test_a_label_that_comes_back_to_its_place_is_not_changed():
    assert move(DOG, 3.0, 3.2) is None
    away = begin(ground(), place(3.0, OnEvent(DOG)), ON_CTRL).moved(place(8.0), ON_CTRL)
    assert away.moved(place(3.0), ON_CTRL).released() is None


def test_a_click_on_a_label_or_its_end_is_a_seek():
    assert move(DOG, 3.0, 3.0) == Seek(3.0)
    assert pull(DOG, Side.OFFSET, 5.02) == Seek(5.0)


def test_an_end_gives_way_to_painting_with_shift():
    pressed = begin(ground(armed="Dog"), place(5.0, OnEvent(DOG, Side.OFFSET)), Held(shift=True))
    wish = pressed.moved(place(7.5), Held(shift=True)).released()
    assert wish == Mark((AUDIO,), "Dog", 5.0, 8.0, State.UNSEEN)


def test_alt_marks_both_modalities():
    pressed = begin(ground(armed="Dog"), place(2.5), Held())
    assert pressed.moved(place(4.5), Held(alt=True)).released() == (
        Mark(MODALITIES, "Dog", 2.0, 5.0, State.PRESENT)
    )


def test_the_second_press_of_a_double_click_plays_the_label_unless_it_becomes_a_drag():
    pressed = begin_again(ground(), place(3.0, OnEvent(DOG)), Held())
    assert pressed.released() == Play(2.0, 5.0)
    assert pressed.moved(place(6.5), Held()).released() == Select(3.0, 7.0)


def test_a_double_click_where_nothing_is_arms():
    assert begin_again(ground(), place(3.0), Held()).released() == Arm("Dog")
    assert begin_again(ground(armed="Dog"), place(3.0), Held()).released() == Seek(3.0)


def end_of(timeline, event, *, inwards=2):
    return timeline.point(event.category, event.modality, event.offset) - QPoint(inwards, 0)


def test_the_mouse_pulls_an_end_and_the_ghost_shows_where_to(qtbot, timeline, wishes):
    said = []
    timeline.drag_described.connect(said.append)
    before = timeline.grab().toImage()
    hold(qtbot, timeline, end_of(timeline, DOG), timeline.point("Dog", AUDIO, 6.9))
    assert timeline.grab().toImage() != before
    assert said[-1] == "Let go: Dog heard, 0:02 – 0:07. Esc leaves it as it is."
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, timeline.point("Dog", AUDIO, 6.9))
    assert wishes.heard == [("label_requested", Reshape(DOG, 2.0, 7.0, AUDIO))]


def test_escape_lets_go_of_a_label_and_leaves_it(qtbot, timeline, wishes):
    hold(qtbot, timeline, end_of(timeline, DOG), timeline.point("Dog", AUDIO, 6.9))
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, timeline.point("Dog", AUDIO, 6.9))
    assert wishes.heard == []


def test_the_pointer_says_where_an_end_can_be_taken(timeline):
    send_move(timeline, end_of(timeline, DOG))
    assert timeline.cursor().shape() is Qt.CursorShape.SplitHCursor
    send_move(timeline, end_of(timeline, DOG, inwards=40))
    assert timeline.cursor().shape() is Qt.CursorShape.ArrowCursor


def test_the_end_that_is_nearest_to_the_mouse_is_taken_of_two_labels_that_touch(timeline):
    first, second = Event(AUDIO, "Dog", 1.0, 3.0), Event(AUDIO, "Dog", 3.0, 6.0)
    timeline.set_content(content(events=(first, second)))
    border = timeline.point("Dog", AUDIO, 3.0)
    assert timeline.place_at(border - QPoint(3, 0)).target == OnEvent(first, Side.OFFSET)
    assert timeline.place_at(border + QPoint(3, 0)).target == OnEvent(second, Side.ONSET)
    assert timeline.place_at(timeline.point("Dog", AUDIO, 5.0)).target == OnEvent(second)


def test_the_middle_of_a_label_of_a_few_pixels_can_be_taken_too(timeline):
    tiny = Event(AUDIO, "Dog", 3.0, 3.08)
    timeline.set_content(content(events=(tiny,)))
    middle = timeline.point("Dog", AUDIO, 3.04)
    assert timeline.place_at(middle).target == OnEvent(tiny)


def test_the_mouse_moves_and_copies_a_label_into_the_other_lane(qtbot, timeline, wishes):
    start, end = timeline.point("Dog", AUDIO, 3.0), timeline.point("Dog", VISUAL, 8.0)
    drag(qtbot, timeline, start, end, keys=CTRL)
    drag(qtbot, timeline, start, end, keys=CTRL | SHIFT)
    assert [wish for _, wish in wishes.heard] == [
        Reshape(DOG, 7.0, 10.0, VISUAL),
        Reshape(DOG, 7.0, 10.0, VISUAL, is_copy=True),
    ]


def test_a_double_click_plays_a_label_from_its_onset_to_its_offset(qtbot, timeline, wishes):
    fine = Event(AUDIO, "Dog", 2.25, 4.5, State.PRESENT, "anna")
    timeline.set_content(content(events=(fine,)))
    double_click(qtbot, timeline, timeline.point("Dog", AUDIO, 3.0))
    assert wishes.of("play_requested") == [[2.25, 4.5]]
    assert wishes.of("arm_requested") == []


def test_a_double_click_plays_what_is_predicted(qtbot, timeline, wishes):
    timeline.set_content(content(events=()))
    predicted = timeline._content.tracks[0].predicted[AUDIO.axis, :, 0]
    first = int(np.flatnonzero(predicted)[0])
    length = int(np.argmin([*predicted[first:], False]))
    double_click(qtbot, timeline, timeline.point("Dog", AUDIO, first + 0.5))
    assert wishes.of("play_requested") == [[float(first), float(first + length)]]


@offscreen_popup
def test_the_menu_on_a_label_splits_it_and_says_the_same_of_the_other_modality(qtbot, timeline, wishes):
    choices, menu = open_menu(timeline, timeline.point("Dog", AUDIO, 3.2))
    choices["Split at 3 s"].trigger()
    choices["Also seen"].trigger()
    menu.close()
    assert [wish for _, wish in wishes.heard] == [
        Split(DOG, 3.0),
        Reshape(DOG, 2.0, 5.0, VISUAL, is_copy=True),
    ]


def test_keys_that_are_held_show_their_ghosts(timeline):
    before = timeline.grab().toImage()
    timeline.set_held((Mark((AUDIO,), "Speech", 1.0, 4.0, State.PRESENT),))
    assert timeline.grab().toImage() != before
    timeline.set_held(())
    assert timeline.grab().toImage() == before


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("has_moved", [False, True])
def test_a_label_that_is_taken_back_while_it_is_in_the_hand_is_let_go(
    qtbot, timeline, wishes, has_moved, moves
):
    end = timeline.point("Dog", AUDIO, 5.0)
    hold(qtbot, timeline, end, *([end + QPoint(90, 0)] if has_moved else []))
    timeline.set_content(content(events=EVENTS[1:]))
    assert timeline._ghost is None
    if moves:
        send_move(timeline, end + QPoint(150, 0))
        assert timeline._ghost is None
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end + QPoint(150, 0))
    assert not wishes.of("label_requested")


def test_a_label_stays_in_the_hand_while_another_comes(qtbot, timeline, wishes):
    end = timeline.point("Dog", AUDIO, 5.0)
    hold(qtbot, timeline, end, end + QPoint(90, 0))
    timeline.set_content(content(events=(*EVENTS, Event(AUDIO, "Speech", 1, 2))))
    qtbot.mouseRelease(timeline, LEFT, NO_KEY, end + QPoint(90, 0))
    assert len(wishes.of("label_requested")) == 1
