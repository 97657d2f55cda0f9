"""Both formats hold a dataset whole: what was written reads back the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avvp_studio.exchange import dataset as dataset_format
from avvp_studio.exchange import llp as llp_format
from trainer.annotations import IMPORTED, Dataset, labels_hash, merged
from trainer.labels import Event, Modality, State

CATEGORIES = ("Speech", "Dog", "Frying_(food)")
_milliseconds = st.integers(0, 20_000)


@st.composite
def disjoint_events(draw: st.DrawFn, states: tuple[State, ...], author: str) -> tuple[Event, ...]:
    events = []
    for modality in Modality:
        for category in CATEGORIES:
            edges = sorted(set(draw(st.lists(_milliseconds, max_size=6))))
            for onset, offset in zip(edges[::2], edges[1::2], strict=False):
                state = draw(st.sampled_from(states))
                events.append(Event(modality, category, onset / 1000, offset / 1000, state, author))
    return tuple(sorted(events))


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    label_sets = st.frozensets(st.sampled_from(CATEGORIES))
    names = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=20)
    clips = draw(st.lists(names.filter(str.strip), unique=True, max_size=6))
    splits: dict[str, dict[str, frozenset[str]]] = {"train": {}, "val": {}, "test": {}}
    for name in clips:
        splits[draw(st.sampled_from(tuple(splits)))][name] = draw(label_sets)
    scored = [*splits["val"], *splits["test"]]
    truth = {name: merged(draw(disjoint_events((State.PRESENT,), ""))) for name in clips if draw(st.booleans())}
    states = (State.PRESENT, State.ABSENT)
    reviewed = {name: draw(disjoint_events(states, IMPORTED)) for name in clips if draw(st.booleans())}
    durations = {
        name: draw(_milliseconds.map(lambda ms: (ms + 1) / 1000)) for name in clips if draw(st.booleans())
    }
    return Dataset(
        CATEGORIES,
        splits,
        {name: events for name, events in truth.items() if events},
        frozenset(name for name in scored if draw(st.booleans())),
        {name: events for name, events in reviewed.items() if events},
        durations,
    )


@pytest.mark.parametrize("file_format", [dataset_format, llp_format])
@settings(deadline=None, max_examples=60)
@given(dataset=datasets())
def test_a_dataset_that_was_written_reads_back_the_same(file_format, dataset: Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file_format.write(Path(folder), dataset)
        read = file_format.read(Path(folder))
    assert read.categories == dataset.categories
    assert read.splits == dataset.splits
    assert read.truth == dataset.truth
    assert read.complete == dataset.complete
    assert read.reviewed == dataset.reviewed
    assert read.durations == dataset.durations
    assert read.snapshot["sha256"] == labels_hash(read)
