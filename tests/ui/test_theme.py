"""The themes are legible, and their hues stay apart also for the colour-blind."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QApplication, QLabel

from avvp_studio.ui.appearance import Appearance, theme_for
from avvp_studio.ui.theme import (
    CONTRAST_DARK,
    CONTRAST_LIGHT,
    DARK,
    LIGHT,
    THEMES,
    Theme,
    category_colour,
    mix,
    tabular,
)

# Machado et al. 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritan": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
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


every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
high_contrast = pytest.mark.parametrize("theme", [CONTRAST_DARK, CONTRAST_LIGHT], ids=lambda theme: theme.name)


@every_theme
@pytest.mark.parametrize("ink", ["text", "text_muted", "accent", "danger", "warning", "success"])
def test_words_can_be_read_on_every_ground(theme: Theme, ink: str) -> None:
    for ground in ("window", "surface", "sunken"):
        assert contrast(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@every_theme
def test_text_can_be_read_on_the_accent_and_on_buttons(theme: Theme) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.text, theme.raised) >= 4.5
    assert contrast(theme.text, mix(theme.accent, theme.surface, 0.2)) >= 4.5


@every_theme
@pytest.mark.parametrize("vision", VISION)
def test_audio_visual_and_both_are_never_confused(theme: Theme, vision: str) -> None:
    for a, b in combinations((theme.audio, theme.visual, theme.audio_visual), 2):
        assert distance(a, b, vision) > 0.14


@every_theme
def test_a_persons_label_stands_out_from_every_prediction(theme: Theme) -> None:
    for hue in (theme.audio, theme.visual, theme.audio_visual):
        assert contrast(theme.present, theme.surface) > contrast(hue, theme.surface)


@high_contrast
@pytest.mark.parametrize("ink", ["text", "text_muted", "accent", "danger", "warning", "success"])
def test_high_contrast_is_beyond_seven_to_one_for_words(theme: Theme, ink: str) -> None:
    chosen = mix(theme.accent, theme.surface, 0.22)
    grounds = [theme.window, theme.surface, theme.sunken, theme.raised]
    for ground in [*grounds, theme.hover, chosen] if ink.startswith("text") else grounds:
        assert contrast(getattr(theme, ink), ground) >= 7
    assert contrast(theme.on_accent, theme.accent) >= 7


@high_contrast
def test_high_contrast_shows_edges_and_which_of_them_has_the_keys(theme: Theme) -> None:
    for shape in ("border", "waveform", "playhead", "audio", "visual", "audio_visual", "absent"):
        assert contrast(getattr(theme, shape), theme.surface) >= 3
    assert contrast(theme.accent, theme.border) >= 3
    assert contrast(theme.text_disabled, theme.surface) >= 4.5


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("count", "least"), [(12, 0.09), (25, 0.05)])
def test_categories_look_different(count: int, least: float, vision: str) -> None:
    for a, b in combinations(range(count), 2):
        assert distance(category_colour(a), category_colour(b), vision) > least


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_colours_of_categories_are_seen_on_every_ground(theme: Theme) -> None:
    for index in range(30):
        assert contrast(category_colour(index), theme.surface) > 1.35


def test_after_all_colours_of_categories_they_come_again() -> None:
    assert category_colour(30) == category_colour(0)
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
    plain.clearFeatures()
    assert tabular(plain).isFeatureSet(QFont.Tag("tnum"))
    assert not plain.isFeatureSet(QFont.Tag("tnum"))


def test_running_figures_are_of_equal_width_everywhere(qapp: QApplication, appearance: Appearance) -> None:
    appearance.choose("light")
    appearance.choose("dark")
    assert QLabel("1").font().isFeatureSet(QFont.Tag("tnum"))


@pytest.mark.parametrize(
    ("scheme", "contrasts", "theme"),
    [
        (Qt.ColorScheme.Light, Qt.ContrastPreference.NoPreference, LIGHT),
        (Qt.ColorScheme.Dark, Qt.ContrastPreference.NoPreference, DARK),
        (Qt.ColorScheme.Unknown, Qt.ContrastPreference.NoPreference, DARK),
        (Qt.ColorScheme.Light, Qt.ContrastPreference.HighContrast, CONTRAST_LIGHT),
        (Qt.ColorScheme.Dark, Qt.ContrastPreference.HighContrast, CONTRAST_DARK),
        (Qt.ColorScheme.Unknown, Qt.ContrastPreference.HighContrast, CONTRAST_DARK),
    ],
)
def test_the_systems_theme_is_what_the_desktop_asks_for(
    scheme: Qt.ColorScheme, contrasts: Qt.ContrastPreference, theme: Theme
) -> None:
    assert theme_for(scheme, contrasts) is theme


def test_whoever_follows_the_system_changes_with_it(
    qapp: QApplication, appearance: Appearance, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Theme] = []
    appearance.choose("system")
    appearance.theme_changed.connect(told.append)
    asked = [CONTRAST_LIGHT, CONTRAST_DARK]
    monkeypatch.setattr("avvp_studio.ui.appearance.system_theme", asked.pop)
    qapp.styleHints().accessibility().contrastPreferenceChanged.emit(Qt.ContrastPreference.HighContrast)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    appearance.theme_changed.disconnect(told.append)
    appearance.choose("dark")
    assert told == [CONTRAST_DARK, CONTRAST_LIGHT]
