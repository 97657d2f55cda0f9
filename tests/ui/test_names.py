"""Names are written for people."""

from __future__ import annotations

import pytest

from avvp_studio.ui.names import display_name, parser_name


def test_an_underscore_is_a_space() -> None:
    assert display_name("Baby_cry_infant_cry") == "Baby cry infant cry"


@pytest.mark.parametrize(
    ("parser", "name"),
    [
        ("ecma/signal 20261121-115244-first", "ecma/signal, 21 Nov 11:52"),
        ("ecma/signal 20261121-115815-ecma-signal-2", "ecma/signal, 21 Nov 11:58"),
        ("han/signal 1-han", "han/signal 1-han"),
        ("HAN (han-2)", "HAN (han-2)"),
        ("x 20269999-115244-first", "x 20269999-115244-first"),
    ],
)
def test_a_training_of_the_studio_is_called_by_recipe_and_time(parser: str, name: str) -> None:
    assert parser_name(parser) == name
