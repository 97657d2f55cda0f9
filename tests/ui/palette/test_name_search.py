"""Names are found among very many, in small steps."""

from __future__ import annotations

from itertools import islice

from avvp_studio.ui.palette.name_search import NameSearch

NAMES = ("dog_park_1", "my_dog", "Dog", "cat", "hot dog park", "")


def found(query: str) -> list[str]:
    return [NAMES[i] for i in NameSearch(NAMES).find(query) if i is not None]


def test_names_that_begin_with_the_query_come_first_and_each_comes_once() -> None:
    assert found("dog") == ["dog_park_1", "Dog", "my_dog", "hot dog park"]


def test_every_word_must_occur_and_underscores_are_spaces() -> None:
    assert found("park dog") == ["dog_park_1", "hot dog park"]
    assert found("dog_p") == ["dog_park_1", "hot dog park"]
    assert found("bird") == []
    assert found("  ") == []
    assert found("dog\nmy") == ["my_dog"]


def test_the_last_and_the_first_name_are_found() -> None:
    names = NameSearch(["first", "x", "last"])
    assert [next(names.find("first")), next(names.find("last"))] == [0, 2]


def test_a_search_that_finds_nothing_can_be_left_at_any_time() -> None:
    search = NameSearch([f"clip_{i:06}" for i in range(100_000)]).find("clip zzz")
    assert list(islice(search, 3)) == []  # one of its words is in no name
    search = NameSearch(["zzz", *(f"clip_{i:06} abcd" for i in range(1000))]).find("abcd zzz")
    assert list(islice(search, 3)) == [None, None, None]
