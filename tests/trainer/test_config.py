from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from trainer.checkpoint import model_config_types
from trainer.config import ConfigError
from trainer.recipe_files import config_from_table, load_recipe, recipe_names, to_table, write_config

MODELS = model_config_types()


def test_every_recipe_that_is_listed_can_be_loaded() -> None:
    assert {"han/signal", "ecma/signal", "han/llp/vggish", "ecma/llp/full"} <= set(recipe_names())
    for name in recipe_names():
        config = load_recipe(name, models=MODELS)
        assert config.recipe == name
        assert config.summary


def test_han_has_the_values_of_its_paper() -> None:
    config = load_recipe("han/llp/vggish", models=MODELS)
    assert (config.model.width, config.model.heads, config.model.feedforward, config.model.layers) == (
        512,
        1,
        512,
        1,
    )
    assert (config.optimiser.kind, config.optimiser.lr) == ("adam", 3e-4)
    assert (config.schedule.kind, config.schedule.every, config.schedule.factor) == ("step", 10, 0.1)
    assert (config.training.epochs, config.training.batch) == (40, 16)
    assert config.features.visual == ("res152", "r2plus1d_18")


def test_a_recipe_takes_from_its_base_what_it_does_not_say_but_not_its_published_numbers() -> None:
    base, derived = (load_recipe(name, models=MODELS) for name in ("han/llp/vggish", "han/signal"))
    assert derived.model.visual_smoothing == base.model.visual_smoothing
    assert derived.features != base.features
    assert base.published
    assert not derived.published


def test_overrides_win_and_may_leave_out_the_section() -> None:
    config = load_recipe("han/signal", ["epochs=3", "optimiser.lr=1", "kind = step"][:2], models=MODELS)
    assert config.training.epochs == 3
    assert config.optimiser.lr == 1.0


def test_an_override_that_could_mean_two_settings_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"optimiser\.kind or schedule\.kind"):
        load_recipe("han/signal", ["kind=step"], models=MODELS)


def test_another_parser_does_not_inherit_the_model_settings() -> None:
    config = load_recipe("han/signal", ["parser=ecma"], models=MODELS)
    assert config.model == MODELS["ecma"]()


def test_the_config_of_a_run_is_complete_and_can_be_loaded_again(tmp_path: Path) -> None:
    config = load_recipe("ecma/signal", ["epochs=7", 'features.visual=["a", "b\\"é"]'], models=MODELS)
    write_config(tmp_path / "config.toml", config)
    assert load_recipe(str(tmp_path / "config.toml"), models=MODELS) == config
    assert "tau_audio" in (tmp_path / "config.toml").read_text()
    assert config_from_table(to_table(config), "here", models=MODELS) == config


def test_every_set_that_is_read_is_listed_once() -> None:
    sets = ("features.audio=clap", 'features.visual=["clip", "motion"]', 'features.joint=["clap512", "clip"]')
    config = load_recipe("han/signal", sets, models=MODELS)
    assert config.features.sets == ("clap", "clip", "motion", "clap512")
    assert config_from_table(to_table(config), "here", models=MODELS) == config
    assert load_recipe("han/signal", models=MODELS).features.joint == ()


def test_a_config_whose_paper_prints_few_numbers_equals_itself_when_read_again(tmp_path: Path) -> None:
    config = load_recipe("ecma/unav/full", models=MODELS)
    write_config(tmp_path / "config.toml", config)
    assert load_recipe(str(tmp_path / "config.toml"), models=MODELS) == config
    assert config_from_table(json.loads(json.dumps(to_table(config))), "here", models=MODELS) == config


def test_a_recipe_takes_neither_source_nor_summary_from_its_base() -> None:
    base, derived = (load_recipe(name, models=MODELS) for name in ("han/llp/vggish", "han/signal"))
    assert base.source
    assert not derived.source
    assert derived.summary != base.summary


