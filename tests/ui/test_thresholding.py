"""Thresholds and scores in the real window: keys, a drag, the strip above the lanes."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from avvp_studio.domain.clip_scores import ClipScores
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.score_bar import NO_TRUTH
from avvp_studio.ui.thresholding import ARM_FIRST, NO_TRACK
from avvp_studio.workspace import Workspace
from tests.ui.conftest import CATEGORIES
from trainer.commands import evaluate
from trainer.labels import Modality, State
from trainer.prediction import PredictionRule

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
CAR = CATEGORIES.index("Car")
Key, Ctrl, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Callable[..., None]:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return lambda key, modifiers: qtbot.keyClick(window.focusWidget() or window, key, modifiers)


def levels(workspace: Workspace, column: int = CAR) -> list[float]:
    rule = workspace.tracks[0].rule
    return [pytest.approx(rule.segment_threshold(axis, column)) for axis in (0, 1)]


def scores(window: MainWindow) -> ClipScores:
    found = window.clip_view.score_bar.scores
    assert found is not None
    return found


def said(window: MainWindow) -> str:
    window.clip_view.score_bar.scores  # noqa: B018 - waits until they are shown
    return window.clip_view.score_bar.accessibleDescription()


def test_keys_move_the_thresholds_of_the_armed_category(press, window, workspace):
    workspace.arm("Car")
    press(Key.Key_Period, Ctrl)
    press(Key.Key_Period, Ctrl)
    press(Key.Key_Comma, Ctrl | Shift)
    assert levels(workspace) == [0.6, 0.45]
    assert window.statusBar().currentMessage() == "Car seen: predicted from 0.45 on, by first"
    press(Key.Key_Semicolon, Ctrl)
    assert levels(workspace, 0) == [0.6, 0.45]
    press(Key.Key_Apostrophe, Ctrl)
    assert levels(workspace) == [0.5, 0.5]
    assert levels(workspace, 0) == [0.6, 0.45]
    press(Key.Key_Apostrophe, Ctrl | Shift)
    assert workspace.tracks[0].rule_before is None


def test_a_key_without_a_category_or_a_parser_says_what_is_missing(press, window, workspace):
    press(Key.Key_Period, Ctrl)
    assert window.statusBar().currentMessage() == ARM_FIRST
    workspace.open_clip("beta_10_20")
    workspace.arm("Car")
    press(Key.Key_Period, Ctrl)
    assert window.statusBar().currentMessage() == NO_TRACK


def test_without_a_label_there_is_no_score(window, workspace):
    assert window.clip_view.score_bar.scores is None
    assert said(window) == f"first, {NO_TRUTH}"
    workspace.mark(AUDIO, "Car", 2.0, 5.0, State.PRESENT)
    assert scores(window).metrics["segment/A"] == 100
    assert "0 of 3 labelled differ" in said(window)


def test_the_scores_follow_the_hand_and_the_threshold_is_kept_where_it_lets_go(qtbot, window, workspace):
    workspace.mark(AUDIO, "Car", 2.0, 5.0, State.PRESENT)
    timeline = window.clip_view.timeline
    middle = timeline.point("Car", AUDIO, 7.5)
    start = next(
        point
        for point in (middle + QPoint(0, dy) for dy in range(-40, 40))
        if (place := timeline.place_at(point)).threshold and place.modality is AUDIO
    )
    up = start - QPoint(0, 60)
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(timeline, up)
    assert scores(window).gain("segment/A") == -100
    assert workspace.tracks[0].rule_before is None
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=up)
    assert levels(workspace) == [1.0, 0.5]
    assert scores(window).gain("segment/A") == -100
    assert "by your thresholds" in said(window)
    (reset,) = [button for button in window.clip_view.score_bar.findChildren(QToolButton) if button.isVisible()]
    reset.click()
    assert workspace.tracks[0].rule == PredictionRule()
    assert scores(window).gain("segment/A") == 0
    assert not reset.isVisible()


def test_the_scores_can_be_hidden_and_stay_so(make_window):
    window = make_window()
    assert window.clip_view.score_bar.isVisible()
    window.actions_by_name["scores"].trigger()
    assert not window.clip_view.score_bar.isVisible()
    assert not make_window().clip_view.score_bar.isVisible()


def test_a_clip_without_tracks_has_no_strip(window, workspace):
    workspace.open_clip("beta_10_20")
    assert not window.clip_view.score_bar.isVisible()


def test_in_a_narrow_window_the_scores_that_sum_up_stay(qtbot, window, workspace):
    workspace.mark(AUDIO, "Car", 2.0, 5.0, State.PRESENT)
    bar = window.clip_view.score_bar
    assert scores(window)

    def shown() -> set[str]:
        return {kind for kind, cell in bar._cells.items() if not cell.isHidden()}

    for width, least, most in ((2000, 5, 5), (1024, 1, 4), (2000, 5, 5)):
        window.resize(width, 800)
        qtbot.waitUntil(lambda least=least, most=most: least <= len(shown()) <= most)
        assert {"A", "Event@AV"} <= shown()  # nothing is said of what is seen
    assert bar.minimumSizeHint().width() < 200


def test_the_copied_command_is_one_that_evaluate_understands(press, window, workspace):
    workspace.arm("Car")
    press(Key.Key_Comma, Ctrl)
    press(Key.Key_C, Ctrl | Shift)
    program, command, *options = shlex.split(QApplication.clipboard().text())
    parser = argparse.ArgumentParser()
    evaluate.add_to(parser.add_subparsers())
    found = parser.parse_args([command, *options])
    assert program == "avvp-trainer"
    assert found.parses == workspace.parse_files["first"]
    assert tuple(found.segment_thresholds) == workspace.tracks[0].rule.segment
    assert found.segment_thresholds[0][CAR] == 0.45
