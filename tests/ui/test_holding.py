"""Keys that are held while the clip plays: real keys, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from avvp_studio.player import Player
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.workspace import Workspace
from tests.player.screen import HandClock
from trainer.labels import Event, Modality, State

Key = Qt.Key
AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def player(qapp: QApplication, clock: HandClock) -> Iterator[Player]:
    made = Player(clock=clock)
    yield made
    made.shutdown()


class Fingers:
    """Play from three seconds on with the dog armed, and hold keys."""

    def __init__(self, qtbot: QtBot, window: MainWindow, player: Player, clock: HandClock) -> None:
        self._qtbot, self._window, self._player, self._clock = qtbot, window, player, clock
        self._told = 0.0
        player.position_changed.connect(self._on_told)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        self.tap(Key.Key_2)
        player.seek(3.0)
        self.tap(Key.Key_Space)
        qtbot.waitUntil(lambda: clock.is_going)

    def _on_told(self, position: float) -> None:
        self._told = position

    def play_to(self, time: float) -> None:
        while self._player.position < time:
            step = min(self._player.position + 1.0, time)
            self._clock.time = (step - 3.0) / self._player.rate
            self._qtbot.waitUntil(lambda step=step: abs(self._told - step) < 1e-6)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self._qtbot.keyPress(self._window.focusWidget(), key, modifier)

    def release(self, key: Qt.Key) -> None:
        self._qtbot.keyRelease(self._window.focusWidget(), key)

    def repeat(self, key: Qt.Key) -> None:
        """What the keyboard sends while a key stays down."""
        for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress):
            event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "a", True)
            QApplication.sendEvent(self._window.focusWidget(), event)

    def tap(self, key: Qt.Key) -> None:
        self._qtbot.keyClick(self._window.focusWidget(), key)


@pytest.fixture
def fingers(qtbot: QtBot, window: MainWindow, player: Player, clock: HandClock) -> Fingers:
    return Fingers(qtbot, window, player, clock)


def spans(workspace: Workspace, modality: Modality = AUDIO) -> list[tuple[float, float]]:
    return [(event.onset, event.offset) for event in workspace.events if event.modality is modality]


def test_a_key_marks_for_as_long_as_it_is_held_in_one_edit(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    fingers.play_to(7.5)
    assert workspace.events == ()
    fingers.release(Key.Key_A)
    assert workspace.events == (Event(AUDIO, "Dog", 4.0, 8.0, State.PRESENT, "yola"),)
    assert workspace.undo_text == "mark Dog heard 4–8 s"
    workspace.undo()
    assert workspace.undo_text is None


def test_the_ghost_grows_and_the_line_at_the_foot_says_what_will_be(
    fingers: Fingers, window: MainWindow
) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_B)
    fingers.play_to(6.7)
    (mark,) = window.clip_view.timeline._held_marks
    assert (mark.modalities, mark.onset, mark.offset) == ((AUDIO, VISUAL), 4.0, 7.0)
    assert window._hint.text().startswith("Let go: Dog heard and seen, 0:04 – 0:07")
    fingers.release(Key.Key_B)
    assert window.clip_view.timeline._held_marks == ()


def test_the_repeats_of_a_held_key_do_nothing(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    fingers.repeat(Key.Key_A)
    fingers.play_to(5.6)
    fingers.repeat(Key.Key_A)
    assert workspace.events == ()
    fingers.release(Key.Key_A)
    assert spans(workspace) == [(4.0, 6.0)]


def test_two_keys_can_be_held_at_once(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    fingers.play_to(5.5)
    fingers.press(Key.Key_V)
    fingers.play_to(6.5)
    fingers.release(Key.Key_A)
    fingers.play_to(8.5)
    fingers.release(Key.Key_V)
    assert (spans(workspace, AUDIO), spans(workspace, VISUAL)) == ([(4.0, 7.0)], [(5.0, 9.0)])


def test_with_shift_a_held_key_marks_absent(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    fingers.play_to(6.5)
    fingers.release(Key.Key_A)
    assert [event.state for event in workspace.events] == [State.ABSENT]


def test_escape_makes_no_edit_and_leaves_what_is_armed(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    fingers.play_to(6.5)
    fingers.tap(Key.Key_Escape)
    fingers.release(Key.Key_A)
    assert (workspace.events, workspace.armed) == ((), "Dog")
    fingers.tap(Key.Key_Escape)
    assert workspace.armed is None


def test_pausing_ends_a_hold_where_the_playhead_is(
    fingers: Fingers, workspace: Workspace, player: Player
) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    fingers.play_to(6.5)
    fingers.tap(Key.Key_Space)
    assert spans(workspace) == [(4.0, 7.0)]
    fingers.repeat(Key.Key_A)
    fingers.release(Key.Key_A)
    assert spans(workspace) == [(4.0, 7.0)]


def test_a_hold_ends_with_the_clip(fingers: Fingers, workspace: Workspace, player: Player) -> None:
    fingers.play_to(8.5)
    fingers.press(Key.Key_A)
    fingers.play_to(10.0)
    assert not player.is_playing
    assert spans(workspace) == [(8.0, 10.0)]


def test_a_hold_ends_where_the_playhead_left_when_it_is_sent_elsewhere(
    fingers: Fingers, workspace: Workspace, player: Player
) -> None:
    fingers.play_to(6.5)
    fingers.press(Key.Key_A)
    fingers.play_to(8.5)
    player.seek(1.0)
    assert spans(workspace) == [(6.0, 9.0)]


def test_another_clip_ends_a_hold_without_an_edit(fingers: Fingers, workspace: Workspace) -> None:
    fingers.play_to(4.5)
    fingers.press(Key.Key_A)
    workspace.step_clip(1)
    fingers.release(Key.Key_A)
    assert workspace.undo_text is None
    workspace.step_clip(-1)
    assert workspace.events == ()


@pytest.mark.parametrize(("rate", "span"), [(1.0, (4.75, 6.25)), (2.0, (4.5, 6.0))])
def test_in_free_mode_the_reaction_is_taken_off_exactly_and_more_of_it_when_playing_faster(
    rate: float,
    span: tuple[float, float],
    workspace: Workspace,
    window: MainWindow,
    player: Player,
    settings: QSettings,
    request: pytest.FixtureRequest,
) -> None:
    settings.setValue("labelling/reaction_ms", 250)
    window.actions_by_name["free"].setChecked(True)
    player.set_rate(rate)
    fingers = request.getfixturevalue("fingers")
    fingers.play_to(5.0)
    fingers.press(Key.Key_A)
    fingers.play_to(6.5)
    fingers.release(Key.Key_A)
    assert spans(workspace) == [span]


def test_while_nothing_plays_and_with_a_selection_the_keys_mark_at_once(
    fingers: Fingers, workspace: Workspace
) -> None:
    workspace.select((1.0, 3.0))
    fingers.press(Key.Key_A)
    assert spans(workspace) == [(1.0, 3.0)]
    fingers.release(Key.Key_A)
    workspace.select(None)
    fingers.tap(Key.Key_Space)
    fingers.press(Key.Key_V)
    assert spans(workspace, VISUAL) == [(3.0, 4.0)]


def test_the_reaction_can_be_set_and_is_found_again(
    qtbot: QtBot, window: MainWindow, settings: QSettings
) -> None:
    window.actions_by_name["hold_delay"].trigger()
    (dialog,) = window.findChildren(QInputDialog)
    assert dialog.intValue() == 200
    dialog.setIntValue(320)
    dialog.accept()
    assert window.holding.reaction_ms == 320
    settings.setValue("labelling/reaction_ms", "soon")
    assert window.holding.reaction_ms == 200