def test_published_numbers_are_ten_or_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "han/signal"\npublished = [60.1, 52.9]\n')
    with pytest.raises(ConfigError, match="published = 2: it is 10 numbers, or none"):
        load_recipe(str(path), models=MODELS)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "training.epoch=3",
            r"--set training\.epoch=3: there is no setting .* did you mean 'training\.epochs'",
        ),
        ("model.widht=3", r"did you mean 'model\.width'"),
        ("epochs=three", "training.epochs is a whole number, not 'three'"),
        ("epochs=true", "training.epochs is a whole number, not True"),
        ("epochs=0", "--set epochs=0: training.epochs is at least 1, not 0"),
        ("seed=-1", "training.seed is at least 0 and below 9.22337e.18, not -1"),
        ("optimiser.lr=0", "optimiser.lr is above 0, not 0.0"),
        ("optimiser.lr=inf", "optimiser.lr is a finite number, not inf"),
        ("optimiser.beta2=1", "optimiser.beta2 is at least 0 and below 1, not 1.0"),
        ("optimiser.weight_decay=nan", "optimiser.weight_decay is a finite number, not nan"),
        ("model.video_weight=nan", "model.video_weight is a finite number, not nan"),
        ("lr_min=1.0", r"schedule.lr_min = 1.0: it is at most optimiser.lr \("),
        ("divergence=0.5", "training.divergence = 0.5: it is at least 1, or 0 for no limit"),
        ("prediction.video_thresholds=[0.5, 2]", "prediction.video_thresholds is above 0 and below 1, not 2.0"),
        ("features.audio=", "features = .*: it says the name of each set"),
        ('features.joint=["a"]', r"features.joint = \['a'\]: it is an audio set and a visual set, or none"),
        ('features.joint=["a", "a"]', "features.joint = .*: it is an audio set and a visual set, or none"),
        ('features.joint=["a", ""]', "features.joint = .*: it is an audio set and a visual set, or none"),
        ("optimiser.kind=sgd", "one of 'adam', 'adamw', not 'sgd'"),
        ("han_update=upward", "one of 'parallel', 'sequential', 'original'"),
        ("features.visual=clip", "is a list, not 'clip'"),
        ("model.heads=7", r"\[model\]: width .* multiple of heads"),
        ("parser=hann", "did you mean 'han'"),
        ('parser=["han"]', "there is no parser"),
        ("epochs", "give it as key=value"),
    ],
)
def test_a_wrong_override_is_named_with_what_would_do(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("han/signal", [override], models=MODELS)


def test_a_wrong_key_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "han/signal"\n[optimiser]\nlearning_rate = 1.0\n')
    with pytest.raises(ConfigError, match=r"mine\.toml: there is no setting 'optimiser\.learning_rate'"):
        load_recipe(str(path), models=MODELS)


@pytest.mark.parametrize("kind", model_config_types().values())
def test_settings_that_a_program_makes_are_checked_too(kind: type) -> None:
    with pytest.raises(ValueError, match=r"width \(10\) must be a multiple of heads \(4\)"):
        kind(width=10, heads=4)
    choices = {
        name: get_args(hint) for name, hint in get_type_hints(kind).items() if get_origin(hint) is Literal
    }
    assert choices
    for name, allowed in choices.items():
        with pytest.raises(ValueError, match=f'{name} is one of {", ".join(allowed)}, not "other"'):
            kind(**{name: "other"})


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("epochs: 3")
    with pytest.raises(ConfigError, match=r"mine\.toml: cannot be read as a recipe"):
        load_recipe(str(path), models=MODELS)


def test_bases_that_go_round_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'base = "{path.as_posix()}"\n')
    with pytest.raises(ConfigError, match="circle"):
        load_recipe(str(path), models=MODELS)


def test_a_recipe_that_is_not_there_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ecma/signal'"):
        load_recipe("ecma/signals", models=MODELS)
