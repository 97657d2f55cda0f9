from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.domain.edit import Edit, EditError, mark, overlap, without_overlaps
from avvp_studio.domain.fill import Span, filled
from avvp_studio.domain.reshape import groups, merged, nearest, reshaped, split
from trainer.labels import MODALITIES, Event, State

AUDIO, VISUAL = MODALITIES
PRESENT, ABSENT = State.PRESENT, State.ABSENT
ME = "yola"

numbers = st.integers(0, 40)
steps = st.lists(
    st.tuples(st.sampled_from(["mark", "move", "copy", "split", "merge", "fill"]), numbers, numbers, numbers),
    max_size=14,
)
labels_in_files = st.lists(
    st.builds(
        lambda modality, onset, length, state, author: Event(
            modality, "Dog", onset / 4, (onset + length) / 4, state, author
        ),
        st.sampled_from(MODALITIES),
        numbers,
        st.integers(1, 9),
        st.sampled_from([PRESENT, ABSENT]),
        st.sampled_from(["", "anna"]),
    ),
    max_size=8,
).map(without_overlaps)


def edit_of(events, step):
    """Some edit on whatever labels there are; which is left to the numbers."""
    kind, which, a, b = step
    onset, offset = min(a, b) / 4, (max(a, b) + 1) / 4
    modality = MODALITIES[which % 2]
    try:
        match kind:
            case "mark":
                return mark(
                    events,
                    modality=modality,
                    category="Dog",
                    onset=onset,
                    offset=offset,
                    state=list(State)[which % 3],
                    author=ME,
                )
            case "fill":
                return filled(events, [Span(modality, "Dog", onset, offset)], PRESENT, author=ME, text="")
            case _ if not events:
                return Edit((), (), "")
            case "split":
                return split(events[which % len(events)], onset)
            case "merge":
                lane = [event for event in events if event.modality is modality]
                found = groups(lane)
                return merged(found[which % len(found)], author=ME) if found else Edit((), (), "")
        label = events[which % len(events)]
        return reshaped(events, label, onset, offset, author=ME, modality=modality, is_copy=kind == "copy")
    except EditError:
        return Edit((), (), "")


def cells(events):
    """(state, author) by modality and quarter of a second."""
    return {
        (event.modality, quarter): (event.state, event.author)
        for event in events
        for quarter in range(round(event.onset * 4), round(event.offset * 4))
    }


@given(labels_in_files, steps)
def test_whatever_is_done_no_labels_overlap_and_undoing_all_of_it_comes_back_to_the_start(start, steps):
    events, done = start, []
    for step in steps:
        edit = edit_of(events, step)
        events = edit.applied_to(events)
        done.append(edit)
        assert not any(overlap(a, b) for a, b in itertools.combinations(events, 2))
    for edit in reversed(done):
        events = edit.inverse().applied_to(events)
    assert events == start


@given(labels_in_files.filter(bool), numbers, numbers, numbers, st.sampled_from(MODALITIES), st.booleans())
def test_a_reshaped_label_says_its_word_in_its_new_range_and_nothing_else_changes(
    events, which, a, b, modality, is_copy
):
    label, onset, offset = events[which % len(events)], min(a, b) / 4, (max(a, b) + 1) / 4
    edit = reshaped(events, label, onset, offset, author=ME, modality=modality, is_copy=is_copy)
    expected = cells(events)
    if not edit.is_empty:
        for cell in () if is_copy else cells([label]):
            del expected[cell]
        for quarter in range(round(onset * 4), round(offset * 4)):
            expected[modality, quarter] = (label.state, ME)
    assert cells(edit.applied_to(events)) == expected


@given(labels_in_files, numbers, numbers)
def test_filling_says_something_only_where_nobody_did(events, a, b):
    onset, offset = min(a, b) / 4, (max(a, b) + 1) / 4
    after = filled(events, [Span(AUDIO, "Dog", onset, offset)], ABSENT, author=ME, text="").applied_to(events)
    before = cells(events)
    new = {(AUDIO, quarter): (ABSENT, ME) for quarter in range(round(onset * 4), round(offset * 4))}
    assert cells(after) == new | before


