"""Which rows a person chose, in which order, and that a project keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.domain.project import Clip
from avvp_studio.domain.row_order import RowChoice, RowOrder, categories_by_choice
from avvp_studio.domain.tracks import Track
from avvp_studio.paths import ProjectPaths
from avvp_studio.row_keeper import RowKeeper
from trainer.labels import Event, Modality, State, state_grid
from trainer.parses import Parse

CATEGORIES = ("Speech", "Dog", "Cat", "Car")
CLIP = Clip("clip", "train", None, 4.0, 4, frozenset({"Cat"}))


def track(*predicted: str) -> Track:
    """Heard and seen all the time."""
    values = np.zeros((4, len(CATEGORIES)), np.float32)
    values[:, [CATEGORIES.index(name) for name in predicted]] = 0.9
    return Track("parser", Parse(values, values, values.max(axis=0)))


def chosen(*events: Event, tracks: tuple[Track, ...] = ()) -> dict[RowChoice, tuple[str, ...]]:
    states = state_grid(events, CATEGORIES, 4)
    return categories_by_choice(CATEGORIES, CLIP, events, states, tracks, candidates=("Cat",))


def heard(category: str, author: str = "") -> Event:
    return Event(Modality.AUDIO, category, 0, 2, State.PRESENT, author)


def test_each_choice_has_its_categories() -> None:
    found = chosen(heard("Dog", "anna"), heard("Speech"), tracks=(track("Car"), track("Dog")))
    assert found[RowChoice.ALL] == CATEGORIES
    assert found[RowChoice.CANDIDATES] == ("Cat",)
    assert found[RowChoice.LABELLED] == ("Cat",)
    assert found[RowChoice.PREDICTED] == ("Dog", "Car")
    assert found[RowChoice.EDITED] == ("Dog",)


def test_labels_disagree_with_the_newest_parser_and_parsers_with_each_other() -> None:
    missed, agreed = heard("Dog"), heard("Car")
    assert chosen(missed, agreed, tracks=(track("Car"),))[RowChoice.DISAGREEING] == ("Dog",)
    assert chosen(tracks=(track("Car"), track("Car", "Cat")))[RowChoice.DISAGREEING] == ("Cat",)


def test_what_nobody_looked_at_disagrees_with_nothing() -> None:
    assert chosen(tracks=(track("Car"),))[RowChoice.DISAGREEING] == ()


def test_pinned_rows_stand_above_moved_ones_and_those_above_the_rest() -> None:
    order = RowOrder(order=("Car", "Cat"), pinned=("Cat",))
    assert order.arranged(CATEGORIES) == ("Cat", "Car", "Speech", "Dog")


rows = st.permutations(CATEGORIES).map(tuple)


@given(rows=rows, pinned=st.sets(st.sampled_from(CATEGORIES)), data=st.data())
def test_a_moved_row_stands_where_it_was_let_go_and_the_others_keep_their_order(rows, pinned, data) -> None:
    order = RowOrder(order=rows, pinned=tuple(name for name in rows if name in pinned))
    shown = order.arranged(rows)
    category = data.draw(st.sampled_from(shown))
    before = data.draw(st.sampled_from([name for name in shown if name != category] + [None]))
    after = order.moved(shown, category, before).arranged(shown)
    place = after.index(category)
    assert (after[place + 1] if place + 1 < len(after) else None) == before
    assert [name for name in after if name != category] == [name for name in shown if name != category]


def test_rows_that_are_not_shown_keep_the_places_that_they_were_given() -> None:
    order = RowOrder(order=("Car", "Cat", "Dog", "Speech")).moved(("Speech", "Dog"), "Dog", "Speech")
    assert order.arranged(CATEGORIES) == ("Dog", "Speech", "Car", "Cat")


def kept_in(folder: Path) -> RowKeeper:
    keeper = RowKeeper()
    keeper.open(ProjectPaths(folder))
    return keeper


def test_order_pins_heights_and_choice_are_found_again(qapp, tmp_path: Path) -> None:
    keeper = kept_in(tmp_path)
    keeper.choose(RowChoice.ALL)
    keeper.move(CATEGORIES, "Car", "Speech")
    keeper.toggle_pin("Dog")
    keeper.resize({"Cat": 120, "Dog": 90})
    keeper.resize({"Dog": None})
    order = kept_in(tmp_path).order
    assert order == keeper.order
    assert order.arranged(CATEGORIES) == ("Dog", "Car", "Speech", "Cat")
    assert (order.choice, order.heights) == (RowChoice.ALL, {"Cat": 120})


def test_another_project_has_an_order_of_its_own(qapp, tmp_path: Path) -> None:
    keeper = kept_in(tmp_path)
    keeper.toggle_pin("Dog")
    other = tmp_path / "other"
    other.mkdir()
    keeper.open(ProjectPaths(other))
    assert keeper.order == RowOrder()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="nested"),
        *("{", "[]", '{"choice": "best"}', '{"order": "Dog"}'),
        *('{"heights": {"Dog": "tall"}}', '{"heights": {"Dog": true}}', '{"heights": {"Dog": 1e999}}'),
    ],
)
def test_a_broken_file_is_said_once_and_the_usual_order_holds(qapp, tmp_path: Path, text: str) -> None:
    path = ProjectPaths(tmp_path).rows
    path.write_text(text, encoding="utf-8")
    said: list[str] = []
    keeper = RowKeeper()
    keeper.failed.connect(said.append)
    keeper.open(ProjectPaths(tmp_path))
    (message,) = said
    assert str(path) in message
    assert keeper.order == RowOrder()
    keeper.toggle_pin("Dog")
    assert path.with_name("rows.json.old").read_text(encoding="utf-8") == text
    assert len(said) == 1


def test_an_order_that_cannot_be_written_is_said_and_holds_all_the_same(qapp, tmp_path: Path) -> None:
    keeper, said = kept_in(tmp_path / "gone"), []
    keeper.failed.connect(said.append)
    keeper.toggle_pin("Dog")
    assert len(said) == 1
    assert keeper.order.pinned == ("Dog",)
