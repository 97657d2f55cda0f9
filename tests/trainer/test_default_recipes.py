"""The recipes on features that encoders make without a hub: what they read, and who makes that."""

from __future__ import annotations

import pytest

from tests.trainer.recipe_settings import differences, load
from trainer.encoders.catalogue import ENCODERS, GROUPS
from trainer.feature_files import DEFAULT_SETS, ENCODER_OF_SET
from trainer.recipe_files import recipe_names

DEFAULT = [name for name in recipe_names() if name.endswith("/default")]


def test_every_parser_of_small_projects_is_there_for_signal_and_for_default_features() -> None:
    signal = [name for name in recipe_names() if name.endswith("/signal")]
    assert [name.replace("signal", "default") for name in signal] == DEFAULT


@pytest.mark.parametrize("name", DEFAULT)
def test_a_recipe_differs_from_its_signal_recipe_in_features_alone(name: str) -> None:
    assert differences(name, name.replace("default", "signal")) == {
        "features.audio": "yamnet",
        "features.visual": ["efficientnet"],
    }
    assert load(name).features.standardise
    assert "default features" in load(name).summary


@pytest.mark.parametrize("name", [name for name in recipe_names() if name.endswith(("/signal", "/default"))])
def test_what_such_a_recipe_reads_can_be_made_without_a_hub(name: str) -> None:
    for features in load(name).features.sets:
        assert features in DEFAULT_SETS or ENCODER_OF_SET[features] == "signal"


def test_which_encoder_makes_a_set_is_what_the_encoders_say() -> None:
    assert {features: name for name, entry in ENCODERS.items() for features in entry.sets} == ENCODER_OF_SET
    assert tuple(features for name in GROUPS["default"] for features in ENCODERS[name].sets) == DEFAULT_SETS
