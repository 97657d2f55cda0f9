"""The picture under the hand: its keys, what is said on it, its proxy, and the whole screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from avvp_studio.media.hardness import Hardness
from avvp_studio.media.proxy import make_proxy, proxy_path
from avvp_studio.paths import ProjectPaths
from avvp_studio.player import Player
from avvp_studio.proxies import Proxies
from avvp_studio.tasks import Tasks
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.placement import Placement
from avvp_studio.ui.proxy_bar import ProxyBar, advice
from avvp_studio.ui.theme import DARK
from avvp_studio.ui.tone import Tone
from avvp_studio.workspace import Workspace
from tests.media_files import Video, write_media
from tests.player.screen import Screen

Key = Qt.Key
Alt, Plain = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
AltShift = Alt | Qt.KeyboardModifier.ShiftModifier
Press = Callable[..., None]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("looking") / "alpha.mp4", Video(keyframes=60), None)


@pytest.fixture
def open_clip(qtbot: QtBot, window: MainWindow, workspace: Workspace, media: Path, player: Player) -> Path:
    """The first clip, with a picture."""
    workspace.set_media("alpha_0_10", media)
    workspace.open_clip("alpha_0_10")
    qtbot.waitUntil(lambda: window.clip_view.video.has_picture and player.info is not None)
    return media


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow, open_clip: Path) -> Press:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    def type_key(key: Qt.Key, modifier: Qt.KeyboardModifier = Plain) -> None:
        qtbot.keyClick(window.focusWidget() or window, key, modifier)

    return type_key


def test_keys_zoom_and_the_zoom_is_said(press: Press, window: MainWindow) -> None:
    video = window.clip_view.video
    press(Key.Key_1, Alt)
    assert (video.placement, video.texts) == (Placement(1.0), ("", "1:1"))
    press(Key.Key_Equal, Alt)
    assert video.texts == ("", "125 %")
    press(Key.Key_Minus, Alt)
    assert video.scale == pytest.approx(1.0)
    press(Key.Key_0, Alt)
    assert (video.placement, video.texts) == (Placement(), ("", ""))


def test_keys_change_brightness_and_contrast_and_put_them_back(press: Press, window: MainWindow) -> None:
    video = window.clip_view.video
    for _ in range(3):
        press(Key.Key_Period, Alt)
    press(Key.Key_Comma, Alt)
    window.actions_by_name["less_contrast"].trigger()
    assert video.tone == Tone(20, -10)
    assert video.texts == ("", "brightness +20   contrast -10")
    press(Key.Key_Slash, Alt)
    assert (video.tone, video.texts) == (Tone(), ("", ""))


def test_the_facts_follow_the_playhead_when_they_are_wanted(
    press: Press, window: MainWindow, player: Player
) -> None:
    video = window.clip_view.video
    press(Key.Key_I, Alt)
    player.seek(1.5)
    assert video.texts[0] == "00:01.500   frame 45   192 × 128   30 fps   h264"
    press(Key.Key_Right)
    press(Key.Key_I, Alt)
    assert video.texts[0] == ""


def test_how_the_picture_is_looked_at_is_there_at_the_next_start(
    press: Press, window: MainWindow, make_window: Callable[[], MainWindow]
) -> None:
    press(Key.Key_1, Alt)
    press(Key.Key_I, Alt)
    press(Key.Key_Period, Alt)
    press(Key.Key_O, Alt)
    again = make_window()
    video = again.clip_view.video
    assert (video.placement, video.tone) == (Placement(1.0), Tone(10, 0))
    assert again.actions_by_name["picture_info"].isChecked()
    assert not again.actions_by_name["use_proxies"].isChecked()


@pytest.mark.parametrize("spoiled", ["nonsense", "nan", "-4", "1e9"])
def test_spoiled_settings_show_the_whole_picture_as_it_is(
    settings: QSettings, make_window: Callable[[], MainWindow], spoiled: str
) -> None:
    settings.setValue("picture/scale", spoiled)
    settings.setValue("picture/use_proxies", "nonsense")
    window = make_window()
    assert window.clip_view.video.placement.is_fitted
    assert window.actions_by_name["use_proxies"].isChecked()


def test_a_picture_that_is_looked_at_closely_comes_in_its_full_size(
    qtbot: QtBot, window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    path = write_media(tmp_path / "wide.mp4", Video(frames=3, width=2560, height=64), None)
    workspace.set_media("alpha_0_10", path)
    workspace.open_clip("alpha_0_10")
    video, widths = window.clip_view.video, []
    window.clip_view._player.frame_changed.connect(lambda frame: widths.append(frame.width()))
    qtbot.waitUntil(lambda: 1920 in widths)
    video.place(Placement(1.0))
    qtbot.waitUntil(lambda: widths[-1] == 2560)
    video.place(Placement())
    qtbot.waitUntil(lambda: widths[-1] == 1920)


def test_the_whole_screen_has_the_picture_the_transport_and_the_keys(
    press: Press, window: MainWindow, player: Player, workspace: Workspace
) -> None:
    view = window.clip_view
    window.actions_by_name["library"].setChecked(False)
    before = view.video.height()
    press(Key.Key_F11)
    assert window.isFullScreen()
    shown = (view.video, view.transport, view.timeline, window.library, window.events_panel, window.menuBar())
    assert [part.isVisible() for part in shown] == [True, True, False, False, False, False]
    assert not view.row_bar.isVisible()
    press(Key.Key_Slash)  # what is asked for comes
    assert view.row_bar.isAncestorOf(window.focusWidget())
    view.video.setFocus()
    press(Key.Key_End)
    assert player.position == player.duration
    press(Key.Key_1)
    press(Key.Key_A)
    assert len(workspace.events) == 1
    press(Key.Key_Escape)
    assert not window.isFullScreen()
    assert workspace.armed is not None  # the first Escape only leaves
    assert [part.isVisible() for part in shown] == [True, True, True, False, True, True]
    assert view.row_bar.isVisible()
    assert abs(view.video.height() - before) < 20
    press(Key.Key_Escape)
    assert workspace.armed is None


def test_a_double_click_and_f11_go_there_and_back(press: Press, qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseDClick(window.clip_view.video, Qt.MouseButton.LeftButton)
    assert window.isFullScreen()
    press(Key.Key_F11)
    assert not window.isFullScreen()


def test_a_window_that_closes_full_screen_comes_back_as_it_was(
    press: Press, window: MainWindow, make_window: Callable[[], MainWindow]
) -> None:
    press(Key.Key_F11)
    window.close()
    again = make_window()
    assert not again.isFullScreen()
    assert again.library.isVisible()
    assert again.clip_view.timeline.isVisible()


def test_a_current_proxy_is_played_until_it_is_not_wanted(
    qtbot: QtBot,
    window: MainWindow,
    workspace: Workspace,
    media: Path,
    project_root: Path,
    player: Player,
    tmp_path: Path,
) -> None:
    made = proxy_path(media, ProjectPaths(project_root).proxies)
    short = make_proxy(write_media(tmp_path / "short.mp4", Video(frames=10), None), made.parent)
    short.rename(made)  # where it is played, no frame after the tenth is seen
    screen = Screen(player)
    workspace.set_media("alpha_0_10", media)
    workspace.open_clip("alpha_0_10")
    video, actions = window.clip_view.video, window.actions_by_name
    player.seek(1.0)
    qtbot.waitUntil(lambda: screen.number == 9 and player.info is not None)
    assert video.texts == ("", "proxy")
    assert not actions["make_proxy"].isEnabled()
    actions["use_proxies"].trigger()
    qtbot.waitUntil(lambda: screen.number == 30)
    assert video.texts == ("", "")
    actions["use_proxies"].trigger()
    qtbot.waitUntil(lambda: screen.number == 9)
    actions["remove_proxy"].trigger()
    qtbot.waitUntil(lambda: screen.number == 30 and not made.exists())
    assert video.texts == ("", "")
    assert player.position == 1.0
    assert actions["make_proxy"].isEnabled()


def test_a_proxy_is_made_by_its_key_and_played_at_the_same_place(
    press: Press, qtbot: QtBot, window: MainWindow, player: Player
) -> None:
    player.seek(1.0)
    press(Key.Key_P, AltShift)
    assert window.clip_view.proxy_bar.text == "Making a proxy of alpha.mp4"
    qtbot.waitUntil(lambda: window.clip_view.video.texts == ("", "proxy"))
    qtbot.waitUntil(lambda: player.is_settled)
    assert player.position == 1.0
    assert window.clip_view.proxy_bar.text == ""


def test_without_a_clip_there_is_no_proxy_to_make(window: MainWindow) -> None:
    assert not window.actions_by_name["make_proxy"].isEnabled()
    assert not window.actions_by_name["remove_proxy"].isEnabled()


@pytest.fixture
def hard(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxies]:
    """Every file is hard to play."""
    monkeypatch.setattr("avvp_studio.proxies.hardness_of", lambda path, should_stop: Hardness(0.2, 4.0, 20.0))
    tasks = Tasks()
    proxies = Proxies(tasks)
    yield proxies
    proxies.shutdown()
    tasks.shutdown()


def test_a_hard_file_is_told_with_a_button_that_helps(
    qtbot: QtBot, hard: Proxies, media: Path, tmp_path: Path
) -> None:
    bar = ProxyBar(hard, DARK)
    qtbot.addWidget(bar)
    assert bar.text == ""
    hard.open(media, tmp_path)
    qtbot.waitUntil(lambda: "can take 4.0 s" in bar.text)
    make, cancel = bar.findChildren(QPushButton)
    qtbot.mouseClick(make, Qt.MouseButton.LeftButton)
    assert bar.text == "Making a proxy of alpha.mp4"
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert hard.making is None
    assert "can take" in bar.text
    qtbot.mouseClick(make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.text == "")
    assert hard.current is not None


def test_advice_that_was_dismissed_stays_away_for_that_file(
    qtbot: QtBot, hard: Proxies, media: Path, tmp_path: Path
) -> None:
    bar = ProxyBar(hard, DARK)
    qtbot.addWidget(bar)
    other = tmp_path / "other.mp4"
    other.write_bytes(b"any")
    for path, is_told in ((media, True), (media, False), (other, True)):
        hard.open(path, tmp_path)
        qtbot.waitUntil(lambda: hard.hardness is not None)
        assert bool(bar.text) == is_told
        if path == media:
            bar._dismiss.click()


def test_what_is_easy_needs_no_advice() -> None:
    assert advice(Hardness(0.1, 0.5, 5.0)) == ""
    assert "0.8 s to decode" in advice(Hardness(0.8, 4.0, 5.0))


def test_the_error_of_a_broken_video_is_not_said_of_the_next_clip(
    qtbot: QtBot, window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 99)
    workspace.set_media("alpha_0_10", tmp_path / "broken.mp4")
    workspace.open_clip("alpha_0_10")
    qtbot.waitUntil(lambda: "broken.mp4" in window.message_bar.text)
    workspace.open_clip("gamma_0_4")
    assert window.message_bar.text == ""


def test_the_panel_tells_the_size_of_a_turned_picture_as_it_is_seen(
    qtbot: QtBot, window: MainWindow, open_clip: Path
) -> None:
    video = window.clip_view.video
    assert "192×128" in window.events_panel.facts
    video.show_frame(QImage())
    video.show_frame(QImage(128, 192, QImage.Format.Format_RGB32))
    assert "128×192" in window.events_panel.facts
