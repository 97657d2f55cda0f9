from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.domain.edit import Edit, EditError, difference, mark, overlap, spliced, without_overlaps
from trainer.labels import MODALITIES, Event, Modality, State

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
PRESENT, ABSENT, UNSEEN = State.PRESENT, State.ABSENT, State.UNSEEN

LENGTH_MS = 60
"""The brute-force grid has one cell a millisecond."""

spans = st.tuples(st.integers(0, LENGTH_MS), st.integers(0, LENGTH_MS)).filter(lambda span: span[0] < span[1])
said = st.sampled_from([PRESENT, ABSENT])
authors = st.sampled_from(["", "ann", "bob"])
modalities = st.sampled_from(MODALITIES)
categories = st.sampled_from(["Dog", "Cat"])

events_in_files = st.lists(
    st.builds(
        lambda modality, category, span, state, author: Event(
            modality, category, span[0] / 1000, span[1] / 1000, state, author
        ),
        modalities,
        categories,
        spans,
        said,
        authors,
    ),
    max_size=12,
)


@st.composite
def marks(draw):
    onset, offset = draw(spans)
    return {
        "modality": draw(modalities),
        "category": draw(categories),
        "onset": onset / 1000,
        "offset": offset / 1000,
        "state": draw(st.sampled_from(State)),
        "author": draw(authors),
    }


def cells(events):
    """(state, author) by (modality, category, millisecond); what is not there is unseen."""
    grid = {}
    for event in events:
        for ms in range(round(event.onset * 1000), round(event.offset * 1000)):
            grid[event.modality, event.category, ms] = (event.state, event.author)
    return grid


def has_overlaps(events):
    return any(overlap(a, b) for a, b in itertools.combinations(events, 2))


@given(events_in_files, marks())
def test_a_mark_sets_the_cells_of_its_range_and_no_others(events, marked):
    before = without_overlaps(events)
    after = mark(before, **marked).applied_to(before)

    expected = cells(before)
    for ms in range(round(marked["onset"] * 1000), round(marked["offset"] * 1000)):
        cell = (marked["modality"], marked["category"], ms)
        if marked["state"] is UNSEEN:
            expected.pop(cell, None)
        else:
            expected[cell] = (marked["state"], marked["author"])
    assert cells(after) == expected
    assert not has_overlaps(after)


@given(events_in_files, marks())
def test_the_inverse_restores_exactly_what_was(events, marked):
    before = without_overlaps(events)
    edit = mark(before, **marked)
    assert edit.inverse().applied_to(edit.applied_to(before)) == before
    assert edit.inverse().inverse() == edit


@given(events_in_files, marks())
def test_marking_twice_changes_nothing_the_second_time(events, marked):
    before = without_overlaps(events)
    after = mark(before, **marked).applied_to(before)
    assert mark(after, **marked).is_empty


@given(st.lists(marks(), max_size=12))
def test_touching_events_of_one_state_and_author_are_one(all_marks):
    events = ()
    for marked in all_marks:
        events = mark(events, **marked).applied_to(events)
    for a, b in itertools.permutations(events, 2):
        alike = (a.modality, a.category, a.state, a.author) == (b.modality, b.category, b.state, b.author)
        assert not (alike and a.offset == b.onset)


@given(events_in_files)
def test_where_files_contradict_themselves_the_later_line_holds(events):
    settled = without_overlaps(events)
    assert cells(settled) == cells(events)
    assert not has_overlaps(settled)


def test_events_that_only_touch_are_kept_as_a_file_has_them():
    halves = (Event(AUDIO, "Dog", 0.0, 2.5, ABSENT), Event(AUDIO, "Dog", 2.5, 5.0, ABSENT))
    assert without_overlaps(halves) == halves


def test_what_is_cut_keeps_its_author():
    events = (Event(AUDIO, "Dog", 0.0, 10.0, PRESENT, "ann"),)
    edit = mark(events, modality=AUDIO, category="Dog", onset=4, offset=6, state=ABSENT, author="bob")
    assert edit.applied_to(events) == (
        Event(AUDIO, "Dog", 0.0, 4.0, PRESENT, "ann"),
        Event(AUDIO, "Dog", 4.0, 6.0, ABSENT, "bob"),
        Event(AUDIO, "Dog", 6.0, 10.0, PRESENT, "ann"),
    )


