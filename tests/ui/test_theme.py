"""The themes are legible, and their hues stay apart also for the colour-blind."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QApplication

from avvp_studio.ui.theme import DARK, LIGHT, Appearance, Theme, category_colour, mix, tabular

# Machado et al. 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
}
LMS = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
OKLAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


def linear(colour: str) -> NDArray[np.float64]:
    rgb = np.array(QColor(colour).getRgbF()[:3])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (a, b))
    return (light + 0.05) / (dark + 0.05)


def distance(a: str, b: str, vision: str) -> float:
    seen = [np.cbrt(LMS @ np.clip(VISION[vision] @ linear(colour), 0, 1)) @ OKLAB.T for colour in (a, b)]
    return float(np.linalg.norm(seen[0] - seen[1]))


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ink", ["text", "text_muted", "accent", "danger", "warning", "success"])
def test_words_can_be_read_on_every_ground(theme: Theme, ink: str) -> None:
    for ground in ("window", "surface", "sunken"):
        assert contrast(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_can_be_read_on_the_accent_and_on_buttons(theme: Theme) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.text, theme.raised) >= 4.5
    assert contrast(theme.text, mix(theme.accent, theme.surface, 0.2)) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("vision", VISION)
def test_audio_visual_and_both_are_never_confused(theme: Theme, vision: str) -> None:
    for a, b in combinations((theme.audio, theme.visual, theme.audio_visual), 2):
        assert distance(a, b, vision) > 0.14


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_a_persons_label_stands_out_from_every_prediction(theme: Theme) -> None:
    for hue in (theme.audio, theme.visual, theme.audio_visual):
        assert contrast(theme.present, theme.surface) > contrast(hue, theme.surface)


@pytest.mark.parametrize("vision", VISION)
def test_the_first_twelve_categories_look_different(vision: str) -> None:
    for a, b in combinations(range(12), 2):
        assert distance(category_colour(a), category_colour(b), vision) > 0.075


def test_twenty_five_categories_have_twenty_five_colours() -> None:
    assert len({category_colour(i) for i in range(25)}) == 25
    assert category_colour(1000)


def test_mixing_goes_from_one_colour_to_the_other() -> None:
    assert mix("#ff0000", "#0000ff", 1.0) == "#ff0000"
    assert mix("#ff0000", "#0000ff", 0.0) == "#0000ff"
    assert mix("#ff0000", "#000000", 0.5) == "#800000"


def test_choosing_a_theme_recolours_the_application(qapp: QApplication, appearance: Appearance) -> None:
    told: list[Theme] = []
    appearance.theme_changed.connect(told.append)
    appearance.choose("light")
    assert qapp.palette().window().color() == QColor(LIGHT.surface)
    appearance.choose("dark")
    assert qapp.palette().window().color() == QColor(DARK.surface)
    appearance.choose("dark")
    appearance.theme_changed.disconnect(told.append)
    assert told == [LIGHT, DARK]


def test_running_figures_do_not_change_the_given_font() -> None:
    plain = QFont()
    assert tabular(plain).isFeatureSet(QFont.Tag("tnum"))
    assert not plain.isFeatureSet(QFont.Tag("tnum"))
