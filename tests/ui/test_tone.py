"""Brightness and contrast change what is displayed, and nothing at their middle."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage

from avvp_studio.ui.tone import Tone, toned


def shown(value: int, tone: Tone) -> int:
    """A grey as it is displayed; its picture is three pixels wide, so that rows are padded."""
    image = QImage(3, 2, QImage.Format.Format_RGB32)
    image.fill(QColor(value, value, value))
    changed = toned(image, tone)
    assert set(bytes(changed.constBits())[3::4]) == {255}  # painters rely on it
    colour = changed.pixelColor(2, 1)
    assert colour.red() == colour.green() == colour.blue()
    return colour.red()


def test_a_neutral_tone_changes_nothing() -> None:
    image = QImage(3, 2, QImage.Format.Format_RGB32)
    assert toned(image, Tone()) is image


@pytest.mark.parametrize("brightness", [-100, 50, 100])
def test_brightness_keeps_black_and_white(brightness: int) -> None:
    tone = Tone(brightness=brightness)
    assert (shown(0, tone), shown(255, tone)) == (0, 255)
    assert (shown(60, tone) > 60) == (brightness > 0)


def test_contrast_spreads_around_the_middle_and_draws_together() -> None:
    strong, weak = Tone(contrast=50), Tone(contrast=-50)
    assert shown(100, strong) < 100 < 155 < shown(155, strong)
    assert 100 < shown(100, weak) < 128 < shown(155, weak) < 155
    assert shown(255, Tone(contrast=-100)) < 200


def test_steps_end_at_the_limits() -> None:
    assert Tone(95, 0).brighter(10) == Tone(100, 0)
    assert Tone(0, -95).with_more_contrast(-10) == Tone(0, -100)


def test_the_picture_keeps_its_size_and_its_own_memory() -> None:
    image = QImage(5, 3, QImage.Format.Format_RGB32)
    image.fill(QColor("#102030"))
    changed = toned(image, Tone(40))
    image.fill(QColor("#ffffff"))
    assert (changed.width(), changed.height()) == (5, 3)
    assert changed.pixelColor(4, 2) != QColor("#ffffff")
