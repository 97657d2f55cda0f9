from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.begin import begin, begin_panning
from avvp_studio.ui.timeline.gestures.gesture import Ground, Held, touched_segments
from avvp_studio.ui.timeline.gestures.place import Place, Zone
from avvp_studio.ui.timeline.gestures.runs import run_under
from avvp_studio.ui.timeline.gestures.wishes import Arm, Look, Mark, Scrub, Seek, Select
from avvp_studio.ui.timeline.view import TimeView
from trainer.labels import MODALITIES, Modality, State

PIXELS_PER_SECOND = 100.0


def place(time, zone=Zone.LANE, category="Dog", modality=Modality.AUDIO):
    on_row = zone in (Zone.LANE, Zone.HEADER)
    return Place(
        zone,
        x=time * PIXELS_PER_SECOND,
        time=time,
        category=category if on_row else None,
        modality=modality if zone is Zone.LANE else None,
    )


def ground(armed="Dog", duration=10.0, is_free=False, view=None):
    nothing = np.full((2, 10, 1), -1, np.int8)
    content = TimelineContent(duration, 10, ("Dog",), ("Dog",), nothing)
    whole = TimeView.whole(10.0, left=0.0, width=10 * PIXELS_PER_SECOND)
    return Ground(content, view or whole, armed, None, is_free)


def drag(start, end, *, armed="Dog", shift=False, shift_at_end=None, duration=10.0, is_free=False):
    pressed = begin(ground(armed, duration, is_free), start, Held(shift=shift))
    return pressed.moved(end, Held(shift=shift if shift_at_end is None else shift_at_end))


def test_a_drag_to_the_right_marks_every_touched_segment_present():
    wish = drag(place(2.4), place(4.1)).released()
    assert wish == Mark((Modality.AUDIO,), "Dog", 2.0, 5.0, State.PRESENT)


def test_a_drag_to_the_left_marks_every_touched_segment_absent():
    wish = drag(place(4.1), place(2.4)).released()
    assert wish == Mark((Modality.AUDIO,), "Dog", 2.0, 5.0, State.ABSENT)


def test_shift_forgets_in_either_direction_and_may_be_pressed_during_the_drag():
    for start, end in ((2.4, 4.1), (4.1, 2.4)):
        wish = drag(place(start), place(end), shift_at_end=True).released()
        assert wish == Mark((Modality.AUDIO,), "Dog", 2.0, 5.0, State.UNSEEN)


def test_a_drag_within_one_segment_marks_that_segment():
    assert drag(place(3.2), place(3.6)).released() == Mark((Modality.AUDIO,), "Dog", 3.0, 4.0, State.PRESENT)


def test_the_preview_is_what_the_release_will_do():
    held = drag(place(2.4, modality=Modality.VISUAL), place(4.1, modality=Modality.VISUAL))
    assert held.preview() == held.released()


@pytest.mark.parametrize("zone", [Zone.RULER, Zone.BAND, Zone.LANE, Zone.EMPTY])
@pytest.mark.parametrize("shift", [False, True])
def test_a_release_within_four_pixels_is_a_seek_everywhere(zone, shift):
    held = drag(place(2.0, zone), place(2.04, zone), shift=shift)
    assert held.preview() is None
    assert held.released() == Seek(2.0)


def test_a_drag_that_comes_back_to_its_press_does_nothing():
    away = drag(place(2.0), place(5.0))
    back = away.moved(place(2.01), Held())
    assert back.preview() is None
    assert back.released() is None


@pytest.mark.parametrize("zone", [Zone.RULER, Zone.BAND])
def test_dragging_on_ruler_or_waveform_scrubs_and_ends_with_an_exact_seek(zone):
    held = drag(place(2.0, zone), place(6.25, zone))
    assert held.preview() == Scrub(6.25)
    assert held.released() == Seek(6.25)


def test_scrubbing_stays_within_the_clip():
    held = drag(place(2.0, Zone.RULER), place(10.0, Zone.RULER), duration=9.6)
    assert held.preview() == Scrub(9.6)