def test_a_label_that_is_moved_becomes_the_word_of_who_moved_it_and_what_it_cuts_keeps_its_author():
    label = Event(AUDIO, "Dog", 0.0, 2.0, PRESENT, "anna")
    other = Event(AUDIO, "Dog", 3.0, 8.0, ABSENT, "bob")
    edit = reshaped((label, other), label, 4.0, 6.0, author=ME)
    assert edit.text == "move Dog heard 0–2 s to 4–6 s"
    assert edit.applied_to((label, other)) == (
        Event(AUDIO, "Dog", 3.0, 4.0, ABSENT, "bob"),
        Event(AUDIO, "Dog", 4.0, 6.0, PRESENT, ME),
        Event(AUDIO, "Dog", 6.0, 8.0, ABSENT, "bob"),
    )


def test_a_label_that_is_moved_against_another_stays_a_label_of_its_own():
    label, other = Event(AUDIO, "Dog", 0.0, 2.0, PRESENT, ME), Event(AUDIO, "Dog", 5.0, 8.0, PRESENT, ME)
    after = reshaped((label, other), label, 3.0, 5.0, author=ME).applied_to((label, other))
    assert [(event.onset, event.offset) for event in after] == [(3.0, 5.0), (5.0, 8.0)]


def test_a_label_that_is_put_back_in_its_place_changes_nothing_and_not_even_its_author():
    label = Event(AUDIO, "Dog", 1.0, 2.0, PRESENT, "anna")
    assert reshaped((label,), label, 1.0, 2.0, author=ME).is_empty


def test_edits_say_what_was_done():
    label = Event(AUDIO, "Baby_cry", 1.0, 3.0, ABSENT, ME)
    assert reshaped((label,), label, 1.0, 4.5, author=ME).text == ("change Baby cry not heard 1–3 s to 1–4.5 s")
    assert reshaped((label,), label, 1.0, 3.0, author=ME, modality=VISUAL, is_copy=True).text == (
        "copy Baby cry not heard 1–3 s to Baby cry not seen 1–3 s"
    )
    assert split(label, 2.25).text == "split Baby cry not heard 1–3 s at 2.25 s"


def test_a_split_says_nothing_new_so_both_parts_keep_the_author():
    label = Event(VISUAL, "Dog", 1.0, 3.0, PRESENT, "anna")
    assert split(label, 2.0).added == (
        Event(VISUAL, "Dog", 1.0, 2.0, PRESENT, "anna"),
        Event(VISUAL, "Dog", 2.0, 3.0, PRESENT, "anna"),
    )


@pytest.mark.parametrize("time", [0.5, 1.0, 3.0])
def test_a_label_cannot_be_split_where_it_does_not_go_on(time):
    with pytest.raises(EditError, match="does not go on"):
        split(Event(VISUAL, "Dog", 1.0, 3.0), time)


def test_labels_that_follow_one_another_become_one_over_the_gap():
    labels = (Event(AUDIO, "Dog", 1.0, 2.0, PRESENT, "anna"), Event(AUDIO, "Dog", 4.0, 5.0, PRESENT, ME))
    edit = merged(labels, author=ME)
    assert edit.applied_to(labels) == (Event(AUDIO, "Dog", 1.0, 5.0, PRESENT, ME),)
    assert edit.text == "merge 2 labels of Dog heard to 1–5 s"


def test_labels_that_contradict_are_never_merged():
    with pytest.raises(EditError, match="say the same"):
        merged((Event(AUDIO, "Dog", 1, 2), Event(AUDIO, "Dog", 2, 3, ABSENT)), author=ME)


def test_the_labels_at_a_time_come_before_those_near_it():
    first, second = Event(AUDIO, "Dog", 1.0, 2.0), Event(VISUAL, "Dog", 2.0, 3.0)
    assert nearest((first, second), "Dog", 2.0) == (second,)
    assert nearest((first, second), "Dog", 8.0) == (second,)
    assert nearest((first, second), "Dog", 0.0) == (first,)
    assert nearest((first, second), "Cat", 0.0) == ()


def test_labels_that_end_together_in_both_modalities_are_taken_together():
    both = (Event(AUDIO, "Dog", 1.0, 2.0), Event(VISUAL, "Dog", 0.0, 2.0))
    assert nearest(both, "Dog", 5.0) == both


def test_between_two_labels_of_a_lane_that_are_equally_near_the_earlier_is_meant():
    labels = (Event(AUDIO, "Dog", 1.0, 2.0), Event(AUDIO, "Dog", 4.0, 5.0))
    assert nearest(labels, "Dog", 3.0) == (labels[0],)
