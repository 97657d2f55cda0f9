from __future__ import annotations

import time

import numpy as np

from avvp_studio.domain.fill import Span, filled, predicted_spans
from avvp_studio.domain.tracks import Reach, Track
from trainer.labels import MODALITIES, Event, State
from trainer.parses import Parse

AUDIO, VISUAL = MODALITIES
PRESENT, ABSENT = State.PRESENT, State.ABSENT
CATEGORIES = ("Dog", "Cat")


def track(reach=None):
    """Predicts a dog that is heard from 2 to 5 s and seen at 9 s, and no cat."""
    audio, visual = np.zeros((10, 2), np.float32), np.zeros((10, 2), np.float32)
    audio[2:5, 0] = visual[9, 0] = 0.9
    return Track("first", Parse(audio, visual, np.array([0.9, 0.0], np.float32)), reach=reach or {})


def fill(events, *spans, state=PRESENT, author="yola"):
    return filled(events, spans, state, author=author, text="accept").applied_to(events)


def test_predictions_are_spans_of_whole_segments():
    assert predicted_spans(track(), CATEGORIES, CATEGORIES, MODALITIES) == [
        Span(AUDIO, "Dog", 2.0, 5.0),
        Span(VISUAL, "Dog", 9.0, 10.0),
    ]
    assert predicted_spans(track(), CATEGORIES, ("Cat",), MODALITIES) == []
    assert predicted_spans(track(), CATEGORIES, ("Dog",), (VISUAL,)) == [Span(VISUAL, "Dog", 9.0, 10.0)]


def test_what_a_parser_cannot_know_is_no_prediction():
    deaf = track({(AUDIO, "Dog"): Reach((), is_known=False)})
    assert predicted_spans(deaf, CATEGORIES, CATEGORIES, MODALITIES) == [Span(VISUAL, "Dog", 9.0, 10.0)]


def test_labels_of_anybody_stay_and_the_gaps_between_them_are_filled():
    events = (Event(AUDIO, "Dog", 1.0, 2.5, ABSENT, "anna"), Event(AUDIO, "Dog", 3.0, 4.0))
    assert fill(events, Span(AUDIO, "Dog", 2.0, 5.0)) == (
        *events[:1],
        Event(AUDIO, "Dog", 2.5, 3.0, PRESENT, "yola"),
        *events[1:],
        Event(AUDIO, "Dog", 4.0, 5.0, PRESENT, "yola"),
    )


def test_what_touches_ones_own_label_of_the_same_state_joins_it():
    own = Event(AUDIO, "Dog", 0.0, 2.0, PRESENT, "yola")
    assert fill((own,), Span(AUDIO, "Dog", 1.0, 4.0)) == (Event(AUDIO, "Dog", 0.0, 4.0, PRESENT, "yola"),)
    assert len(fill((own,), Span(AUDIO, "Dog", 1.0, 4.0), state=ABSENT)) == 2
    assert len(fill((own,), Span(AUDIO, "Dog", 1.0, 4.0), author="anna")) == 2


def test_spans_that_overlap_are_said_once():
    both = Span(AUDIO, "Dog", 0.0, 3.0), Span(AUDIO, "Dog", 2.0, 5.0)
    assert fill((), *both) == (Event(AUDIO, "Dog", 0.0, 5.0, PRESENT, "yola"),)


def test_nothing_is_left_to_do_where_all_is_labelled():
    events = (Event(AUDIO, "Dog", 0.0, 10.0, ABSENT, "anna"),)
    assert filled(events, [Span(AUDIO, "Dog", 2.0, 5.0)], PRESENT, author="yola", text="").is_empty


def test_a_span_within_a_range_is_the_part_of_it_there():
    assert Span(AUDIO, "Dog", 2.0, 5.0).within(4.0, 9.0) == Span(AUDIO, "Dog", 4.0, 5.0)
    outside = Span(AUDIO, "Dog", 2.0, 5.0).within(6.0, 9.0)
    assert outside.onset == outside.offset
    assert filled((), [outside], PRESENT, author="yola", text="").is_empty


def test_thousands_of_predictions_among_thousands_of_labels_are_filled_at_once():
    events = tuple(Event(AUDIO, "Dog", float(t), t + 0.5, ABSENT, "anna") for t in range(3600))
    spans = [Span(AUDIO, "Dog", t + 0.25, t + 0.75) for t in range(3600)]
    began = time.perf_counter()
    edit = filled(events, spans, PRESENT, author="yola", text="")
    assert time.perf_counter() - began < 2.0
    assert len(edit.added) == 3600
