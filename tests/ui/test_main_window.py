"""The window: what it shows of a workspace, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QDialog, QDockWidget, QMenu, QProgressBar, QSplitter, QTableView, QTabWidget
from pytestqt.qtbot import QtBot

from avvp_studio.player import Player
from avvp_studio.ui.appearance import Appearance
from avvp_studio.ui.export_dialog import ExportDialog
from avvp_studio.ui.library_order_button import LibraryOrderButton
from avvp_studio.ui.main_window import MainWindow
from avvp_studio.ui.new_project_dialog import NewProjectDialog
from avvp_studio.ui.theme import DARK
from avvp_studio.ui.timeline.gestures.wishes import Mark
from avvp_studio.ui.tracks_menu import TracksMenu
from avvp_studio.workspace import Workspace
from trainer.labels import Modality, State
from trainer.parses import read_parses, write_parses


def test_the_title_names_clip_and_project(window: MainWindow, workspace: Workspace) -> None:
    assert window.windowTitle() == "alpha_0_10 — Street — AVVP Studio"
    workspace.close_project()
    assert window.windowTitle() == "AVVP Studio"


def test_undo_says_what_it_takes_back(window: MainWindow, workspace: Workspace) -> None:
    undo = window.actions_by_name["undo"]
    assert not undo.isEnabled()
    workspace.mark(Modality.AUDIO, "Dog", 2.0, 5.0, State.PRESENT)
    assert undo.isEnabled()
    assert undo.text() == "&Undo mark Dog heard 2–5 s"
    assert window.actions_by_name.title("undo") == "Undo"
    undo.trigger()
    assert window.actions_by_name["redo"].text() == "&Redo mark Dog heard 2–5 s"


def test_what_fails_is_said_in_the_bar_and_never_in_a_box(window: MainWindow, workspace: Workspace) -> None:
    assert not workspace.open_project(Path("/nowhere"))
    assert "nowhere" in window.message_bar.text
    assert window.findChildren(QDialog) == []
    assert workspace.clip.name == "alpha_0_10"


def test_a_missing_video_is_said_and_the_clip_can_still_be_labelled(
    window: MainWindow, workspace: Workspace
) -> None:
    assert window.clip_view.video.message == "The video of alpha_0_10 was not found"
    window.clip_view.timeline.label_requested.emit(Mark((Modality.AUDIO,), "Dog", 2.0, 5.0, State.PRESENT))
    assert workspace.undo_text == "mark Dog heard 2–5 s"


def test_the_timeline_shows_the_clip(window: MainWindow, workspace: Workspace) -> None:
    content = window.clip_view.content
    assert content.rows == ("Speech", "Dog", "Car")
    assert [track.parser for track in content.tracks] == ["first"]
    workspace.open_clip("gamma_0_4")
    content = window.clip_view.content
    assert (content.duration, content.segments) == (3.5, 4)
    assert content.rows == content.categories  # nothing is a candidate: all are shown


def test_the_tracks_that_are_drawn_can_be_chosen(window: MainWindow, workspace: Workspace) -> None:
    menu = window.findChild(TracksMenu)
    menu.fill()
    (entry,) = menu.actions()
    assert (entry.text(), entry.isChecked()) == ("first", True)
    entry.trigger()
    assert window.clip_view.content.tracks == ()
    workspace.close_project()
    menu.fill()
    assert not menu.actions()[0].isEnabled()


def test_the_menu_of_tracks_says_what_a_parser_cannot_see(
    window: MainWindow, workspace: Workspace, project_root: Path
) -> None:
    path = project_root / "parses" / "first.npz"
    reach = {"visual": {"Dog": {"known": False}, "Car": {"known": False}, "Speech": {"known": True}}}
    write_parses(path, replace(read_parses(path), meta={"parser": "zero-shot", "reach": reach}))
    workspace.reload_parses()
    menu = window.findChild(TracksMenu)
    menu.fill()
    assert menu.actions()[0].text() == "zero-shot (cannot see 2 of 5 categories)"


def test_a_click_on_a_label_selects_and_goes_there(
    qtbot: QtBot, window: MainWindow, workspace: Workspace, player: Player
) -> None:
    workspace.open_clip("beta_10_20")
    table = window.events_panel.findChild(QTableView)
    place = table.visualRect(table.model().index(0, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert workspace.selection == (1.0, 4.0)
    assert player.position == 1.0


def test_the_timeline_moves_the_playhead_and_the_clock(window: MainWindow, player: Player) -> None:
    window.clip_view.timeline.seek_requested.emit(4.2)
    assert player.position == pytest.approx(4.2)
    assert window.clip_view.transport.time_text == "00:04.200 / 00:10.000"


def test_the_tab_key_goes_from_left_to_right(qtbot: QtBot, window: MainWindow) -> None:
    view = window.clip_view
    parts = [window.library, view.row_bar, view.timeline, window.findChild(QTabWidget)]
    window.library.focus_search()
    visited = []
    for _ in range(12):
        focused = window.focusWidget()
        visited += [part for part in parts if part is focused or part.isAncestorOf(focused)]
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    in_order = [part for part, before in zip(visited, [None, *visited], strict=False) if part is not before]
    assert in_order[:5] == [*parts, window.library]


def test_without_a_clip_there_is_nothing_to_play_or_label(window: MainWindow, workspace: Workspace) -> None:
    workspace.close_project()
    actions = window.actions_by_name
    assert not any(actions[name].isEnabled() for name in ("play", "heard", "undo", "export", "next_clip"))
    assert actions["open"].isEnabled()
    assert window.clip_view.video.message == "No clip is open"


@pytest.mark.parametrize("size", [(1280, 800), (2560, 1440)])
def test_picture_and_timeline_have_room(qtbot: QtBot, window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == size)
    qtbot.waitUntil(lambda: window.clip_view.height() > size[1] - 80)
    assert window.clip_view.video.height() >= 250
    assert window.clip_view.timeline.height() >= 380
    assert window.clip_view.timeline.width() >= 680


def test_panels_can_be_hidden_and_stay_so(make_window: Callable[[], MainWindow]) -> None:
    first = make_window()
    first.actions_by_name["library"].trigger()
    assert not first.library.isVisible()
    first.resize(first.width(), 700)
    first.close()
    second = make_window()
    assert not second.library.isVisible()
    assert not second.actions_by_name["library"].isChecked()
    assert second.height() == 700
    assert second.events_panel.isVisible()


def test_the_height_of_the_picture_is_remembered(make_window: Callable[[], MainWindow]) -> None:
    first = make_window()
    before = first.clip_view.video.height()
    first.clip_view.findChild(QSplitter).setSizes([before - 60, 2000])
    height = first.clip_view.video.height()
    assert height < before
    first.close()
    assert make_window().clip_view.video.height() == pytest.approx(height, abs=3)


def test_a_theme_reaches_every_part_of_the_window(window: MainWindow, appearance: Appearance) -> None:
    before = window.grab().toImage()
    appearance.choose("light")
    during = window.grab().toImage()
    appearance.choose("dark")
    assert during != before
    assert during.pixelColor(during.width() // 2, 2).lightness() > 200
    dark = {DARK.window, DARK.surface, DARK.sunken}
    places = product(range(0, during.width(), 7), range(0, during.height(), 7))
    sampled = {during.pixelColor(x, y).name() for x, y in places}
    assert not sampled & dark


@pytest.mark.parametrize(("name", "kind"), [("new", NewProjectDialog), ("export", ExportDialog)])
def test_a_dialog_does_not_stop_the_window(window: MainWindow, name: str, kind: type[QDialog]) -> None:
    window.actions_by_name[name].trigger()
    (dialog,) = window.findChildren(kind)
    dialog.reject()


def test_the_requests_of_the_dialogs_are_passed_on(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_by_name["export"].trigger()
    (dialog,) = window.findChildren(ExportDialog)
    with qtbot.waitSignal(window.export_requested) as requested:
        dialog.requested.emit(dialog.request())
    assert requested.args[0].format == "dataset"
    dialog.reject()


def test_another_clip_is_seen_whole_whatever_the_zoom_was(window: MainWindow, workspace: Workspace) -> None:
    timeline = window.clip_view.timeline
    timeline.zoom_in()
    assert timeline.point("Dog", Modality.AUDIO, 10.0).x() > timeline.width()
    workspace.open_clip("beta_10_20")
    assert timeline.point("Baby_cry", Modality.AUDIO, 10.0).x() <= timeline.width()


def test_the_menu_lists_the_candidates_and_no_more(window: MainWindow, workspace: Workspace) -> None:
    (menu,) = [menu for menu in window.findChildren(QMenu) if menu.title() == "Arm category"]
    assert [action.text() for action in menu.actions()] == ["Speech", "Dog", "Car"]
    workspace.open_clip("beta_10_20")
    assert [action.text() for action in menu.actions()] == ["Baby cry"]
    workspace.close_project()
    assert not menu.isEnabled()


def test_undo_and_redo_say_what_they_did(window: MainWindow, workspace: Workspace) -> None:
    workspace.mark(Modality.AUDIO, "Dog", 2.0, 5.0, State.PRESENT)
    window.actions_by_name["undo"].trigger()
    assert window.statusBar().currentMessage() == "Undone: mark Dog heard 2–5 s"
    window.actions_by_name["redo"].trigger()
    assert window.statusBar().currentMessage() == "Redone: mark Dog heard 2–5 s"


def test_a_chosen_theme_is_kept_even_if_the_window_is_never_closed(
    window: MainWindow, appearance: Appearance, settings: QSettings
) -> None:
    appearance.choose("light")
    assert settings.value("theme") == "light"
    appearance.choose("dark")
    assert settings.value("theme") == "dark"


def test_what_is_being_made_is_said_in_the_middle(window: MainWindow, workspace: Workspace) -> None:
    workspace.close_project()
    window.show_making("Making the sample", "Sixty clips.", 3, 60)
    video = window.clip_view.video
    bar = video.findChild(QProgressBar)
    assert (video.message, bar.value(), bar.maximum()) == ("Making the sample", 3, 60)
    assert not bar.isHidden()
    window.end_making()
    assert video.message == "No clip is open"
    assert bar.isHidden()


def test_opening_a_clip_moves_no_part_of_a_narrow_window(
    qtbot: QtBot, window: MainWindow, workspace: Workspace
) -> None:
    docks = window.findChildren(QDockWidget)
    workspace.open_clip(None)
    window.resize(window.minimumSizeHint())
    qtbot.wait(10)
    before = [dock.width() for dock in docks]
    workspace.open_clip("alpha_0_10")
    qtbot.wait(10)
    assert [dock.width() for dock in docks] == before
    assert window.width() == window.minimumSizeHint().width()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # the menu is a popup
def test_the_order_of_the_library_can_be_chosen_by_keys(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(
        window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    menu = window.library.findChild(LibraryOrderButton).menu()
    assert menu.isVisible()
    qtbot.keyClick(menu, Qt.Key.Key_Up)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert window.library.names == ("gamma_0_4", "beta_10_20", "alpha_0_10")
