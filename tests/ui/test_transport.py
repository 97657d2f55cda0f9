"""The clock, and the steps between rates."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from avvp_studio.ui.transport import RATES, Transport, clock, next_rate


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "00:00.000"),
        (1.9999999999999978, "00:02.000"),
        (59.9996, "01:00.000"),
        (3599.5, "59:59.500"),
        (3723.25, "1:02:03.250"),
        (-0.2, "00:00.000"),
    ],
)
def test_the_clock_is_exact_to_the_millisecond(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_rates_step_through_all_of_them_and_stop_at_the_ends() -> None:
    rate, seen = RATES[0], [RATES[0]]
    while next_rate(rate, 1) != rate:
        rate = next_rate(rate, 1)
        seen.append(rate)
    assert tuple(seen) == RATES
    assert next_rate(RATES[0], -1) == RATES[0]
    assert next_rate(1.1, 1) == 1.25


def test_time_and_segment_are_shown(qtbot: QtBot) -> None:
    transport = Transport([], [])
    qtbot.addWidget(transport)
    transport.set_duration(9.9)
    transport.set_position(3.4)
    assert transport.time_text == "00:03.400 / 00:09.900"
    assert transport.segment_text == "segment 4 of 10"
    transport.set_position(9.9)
    assert transport.segment_text == "segment 10 of 10"
    transport.set_duration(0.0)
    assert transport.segment_text == ""


def test_choosing_a_rate_is_reported_and_being_told_one_is_not(qtbot: QtBot) -> None:
    transport = Transport([], [])
    qtbot.addWidget(transport)
    rates = transport.findChild(QComboBox)
    with qtbot.assertNotEmitted(transport.rate_chosen):
        transport.set_rate(2.0)
    assert rates.currentText() == "2×"
    with qtbot.waitSignal(transport.rate_chosen) as chosen:
        rates.activated.emit(0)
    assert chosen.args == [0.25]
