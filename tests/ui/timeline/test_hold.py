from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.ui.timeline.gestures.hold import Hold
from trainer.labels import Modality, State

AUDIO = (Modality.AUDIO,)


def marked(pressed, released, *, is_free=False, reaction=0.0, segments=10):
    """From where to where a key marks that goes down and up at these times of the clip."""
    hold = Hold(AUDIO, "Dog", State.PRESENT, pressed - reaction, pressed).followed(released)
    mark = hold.mark(segments, is_free=is_free, reaction=reaction)
    assert (mark.modalities, mark.category, mark.state) == (AUDIO, "Dog", State.PRESENT)
    return mark.onset, mark.offset


def test_a_hold_marks_the_segments_that_it_goes_through():
    assert marked(2.4, 5.5) == (2.0, 6.0)


def test_a_finger_that_slips_over_a_border_does_not_mark_a_segment_more():
    assert marked(1.9, 5.1) == (2.0, 5.0)


def test_the_time_a_person_takes_to_react_is_taken_off_both_ends():
    assert marked(2.4, 5.5, reaction=0.5, is_free=True) == (1.9, 5.0)
    assert marked(3.1, 5.1, reaction=0.2) == (3.0, 5.0)


def test_backwards_the_reaction_is_taken_off_the_other_way():
    assert marked(5.5, 2.4, reaction=-0.5, is_free=True) == (2.9, 6.0)


@pytest.mark.parametrize("is_free", [False, True])
def test_a_tap_marks_the_segment_that_was_heard(is_free):
    assert marked(3.5, 3.6, is_free=is_free) == (3.0, 4.0)
    assert marked(3.1, 3.2, reaction=0.2, is_free=is_free) == (2.0, 3.0)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(-1, 1), st.booleans())
def test_a_hold_always_marks_something_within_the_clip(pressed, released, reaction, is_free):
    onset, offset = marked(pressed, released, is_free=is_free, reaction=reaction)
    assert 0 <= onset < offset <= 10


def test_a_playhead_that_is_sent_elsewhere_is_told_from_one_that_plays_on():
    hold = Hold(AUDIO, "Dog", State.PRESENT, 3.0, 5.0)
    assert not hold.is_jump(5.1, 1)
    assert hold.is_jump(1.0, 1)
    assert hold.is_jump(9.0, 1)
    assert not hold.is_jump(4.0, -1)
    assert hold.is_jump(4.0, 1)
    assert hold.is_jump(9.0, -1)