def test_shift_on_the_ruler_selects_whole_segments():
    assert drag(place(2.5, Zone.RULER), place(4.5, Zone.RULER), shift=True).released() == Select(2.0, 5.0)


def test_letting_go_of_shift_on_the_ruler_still_selects():
    held = drag(place(2.5, Zone.RULER), place(4.5, Zone.RULER), shift=True, shift_at_end=False)
    assert held.released() == Select(2.0, 5.0)


def test_a_drag_on_a_category_that_is_not_armed_selects():
    assert drag(place(4.5), place(2.5), armed="Cat").released() == Select(2.0, 5.0)
    assert drag(place(4.5), place(2.5), armed=None).released() == Select(2.0, 5.0)


def test_a_drag_on_the_derived_audio_visual_row_marks_both_modalities():
    held = drag(place(2.5, modality=None), place(4.5, modality=None))
    assert held.released() == Mark(MODALITIES, "Dog", 2.0, 5.0, State.PRESENT)


def test_a_free_hand_marks_from_where_it_pressed_to_where_it_let_go():
    wish = drag(place(2.4), place(4.125), is_free=True).released()
    assert wish == Mark((Modality.AUDIO,), "Dog", 2.4, 4.125, State.PRESENT)


def test_the_middle_button_takes_the_time_along():
    near = TimeView.whole(10.0, left=0.0, width=1000.0).zoomed(5.0, around=4.0)
    pressed = begin_panning(ground(view=near), place(4.0))
    held = pressed.moved(replace(place(4.0), x=pressed.start.x - 250.0), Held())
    assert held.preview() == Look(pytest.approx(near.onset + 250.0 / near.pixels_per_second))
    assert held.released() is None


def test_a_click_on_a_header_arms_and_on_the_armed_header_disarms():
    header = place(0.0, Zone.HEADER)
    assert drag(header, header, armed=None).released() == Arm("Dog")
    assert drag(header, header, armed="Cat").released() == Arm("Dog")
    assert drag(header, header, armed="Dog").released() == Arm(None)


def test_the_column_without_a_category_does_nothing():
    assert begin(ground(), place(0.0, Zone.COLUMN), Held()) is None


def test_float_noise_at_a_boundary_does_not_reach_into_the_segment_before():
    assert touched_segments(1.9999999999999978, 3.5, 10) == (2, 4)


@given(
    time=st.floats(-5, 40),
    other=st.floats(-5, 40),
    segments=st.integers(1, 30),
)
def test_touched_segments_are_a_range_of_the_clip_whatever_the_direction(time, other, segments):
    first, last = touched_segments(time, other, segments)
    assert 0 <= first < last <= segments
    assert touched_segments(other, time, segments) == (first, last)


def states(text):
    """'+' present, '-' absent, '.' unseen."""
    return np.array(["-+".find(cell) if cell != "." else -1 for cell in text], dtype=np.int8)


def flags(text):
    return np.array([cell == "#" for cell in text])


def test_a_menu_on_a_label_is_about_the_run_of_equal_labels():
    assert run_under(4, states("..-+++-..."), flags("..........")) == (3, 6)
    assert run_under(2, states("..-+++-..."), flags("..........")) == (2, 3)
    assert run_under(9, states("..-+++++++"), flags("..........")) == (3, 10)


def test_a_menu_on_an_unlabelled_prediction_is_about_the_run_that_is_predicted_and_unlabelled():
    assert run_under(5, states("..-+......"), flags("..######..")) == (4, 8)


def test_a_menu_on_nothing_is_about_the_segment_alone():
    assert run_under(1, states("..-+......"), flags("....####..")) == (1, 2)


def test_a_menu_within_the_selected_range_is_about_that_range_and_outside_it_is_not():
    nothing = flags("..........")
    assert run_under(4, states(".........."), nothing, (2.0, 6.0)) == (2, 6)
    assert run_under(6, states(".........."), nothing, (2.0, 6.0)) == (6, 7)
    assert run_under(2, states(".........."), nothing, (2.5, 5.2)) == (2, 6)
