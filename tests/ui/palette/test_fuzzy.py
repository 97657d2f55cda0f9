"""A few typed letters find what is meant."""

from __future__ import annotations

import pytest

from avvp_studio.ui.palette.fuzzy import match

TITLES = ("Zoom in", "Zoom to the whole clip", "Forget", "Frame forward", "Find tracks", "Select from here")


def best(query: str) -> str | None:
    scored = [(found.score, title) for title in TITLES if (found := match(query, title)) is not None]
    return max(scored)[1] if scored else None


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("forg", "Forget"),
        ("fo", "Forget"),
        ("ff", "Frame forward"),
        ("ztwc", "Zoom to the whole clip"),
        ("whole zoom", "Zoom to the whole clip"),
        ("ZOOM IN", "Zoom in"),
        ("fndtrk", "Find tracks"),
        ("xyz", None),
        ("zoom xyz", None),
        ("", "Zoom to the whole clip"),
    ],
)
def test_the_best_match_is_what_one_means(query: str, meant: str | None) -> None:
    if query:
        assert best(query) == meant
    else:
        assert all(match("", title) is not None for title in TITLES)


def test_it_says_which_letters_were_typed() -> None:
    found = match("in zo", "Zoom in")
    assert found is not None
    assert found.places == {0, 1, 5, 6}


def test_letters_scattered_over_a_long_text_are_no_match() -> None:
    assert match("selfh", "Select from here") is not None
    assert match("elfh", "Select from here") is None  # they begin within a word
    assert match("lxd", "a long text in which letters stand far apart, to the end") is None


def test_letters_that_fold_into_two_keep_their_places() -> None:
    found = match("baum", "Straße Baum")
    assert found is not None
    assert found.places == {7, 8, 9, 10}