def test_a_person_who_confirms_a_label_from_a_file_makes_it_theirs():
    events = (Event(VISUAL, "Dog", 0.0, 5.0),)
    edit = mark(events, modality=VISUAL, category="Dog", onset=0, offset=5, state=PRESENT, author="ann")
    assert edit.applied_to(events) == (Event(VISUAL, "Dog", 0.0, 5.0, PRESENT, "ann"),)


def test_the_ragged_floats_of_a_drag_are_rounded_to_the_millisecond():
    edit = mark(
        (),
        modality=AUDIO,
        category="Dog",
        onset=1.9999999999999978,
        offset=5.0000000000001,
        state=PRESENT,
        author="a",
    )
    assert edit.added == (Event(AUDIO, "Dog", 2.0, 5.0, PRESENT, "a"),)


@pytest.mark.parametrize(
    ("modality", "state", "category", "text"),
    [
        (AUDIO, PRESENT, "Dog", "mark Dog heard 2–5.25 s"),
        (VISUAL, PRESENT, "Dog", "mark Dog seen 2–5.25 s"),
        (AUDIO, ABSENT, "Baby_laughter", "mark Baby laughter not heard 2–5.25 s"),
        (VISUAL, UNSEEN, "Dog", "forget Dog seen 2–5.25 s"),
    ],
)
def test_an_edit_says_what_it_does_in_words_that_follow_undo(modality, state, category, text):
    edit = mark((), modality=modality, category=category, onset=2, offset=5.25, state=state, author="ann")
    assert edit.text == text


def test_an_empty_range_is_refused():
    with pytest.raises(EditError, match="onset < offset"):
        mark((), modality=AUDIO, category="Dog", onset=2.0, offset=2.0001, state=PRESENT, author="ann")


def test_a_stale_edit_is_refused_when_what_it_removes_is_gone():
    edit = Edit((Event(AUDIO, "Dog", 0.0, 5.0),), (), "forget Dog heard 0–5 s")
    with pytest.raises(EditError, match="Dog heard 0–5 s is no longer there"):
        edit.applied_to(())


def test_a_stale_edit_is_refused_when_something_has_come_in_its_way():
    edit = Edit((), (Event(AUDIO, "Dog", 0.0, 5.0),), "mark Dog heard 0–5 s")
    with pytest.raises(EditError, match="Dog not heard 4–6 s is in the way"):
        edit.applied_to((Event(AUDIO, "Dog", 4.0, 6.0, ABSENT),))


EVENTS = st.builds(
    lambda modality, category, onset, length, author: Event(
        modality, category, float(onset), float(onset + length), author=author
    ),
    st.sampled_from(MODALITIES),
    st.sampled_from(("Dog", "Cat")),
    st.integers(0, 300),
    st.integers(1, 3),
    st.sampled_from(("", "ann")),
)


@given(st.sets(EVENTS, max_size=12), st.sets(EVENTS, max_size=12), st.booleans())
def test_the_difference_is_what_has_gone_and_what_has_come(before, after, is_long):
    shared = {Event(Modality.AUDIO, "Car", float(i), i + 1.0) for i in range(500)} if is_long else set()
    olds, news = (tuple(sorted(events | shared)) for events in (before, after))
    assert difference(olds, news) == (before - after, after - before)
    assert difference(olds, tuple(reversed(news))) == (before - after, after - before)


@given(st.lists(EVENTS, max_size=12), EVENTS, st.sampled_from(list(State)))
def test_splicing_an_edit_that_fits_is_applying_it(events, wanted, state):
    standing = without_overlaps(events)
    edit = mark(
        standing,
        modality=wanted.modality,
        category=wanted.category,
        onset=wanted.onset,
        offset=wanted.offset,
        state=state,
        author="bob",
    )
    after = spliced(standing, edit)
    assert after == edit.applied_to(standing)
    assert spliced(after, edit.inverse()) == standing


def test_an_edit_that_removes_what_is_not_there_is_not_spliced():
    with pytest.raises(EditError, match="Dog heard 0–1 s is no longer there"):
        spliced(
            (Event(Modality.AUDIO, "Dog", 0.0, 2.0),), Edit((Event(Modality.AUDIO, "Dog", 0.0, 1.0),), (), "")
        )
